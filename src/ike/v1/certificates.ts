/** Which methods an end has certificates for, and what CERT and CERTREQ payloads say. RFC 2408 §3.9, §3.10, RFC 4754 §4, RFC 4945 §3. */

import type { Failure } from '../../core/index.ts';
import type { HashName } from '../../crypto/index.ts';
import { sameBytes } from '../../wire/index.ts';
import { all, type PayloadChain } from '../message.ts';
import type { Identity } from '../output.ts';
import { CertEncoding, type CertPayload, type CrPayload, NotifyType } from '../payloads/index.ts';
import type { AuthenticationMethod } from '../proposal.ts';
import type { Credential, SignatureScheme } from '../signature.ts';
import type { Context } from './context.ts';
import type { Agreement, IkeSa } from './ikeSa.ts';

/** How a method signs. `hash` replaces the negotiated one in HASH_I and HASH_R. RFC 2409 §5.1, RFC 4754 §4. */
interface SigningMethod {
  readonly method: AuthenticationMethod;
  readonly key: Credential['key'];
  readonly scheme: SignatureScheme;
  readonly hash?: HashName;
}

const SIGNING: readonly SigningMethod[] = [
  { method: 'ecdsa-256', key: 'ecdsa-p256', scheme: 'ecdsa-ikev1', hash: 'sha256' },
  { method: 'ecdsa-384', key: 'ecdsa-p384', scheme: 'ecdsa-ikev1', hash: 'sha384' },
  { method: 'ecdsa-521', key: 'ecdsa-p521', scheme: 'ecdsa-ikev1', hash: 'sha512' },
  { method: 'rsa-signatures', key: 'rsa', scheme: 'rsa-ikev1' },
];

/** Authorities that are named to a peer; where there are more, any will do. */
const MAX_REQUESTS = 8;
/** Certificates of a peer that are handed on. */
const MAX_CERTIFICATES = 10;

/**
 * The methods of phase 1 that this end can use, the preferred first: both ends sign with keys of one kind. What renews
 * an SA keeps to its method.
 */
export function methodsOf(
  { config }: Context,
  { renews }: Partial<Pick<IkeSa, 'renews'>> = {},
): AuthenticationMethod[] {
  const signing = config.credentials.flatMap(({ key }) => SIGNING.filter((row) => row.key === key));
  const methods = config.accept.flatMap((accepted): AuthenticationMethod[] =>
    accepted === 'pre-shared-key' ? ['pre-shared-key'] : signing.map(({ method }) => method),
  );
  const before = renews?.secured?.authentication;
  return before !== undefined && methods.includes(before) ? [before] : [...new Set(methods)];
}

export const NO_METHOD: Failure = {
  code: 'no-credential',
  reason: 'this end may authenticate by certificate alone and has none that IKEv1 can use',
  remedy: 'Configure a certificate with an RSA key or one of ECDSA P-256, P-384 or P-521, or allow a pre-shared key.',
};

export const isSigned = ({ authentication }: Pick<Agreement, 'authentication'>): boolean =>
  authentication !== 'pre-shared-key';

export const signingOf = ({ authentication }: Pick<Agreement, 'authentication'>): SigningMethod =>
  SIGNING.find(({ method }) => method === authentication)!;

/** The certificate of ours that signs by the agreed method: the first whose authority the peer asked for, else the first. */
export function credentialFor(
  { config }: Context,
  { peerAuthorities }: Pick<IkeSa, 'peerAuthorities'>,
  agreement: Pick<Agreement, 'authentication'>,
): Credential | undefined {
  const { key } = signingOf(agreement);
  const usable = config.credentials.filter((credential) => credential.key === key);
  const isAskedFor = ({ issuers = [] }: Credential) =>
    issuers.some((name) => peerAuthorities?.some((theirs) => sameBytes(name, theirs)));
  return usable.find(isAskedFor) ?? usable[0];
}

/** Who holds it, as every peer can check: the subject, or a name where there is none. */
export const holderOf = ({ identities = [] }: Credential): Identity | undefined =>
  identities.find(({ type }) => type === 'der-asn1-dn') ?? identities[0];

/** Keeps the names of the authorities of which the peer asks for a certificate. */
export function noteRequests(sa: IkeSa, chain: PayloadChain): void {
  const names = all(chain, 'CR')
    .filter(({ encoding, data }) => encoding === CertEncoding.X509_SIGNATURE && data.length > 0)
    .map(({ data }) => data.slice());
  if (names.length > 0) sa.peerAuthorities = [...(sa.peerAuthorities ?? []), ...names];
}

/** One CERT for each certificate, our own first. */
export const certificatePayloads = ({ chain }: Credential): CertPayload[] =>
  chain.map((data) => ({ kind: 'CERT', encoding: CertEncoding.X509_SIGNATURE, data }));

/** Names whom we trust; an empty name asks for a certificate of anybody. */
export function certificateRequests({ config }: Context): CrPayload[] {
  const { trustAnchors } = config;
  const few = trustAnchors.length <= MAX_REQUESTS ? trustAnchors.map(({ subject }) => subject) : [];
  const names = few.length === 0 ? [new Uint8Array(0)] : few;
  return names.map((data) => ({ kind: 'CR', encoding: CertEncoding.X509_SIGNATURE, data }));
}

/** The peer's certificates in the order in which they came, the one that signs first (RFC 4945 §3.3.6). */
export function certificatesOf(chain: PayloadChain): Uint8Array[] {
  return all(chain, 'CERT')
    .filter(({ encoding }) => encoding === CertEncoding.X509_SIGNATURE)
    .slice(0, MAX_CERTIFICATES)
    .map(({ data }) => data.slice());
}

/** What the peer is told of a certificate that does not pass. RFC 2408 §3.14.1. */
export function notifyFor({ code }: Failure): number {
  return NOTIFIES[code] ?? NotifyType.AUTHENTICATION_FAILED;
}

const NOTIFIES: Readonly<Record<string, number>> = {
  'certificate-unknown-ca': NotifyType.INVALID_CERT_AUTHORITY,
  'certificate-self-signed': NotifyType.INVALID_CERT_AUTHORITY,
  'certificate-malformed': NotifyType.INVALID_CERT_ENCODING,
  'certificate-missing': NotifyType.CERTIFICATE_UNAVAILABLE,
  'certificate-identity': NotifyType.INVALID_ID_INFORMATION,
  'certificate-expired': NotifyType.INVALID_CERTIFICATE,
  'certificate-not-yet-valid': NotifyType.INVALID_CERTIFICATE,
  'certificate-revoked': NotifyType.INVALID_CERTIFICATE,
  'certificate-wrong-use': NotifyType.INVALID_CERTIFICATE,
  'certificate-name-constraint': NotifyType.INVALID_CERTIFICATE,
  'certificate-weak': NotifyType.INVALID_CERTIFICATE,
  'certificate-invalid': NotifyType.INVALID_CERTIFICATE,
  'signature-mismatch': NotifyType.INVALID_SIGNATURE,
};
