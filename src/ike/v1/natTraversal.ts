/** What an exchange does about NAT: detects it, floats to port 4500, follows a peer that moves, and keeps mappings alive. */

import type { Endpoint, Instant } from '../../core/index.ts';
import type { HashName } from '../../crypto/index.ts';
import { milestone } from '../milestone.ts';
import { evaluateNatDetection, natDetectionPayloads } from '../natDetection.ts';
import type { IkeDatagram } from '../output.ts';
import type { NatDPayload } from '../payloads/index.ts';
import type { Context } from './context.ts';
import type { IkeSa } from './ikeSa.ts';
import { movePeer } from './peers.ts';
import { lookAgain } from './reboundPeer.ts';

/** The NAT-D payloads of our message; none to a peer that knows no NAT traversal. RFC 3947 §3.2. */
export function natPayloads(context: Context, sa: IkeSa, hash: HashName): readonly NatDPayload[] {
  const { natTraversal } = sa.abilities;
  if (natTraversal === undefined) return [];
  const force = context.config.forceEncapsulation;
  const { cookies, local, remote } = sa;
  return natDetectionPayloads(context.crypto, { hash, cookies, local, remote, force }, natTraversal);
}

/**
 * Takes in the NAT-D payloads of the peer.
 * @param arrived the path of a message that has floated: its hashes may be over the old ports or over the new ones
 */
export function detectNat(
  context: Context,
  sa: IkeSa,
  hash: HashName,
  received: readonly NatDPayload[],
  arrived: IkeDatagram | IkeSa = sa,
): void {
  if (sa.abilities.natTraversal === undefined) return;
  const { cookies } = sa;
  const found = [sa, arrived]
    .map(({ local, remote }) => evaluateNatDetection(context.crypto, { hash, cookies, local, remote }, received))
    .filter((situation) => situation !== undefined);
  if (found.length === 0) return;
  const localBehindNat = found.every((situation) => situation.localBehindNat);
  const remoteBehindNat = found.every((situation) => situation.remoteBehindNat);
  sa.nat = { localBehindNat, remoteBehindNat };
  const behind = [localBehindNat ? 'this end' : '', remoteBehindNat ? 'the peer' : ''].filter(Boolean);
  if (behind.length > 0) milestone(context, sa, 'nat found', `${behind.join(' and ')} behind NAT`);
  else milestone(context, sa, 'no nat found');
}

/** Whether ESP of this SA travels in UDP. */
export function encapsulates(context: Context, sa: IkeSa): boolean {
  const { localBehindNat, remoteBehindNat } = sa.nat;
  const forced = context.config.forceEncapsulation && sa.abilities.natTraversal !== undefined;
  return forced || localBehindNat || remoteBehindNat;
}

/** As initiator: from here on both ends use port 4500. An exchange that began there stays there. RFC 3947 §4. */
export function floatPorts(context: Context, sa: IkeSa): void {
  const { natTraversalPort: port, localNatTraversalPort: localPort } = context.config;
  if (!encapsulates(context, sa) || sa.local.port === localPort) return;
  sa.local = { address: sa.local.address, port: localPort };
  sa.remote = { address: sa.remote.address, port };
}

/** The peer is where its last authenticated message came from. RFC 3947 §4. */
export function followPath(context: Context, sa: IkeSa, { local, remote }: IkeDatagram): void {
  if (!movePath(context, sa, { local, remote }) || !sa.established) return;
  context.emit({ type: 'ikeMoved', ikeSa: sa.id, local, remote });
}

/** @returns whether that is another path than before */
export function movePath(
  context: Context,
  sa: IkeSa,
  { local, remote }: Pick<IkeDatagram, 'local' | 'remote'>,
): boolean {
  if (samePath(sa, { local, remote })) return false;
  sa.local = local;
  sa.remote = remote;
  movePeer(context, sa);
  lookAgain(context, sa);
  return true;
}

export const sameEndpoint = (a: Endpoint, b: Endpoint): boolean => a.port === b.port && a.address === b.address;

export const samePath = (a: { local: Endpoint; remote: Endpoint }, b: { local: Endpoint; remote: Endpoint }): boolean =>
  sameEndpoint(a.remote, b.remote) && sameEndpoint(a.local, b.local);

/** Arms the keepalive of an end that is behind a NAT. RFC 3948 §4. */
export function armKeepalive(context: Context, sa: IkeSa, now: Instant): void {
  const { keepaliveInterval } = context.config;
  if (sa.nat.localBehindNat && keepaliveInterval > 0) sa.timers.set('keepalive', now + keepaliveInterval);
}

export function onKeepaliveTimer(context: Context, sa: IkeSa, now: Instant): void {
  context.emit({ type: 'keepalive', local: sa.local, remote: sa.remote });
  armKeepalive(context, sa, now);
}
