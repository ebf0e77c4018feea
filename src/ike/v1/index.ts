/** IKEv1 with pre-shared keys, both roles, as one sans-I/O core. RFC 2407, 2408, 2409, 3947 and 3706. */

export type { DeadPeerDetection } from '../commonConfig.ts';
export {
  type AcceptSelectors,
  acceptL2tp,
  type IkeV1Config,
  type SelectorRequest,
} from './config.ts';
export { FIRST_OWN_IKE_SA_ID, IkeV1Endpoint } from './endpoint.ts';
export type { HalfOpenLimits } from './halfOpen.ts';
export { DEFAULT_SCHEDULE, type RetransmissionSchedule } from './retransmission.ts';
export { type SecretEntry, type SecretQuery, type Secrets, secretTable } from './secrets.ts';
