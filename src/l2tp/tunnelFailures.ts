/** Why tunnels end for reasons that no message of the peer gives. */

import type { Failure } from '../core/index.ts';
import type { Refusal } from './context.ts';
import { stopResultFor } from './resultCodes.ts';

export const NO_ANSWER: Failure = {
  code: 'no-answer',
  reason: 'The peer did not answer SCCRQ.',
  remedy: 'Check that an L2TP server listens on UDP port 1701 behind the IPsec SA.',
};

export const UNRESPONSIVE: Failure = {
  code: 'peer-unresponsive',
  reason: 'The peer acknowledged nothing in a whole retransmission cycle.',
};

export const RESTARTED: Failure = {
  code: 'peer-restarted',
  reason: 'The peer began a new tunnel under the id that it had given this one.',
};

export const TIE: Failure = {
  code: 'tie-breaker-equal',
  reason: 'Both ends asked for a tunnel at once with equal tie breakers.',
  remedy: 'Connect again.',
};

export const EMPTY: Failure = { code: 'tunnel-empty', reason: 'The tunnel has no session.' };

export const SHORT_REQUEST: Failure = {
  code: 'amplification',
  reason: 'No SCCRP fits into the length of the SCCRQ, and the path is not protected.',
};

const setupTimeout: Failure = { code: 'setup-timeout', reason: 'The tunnel was not established in time.' };
export const SETUP_TIMEOUT: Refusal = { result: stopResultFor(setupTimeout), failure: setupTimeout };
