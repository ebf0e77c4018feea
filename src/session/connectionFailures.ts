/** Why a connection ends, as far as it decides that itself. */

import type { Failure } from '../core/index.ts';

export const EXHAUSTED: Failure = {
  code: 'sequence-exhausted',
  reason: 'The ESP SA has used all its sequence numbers and nobody renewed it.',
};
export const USED_UP: Failure = {
  code: 'lifetime-expired',
  reason: 'The ESP SA has carried all the bytes that were agreed on and nobody renewed it.',
};

export const NO_CHILD: Failure = {
  code: 'no-child-sa',
  reason: 'The peer authenticated and no ESP SA was set up.',
  remedy: 'Look in the log for why the child SA was refused, or let the peer ask for one.',
};

/** The last ESP SA is gone and no other has taken its place. */
export const noneSince = ({ code, reason, ...more }: Failure): Failure => ({
  code,
  reason: `${reason.replace(/\.$/, '')}, and no other ESP SA took its place.`,
  ...more,
});

/** A server that is asked for a child SA for as long as it takes one away again would be asked for ever. */
export const DELETED_EACH: Failure = {
  code: 'child-sas-deleted',
  reason: 'The server deleted each ESP SA within seconds, five times in a row.',
  remedy: 'Look in the log of the server for why: a limit, a policy, or traffic selectors that it does not want.',
};

export const UNHEARD: Failure = { code: 'close-timeout', reason: 'The peer did not acknowledge the end in time.' };

export const NO_L2TP =
  'IPsec is up but the peer sent no L2TP: usually a firewall or another program holds UDP 1701 at the peer, or its L2TP client did not start.';

export const L2TP_TIMEOUT: Failure = {
  code: 'l2tp-timeout',
  reason: 'No L2TP tunnel was set up in time.',
  remedy: NO_L2TP,
};
export const PPP_TIMEOUT: Failure = { code: 'ppp-timeout', reason: 'PPP did not come up in time.' };
export const NO_SESSION: Failure = { code: 'no-session', reason: 'The tunnel carried no session any more.' };
