/** IKEv2: the endpoint with its exchanges, payloads and messages, proposals, keys, authentication, traffic selectors. */

export * from './authentication.ts';
export {
  acceptAnything,
  acceptL2tpAndRemoteAccess,
  acceptL2tpTransport,
  acceptRemoteAccess,
  type ChildGrant,
  type ChildPolicy,
  type ChildRequest,
} from './childPolicy.ts';
export type {
  AcceptedMethod,
  CookieThreshold,
  IkeV2Config,
  Initiation,
  Newcomer,
  PostquantumKeys,
  RedirectRule,
} from './config.ts';
export { COOKIE_SECRET_LIFETIME, CookieJar, type CookieSubject } from './cookie.ts';
export { type Described, dumpV2, payloadSummary, summaryV2 } from './describe.ts';
export { FIRST_OWN_IKE_SA_ID, IkeV2Endpoint } from './endpoint.ts';
export type { KeptTicket } from './exchanges/resumption.ts';
export * from './keys.ts';
export * from './payloads/index.ts';
export {
  childSaPolicy,
  type IkeV2Profile,
  ikeV2Policy,
  ikeV2Profiles,
  withChildGroupFirst,
  withGroupFirst,
} from './policy.ts';
export * from './proposal.ts';
export * from './proposalChoice.ts';
export { parseChildProposal, parseIkeV2Proposal } from './proposalText.ts';
export { groupNumber, groupOf, proposalText } from './proposalTransforms.ts';
export * from './selectors.ts';
export {
  chooseScheme,
  hashAlgorithmsData,
  type ReadSignature,
  readHashAlgorithms,
  readSignature,
  SUPPORTED_HASHES,
  signatureAuthPayload,
} from './signatureSchemes.ts';
export { MAX_TICKET_BYTES, readTicketData, TicketSealer, type TicketState, ticketData } from './ticket.ts';
export * from './wire/index.ts';
