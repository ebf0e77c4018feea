/** What each end says in IKE_SA_INIT that it can do, and who made it. RFC 7296 §3.10.1, §3.12 and the RFCs named in the table. */

import { vendorIds, vendorIdText } from '../../vendorIds.ts';
import type { Context } from '../context.ts';
import type { IkeSa, PeerAbilities } from '../ikeSa.ts';
import { NotifyType, notify, type Payload } from '../payloads/index.ts';
import { offeredV2Texts } from '../proposalChoice.ts';
import { hashAlgorithmsData, readHashAlgorithms } from '../signatureSchemes.ts';
import { all, find, findNotify, type PayloadChain } from '../wire/index.ts';
import { gatewayIdentity } from './gatewayIdentity.ts';

/** Offers that are remembered of a peer. */
const MOST_OFFERS = 32;
const MOST_VENDOR_IDS = 32;

export function abilitiesOf(chain: Pick<PayloadChain, 'payloads'>): PeerAbilities {
  const has = (type: number) => findNotify(chain, type) !== undefined;
  const offered = find(chain, 'SA');
  return {
    fragmentation: has(NotifyType.IKEV2_FRAGMENTATION_SUPPORTED),
    mobike: false,
    childless: has(NotifyType.CHILDLESS_IKEV2_SUPPORTED),
    intermediate: has(NotifyType.INTERMEDIATE_EXCHANGE_SUPPORTED),
    redirect: has(NotifyType.REDIRECT_SUPPORTED) || has(NotifyType.REDIRECTED_FROM),
    vendorIds: vendorIdsOf(chain),
    offers: offered === undefined ? [] : offeredV2Texts(offered).slice(0, MOST_OFFERS),
    additionalAddresses: [],
  };
}

/** As initiator, in IKE_AUTH: who listens on the way need not know what program this is. */
export const ourVendorId: Payload = { kind: 'V', data: vendorIds.sallyport.bytes };

/** As responder: what the peer says of its program in IKE_AUTH is worth what it said in IKE_SA_INIT. */
export function noteVendorIds(sa: IkeSa, chain: Pick<PayloadChain, 'payloads'>): void {
  const more = vendorIdsOf(chain);
  if (more.length === 0) return;
  sa.peer = { ...sa.peer, vendorIds: [...new Set([...sa.peer.vendorIds, ...more])].slice(0, MOST_VENDOR_IDS) };
}

const vendorIdsOf = (chain: Pick<PayloadChain, 'payloads'>): readonly string[] =>
  all(chain, 'V')
    .slice(0, MOST_VENDOR_IDS)
    .map(({ data }) => vendorIdText(data));

/** Hash algorithms of RFC 7427 that the peer verifies; none where it does not know that RFC. */
export function hashesOf(chain: Pick<PayloadChain, 'payloads'>): readonly number[] | undefined {
  const notified = findNotify(chain, NotifyType.SIGNATURE_HASH_ALGORITHMS);
  return notified === undefined ? undefined : readHashAlgorithms(notified.data);
}

/** @param request what is answered, as responder */
export function announcements(
  context: Context,
  sa: IkeSa,
  role: 'initiator' | 'responder',
  request?: Pick<PayloadChain, 'payloads'>,
): readonly Payload[] {
  const { config } = context;
  const asked = (type: number) => request === undefined || findNotify(request, type) !== undefined;
  const further = config.profile.offer.ike.proposals.some(({ additional }) => additional.length > 0);
  const initiator = role === 'initiator';
  const usesPpk = config.postquantumKeys?.id !== undefined;
  return [
    ...(asked(NotifyType.IKEV2_FRAGMENTATION_SUPPORTED) ? [notify(NotifyType.IKEV2_FRAGMENTATION_SUPPORTED)] : []),
    notify(NotifyType.SIGNATURE_HASH_ALGORITHMS, hashAlgorithmsData()),
    ...(initiator && config.followRedirects ? [redirectAbility(config.initiate.redirectedFrom)] : []),
    // A session that is resumed has the key in it already.
    ...(initiator && usesPpk && sa.resuming === undefined ? [notify(NotifyType.USE_PPK)] : []),
    ...((initiator ? further : sa.peer.intermediate) ? [notify(NotifyType.INTERMEDIATE_EXCHANGE_SUPPORTED)] : []),
    ...(initiator ? [] : [notify(NotifyType.CHILDLESS_IKEV2_SUPPORTED)]),
  ];
}

function redirectAbility(from: string | undefined): Payload {
  if (from === undefined) return notify(NotifyType.REDIRECT_SUPPORTED);
  return notify(NotifyType.REDIRECTED_FROM, gatewayIdentity(from));
}
