/** AUTH payloads: how this end proves itself, and whether the peer has. RFC 7296 §2.15 and §2.16, RFC 7427, RFC 8784. */

import type { Failure, Instant } from '../../../core/index.ts';
import { nameOf } from '../../../wire/index.ts';
import type { Identity } from '../../output.ts';
import type { AuthenticationMethod } from '../../signature.ts';
import type { Association } from '../association.ts';
import { resumedAuth, sharedKeyAuth, signedOctets } from '../authentication.ts';
import { isFailure } from '../childPolicy.ts';
import type { Context } from '../context.ts';
import { methodRefused, noSecret, pskMismatch } from '../failures.ts';
import type { IkeSa } from '../ikeSa.ts';
import type { IkeKeys } from '../keys.ts';
import { AuthMethod, type AuthPayload } from '../payloads/index.ts';
import { readSignature, signatureAuthPayload } from '../signatureSchemes.ts';
import type { ChosenCredential } from './certificates.ts';
import { PPK_MISMATCH } from './postquantum.ts';

type Side = 'initiator' | 'responder';

/** What one side's AUTH is made of. */
export interface Signed {
  readonly side: Side;
  /** Body of its ID payload. */
  readonly idBody: Uint8Array;
  /** Those of the IKE SA, with the post-quantum key mixed in where there is one. */
  readonly keys: IkeKeys;
}

/** How this end proves itself. */
export type Proof =
  | { readonly method: 'pre-shared-key'; readonly secret: Uint8Array }
  | ({ readonly method: 'signature' } & ChosenCredential)
  /** `msk` is absent where EAP made none: SK_p takes its place. */
  | { readonly method: 'eap'; readonly msk: Uint8Array | undefined }
  /** A resumed session. RFC 5723. */
  | { readonly method: 'resumption' };

/** The octets that a side's AUTH covers. */
function octetsOf(context: Context, { sa }: Association, { side, idBody, keys }: Signed): Uint8Array {
  const opening = sa.opening!;
  const initiator = side === 'initiator';
  const { initiator: intI, responder: intR } = opening.intermediate;
  const further = intI === undefined || intR === undefined ? undefined : { initiator: intI, responder: intR };
  return signedOctets(context.crypto, {
    prf: keys.prf,
    message: initiator ? opening.message1 : opening.message2,
    otherNonce: initiator ? opening.responderNonce : opening.initiatorNonce,
    idBody,
    skP: initiator ? keys.skPi : keys.skPr,
    ...(further !== undefined && { intermediate: { ...further, messageId: opening.authMessageId ?? 1 } }),
  });
}

/** Makes our AUTH payload; a signature takes its time. */
export function makeAuth(
  context: Context,
  association: Association,
  signed: Signed,
  proof: Proof,
  now: Instant,
  then: (auth: AuthPayload | Failure, now: Instant) => void,
) {
  const octets = octetsOf(context, association, signed);
  const { keys } = signed;
  const skP = signed.side === 'initiator' ? keys.skPi : keys.skPr;
  const shared = (data: Uint8Array): AuthPayload => ({ kind: 'AUTH', method: AuthMethod.SHARED_KEY, data });
  switch (proof.method) {
    case 'pre-shared-key':
      return then(shared(sharedKeyAuth(context.crypto, keys.prf, proof.secret, octets)), now);
    case 'eap':
      return then(shared(sharedKeyAuth(context.crypto, keys.prf, proof.msk ?? skP, octets)), now);
    case 'resumption':
      return then(shared(resumedAuth(context.crypto, keys.prf, skP, octets)), now);
    case 'signature': {
      const { credential, scheme } = proof;
      const ask = { kind: 'sign', credential: credential.name, scheme, octets } as const;
      context.ask(association.sa, { type: 'askSignature', ask }, ({ signature }, later) =>
        then(isFailure(signature) ? signature : signatureAuthPayload(scheme, signature), later),
      );
    }
  }
}

/** What the peer's AUTH is judged by. */
export interface Expectation {
  readonly localIdentity: Identity;
  readonly remoteIdentity: Identity;
  readonly auth: AuthPayload;
  /** DER, its own first. */
  readonly chain: readonly Uint8Array[];
  /** What EAP came to, where it is EAP that is proved now. */
  readonly eap?: { readonly msk: Uint8Array | undefined };
  readonly resumed?: boolean;
  /** Methods that are taken. */
  readonly accept: readonly string[];
}

