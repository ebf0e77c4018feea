/** What an IKE SA does about NAT: detects it, floats to port 4500, follows a peer, keeps mappings alive. RFC 7296 §2.23. */

import type { Endpoint, Instant } from '../../core/index.ts';
import { sameBytes } from '../../wire/index.ts';
import { milestone } from '../milestone.ts';
import { natDetectionHash } from '../natDetection.ts';
import type { IkeDatagram, NatSituation } from '../output.ts';
import { type Association, NO_SPI } from './association.ts';
import type { Context } from './context.ts';
import type { IkeSa } from './ikeSa.ts';
import { type NotifyPayload, NotifyType, notify } from './payloads/index.ts';
import { movePeer } from './peers.ts';
import { all, type PayloadChain } from './wire/index.ts';

interface Path {
  readonly local: Endpoint;
  readonly remote: Endpoint;
}

interface Spis {
  readonly initiatorSpi: Uint8Array;
  readonly responderSpi: Uint8Array;
}

/** SHA-1 of the SPIs in the header, an address and a port; a forced one matches no address. */
function digestOf(context: Context, { initiatorSpi, responderSpi }: Spis, endpoint: Endpoint): Uint8Array {
  const cookies = { initiator: initiatorSpi, responder: responderSpi };
  return natDetectionHash(context.crypto, 'sha1', cookies, endpoint);
}

/** The two notifications of our message. */
export function natNotifies(context: Context, spis: Spis, { local, remote }: Path): readonly NotifyPayload[] {
  const source = context.config.forceEncapsulation ? { ...local, port: 0 } : local;
  return [
    notify(NotifyType.NAT_DETECTION_SOURCE_IP, digestOf(context, spis, source)),
    notify(NotifyType.NAT_DETECTION_DESTINATION_IP, digestOf(context, spis, remote)),
  ];
}

/** The first request has no responder SPI yet. */
export const firstSpis = ({ initiatorSpi }: Association): Spis => ({ initiatorSpi, responderSpi: NO_SPI });

/** @returns undefined where the peer's message says nothing of NAT */
export function readNat(
  context: Context,
  spis: Spis,
  { local, remote }: Path,
  chain: Pick<PayloadChain, 'payloads'>,
): NatSituation | undefined {
  const of = (type: number) => all(chain, 'N').filter(({ notifyType }) => notifyType === type);
  const sources = of(NotifyType.NAT_DETECTION_SOURCE_IP);
  const destinations = of(NotifyType.NAT_DETECTION_DESTINATION_IP);
  if (sources.length === 0 || destinations.length === 0) return undefined;
  const ours = digestOf(context, spis, local);
  const theirs = digestOf(context, spis, remote);
  return {
    localBehindNat: !destinations.some(({ data }) => sameBytes(data, ours)),
    remoteBehindNat: !sources.some(({ data }) => sameBytes(data, theirs)),
  };
}

/** Takes in what the peer's first message says. */
export function detectNat(context: Context, sa: IkeSa, spis: Spis, path: Path, chain: PayloadChain): void {
  const found = readNat(context, spis, path, chain);
  if (found === undefined) return;
  sa.natTraversal = true;
  sa.nat = found;
  const behind = [found.localBehindNat ? 'this end' : '', found.remoteBehindNat ? 'the peer' : ''].filter(Boolean);
  if (behind.length > 0) milestone(context, sa, 'nat found', `${behind.join(' and ')} behind NAT`);
  else milestone(context, sa, 'no nat found');
}

/** Whether ESP of this SA travels in UDP. */
export function encapsulates(context: Context, sa: IkeSa): boolean {
  const { localBehindNat, remoteBehindNat } = sa.nat;
  const forced = context.config.forceEncapsulation && sa.natTraversal;
  return forced || localBehindNat || remoteBehindNat;
}

/** As initiator: from here on both ends use port 4500, always where addresses may change. RFC 4555 §3.3. */
export function floatPorts(context: Context, sa: IkeSa): void {
  const { natTraversalPort: port, localNatTraversalPort: localPort, mobike } = context.config;
  const wanted = encapsulates(context, sa) || (mobike && sa.natTraversal);
  if (!wanted || sa.local.port === localPort) return;
  sa.local = { address: sa.local.address, port: localPort };
  sa.remote = { address: sa.remote.address, port };
}

/**
 * A peer behind a NAT is where its last authentic message came from. With MOBIKE it says itself when it has moved
 * (RFC 4555 §3.8), and before AUTH any path is as good as another.
 */
export function followPath(context: Context, sa: IkeSa, { local, remote }: IkeDatagram): void {
  if (samePath(sa, { local, remote })) return;
  if (!sa.established) {
    if (sa.role === 'responder') Object.assign(sa, { local, remote });
    return;
  }
  // Whoever is behind no NAT itself follows a peer that cannot say where it is, with NAT or without. RFC 7296 §2.23.
  const isReached = sa.role === 'responder' && !sa.nat.localBehindNat && !sa.peer.mobike;
  const mayMove = sa.nat.remoteBehindNat || context.config.forceEncapsulation || isReached;
  // An answer from where it was asked as well is as good a proof as that of RFC 4555 §3.7.
  const isAnswer = sa.askedAt !== undefined && samePath(sa.askedAt, { local, remote });
  if (!mayMove || (sa.peer.mobike && !isAnswer)) return;
  sa.askedAt = undefined;
  movePath(context, sa, { local, remote });
  context.emit({ type: 'ikeMoved', ikeSa: sa.id, local, remote });
}

/** @returns whether that is another path than before */
export function movePath(context: Context, sa: IkeSa, { local, remote }: Path): boolean {
  if (samePath(sa, { local, remote })) return false;
  sa.local = local;
  sa.remote = remote;
  movePeer(context, sa);
  return true;
}

export const sameEndpoint = (a: Endpoint, b: Endpoint): boolean => a.port === b.port && a.address === b.address;

export const samePath = (a: Path, b: Path): boolean =>
  sameEndpoint(a.remote, b.remote) && sameEndpoint(a.local, b.local);

/** Arms the keepalive of an end that is behind a NAT. RFC 3948 §4. */
export function armKeepalive(context: Context, sa: IkeSa, now: Instant): void {
  const { keepaliveInterval } = context.config;
  if (sa.nat.localBehindNat && keepaliveInterval > 0) sa.timers.set('keepalive', now + keepaliveInterval);
  else sa.timers.clear('keepalive');
}

export function onKeepaliveTimer(context: Context, sa: IkeSa, now: Instant): void {
  context.emit({ type: 'keepalive', local: sa.local, remote: sa.remote });
  armKeepalive(context, sa, now);
}
