/** Why negotiations fail, in words for people, and the notification that tells the peer. RFC 7296 §3.10.1. */

import type { Failure } from '../../core/index.ts';
import { Malformed, nameOf, printable } from '../../wire/index.ts';
import { identityText } from '../identity.ts';
import type { Identity } from '../output.ts';
import type { Context } from './context.ts';
import type { IkeSa } from './ikeSa.ts';
import { FIRST_STATUS_NOTIFY, type NotifyPayload, NotifyType } from './payloads/index.ts';
import { all, type PayloadChain } from './wire/index.ts';

/** A failure, and what the peer is told. */
export interface Refused {
  readonly failure: Failure;
  readonly notifyType: number;
  readonly data?: Uint8Array;
}

export const refused = (notifyType: number, failure: Failure, data?: Uint8Array): Refused => ({
  failure,
  notifyType,
  ...(data !== undefined && { data }),
});

/** The first notification of an error in a message. */
export const errorIn = (chain: Pick<PayloadChain, 'payloads'>): NotifyPayload | undefined =>
  all(chain, 'N').find(({ notifyType }) => notifyType < FIRST_STATUS_NOTIFY);

export const pskMismatch = (reason: string): Failure => ({
  code: 'psk-mismatch',
  reason,
  remedy: 'Enter the same pre-shared key on both sides; mind spaces at its ends and its case.',
});

export const noSecret = (identity: Identity, address: string): Failure => ({
  code: 'no-secret',
  reason: `no pre-shared key is configured for ${identityText(identity)} at ${address}`,
  remedy: 'Configure a pre-shared key for this identity or address, or a default one.',
});

export const malformed = (reason: string): Failure => ({ code: 'malformed', reason });

/** What was thrown while a message or an answer was worked on, deeper than its decoding. */
export const failureOfError = (error: unknown): Failure =>
  error instanceof Malformed
    ? malformed(`the peer sent a malformed message: ${error.message}`)
    : { code: 'internal-error', reason: error instanceof Error ? error.message : String(error) };

export const refusedKey: Failure = {
  code: 'invalid-key-exchange',
  reason: "the peer's public value is not a valid one of its key exchange method",
};

export const methodRefused = (method: string, accepted: readonly string[]): Failure => ({
  code: 'authentication-method-refused',
  reason: `the peer proves itself by ${method}; accepted are ${accepted.length === 0 ? 'none' : accepted.join(', ')}`,
  remedy: 'Let the peer authenticate in a way that this end accepts, or accept its way.',
});

export const noCredential: Failure = {
  code: 'no-credential',
  reason: 'no certificate of this end fits what the peer asks for and can verify',
  remedy: 'Configure a certificate from an authority that the peer trusts, with an RSA or ECDSA key.',
};

export const wrongIdentity = (expected: Identity, found: Identity): Failure => ({
  code: 'wrong-identity',
  reason: `the peer is ${identityText(found)}, expected was ${identityText(expected)}`,
  remedy: "Set the expected identity to what the peer's certificate or configuration says.",
});

/** What an initiator makes of silence in the phase it is in. */
export function unanswered(context: Context, sa: IkeSa): Failure {
  if (sa.hint !== undefined) return sa.hint;
  const where = `${sa.remote.address} port ${sa.remote.port}`;
  if (sa.phase === 'established') {
    return {
      code: 'peer-dead',
      reason: `${where} did not answer a request in ${Math.round(context.config.deadPeerDetection.timeout / 1000)} s`,
      remedy: 'Look for what interrupted the path to the peer.',
    };
  }
  if (sa.phase === 'authenticating') {
    return {
      code: 'peer-not-responding',
      reason: `${where} answered the first message and not the authentication`,
      remedy: 'Check that UDP port 4500 is open, and that large packets or fragments pass on the way.',
    };
  }
  return {
    code: 'peer-not-responding',
    reason: `${where} did not answer in ${context.config.retransmission.sends} tries`,
    remedy: 'Check the server address, and that UDP ports 500 and 4500 are open on the way to it.',
  };
}

/** What the peer's refusal means. @param during what was asked for */
export function failureFrom({ notifyType, data }: NotifyPayload, during: string, offered: readonly string[]): Failure {
  const name = nameOf(NotifyType, notifyType);
  switch (notifyType) {
    case NotifyType.NO_PROPOSAL_CHOSEN:
      return {
        code: 'no-proposal-chosen',
        reason: `${during}: the peer accepts none of what was offered: ${offered.join(', ')}`,
        remedy: 'Configure a proposal that the peer accepts; old peers need the profile legacy.',
      };
    case NotifyType.AUTHENTICATION_FAILED:
      return {
        code: 'authentication-failed',
        reason: `${during}: the peer did not accept our authentication`,
        remedy: 'Check identity, pre-shared key, password or certificate here, and the log of the peer.',
      };
    case NotifyType.TS_UNACCEPTABLE:
    case NotifyType.SINGLE_PAIR_REQUIRED:
    case NotifyType.INVALID_SELECTORS:
      return {
        code: 'invalid-selectors',
        reason: `${during}: the peer refused the traffic that was asked for (${name})`,
        remedy: 'Ask for the networks, the protocol and the mode that the peer has configured.',
      };
    case NotifyType.INTERNAL_ADDRESS_FAILURE:
    case NotifyType.FAILED_CP_REQUIRED:
      return {
        code: 'no-address',
        reason: `${during}: the peer gave no inner address (${name})`,
        remedy: 'Look into the address pool of the gateway, and let the client ask for an address.',
      };
  }
  const text = data.length > 0 ? ` (${printable(data)})` : '';
  return { code: 'peer-refused', reason: `${during}: the peer answered with ${name}${text}` };
}
