/** Pairs of ESP SAs: their making, their times and their end. RFC 7296 §2.8, §2.17. */

import type { Failure, Instant, Milliseconds } from '../../core/index.ts';
import type { EspKeys } from '../../esp/suite.ts';
import { logChildKeys } from '../childKeyLog.ts';
import { milestone } from '../milestone.ts';
import type { ChildEstablished, ChildSaId, TrafficSelector } from '../output.ts';
import type { Context } from './context.ts';
import type { IkeSa } from './ikeSa.ts';
import { encapsulates } from './natTraversal.ts';
import { type IkeV2EspProposal, ikeV2EspProposalText } from './proposal.ts';
import { selectorOf } from './selectorText.ts';

export interface Child {
  readonly id: ChildSaId;
  readonly sa: IkeSa;
  /** Of the exchange that made it. */
  readonly role: 'initiator' | 'responder';
  readonly inboundSpi: number;
  readonly outboundSpi: number;
  readonly mode: 'transport' | 'tunnel';
  readonly local: readonly TrafficSelector[];
  readonly remote: readonly TrafficSelector[];
  readonly proposal: IkeV2EspProposal;
  readonly replaces: ChildSaId | undefined;
  /** The first one, whose successors and their rivals all these are. */
  readonly ancestor: ChildSaId;
  readonly installedAt: Instant;
  confirmed: boolean;
  /** The peer has shown that it has it too: a successor that it asked for, and our answer to that was not lost. */
  isKnown: boolean;
  /** Our request to renew it is on its way. */
  rekeying: boolean;
  /** Our Delete for it is on its way. */
  closing: boolean;
  /** What the peer made, or is about to make, to renew it while our own request was under way. RFC 7296 §2.8.1. */
  rival: Rival | undefined;
  /** Of the exchange that made it, where that renewed another child SA and was ours: for a rival that is late. */
  lowestNonce: Uint8Array | undefined;
  /** Our own successor of the same child SA, that lost against this one: ours to delete once this one is sent on. */
  loser: Child | undefined;
  /** Another successor of the same child SA has won over it: who began it deletes it, and nobody renews it. */
  hasLost: boolean;
  renewAt: Instant | undefined;
}

export interface Rival {
  /** Undefined while further key exchanges are under way. */
  child: ChildSaId | undefined;
  readonly lowestNonce: Uint8Array;
}

/** Child SAs of one IKE SA; no more are taken. */
export const MAX_CHILDREN = 16;

/** A responder that hears nothing sends on a new child SA after that time all the same. */
const CONFIRM_AFTER: Milliseconds = 5000;

/** A peer that says nothing for so long after it has asked for a successor is content with it. */
export const SURELY_KNOWN: Milliseconds = 60_000;

export interface NewChild {
  readonly role: 'initiator' | 'responder';
  readonly mode: 'transport' | 'tunnel';
  readonly proposal: IkeV2EspProposal;
  readonly inboundSpi: number;
  readonly outboundSpi: number;
  readonly inboundKeys: EspKeys;
  readonly outboundKeys: EspKeys;
  readonly local: readonly TrafficSelector[];
  readonly remote: readonly TrafficSelector[];
  readonly replaces?: Child | undefined;
}

