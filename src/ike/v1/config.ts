/** What an IKEv1 endpoint is told: identities, secrets, policy, times and bounds, each with its default. */

import type { Failure, Milliseconds } from '../../core/index.ts';
import type { Quirk } from '../fingerprint.ts';
import type { Identity, Selector } from '../output.ts';
import type { Profile } from '../policy.ts';
import { profiles } from '../policy.ts';
import type { Credential, TrustAnchor } from '../signature.ts';
import type { HalfOpenLimits } from './halfOpen.ts';
import { DEFAULT_SCHEDULE, type RetransmissionSchedule } from './retransmission.ts';
import type { Secrets } from './secrets.ts';

/** What a peer asks a child SA for. */
export interface SelectorRequest {
  /** Our end as the peer states it. */
  readonly local: Selector;
  readonly remote: Selector;
  readonly mode: 'transport' | 'tunnel';
  readonly remoteIdentity: Identity;
}

/** @returns why the selectors are refused; undefined to accept them */
export type AcceptSelectors = (request: SelectorRequest) => Failure | undefined;

export interface DeadPeerDetection {
  /** Silence after which the peer is asked. 0 never asks; questions are answered all the same. */
  readonly interval: Milliseconds;
  /** Time from the first unanswered question to giving up. */
  readonly timeout: Milliseconds;
}

export interface IkeV1Config {
  readonly secrets: Secrets;
  /** Our certificates, in the order of preference; the keys stay with whoever answers `sign`. Default: none. */
  readonly credentials?: readonly Credential[];
  /** Whom we trust, for CERTREQ. Default: none. */
  readonly trustAnchors?: readonly TrustAnchor[];
  /** How both ends prove themselves, the preferred first. Default: by certificate where there is one, and by secret. */
  readonly accept?: readonly ('pre-shared-key' | 'signature')[];
  /** Default: `compatible`. */
  readonly profile?: Profile;
  /** Default: our address as an ID_IPV4_ADDR or ID_IPV6_ADDR. */
  readonly localIdentity?: Identity;
  /** The same where we prove it by certificate. Default: the subject of the one that is sent, or a name of it. */
  readonly certificateIdentity?: Identity;
  /** An initiator refuses a peer of another identity. Default: any that holds the secret. */
  readonly remoteIdentity?: Identity;
  /** `unsafe` answers Aggressive Mode: a passive observer can then guess the secret off-line. Default `off`. */
  readonly aggressive?: 'off' | 'unsafe';
  /** The exchange an initiator begins with; `aggressive` only with `aggressive: 'unsafe'`. Default `main`. */
  readonly initiate?: 'main' | 'aggressive';
  /** Default: UDP (or any protocol), our port 1701 or any, transport mode. */
  readonly acceptSelectors?: AcceptSelectors;
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
  /** How long an unfinished exchange of a responder may stand. Default 30 s. */
  readonly halfOpenTimeout?: Milliseconds;
  readonly retransmission?: RetransmissionSchedule;
  /** Messages longer than this are fragmented for peers that announced it. Default 1280 bytes. */
  readonly fragmentBytes?: number;
  /** Returns keys as `keyLog` outputs. Default false. */
  readonly keyLog?: boolean;
  /** As initiator says INITIAL-CONTACT where it knows no other IKE SA with the peer. Default true. */
  readonly initialContact?: boolean;
  /** Part of a lifetime after which an initiator renews its SAs, a responder half as far from the end; 0 never. Default 0.85. */
  readonly renewAt?: number;
  /** Part of that time by which a renewal comes earlier, at random. Default 0.05. */
  readonly renewJitter?: number;
  /** What is done differently for these peers. Default: what the fingerprint of each asks for. */
  readonly quirks?: readonly Quirk[];
  /** How long child SAs outlive an IKE SA that the peer deleted, waiting for its successor. Default 10 s. */
  readonly orphanTimeout?: Milliseconds;
  /** Tells whether another core of the process uses an inbound SPI already. Default: none does. */
  readonly spiInUse?: (spi: number) => boolean;
}

type Optional = 'localIdentity' | 'certificateIdentity' | 'remoteIdentity' | 'quirks';

export type ResolvedConfig = Required<Omit<IkeV1Config, Optional>> & Pick<IkeV1Config, Optional>;

const L2TP_PORT = 1701;
const UDP = 17;

/** @throws RangeError where a value contradicts another */
export function resolveConfig(config: IkeV1Config): ResolvedConfig {
  if (config.initiate === 'aggressive' && config.aggressive !== 'unsafe') {
    throw new RangeError("initiate: 'aggressive' needs aggressive: 'unsafe'");
  }
  return {
    credentials: [],
    trustAnchors: [],
    accept: config.credentials === undefined ? ['pre-shared-key'] : ['signature', 'pre-shared-key'],
    profile: profiles.compatible,
    aggressive: 'off',
    initiate: 'main',
    acceptSelectors: acceptL2tp,
    forceEncapsulation: false,
    natTraversalPort: 4500,
    localNatTraversalPort: config.natTraversalPort ?? 4500,
    keepaliveInterval: 20_000,
    deadPeerDetection: { interval: 30_000, timeout: 60_000 },
    halfOpen: { perSource: 64, total: 1024 },
    halfOpenTimeout: 30_000,
    retransmission: DEFAULT_SCHEDULE,
    fragmentBytes: 1280,
    keyLog: false,
    initialContact: true,
    renewAt: 0.85,
    renewJitter: 0.05,
    orphanTimeout: 10_000,
    spiInUse: () => false,
    ...config,
  };
}

/** The rule for L2TP (RFC 3193 §4): the peer's port may be any, ours is 1701 or not said. */
export const acceptL2tp: AcceptSelectors = ({ local, mode }) => {
  if (mode !== 'transport') {
    return {
      code: 'invalid-selectors',
      reason: 'the peer asks for tunnel mode, L2TP travels in transport mode',
      remedy: 'Set the IPsec connection of the peer to transport mode.',
    };
  }
  const l2tp = (local.protocol === UDP || local.protocol === 0) && (local.port === L2TP_PORT || local.port === 0);
  if (l2tp) return undefined;
  return {
    code: 'invalid-selectors',
    reason: `the peer asks for protocol ${local.protocol} port ${local.port}, only UDP port ${L2TP_PORT} is served`,
    remedy: `Let the peer ask for UDP port ${L2TP_PORT} on this side.`,
  };
};
