/** A client from a configuration: the cores of every layer put together. */

import type { Endpoint, Instant } from '../core/index.ts';
import { type IkeV1Config, IkeV1Endpoint } from '../ike/v1/index.ts';
import type { L2tpSettings } from '../l2tp/index.ts';
import type { PppConfig } from '../ppp/index.ts';
import { commonParts } from '../session/commonParts.ts';
import type { ConnectionTimes } from '../session/connectionParts.ts';
import type { StackEnvironment } from '../session/environment.ts';
import { newSessionId } from '../session/sessionId.ts';
import { Client } from './client.ts';

export interface ClientConfig {
  /** Where the connection starts from: our address, and the port of IKE or (without IPsec) of L2TP. */
  readonly local: Endpoint;
  readonly remote: Endpoint;
  /** Absent: L2TP without IPsec. */
  readonly ike?: IkeV1Config;
  /** Our L2TP port inside IPsec; default 1701. */
  readonly l2tpPort?: number;
  readonly l2tp?: Partial<L2tpSettings>;
  readonly ppp: PppConfig;
  /** Bytes; default 1500. */
  readonly pathMtu?: number;
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
  const { local, remote, ike, l2tpPort = L2TP_PORT, ppp, pathMtu, times } = config;
  const l2tp = { ...L2TP, ...config.l2tp, role: 'lac' } as const;
  return new Client(
    {
      environment,
      id: newSessionId(environment),
      common: commonParts({ l2tp, ppp, pathMtu, times }, environment, counters),
      ike: ike === undefined ? undefined : new IkeV1Endpoint({ config: ike, crypto: environment.crypto, environment }),
      local,
      remote,
      l2tpPort,
      tunnelMode: false,
      eap: undefined,
    },
    now,
  );
}
