/** Ids of session records: short enough to be read out, hexadecimal. */

import type { Environment } from '../core/index.ts';

/** Enough that ids do not collide within any log that people keep. */
const SESSION_ID_BYTES = 5;

export function newSessionId(environment: Environment): string {
  let id = '';
  for (const byte of environment.random(SESSION_ID_BYTES)) id += byte.toString(16).padStart(2, '0');
  return id;
}
