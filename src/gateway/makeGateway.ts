/** A gateway from a configuration: the cores of every layer put together. */

import type { EapServerConfig } from '../eap/index.ts';
import { IkeEndpoints } from '../ike/endpoints.ts';
import { IkeV1Endpoint } from '../ike/v1/index.ts';
import { acceptL2tpTransport, type ChildPolicy, IkeV2Endpoint, type RedirectRule } from '../ike/v2/index.ts';
import { AddressPool, PrefixPool } from '../net/index.ts';
import { commonParts } from '../session/commonParts.ts';
import { CONNECTION_TIMES, type IkeCore } from '../session/connectionParts.ts';
import type { StackEnvironment } from '../session/environment.ts';
import type { GatewayConfig, IkeConfigs } from './config.ts';
import { Gateway } from './gateway.ts';
import { grantedChildren } from './grantedChildren.ts';
import { IkeListeners } from './ikeListeners.ts';
import { Redirects } from './redirects.ts';
import type { RemoteAccessRules } from './remoteAccess.ts';

const MOST_SESSIONS = 10_000;
const MOST_FAILED_LOGINS = 5;
const MOST_PLAIN = 1000;
const MOST_PLAIN_PER_SOURCE = 16;
/** IKEv2 repeats EAP's requests itself, and believes no success without a key. */
const EAP: EapServerConfig = { methods: ['eap-mschapv2', 'eap-tls'], needsKey: true };
const REMOTE_ACCESS: RemoteAccessRules = { eap: EAP, preSharedKey: false, subnets: [], domains: [] };

/**
 * @param counters the data plane's shared counters
 * @throws RangeError naming a range or address of the configuration that does not read
 */
export function makeGateway(config: GatewayConfig, environment: StackEnvironment, counters: Float64Array): Gateway {
  const { network, plainL2tp = [], times } = config;
  const { idle } = { ...CONNECTION_TIMES, ...times };
  const rules = { ...REMOTE_ACCESS, ...config.remoteAccess };
  const isOffered = config.remoteAccess !== false;
  const children = isOffered
    ? grantedChildren(rules.subnets, [network.localAddress, ...(network.dns ?? [])])
    : undefined;
  const spis = new Set<number>();
  const redirects = new Redirects(config.redirect);
  const endpoint = (ike: IkeConfigs) => endpointOf(ike, children, { spis, redirects }, environment);
  const listeners = (config.listeners ?? []).map((listener) => [listener.address, endpoint(listener)] as const);
  const addresses = new AddressPool({ ranges: network.pool, exclude: [network.localAddress] });
  const prefixes = network.ipv6Pool === undefined ? undefined : new PrefixPool(network.ipv6Pool);
  const l2tp = { hostName: 'sallyport', emptyTunnelTimeout: idle, ...config.l2tp, role: 'lns' } as const;
  return new Gateway({
    environment,
    common: commonParts(
      {
        ...{ l2tp, ppp: config.ppp ?? {}, pathMtu: network.pathMtu, times },
        pathMtuDiscovery: network.pathMtuDiscovery,
        ...{ followPeers: network.followPeers, reorder: config.reorder },
      },
      environment,
      counters,
    ),
    ike: new IkeListeners(endpoint(config), new Map(listeners), spis),
    addresses,
    reserved: network.reserved ?? new Map(),
    prefixes,
    network: {
      ...{ localAddress: network.localAddress, dns: network.dns ?? [], nbns: network.nbns ?? [] },
      ...(prefixes === undefined ? {} : { localAddress6: prefixes.gatewayAddress }),
    },
    remoteAccess: rules,
    redirects,
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

/** @param children what remote access grants; absent: IKEv2 carries L2TP alone */
function endpointOf(
  { ike, ikeV2 }: IkeConfigs,
  children: ChildPolicy | undefined,
  { spis, redirects }: { readonly spis: ReadonlySet<number>; readonly redirects: Redirects },
  environment: StackEnvironment,
): IkeCore {
  const { crypto } = environment;
  const shared = { spiInUse: (spi: number) => spis.has(spi) };
  const redirect: RedirectRule = (newcomer) => ikeV2?.redirect?.(newcomer) ?? redirects.forNewcomer(newcomer);
  const own = children === undefined ? { children: acceptL2tpTransport } : { children, configures: true };
  return new IkeEndpoints({
    v1: ike && new IkeV1Endpoint({ config: { ...shared, ...ike }, crypto, environment }),
    v2: ikeV2 && new IkeV2Endpoint({ config: { ...ikeV2, redirect, ...shared, ...own }, crypto, environment }),
  });
}
