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

const NOTHING: readonly L2tpOutput[] = [];

export class SocketContext {
  readonly config: L2tpConfig;
  readonly environment: L2tpEnvironment;
  /** Set where there is a shared secret. */
  readonly hiding: SendHiding | undefined;
  /** Only while there are some. */
  #outputs: L2tpOutput[] | undefined;
  #callSerialNumber: number;

  constructor(config: L2tpConfig, environment: L2tpEnvironment) {
    const { secret } = config;
    const { crypto } = environment;
    this.config = config;
    this.environment = environment;
    this.hiding = secret && { crypto, secret, random: (length) => environment.random(length) };
    // Numbers of this life should not meet those of the last one.
    this.#callSerialNumber = environment.random(2).reduce((number, octet) => (number << 8) | octet, 0) * 0x1_0000;
  }

  emit(output: L2tpOutput): void {
    this.#outputs ??= [];
    this.#outputs.push(output);
  }

  /** What was emitted since the last time. */
  take(): readonly L2tpOutput[] {
    const outputs = this.#outputs;
    this.#outputs = undefined;
    return outputs ?? NOTHING;
  }

  nextCallSerialNumber(): number {
    this.#callSerialNumber = (this.#callSerialNumber + 1) >>> 0;
    return this.#callSerialNumber;
  }
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
