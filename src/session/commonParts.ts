/** The parts that all connections of a gateway or client share, from what their configurations have in common. */

import type { ReorderBounds } from '../dataplane/messages.ts';
import { type L2tpSettings, L2tpSocket } from '../l2tp/index.ts';
import { type PppConfig, PppLink } from '../ppp/index.ts';
import { CONNECTION_TIMES, type ConnectionParts, type ConnectionTimes } from './connectionParts.ts';
import { encodeFrame } from './encodeFrame.ts';
import type { StackEnvironment } from './environment.ts';
import { planPath, planTunnel } from './planPath.ts';

export type CommonParts = Pick<
  ConnectionParts,
  | ('times' | 'followPeers' | 'reorder' | 'counters' | 'makeL2tp' | 'makePpp' | 'planPath' | 'planTunnel')
  | ('pathMtu' | 'encodeFrame')
>;

export interface CommonSettings {
  readonly l2tp: Omit<L2tpSettings, 'protectedPath'>;
  readonly ppp: PppConfig;
  /** Bytes; default 1500. */
  readonly pathMtu: number | undefined;
  /** Whether the path is asked what it carries, `pathMtu` at most; needs a data plane that can set DF. Default: false. */
  readonly pathMtuDiscovery?: boolean | undefined;
  readonly times: Partial<ConnectionTimes> | undefined;
  /** Default: true. */
  readonly followPeers?: boolean | undefined;
  /** See `ConnectionParts`; default 32 packets, 50 ms. */
  readonly reorder?: ReorderBounds | undefined;
}

const DEFAULT_PATH_MTU = 1500;
/** What paths reorder is a few packets, and TCP notices a longer wait. */
const DEFAULT_REORDER: ReorderBounds = { packets: 32, milliseconds: 50 };

/** @param counters the data plane's shared counters */
export function commonParts(
  settings: CommonSettings,
  environment: StackEnvironment,
  counters: Float64Array,
): CommonParts {
  const { l2tp, ppp, times, followPeers = true, reorder = DEFAULT_REORDER } = settings;
  const { pathMtu: most = DEFAULT_PATH_MTU, pathMtuDiscovery: discovery = false } = settings;
  const protectedL2tp = { ...l2tp, protectedPath: true };
  const plainL2tp = { ...l2tp, protectedPath: false };
  return {
    counters,
    times: { ...CONNECTION_TIMES, ...times },
    followPeers,
    reorder,
    makeL2tp: (protectedPath) => new L2tpSocket(protectedPath ? protectedL2tp : plainL2tp, environment),
    makePpp: () => new PppLink(ppp, environment),
    pathMtu: { most, discovery },
    planPath: (path, mtu) => planPath(mtu, path),
    planTunnel: (path, mtu) => planTunnel(mtu, path),
    encodeFrame,
  };
}
