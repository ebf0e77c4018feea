/** Answers what the IKE cores ask: our credentials sign, and a peer's chain, signature and identity are judged. */

import type { Failure } from '../../core/index.ts';
import type { SignAsk, VerifyAsk } from '../../ike/output.ts';
import { certificateText } from './certificate.ts';
import type { LoadedCredential } from './certificateFiles.ts';
import { identityFailure } from './identityMatch.ts';
import { fits, signOctets, verifyOctets } from './signatures.ts';
import type { ChainVerdict, TrustStore } from './trustStore.ts';

export interface JudgeRules {
  readonly trust: TrustStore;
  /** Takes the common name where a certificate has no alternative names at all. */
  readonly commonName: boolean;
  /** Seconds since the Unix epoch. */
  readonly now: number;
}

/** Undefined in `failure`: the peer is who it says. `path` is there for questions to others about it. */
export interface Judgement {
  readonly failure: Failure | undefined;
  readonly path: Extract<ChainVerdict, { ok: true }>['path'] | undefined;
}

/** Never throws for what the peer sent. */
export function judge(ask: VerifyAsk, { trust, commonName, now }: JudgeRules): Judgement {
  const verdict = trust.verifyChain({ chain: ask.chain, purpose: ask.purpose, now });
  if (!verdict.ok) return { failure: verdict.failure, path: undefined };
  const { path } = verdict;
  const [own] = path;
  if (!verifyOctets(own.publicKey, ask.scheme, ask.octets, ask.signature)) {
    const failure: Failure = {
      code: 'signature-mismatch',
      reason: `the signature was not made with the key of the certificate ${certificateText(own)}`,
      remedy: 'Let the peer use the private key that belongs to its certificate.',
    };
    return { failure, path };
  }
  const failure =
    identityFailure(own, ask.identity, commonName) ??
    (ask.expected === undefined ? undefined : identityFailure(own, ask.expected, commonName));
  return { failure, path };
}

/** @returns a failure for a credential that is not there (any more) or that cannot sign so */
export function signWith(credentials: readonly LoadedCredential[], ask: SignAsk): Uint8Array | Failure {
  const found = credentials.find(({ credential }) => credential.name === ask.credential);
  if (found === undefined || !fits(found.key, ask.scheme)) {
    return {
      code: 'no-credential',
      reason: `there is no certificate '${ask.credential}' that signs by ${ask.scheme}`,
      remedy: 'Check the section `certificates` of the configuration.',
    };
  }
  return signOctets(found.key, ask.scheme, ask.octets);
}