/** Judges the peer's AUTH payload. `then` gets its method, or why it is not believed. */
export function checkAuth(
  context: Context,
  association: Association,
  signed: Signed,
  expected: Expectation,
  now: Instant,
  then: (result: AuthenticationMethod | Failure, now: Instant) => void,
): void {
  const run = association.sa.auth;
  const without = run?.withoutPostquantumKey;
  if (run === undefined || without === undefined) {
    check(context, association, signed, expected, now, then);
    return;
  }
  run.withoutPostquantumKey = undefined;
  check(context, association, signed, expected, now, (result, later) => {
    if (!isFailure(result)) {
      then(result, later);
      return;
    }
    const [signedWithout, other] = [
      { ...signed, keys: without.keys },
      { ...expected, auth: without.auth },
    ];
    check(context, association, signedWithout, other, later, (second, last) =>
      then(isFailure(second) ? result : PPK_MISMATCH, last),
    );
  });
}

function check(
  context: Context,
  association: Association,
  signed: Signed,
  expected: Expectation,
  now: Instant,
  then: (result: AuthenticationMethod | Failure, now: Instant) => void,
): void {
  const octets = octetsOf(context, association, signed);
  const { crypto } = context;
  const { keys } = signed;
  const { auth, eap } = expected;
  const skP = signed.side === 'initiator' ? keys.skPi : keys.skPr;
  if (eap !== undefined || expected.resumed) {
    const wanted = expected.resumed
      ? resumedAuth(crypto, keys.prf, skP, octets)
      : sharedKeyAuth(crypto, keys.prf, eap?.msk ?? skP, octets);
    const right = auth.method === AuthMethod.SHARED_KEY && crypto.equal(auth.data, wanted);
    then(right ? 'eap' : WRONG_KEY, now);
    return;
  }
  if (auth.method === AuthMethod.SHARED_KEY) {
    then(checkPreSharedKey(context, association.sa, keys, expected, octets), now);
    return;
  }
  const read = readSignature(auth);
  if (read === undefined || !expected.accept.includes('signature')) {
    then(methodRefused(nameOf(AuthMethod, auth.method), expected.accept), now);
    return;
  }
  if (expected.chain.length === 0) {
    then(NO_CERTIFICATE, now);
    return;
  }
  const { scheme, signature } = read;
  const purpose = signed.side === 'initiator' ? 'client' : 'server';
  const identity = expected.remoteIdentity;
  const ask = {
    kind: 'verify',
    chain: expected.chain,
    identity,
    scheme,
    octets,
    signature: signature.slice(),
    purpose,
  } as const;
  context.ask(association.sa, { type: 'askSignature', ask }, ({ failure }, later) =>
    then(failure ?? 'signature', later),
  );
}

function checkPreSharedKey(
  context: Context,
  sa: IkeSa,
  keys: IkeKeys,
  { localIdentity, remoteIdentity, auth, accept }: Expectation,
  octets: Uint8Array,
): AuthenticationMethod | Failure {
  if (!accept.includes('pre-shared-key')) return methodRefused('pre-shared key', accept);
  const secret = secretFor(context, sa, localIdentity, remoteIdentity);
  if (secret === undefined) return noSecret(remoteIdentity, sa.remote.address);
  const wanted = sharedKeyAuth(context.crypto, keys.prf, secret, octets);
  if (context.crypto.equal(auth.data, wanted)) return 'pre-shared-key';
  return pskMismatch('the pre-shared key of the peer is another one than ours');
}

export const secretFor = (context: Context, sa: IkeSa, localIdentity: Identity, remoteIdentity: Identity | undefined) =>
  context.config.secrets?.secretFor({
    localIdentity,
    ...(remoteIdentity !== undefined && { remoteIdentity }),
    remoteAddress: sa.remote.address,
  });

const WRONG_KEY: Failure = {
  code: 'authentication-failed',
  reason: 'the peer does not hold the key that its authentication made',
};

const NO_CERTIFICATE: Failure = {
  code: 'no-certificate',
  reason: 'the peer signs and sent no certificate',
  remedy: 'Let the peer send its certificate always (strongSwan: send_cert = always).',
};
