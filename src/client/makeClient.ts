/** A client from a configuration: the cores of every layer put together. */

import type { Endpoint, Environment, Instant } from '../core/index.ts';
import type { Crypto } from '../crypto/index.ts';
import { type IkeV1Config, IkeV1Endpoint } from '../ike/v1/index.ts';
import { type L2tpSettings, L2tpSocket } from '../l2tp/index.ts';
import { type PppConfig, PppLink } from '../ppp/index.ts';
import { CONNECTION_TIMES, type ConnectionTimes } from '../session/connectionParts.ts';
import { encodeFrame } from '../session/encodeFrame.ts';
import { DEFAULT_PATH_MTU, planPath } from '../session/planPath.ts';
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

export interface ClientEnvironment extends Environment {
  readonly crypto: Crypto;
  /** Seconds since the Unix epoch. */
  unixTime(): number;
}

const L2TP_PORT = 1701;
/**
 * A Linux server installs its ESP SAs some milliseconds after Quick Mode message 3 and drops what comes before, which
 * is our SCCRQ: ask again soon, and as often as makes up the usual half minute.
 */
const L2TP = { hostName: 'sallyport-client', retransmitAfter: 300, maximumRetransmissions: 7 } as const;
const SESSION_ID_BYTES = 5;

/** @param counters the data plane's shared counters */
export function makeClient(
  config: ClientConfig,
  environment: ClientEnvironment,
  counters: Float64Array,
  now: Instant,
): Client {
  let id = '';
  for (const byte of environment.random(SESSION_ID_BYTES)) id += byte.toString(16).padStart(2, '0');
  return new Client(
    {
      environment,
      counters,
      id,
      times: { ...CONNECTION_TIMES, ...config.times },
      ike:
        config.ike === undefined
          ? undefined
          : new IkeV1Endpoint({ config: config.ike, crypto: environment.crypto, environment }),
      local: config.local,
      remote: config.remote,
      l2tpPort: config.l2tpPort ?? L2TP_PORT,
      makeL2tp: (protectedPath) => new L2tpSocket({ ...L2TP, ...config.l2tp, role: 'lac', protectedPath }, environment),
      makePpp: () => new PppLink(config.ppp, environment),
      planPath: (path) => planPath(config.pathMtu ?? DEFAULT_PATH_MTU, path),
      encodeFrame,
    },
    now,
  );
}
