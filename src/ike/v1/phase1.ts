/** What Main Mode and Aggressive Mode have in common: agreement, secrets, failure. RFC 2409 §5. */

import type { Failure, Instant } from '../../core/index.ts';
import { printable, toHex } from '../../wire/index.ts';
import { type ChosenIke, type Mismatch, mismatchText } from '../choose.ts';
import { parseIdentity } from '../identity.ts';
import { milestone } from '../milestone.ts';
import type { Identity } from '../output.ts';
import { type NotifyPayload, NotifyType } from '../payloads/index.ts';
import { ikeProposalText } from '../proposal.ts';
import type { Context } from './context.ts';
import type { Agreement, Exchanged, IkeSa } from './ikeSa.ts';
import { derivePhase1Keys, type Phase1Keys, skeyidForPreSharedKey, skeyidForSignatures } from './keys.ts';

/** Secrets that are tried, at most, on a message 5 that the address's secret does not open. */
export const MAX_SECRET_CANDIDATES = 256;

export const NONCE_BYTES = 32;
/** RFC 2409 §5. */
const SHORTEST_NONCE_BYTES = 8;
const LONGEST_NONCE_BYTES = 256;

export const isNonceLength = ({ length }: Uint8Array): boolean =>
  length >= SHORTEST_NONCE_BYTES && length <= LONGEST_NONCE_BYTES;

export function localIdentity(context: Context, sa: IkeSa): Identity {
  return context.config.localIdentity ?? parseIdentity(sa.local.address);
}

export function agreementOf(context: Context, sa: IkeSa, chosen: ChosenIke, saBody: Uint8Array): Agreement {
  milestone(context, sa, 'ike proposal agreed', chosen.text);
  const { proposal, authentication, lifetimeSeconds, shortened } = chosen;
  return { proposal, authentication, lifetimeSeconds, shortened, saBody };
}

export function noProposalChosen(mismatch: Mismatch, role: 'initiator' | 'responder'): Failure {
  const remedy =
    mismatch.authentication !== undefined
      ? 'Let both ends use a pre-shared key, or both certificates with keys of the same kind (RSA, or ECDSA on one curve).'
      : mismatch.profile === undefined
        ? 'Let both ends have one combination of encryption, hash and group in common.'
        : `Use the profile '${mismatch.profile}' for this ${role === 'initiator' ? 'server' : 'listener'}, or modernise the peer.`;
  return { code: 'no-proposal-chosen', reason: mismatchText(mismatch), remedy };
}

export function pskMismatch(reason: string): Failure {
  return {
    code: 'psk-mismatch',
    reason,
    remedy: 'Enter the same pre-shared key on both sides; mind spaces at its ends and its case.',
  };
}

export const noSecret = (sa: IkeSa): Failure => ({
  code: 'no-secret',
  reason: `no pre-shared key is configured for ${sa.remote.address}`,
  remedy: 'Configure a pre-shared key for this address or a default one.',
});

export const refusedKey: Failure = {
  code: 'invalid-key-exchange',
  reason: "the peer's Diffie-Hellman value is not a valid one of its group",
};

/** SKEYID and all that follows from it, where both ends sign. */
export function keysForSignatures(context: Context, exchanged: Exchanged, sharedSecret: Uint8Array): Phase1Keys {
  const { proposal, nonces, transcript } = exchanged;
  const { encryption, keyBits, hash } = proposal;
  const skeyid = skeyidForSignatures(context.crypto, hash, nonces, sharedSecret);
  const { cookies, publicValues } = transcript;
  return derivePhase1Keys(context.crypto, { encryption, keyBits, hash, skeyid, sharedSecret, cookies, publicValues });
}

/** SKEYID and all that follows from it, for one pre-shared key. */
export function keysFor(
  context: Context,
  exchanged: Exchanged,
  sharedSecret: Uint8Array,
  preSharedKey: Uint8Array,
): Phase1Keys {
  const { proposal, nonces, transcript } = exchanged;
  const { encryption, keyBits, hash } = proposal;
  const skeyid = skeyidForPreSharedKey(context.crypto, hash, preSharedKey, nonces);
  const { cookies, publicValues } = transcript;
  return derivePhase1Keys(context.crypto, { encryption, keyBits, hash, skeyid, sharedSecret, cookies, publicValues });
}

