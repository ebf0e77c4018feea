/** A gateway from a configuration: the cores of every layer put together. */

import type { EapServerConfig } from '../eap/index.ts';
import { IkeV1Endpoint } from '../ike/v1/index.ts';
import { AddressPool, PrefixPool } from '../net/index.ts';
import { commonParts } from '../session/commonParts.ts';
import { CONNECTION_TIMES, type IkeCore } from '../session/connectionParts.ts';
import type { StackEnvironment } from '../session/environment.ts';
import type { GatewayConfig } from './config.ts';
import { Gateway } from './gateway.ts';
import { IkeListeners } from './ikeListeners.ts';

const MOST_SESSIONS = 10_000;
const MOST_FAILED_LOGINS = 5;
const MOST_PLAIN = 1000;
const MOST_PLAIN_PER_SOURCE = 16;
/** IKEv2 repeats EAP's requests itself, and believes no success without a key. */
const EAP: EapServerConfig = { methods: ['eap-mschapv2', 'eap-tls'], needsKey: true };

/**
 * @param counters the data plane's shared counters
 * @throws RangeError naming a range or address of the configuration that does not read
 */
export function makeGateway(config: GatewayConfig, environment: StackEnvironment, counters: Float64Array): Gateway {
  const { network, plainL2tp = [], times } = config;
  const { idle } = { ...CONNECTION_TIMES, ...times };
  const endpoint = (ike: GatewayConfig['ike']): IkeCore =>
    new IkeV1Endpoint({ config: ike, crypto: environment.crypto, environment });
  const listeners = (config.listeners ?? []).map(({ address, ike }) => [address, endpoint(ike)] as const);
  const addresses = new AddressPool({ ranges: network.pool, exclude: [network.localAddress] });
  const prefixes = network.ipv6Pool === undefined ? undefined : new PrefixPool(network.ipv6Pool);
  const l2tp = { hostName: 'sallyport', emptyTunnelTimeout: idle, ...config.l2tp, role: 'lns' } as const;
  return new Gateway({
    environment,
    common: commonParts(
      {
        ...{ l2tp, ppp: config.ppp ?? {}, pathMtu: network.pathMtu, times },
        ...{ followPeers: network.followPeers, reorder: config.reorder },
      },
      environment,
      counters,
    ),
    ike: new IkeListeners(endpoint(config.ike), new Map(listeners)),
    addresses,
    reserved: network.reserved ?? new Map(),
    prefixes,
    network: {
      ...{ localAddress: network.localAddress, dns: network.dns ?? [], nbns: network.nbns ?? [] },
      ...(prefixes === undefined ? {} : { localAddress6: prefixes.gatewayAddress }),
    },
    remoteAccess: { eap: EAP, subnets: [], domains: [], ...config.remoteAccess },
    plainL2tp: (address) => plainL2tp === 'all' || plainL2tp.includes(address),
    mostSessions: config.mostSessions ?? MOST_SESSIONS,
    mostFailedLogins: config.mostFailedLogins ?? MOST_FAILED_LOGINS,
    singleSession: config.singleSession ?? 'allow',
    sessionLimits: config.sessionLimits ?? {},
    sessionRates: config.sessionRates ?? {},
    mostPlain: config.mostPlain ?? MOST_PLAIN,
    mostPlainPerSource: config.mostPlainPerSource ?? MOST_PLAIN_PER_SOURCE,
  });
}
