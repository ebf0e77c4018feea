/** What is said about a child SA in IKE_AUTH and CREATE_CHILD_SA alike: proposals, mode, selectors. RFC 7296 §1.3, §2.9, §2.17, §2.23.1. */

import type { Failure, Instant } from '../../../core/index.ts';
import { mismatchText } from '../../choose.ts';
import { allocateSpi } from '../../inboundSpi.ts';
import type { TrafficSelector } from '../../output.ts';
import type { Association } from '../association.ts';
import { ANY_IPV4, ANY_IPV6, isFailure } from '../childPolicy.ts';
import { type Child, installChild, spiBytes, spiNumber } from '../childSa.ts';
import type { Context } from '../context.ts';
import { malformed, type Refused, refused } from '../failures.ts';
import type { IkeSa, WantedChild } from '../ikeSa.ts';
import { childKeys, type Nonces } from '../keys.ts';
import { NotifyType, notify, type Payload } from '../payloads/index.ts';
import type { ChildSaPolicy } from '../proposal.ts';
import { type ChosenChild, chooseChild, offerChild, readChildAnswer } from '../proposalChoice.ts';
import { allCovered, narrow, readSelectors, selectorsPayload, selectorsText } from '../selectors.ts';
import { trafficSelectorOf } from '../selectorText.ts';
import { find, findNotify, type PayloadChain } from '../wire/index.ts';
import { remedyFor } from './newcomer.ts';

type Mode = 'transport' | 'tunnel';

/** What both ends can agree on. */
export interface AgreedChild {
  readonly chosen: ChosenChild;
  readonly mode: Mode;
  readonly local: readonly TrafficSelector[];
  readonly remote: readonly TrafficSelector[];
}

/** Whether we want what the peer asks for. @param replaced the child SA that is renewed, whose traffic stays the same */
export function considerChild(
  context: Context,
  sa: IkeSa,
  chain: Pick<PayloadChain, 'payloads'>,
  { initial, replaced }: { readonly initial: boolean; readonly replaced?: Child | undefined },
): AgreedChild | Refused {
  const offered = find(chain, 'SA');
  const tsi = find(chain, 'TSi');
  const tsr = find(chain, 'TSr');
  if (offered === undefined || tsi === undefined || tsr === undefined) {
    return refused(NotifyType.INVALID_SYNTAX, malformed('a request for a child SA without SA, TSi or TSr'));
  }
  const ke = find(chain, 'KE');
  const chosen = chooseChild(offered, context.config.profile.accept.esp, { initial, ...(ke && { keGroup: ke.group }) });
  if (chosen.type === 'mismatch') {
    const reason = `child SA: ${mismatchText(chosen)}`;
    return refused(NotifyType.NO_PROPOSAL_CHOSEN, {
      code: 'no-proposal-chosen',
      reason,
      remedy: remedyFor(chosen.profile),
    });
  }
  const mode: Mode = findNotify(chain, NotifyType.USE_TRANSPORT_MODE) === undefined ? 'tunnel' : 'transport';
  const sides = { local: readSelectors(tsr), remote: readSelectors(tsi) };
  const asked = replaced === undefined ? seen(sa, mode, sides.local, sides.remote) : here(sa, mode, sides);
  const grant =
    replaced === undefined ? granted(context, sa, mode, asked) : { ...replaced, ...here(sa, replaced.mode, replaced) };
  if (isFailure(grant)) {
    const lacksAddress = mode === 'tunnel' && context.config.configures && sa.configuration === undefined;
    return refused(lacksAddress ? NotifyType.FAILED_CP_REQUIRED : NotifyType.TS_UNACCEPTABLE, grant);
  }
  const local = narrow(asked.local, grant.local);
  const remote = narrow(asked.remote, grant.remote);
  if (local.length === 0 || remote.length === 0 || (mode === 'tunnel' && grant.mode === 'transport')) {
    return refused(NotifyType.TS_UNACCEPTABLE, unacceptable(asked, grant, mode));
  }
  return { chosen, mode: grant.mode, local, remote };
}

