/** What the parts of one L2TP socket share. */

import type { Environment, Failure } from '../core/index.ts';
import type { Crypto } from '../crypto/index.ts';
import type { ResultCode } from './avps.ts';
import type { L2tpConfig } from './config.ts';
import type { SendHiding } from './messages.ts';
import type { L2tpOutput } from './output.ts';

/** What a socket is handed: randomness and MD5. */
export interface L2tpEnvironment extends Environment {
  readonly crypto: Crypto;
}

export interface SocketContext {
  readonly config: L2tpConfig;
  readonly environment: L2tpEnvironment;
  /** Set where there is a shared secret. */
  readonly hiding: SendHiding | undefined;
  emit(output: L2tpOutput): void;
  nextCallSerialNumber(): number;
}

/** Why a request or reply cannot be accepted: for the peer and for the owner. */
export interface Refusal {
  readonly result: ResultCode;
  readonly failure: Failure;
}

/** An unpredictable 16-bit id that is not 0 and not in use. The caller bounds the number of ids below 65535. */
export function freshId(environment: Environment, inUse: (id: number) => boolean): number {
  const [high, low] = environment.random(2);
  let id = (high! << 8) | low! || 1;
  while (inUse(id)) id = (id % 0xffff) + 1;
  return id;
}
