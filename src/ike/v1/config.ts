/** What an IKEv1 endpoint is told: identities, secrets, policy, times and bounds, each with its default. */

import type { Failure, Milliseconds } from '../../core/index.ts';
import { type CommonConfig, commonDefaults } from '../commonConfig.ts';
import type { Identity, Selector } from '../output.ts';
import type { Profile } from '../policy.ts';
import { profiles } from '../policy.ts';
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

export interface IkeV1Config extends CommonConfig {
  readonly secrets: Secrets;
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
  readonly retransmission?: RetransmissionSchedule;
  /** How long child SAs outlive an IKE SA that the peer deleted, waiting for its successor. Default 10 s. */
  readonly orphanTimeout?: Milliseconds;
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
    ...commonDefaults(config),
    accept: config.credentials === undefined ? ['pre-shared-key'] : ['signature', 'pre-shared-key'],
    profile: profiles.compatible,
    aggressive: 'off',
    initiate: 'main',
    acceptSelectors: acceptL2tp,
    retransmission: DEFAULT_SCHEDULE,
    orphanTimeout: 10_000,
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