function granted(context: Context, sa: IkeSa, mode: Mode, asked: Sides) {
  return context.config.children({
    mode,
    ...asked,
    remoteIdentity: sa.remoteIdentity!,
    ...(sa.user !== undefined && { user: sa.user }),
    ...(sa.configuration !== undefined && { configuration: sa.configuration }),
  });
}

interface Sides {
  readonly local: readonly TrafficSelector[];
  readonly remote: readonly TrafficSelector[];
}

/** In transport mode the addresses behind a NAT are those that the other end sees. RFC 7296 §2.23.1. */
function seen(sa: IkeSa, mode: Mode, local: readonly TrafficSelector[], remote: readonly TrafficSelector[]): Sides {
  if (mode === 'tunnel') return { local, remote };
  const at = (address: string) => (selector: TrafficSelector) => ({ ...selector, first: address, last: address });
  return {
    local: sa.nat.localBehindNat ? local.map(at(sa.local.address)) : local,
    remote: sa.nat.remoteBehindNat ? remote.map(at(sa.remote.address)) : remote,
  };
}

/** What a child SA in transport mode is for is between the two ends, wherever they have moved since. */
export function here(sa: IkeSa, mode: Mode, { local, remote }: Sides): Sides {
  if (mode === 'tunnel') return { local, remote };
  const at = (address: string) => (selector: TrafficSelector) => ({ ...selector, first: address, last: address });
  return { local: local.map(at(sa.local.address)), remote: remote.map(at(sa.remote.address)) };
}

function unacceptable(asked: Sides, grant: Sides, mode: Mode): Failure {
  return {
    code: 'invalid-selectors',
    reason:
      `the peer asks in ${mode} mode for ${selectorsText(asked.local)} here and ${selectorsText(asked.remote)} there; ` +
      `accepted are ${selectorsText(grant.local)} and ${selectorsText(grant.remote)}`,
    remedy: 'Let the peer ask for the networks, the protocol and the mode that this end serves.',
  };
}

/** As responder: the answer, and what installs the child SA once all its secrets are there. */
export function answerChild(
  context: Context,
  association: Association,
  { chosen, mode, local, remote }: AgreedChild,
  between: readonly Payload[] = [],
): {
  readonly payloads: readonly Payload[];
  install(nonces: Nonces, secrets: readonly Uint8Array[], replaces: Child | undefined, now: Instant): Child;
} {
  const inboundSpi = allocateSpi(context, association.sa);
  const payloads: Payload[] = [
    ...(mode === 'transport' ? [notify(NotifyType.USE_TRANSPORT_MODE)] : []),
    chosen.answer(spiBytes(inboundSpi)),
    ...between,
    selectorsPayload('TSi', remote),
    selectorsPayload('TSr', local),
  ];
  const { proposal, peerSpi } = chosen;
  const ikeKeys = association.keys!;
  const install = (
    nonces: Nonces,
    secrets: readonly Uint8Array[],
    replaces: Child | undefined,
    now: Instant,
  ): Child => {
    const keys = childKeys(context.crypto, ikeKeys, proposal.suite, nonces, secrets);
    const directions = { inboundKeys: keys.initiator, outboundKeys: keys.responder };
    const spis = { inboundSpi, outboundSpi: spiNumber(peerSpi) };
    const child = { role: 'responder', mode, proposal, ...spis, ...directions, local, remote, replaces } as const;
    return installChild(context, association.sa, child, now);
  };
  return { payloads, install };
}

/** What we ask for. */
export interface ChildOffer extends Sides {
  readonly spi: number;
  readonly mode: Mode;
  readonly policy: ChildSaPolicy;
  readonly initial: boolean;
  /** It is for a child SA that stands. */
  readonly renews?: boolean;
}

