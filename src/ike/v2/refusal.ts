/** Why a message is ignored. */

export type Refusal = { readonly code: string; readonly reason: string } | undefined;

export const outOfState = (reason: string): Refusal => ({ code: 'out-of-state', reason });
export const duplicate: Refusal = { code: 'duplicate', reason: 'the message has been acted on' };
export const busy: Refusal = { code: 'busy', reason: 'the request is being worked on' };
