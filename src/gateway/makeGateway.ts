/** A gateway from a configuration: the cores of every layer put together. */

import type { Environment } from '../core/index.ts';
import type { Crypto } from '../crypto/index.ts';
import { IkeV1Endpoint } from '../ike/v1/index.ts';
import { L2tpSocket } from '../l2tp/index.ts';
import { AddressPool } from '../net/index.ts';
import { PppLink } from '../ppp/index.ts';
import { CONNECTION_TIMES, type IkeCore } from '../session/connectionParts.ts';
import { encodeFrame } from '../session/encodeFrame.ts';
import { DEFAULT_PATH_MTU, planPath } from '../session/planPath.ts';
import type { GatewayConfig } from './config.ts';
import { Gateway } from './gateway.ts';
import { IkeListeners } from './ikeListeners.ts';

export interface GatewayEnvironment extends Environment {
  readonly crypto: Crypto;
  /** Seconds since the Unix epoch. */
  unixTime(): number;
}

const MOST_SESSIONS = 10_000;
const MOST_PLAIN = 1000;
const MOST_PLAIN_PER_SOURCE = 16;

/**
 * @param counters the data plane's shared counters
 * @throws RangeError naming a range or address of the configuration that does not read
 */
export function makeGateway(config: GatewayConfig, environment: GatewayEnvironment, counters: Float64Array): Gateway {
  const { network, plainL2tp = [] } = config;
  const times = { ...CONNECTION_TIMES, ...config.times };
  const endpoint = (ike: GatewayConfig['ike']): IkeCore =>
    new IkeV1Endpoint({ config: ike, crypto: environment.crypto, environment });
  const listeners = (config.listeners ?? []).map(({ address, ike }) => [address, endpoint(ike)] as const);
  const addresses = new AddressPool({ ranges: network.pool, exclude: [network.localAddress] });
  for (const [user, address] of network.reserved ?? []) addresses.reserve(user, address);
  return new Gateway({
    environment,
    counters,
    times,
    ike: new IkeListeners(endpoint(config.ike), new Map(listeners)),
    addresses,
    network: { localAddress: network.localAddress, dns: network.dns ?? [], nbns: network.nbns ?? [] },
    plainL2tp: (address) => plainL2tp === 'all' || plainL2tp.includes(address),
    mostSessions: config.mostSessions ?? MOST_SESSIONS,
    mostPlain: config.mostPlain ?? MOST_PLAIN,
    mostPlainPerSource: config.mostPlainPerSource ?? MOST_PLAIN_PER_SOURCE,
    makeL2tp: (protectedPath) =>
      new L2tpSocket(
        { hostName: 'sallyport', emptyTunnelTimeout: times.idle, ...config.l2tp, role: 'lns', protectedPath },
        environment,
      ),
    makePpp: () => new PppLink(config.ppp ?? {}, environment),
    planPath: (path) => planPath(network.pathMtu ?? DEFAULT_PATH_MTU, path),
    encodeFrame,
  });
}