/** The secrets to try on a peer whose identity is not known yet: its address's first, then all, up to a bound. */
export function* candidateSecrets(context: Context, sa: IkeSa): Generator<Uint8Array> {
  const { secrets } = context.config;
  const first = secrets.secretFor({ localIdentity: localIdentity(context, sa), remoteAddress: sa.remote.address });
  if (first !== undefined) yield first;
  let tried = 0;
  for (const secret of secrets.all?.() ?? []) {
    if (tried++ === MAX_SECRET_CANDIDATES) return;
    if (first === undefined || !context.crypto.equal(first, secret)) yield secret;
  }
}

/** Whether `secret` is the one that this identity must use: an own secret of an identity bars the default one. */
export function isSecretOf(context: Context, sa: IkeSa, identity: Identity, secret: Uint8Array): boolean {
  const own = context.config.secrets.secretFor({
    localIdentity: localIdentity(context, sa),
    remoteIdentity: identity,
    remoteAddress: sa.remote.address,
  });
  return own !== undefined && context.crypto.equal(own, secret);
}

/** Says that keys stand, and gives them to Wireshark where the owner asked for that. */
export function keysAgreed(context: Context, sa: IkeSa, exchanged: Exchanged, keys: Phase1Keys): void {
  milestone(context, sa, 'ike keys agreed', ikeProposalText(exchanged.proposal));
  if (!context.config.keyLog) return;
  const line = `${toHex(sa.initiatorCookie)},${toHex(keys.cipher.key)}`;
  context.emit({ type: 'keyLog', table: 'ikev1_decryption_table', line });
}

/** What an initiator makes of silence in the state it is in. */
export function unanswered(context: Context, sa: IkeSa): Failure {
  if (sa.hint !== undefined) return sa.hint;
  const where = `${sa.remote.address} port ${sa.remote.port}`;
  if (sa.state.name === 'authSent' && sa.state.exchanged.authentication !== 'pre-shared-key') {
    return certificateRefused(`${where} fell silent when it got our certificate`);
  }
  if (sa.state.name === 'authSent') {
    return pskMismatch(`${where} fell silent at the first encrypted message, as peers do whose pre-shared key differs`);
  }
  const reason = `${where} did not answer in ${context.config.retransmission.sends} tries`;
  if (sa.renews !== undefined) return { code: 'peer-not-responding', reason: `${reason} to renew the IKE SA` };
  return {
    code: 'peer-not-responding',
    reason,
    remedy: 'Check the server address, and that UDP ports 500 and 4500 are open on the way to it.',
  };
}

/** Why the peer says it ends, from a notification that nobody has authenticated. */
export function hintFrom(context: Context, sa: IkeSa, notify: NotifyPayload, name: string): Failure {
  const { notifyType } = notify;
  if (notifyType === NotifyType.NO_PROPOSAL_CHOSEN) {
    const offered = context.config.profile.offer.ike.proposals.map(ikeProposalText).join(', ');
    return {
      code: 'no-proposal-chosen',
      reason: `the peer accepts none of what was offered: ${offered}`,
      remedy: 'Configure a proposal that the server accepts; old servers need the profile legacy.',
    };
  }
  if (sa.state.name === 'authSent' && sa.state.exchanged.authentication !== 'pre-shared-key') {
    return certificateRefused(`the peer answered our certificate with ${name}`);
  }
  if (sa.state.name === 'authSent' && PSK_NOTIFIES.includes(notifyType)) {
    return pskMismatch(`the peer answered the first encrypted message with ${name}`);
  }
  const text = notify.data.length > 0 ? ` (${printable(notify.data)})` : '';
  return { code: 'peer-refused', reason: `the peer answered with ${name}${text}` };
}

const certificateRefused = (reason: string): Failure => ({
  code: 'certificate-refused',
  reason,
  remedy: 'See the log of the peer: it must trust the authority of our certificate, and our identity must be in it.',
});

const PSK_NOTIFIES: readonly number[] = [
  NotifyType.PAYLOAD_MALFORMED,
  NotifyType.INVALID_HASH_INFORMATION,
  NotifyType.AUTHENTICATION_FAILED,
  NotifyType.INVALID_KEY_INFORMATION,
  NotifyType.INVALID_PAYLOAD_TYPE,
];

/** The message that was awaited has come. */
export function settled(sa: IkeSa): void {
  sa.outstanding = undefined;
  sa.hint = undefined;
  sa.timers.clear('retransmit');
}

/** Arms what ends a responder's exchange that is never finished. */
export function armHalfOpen(context: Context, sa: IkeSa, now: Instant): void {
  sa.timers.set('halfOpen', now + context.config.halfOpenTimeout);
}
