/** A client from a configuration: the cores of every layer put together. */

import type { Endpoint, Instant } from '../core/index.ts';
import type { EapPeerConfig } from '../eap/index.ts';
import { type IkeV1Config, IkeV1Endpoint } from '../ike/v1/index.ts';
import { type IkeV2Config, IkeV2Endpoint } from '../ike/v2/index.ts';
import type { L2tpSettings } from '../l2tp/index.ts';
import type { PppConfig } from '../ppp/index.ts';
import { commonParts } from '../session/commonParts.ts';
import type { ConnectionTimes, IkeCore } from '../session/connectionParts.ts';
import type { StackEnvironment } from '../session/environment.ts';
import { newSessionId } from '../session/sessionId.ts';
import { Client } from './client.ts';

export interface ClientConfig {
  /** Where the connection starts from: our address, and the port of IKE or (without IPsec) of L2TP. */
  readonly local: Endpoint;
  readonly remote: Endpoint;
  /** IKEv1. Without it and without `ikeV2`: L2TP without IPsec. */
  readonly ike?: IkeV1Config;
  /** IKEv2 instead. */
  readonly ikeV2?: IkeV2Config;
  /** `native`: IKEv2's own remote access in tunnel mode, without L2TP and PPP. Default `l2tp`. */
  readonly tunnel?: 'l2tp' | 'native';
  /** Address families that are asked for in a native tunnel. Default: both. */
  readonly families?: { readonly ipv4: boolean; readonly ipv6: boolean };
  /** How we log in where an IKEv2 server asks for EAP (`initiate.authenticate` is `eap`). */
  readonly eap?: EapPeerConfig;
  /** Our L2TP port inside IPsec; default 1701. */
  readonly l2tpPort?: number;
  readonly l2tp?: Partial<L2tpSettings>;
  readonly ppp: PppConfig;
  /** Bytes; default 1500. */
  readonly pathMtu?: number;
  /** Whether the path is asked what it carries; needs a data plane that can set DF. Default: false. */
  readonly pathMtuDiscovery?: boolean;
  readonly times?: Partial<ConnectionTimes>;
}

const L2TP_PORT = 1701;
/**
 * A Linux server installs its ESP SAs some milliseconds after Quick Mode message 3 and drops what comes before, which
 * is our SCCRQ: ask again soon, and as often as makes up the usual half minute.
 */
const L2TP = { hostName: 'sallyport-client', retransmitAfter: 300, maximumRetransmissions: 7 } as const;

/** @param counters the data plane's shared counters */
export function makeClient(
  config: ClientConfig,
  environment: StackEnvironment,
  counters: Float64Array,
  now: Instant,
): Client {
  const { local, remote, l2tpPort = L2TP_PORT, ppp, pathMtu, pathMtuDiscovery, times, tunnel, eap } = config;
  const l2tp = { ...L2TP, ...config.l2tp, role: 'lac' } as const;
  return new Client(
    {
      environment,
      id: newSessionId(environment),
      common: commonParts({ l2tp, ppp, pathMtu, pathMtuDiscovery, times }, environment, counters),
      ike: ikeCore(config, environment),
      local,
      remote,
      l2tpPort,
      tunnelMode: tunnel === 'native',
      eap,
    },
    now,
  );
}

/** @throws RangeError for a native tunnel without IKEv2 */
function ikeCore({ ike, ikeV2, tunnel, families }: ClientConfig, environment: StackEnvironment): IkeCore | undefined {
  const { crypto } = environment;
  const { ipv4 = true, ipv6 = true } = families ?? {};
  if (ikeV2 !== undefined) {
    const native = { mode: 'tunnel', wantsIpv4: ipv4, wantsIpv6: ipv6 } as const;
    const initiate = { ...ikeV2.initiate, ...(tunnel === 'native' ? native : { mode: 'transport' as const }) };
    return new IkeV2Endpoint({ config: { ...ikeV2, initiate }, crypto, environment });
  }
  if (tunnel === 'native') throw new RangeError('a native tunnel is made by IKEv2');
  return ike === undefined ? undefined : new IkeV1Endpoint({ config: ike, crypto, environment });
}
