/** What is said about addresses that may change, by both ends. RFC 4555 §3.1, §3.3, §3.6, §3.8. */

import { addressBytes, addressText } from '../../address.ts';
import type { Context } from '../context.ts';
import type { IkeSa } from '../ikeSa.ts';
import { natNotifies } from '../natTraversal.ts';
import { type NotifyPayload, NotifyType, notify } from '../payloads/index.ts';
import { all, findNotify, type PayloadChain } from '../wire/index.ts';

/** Addresses of a peer that are remembered. */
const MOST_ADDRESSES = 16;

/** As initiator, in IKE_AUTH. */
export function mobikeNotifies(context: Context, sa: IkeSa): readonly NotifyPayload[] {
  if (!context.config.mobike || !sa.natTraversal) return [];
  return [notify(NotifyType.MOBIKE_SUPPORTED), ...additional(context)];
}

/** As responder, in the answer to IKE_AUTH, where the peer can. */
export function mobikeAbility(
  context: Context,
  sa: IkeSa,
  request: Pick<PayloadChain, 'payloads'>,
): readonly NotifyPayload[] {
  readMobike(context, sa, request);
  return sa.peer.mobike ? mobikeNotifies(context, sa) : [];
}

export function readMobike(context: Context, sa: IkeSa, chain: Pick<PayloadChain, 'payloads'>): void {
  const mobike =
    context.config.mobike && sa.natTraversal && findNotify(chain, NotifyType.MOBIKE_SUPPORTED) !== undefined;
  sa.peer = { ...sa.peer, mobike };
  if (mobike) readAdditional(sa, chain);
}

/** A new list takes the place of the one before. */
export function readAdditional(sa: IkeSa, chain: Pick<PayloadChain, 'payloads'>): void {
  const lengths = { [NotifyType.ADDITIONAL_IP4_ADDRESS]: 4, [NotifyType.ADDITIONAL_IP6_ADDRESS]: 16 } as Record<
    number,
    number
  >;
  const additionalAddresses = all(chain, 'N')
    .filter(({ notifyType, data }) => lengths[notifyType] === data.length)
    .slice(0, MOST_ADDRESSES)
    .map(({ data }) => addressText(data)!);
  const none = findNotify(chain, NotifyType.NO_ADDITIONAL_ADDRESSES) !== undefined;
  if (none || additionalAddresses.length > 0) sa.peer = { ...sa.peer, additionalAddresses };
}

function additional({ config }: Context): readonly NotifyPayload[] {
  return config.additionalAddresses.flatMap((address) => {
    const bytes = addressBytes(address);
    if (bytes === undefined) return [];
    const type = bytes.length === 4 ? NotifyType.ADDITIONAL_IP4_ADDRESS : NotifyType.ADDITIONAL_IP6_ADDRESS;
    return [notify(type, bytes)];
  });
}

/** An initiator behind a NAT learns from liveness checks whether its mapping is still the same. RFC 4555 §3.8. */
export function natDetectionOf(context: Context, sa: IkeSa, purpose: 'liveness' | 'update'): readonly NotifyPayload[] {
  const wanted = purpose === 'update' || (sa.role === 'initiator' && sa.peer.mobike && sa.nat.localBehindNat);
  return wanted ? natNotifies(context, sa.association, sa) : [];
}
