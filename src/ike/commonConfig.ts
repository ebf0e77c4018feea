/** What endpoints of both versions of IKE are told alike: certificates, NAT traversal, times and bounds, each with its default. */

import type { Milliseconds } from '../core/index.ts';
import type { Quirk } from './fingerprint.ts';
import type { Credential, TrustAnchor } from './signature.ts';
import type { HalfOpenLimits } from './v1/halfOpen.ts';

export interface DeadPeerDetection {
  /** Silence after which the peer is asked. 0 never asks; questions are answered all the same. */
  readonly interval: Milliseconds;
  /** Time from the first unanswered question to giving up. */
  readonly timeout: Milliseconds;
}

export interface CommonConfig {
  /** Our certificates, in the order of preference; the keys stay with whoever answers `sign`. Default: none. */
  readonly credentials?: readonly Credential[];
  /** Whom we trust, for CERTREQ. Default: none. */
  readonly trustAnchors?: readonly TrustAnchor[];
  /** Claims a NAT so that ESP travels in UDP. Default false. */
  readonly forceEncapsulation?: boolean;
  /** The port that IKE floats to behind a NAT, here and at the peer. Default 4500. */
  readonly natTraversalPort?: number;
  /** Our own port of that kind, where another process has the usual one. Default: `natTraversalPort`. */
  readonly localNatTraversalPort?: number;
  /** Between keepalives while we are behind a NAT. Default 20 s; 0 sends none. */
  readonly keepaliveInterval?: Milliseconds;
  /** Default: after 30 s of silence, for 60 s. */
  readonly deadPeerDetection?: DeadPeerDetection;
  /** Default: 64 per source, 1024 in all. */
  readonly halfOpen?: HalfOpenLimits;
  /** How long an unfinished IKE SA of a responder may stand. Default 30 s. */
  readonly halfOpenTimeout?: Milliseconds;
  /** Messages longer than this are fragmented for peers that can put them together. Default 1280 bytes. */
  readonly fragmentBytes?: number;
  /** Returns keys as `keyLog` outputs. Default false. */
  readonly keyLog?: boolean;
  /** As initiator says INITIAL_CONTACT where it knows no other IKE SA with the peer. Default true. */
  readonly initialContact?: boolean;
  /** Part of a lifetime after which the end that began renews its SAs, the other one later; 0 never. Default 0.85. */
  readonly renewAt?: number;
  /** Part of that time by which a renewal comes earlier, at random. Default 0.05. */
  readonly renewJitter?: number;
  /** What is done differently for these peers. Default: what the fingerprint of each asks for. */
  readonly quirks?: readonly Quirk[];
  /** Tells whether another core of the process uses an inbound SPI already. Default: none does. */
  readonly spiInUse?: (spi: number) => boolean;
}

export const commonDefaults = ({ natTraversalPort = 4500 }: CommonConfig): Required<Omit<CommonConfig, 'quirks'>> => ({
  credentials: [],
  trustAnchors: [],
  forceEncapsulation: false,
  natTraversalPort,
  localNatTraversalPort: natTraversalPort,
  keepaliveInterval: 20_000,
  deadPeerDetection: { interval: 30_000, timeout: 60_000 },
  halfOpen: { perSource: 64, total: 1024 },
  halfOpenTimeout: 30_000,
  fragmentBytes: 1280,
  keyLog: false,
  initialContact: true,
  renewAt: 0.85,
  renewJitter: 0.05,
  spiInUse: () => false,
});