/** A child SA that an initiator wants from the start. */
export function offerFor(context: Context, wanted: WantedChild, initial: boolean): ChildOffer {
  const { mode = 'transport', wantsIpv4 = false, wantsIpv6 = false } = context.config.initiate;
  const families = [...(wantsIpv4 ? [ANY_IPV4] : []), ...(wantsIpv6 ? [ANY_IPV6] : [])];
  const asksAddress = mode === 'tunnel' && families.length > 0;
  const sides = asksAddress
    ? { local: families, remote: families }
    : { local: [trafficSelectorOf(wanted.localSelector)], remote: [trafficSelectorOf(wanted.remoteSelector)] };
  const { esp } = context.config.profile.offer;
  return { spi: allocateSpi(context), mode, policy: esp, initial, ...sides };
}

/** SA, TSi and TSr with the mode; the nonce and the key of CREATE_CHILD_SA stand between them. */
export function offerPayloads(offer: ChildOffer, between: readonly Payload[] = []): readonly Payload[] {
  const { spi, mode, policy, initial, local, remote } = offer;
  return [
    ...(mode === 'transport' ? [notify(NotifyType.USE_TRANSPORT_MODE)] : []),
    offerChild(policy, spiBytes(spi), { initial }),
    ...between,
    selectorsPayload('TSi', local),
    selectorsPayload('TSr', remote),
  ];
}

/** Reads what the responder made of our offer. */
export function readChild(sa: IkeSa, offer: ChildOffer, answer: Pick<PayloadChain, 'payloads'>): AgreedChild | Failure {
  const chosenSa = find(answer, 'SA');
  const tsi = find(answer, 'TSi');
  const tsr = find(answer, 'TSr');
  if (chosenSa === undefined || tsi === undefined || tsr === undefined) {
    return malformed('an answer about a child SA without SA, TSi or TSr');
  }
  const chosen = readChildAnswer(chosenSa, offer.policy, { initial: offer.initial });
  if (chosen.type === 'mismatch') {
    return {
      code: 'no-proposal-chosen',
      reason: `child SA: the peer chose what was not offered: ${mismatchText(chosen)}`,
    };
  }
  const mode: Mode = findNotify(answer, NotifyType.USE_TRANSPORT_MODE) === undefined ? 'tunnel' : 'transport';
  if (mode !== offer.mode) return MODE_REFUSED;
  const sides = { local: readSelectors(tsi), remote: readSelectors(tsr) };
  const { local, remote } = offer.renews ? here(sa, mode, sides) : seen(sa, mode, sides.local, sides.remote);
  const inside = allCovered(seen(sa, mode, offer.local, offer.remote).local, local) && allCovered(offer.remote, remote);
  if (local.length === 0 || remote.length === 0 || !inside) {
    const reason = `the peer answered with ${selectorsText(local)} here and ${selectorsText(remote)} there, which is not in what was asked for`;
    return { code: 'invalid-selectors', reason };
  }
  return { chosen, mode, local, remote };
}

/** As initiator: installs what the answer says. */
export function installAnswered(
  context: Context,
  association: Association,
  { spi }: ChildOffer,
  { chosen, mode, local, remote }: AgreedChild,
  nonces: Nonces,
  secrets: readonly Uint8Array[],
  replaces: Child | undefined,
  now: Instant,
): Child {
  const keys = childKeys(context.crypto, association.keys!, chosen.proposal.suite, nonces, secrets);
  return installChild(
    context,
    association.sa,
    {
      role: 'initiator',
      mode,
      proposal: chosen.proposal,
      inboundSpi: spi,
      outboundSpi: spiNumber(chosen.peerSpi),
      inboundKeys: keys.responder,
      outboundKeys: keys.initiator,
      local,
      remote,
      replaces,
    },
    now,
  );
}

const MODE_REFUSED: Failure = {
  code: 'invalid-selectors',
  reason: 'the peer does not take the mode that was asked for',
  remedy: 'Set both ends to transport mode for L2TP, to tunnel mode for remote access.',
};
