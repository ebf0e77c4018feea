/** CERT and CERTREQ: which certificate of ours the peer can judge, and what it sent of its own. RFC 7296 §3.6, §3.7. */

import { sameBytes } from '../../../wire/index.ts';
import { sameIdentity } from '../../identity.ts';
import type { Identity } from '../../output.ts';
import type { Credential, SignatureScheme } from '../../signature.ts';
import type { Context } from '../context.ts';
import type { IkeSa } from '../ikeSa.ts';
import { CertEncoding, type CertReqPayload, type Payload } from '../payloads/index.ts';
import { chooseScheme } from '../signatureSchemes.ts';
import { all, type PayloadChain } from '../wire/index.ts';

/** Certificates of a peer that are looked at. */
const MAX_CERTIFICATES = 10;
const HASH_BYTES = 20;
/** Authorities that a peer may name. */
const MAX_AUTHORITIES = 256;

/** Names whom we trust. */
export function certificateRequest({ config: { trustAnchors } }: Context): readonly Payload[] {
  if (trustAnchors.length === 0) return [];
  const data = new Uint8Array(HASH_BYTES * trustAnchors.length);
  trustAnchors.forEach(({ keyHash }, i) => void data.set(keyHash.subarray(0, HASH_BYTES), i * HASH_BYTES));
  return [{ kind: 'CERTREQ', encoding: CertEncoding.X509_SIGNATURE, data }];
}

/** Whom the peer trusts; undefined where it does not say. */
export function authoritiesOf(requests: readonly CertReqPayload[]): readonly Uint8Array[] | undefined {
  const known = requests.filter(({ encoding }) => encoding === CertEncoding.X509_SIGNATURE);
  if (known.length === 0) return undefined;
  const hashes: Uint8Array[] = [];
  for (const { data } of known) {
    for (let at = 0; at + HASH_BYTES <= data.length && hashes.length < MAX_AUTHORITIES; at += HASH_BYTES) {
      hashes.push(data.slice(at, at + HASH_BYTES));
    }
  }
  return hashes;
}

export interface ChosenCredential {
  readonly credential: Credential;
  readonly scheme: SignatureScheme;
}

/**
 * The first of our certificates that the peer can verify, those first whose authority it trusts and whose holder it
 * asked for. A peer that names no authority of ours may still trust one.
 */
export function chooseCredential(
  context: Context,
  sa: IkeSa,
  wanted: Identity | undefined,
): ChosenCredential | undefined {
  const { peerHashes, peerAuthorities } = sa.opening ?? {};
  const rank = ({ authorities, identities }: Credential): number => {
    const trusted = authorities?.some((hash) => peerAuthorities?.some((theirs) => sameBytes(hash, theirs)));
    const named = wanted !== undefined && identities?.some((identity) => sameIdentity(identity, wanted));
    return (named ? 2 : 0) + (trusted ? 1 : 0);
  };
  const usable = context.config.credentials
    .map((credential) => ({ credential, scheme: chooseScheme(credential.key, peerHashes) }))
    .filter((choice): choice is ChosenCredential => choice.scheme !== undefined);
  return usable.reduce<ChosenCredential | undefined>(
    (best, choice) => (best === undefined || rank(choice.credential) > rank(best.credential) ? choice : best),
    undefined,
  );
}

export const certificatePayloads = ({ chain }: Credential): readonly Payload[] =>
  chain.map((data) => ({ kind: 'CERT', encoding: CertEncoding.X509_SIGNATURE, data }));

/** DER, the peer's own first. */
export const chainOf = (chain: Pick<PayloadChain, 'payloads'>): readonly Uint8Array[] =>
  all(chain, 'CERT')
    .filter(({ encoding }) => encoding === CertEncoding.X509_SIGNATURE)
    .slice(0, MAX_CERTIFICATES)
    .map(({ data }) => data.slice());