/** Makes a child SA known to the owner, so that the receiving half works before the peer can use it. */
export function installChild(context: Context, sa: IkeSa, given: NewChild, now: Instant): Child {
  const { role, mode, proposal, inboundSpi, outboundSpi, local, remote, replaces } = given;
  const { lifetimeSeconds, lifetimeKilobytes } = context.config.profile.accept.esp;
  const lifetime = lifetimeSeconds * 1000;
  const id = context.nextChildId();
  const child: Child = {
    id,
    sa,
    role,
    inboundSpi,
    outboundSpi,
    mode,
    local,
    remote,
    proposal,
    replaces: replaces?.id,
    ancestor: replaces?.ancestor ?? id,
    installedAt: now,
    confirmed: false,
    isKnown: role === 'initiator' || replaces === undefined,
    rekeying: false,
    closing: false,
    rival: undefined,
    lowestNonce: undefined,
    loser: undefined,
    hasLost: false,
    renewAt: renewalOf(context, role, now, lifetime),
  };
  sa.temporarySince = undefined;
  context.children.set(child.id, child);
  context.childByInboundSpi.set(inboundSpi, child);
  sa.children.set(child.id, child);
  sa.timers.set(`child:${child.id}`, now + lifetime);
  if (child.renewAt !== undefined) sa.timers.set(`renewChild:${child.id}`, child.renewAt);
  const established: ChildEstablished = {
    type: 'childEstablished',
    child: child.id,
    ikeSa: sa.id,
    role,
    inboundSpi,
    outboundSpi,
    mode,
    udpEncapsulation: encapsulates(context, sa),
    local: sa.local,
    remote: sa.remote,
    suite: proposal.suite,
    inboundKeys: given.inboundKeys,
    outboundKeys: given.outboundKeys,
    localSelector: selectorOf(local[0]!),
    remoteSelector: selectorOf(remote[0]!),
    localSelectors: local,
    remoteSelectors: remote,
    extendedSequence: proposal.extendedSequence,
    ...(proposal.group !== undefined && { pfs: proposal.group }),
    lifetimeSeconds,
    ...(lifetimeKilobytes !== undefined && { lifetimeKilobytes }),
    ...(replaces !== undefined && { replaces: replaces.id }),
  };
  milestone(context, sa, 'child keys agreed', ikeV2EspProposalText(proposal));
  context.emit(established);
  if (context.config.keyLog) logChildKeys(context, established);
  return child;
}

/** From now on the child SA may be sent on. */
export function confirmChild(context: Context, child: Child): void {
  if (child.confirmed || !context.children.has(child.id)) return;
  child.confirmed = true;
  child.sa.timers.clear(`confirm:${child.id}`);
  context.emit({ type: 'childConfirmed', child: child.id });
}

/** As responder: the peer's next message shows that it has our answer. RFC 7296 §2.8. */
export function confirmLater(child: Child, now: Instant, after = CONFIRM_AFTER): void {
  child.sa.timers.set(`confirm:${child.id}`, now + after);
}

/** Ends a child SA without a word to the peer. */
export function dropChild(context: Context, child: Child, reason: Failure): void {
  if (!context.children.delete(child.id)) return;
  const { sa, id, inboundSpi, outboundSpi } = child;
  context.childByInboundSpi.delete(inboundSpi);
  sa.children.delete(id);
  for (const timer of ['child', 'renewChild', 'confirm'] as const) sa.timers.clear(`${timer}:${id}`);
  context.emit({ type: 'childClosed', child: id, ikeSa: sa.id, inboundSpi, outboundSpi, reason });
}

/** When what lives for `lifetime` is renewed: by the responder later, for the initiator does so first where it is of one mind. */
export function renewalOf(
  context: Context,
  role: 'initiator' | 'responder',
  now: Instant,
  lifetime: Milliseconds,
): Instant | undefined {
  const { renewAt, renewJitter } = context.config;
  if (renewAt <= 0) return undefined;
  const part = role === 'initiator' ? renewAt : (1 + renewAt) / 2;
  return now + lifetime * part * (1 - (renewJitter * context.random(1)[0]!) / 256);
}

export const hasSuccessor = (sa: IkeSa, { id }: Pick<Child, 'id'>): boolean =>
  [...sa.children.values()].some(({ replaces }) => replaces === id);

/** Whether another successor of the same child SAs stands, or one of its own successors. */
export const hasRelative = (sa: IkeSa, { id, ancestor, replaces }: Child): boolean =>
  [...sa.children.values()].some(
    (other) =>
      other.ancestor === ancestor && other.id !== id && other.id !== replaces && !other.closing && !other.hasLost,
  );

/** The child that the peer sends on under an SPI, or receives on. */
export const childByOutboundSpi = (sa: IkeSa, spi: number): Child | undefined =>
  [...sa.children.values()].find(({ outboundSpi }) => outboundSpi === spi);

export const spiBytes = (spi: number): Uint8Array => Uint8Array.of(spi >>> 24, spi >>> 16, spi >>> 8, spi);
export const spiNumber = (spi: Uint8Array): number => spi.reduce((sum, byte) => sum * 256 + byte, 0);
