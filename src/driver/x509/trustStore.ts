/** Is a certificate to be trusted: the path to an authority, its purpose and its revocation, by OpenSSL. RFC 5280 §6, RFC 4945 §5. */

import type { Failure } from '../../core/index.ts';
import type { TrustAnchor } from '../../ike/signature.ts';
import { sameBytes } from '../../wire/index.ts';
import type { Address } from '../ffi.ts';
import { type Certificate, certificateText, decodeCertificate, describe } from './certificate.ts';
import { chainFailure, malformedCertificate, VerifyError, weakKey } from './chainFailure.ts';
import { libx509 } from './libx509.ts';
import { itemsOf, OpensslError, type Scope, withScope } from './scope.ts';

/** Certificates of a peer that are looked at. */
export const MAX_CHAIN_CERTIFICATES = 8;
/** Authorities between a certificate and its trust anchor. */
const MAX_DEPTH = 4;
const MAX_CRL_BYTES = 16 * 1024 * 1024;

/** Whether a certificate whose authority has no revocation list here passes. */
export type RevocationPolicy = 'when-known' | 'require';

export interface TrustFiles {
  /** DER certificates of authorities; also an intermediate one, or a peer's own certificate. */
  readonly anchors: readonly Uint8Array[];
  /** DER. */
  readonly crls: readonly Uint8Array[];
  readonly revocation: RevocationPolicy;
}

export interface ChainCheck {
  /** DER, the peer's own first, the others in any order. */
  readonly chain: readonly Uint8Array[];
  /** What the peer is to us. */
  readonly purpose: 'server' | 'client';
  /** Seconds since the Unix epoch. */
  readonly now: number;
}

/** The path that was found: the peer's certificate first, the trust anchor last. */
export type ChainVerdict =
  | { readonly ok: true; readonly path: readonly [Certificate, ...Certificate[]] }
  | { readonly ok: false; readonly failure: Failure };

/** Trust anchors and revocation lists, as OpenSSL holds them. Close it when it is replaced. */
export class TrustStore {
  readonly #files: TrustFiles;
  readonly #crlIssuers: readonly Uint8Array[];
  readonly anchors: readonly Certificate[];
  #store: Address;

  /** @throws OpensslError for bytes that are no certificate or no revocation list */
  constructor(files: TrustFiles) {
    this.#files = files;
    const { anchors, store, crlIssuers } = withScope((scope) => makeStore(scope, files));
    this.anchors = anchors;
    this.#store = store;
    this.#crlIssuers = crlIssuers;
  }

  /** What a CERTREQ says of us. */
  get trustAnchors(): readonly TrustAnchor[] {
    return this.anchors.map(({ subjectDer, keyHash }) => ({ subject: subjectDer, keyHash }));
  }

  /** Never throws for what the bytes are. */
  verifyChain(check: ChainCheck): ChainVerdict {
    if (this.#store === 0) throw new Error('the trust store is closed');
    try {
      return withScope((scope) => this.#verify(scope, check));
    } catch (error) {
      if (!(error instanceof OpensslError)) throw error;
      return refused(malformedCertificate("the peer's certificate", error.message));
    }
  }

  /** Whether there is a list of what this authority revoked. */
  hasCrlOf(issuerDer: Uint8Array): boolean {
    return this.#crlIssuers.some((issuer) => sameBytes(issuer, issuerDer));
  }

  /** The fault of one certificate under an anchor of this store, with regard to the list of its issuer. */
  revocationOf({ der }: Certificate, now: number): Failure | undefined {
    return withScope(
      (scope) => this.#walk(scope, decodeCertificate(scope, der), scope.stack([]), now, CRL_CHECK).failure,
    );
  }

  /** OpenSSL's own store, for what else it verifies. */
  get native(): Address {
    return this.#store;
  }

  close(): void {
    if (this.#store !== 0) libx509().X509_STORE_free(this.#store);
    this.#store = 0;
  }

  #verify(scope: Scope, { chain, purpose, now }: ChainCheck): ChainVerdict {
    if (chain.length === 0) return refused(NO_CERTIFICATE);
    if (chain.length > MAX_CHAIN_CERTIFICATES) return refused(tooMany(chain.length));
    const [leaf, ...others] = chain.map((der) => decodeCertificate(scope, der));
    const untrusted = scope.stack(others);
    const found = this.#path(scope, leaf!, untrusted, now);
    if (!found.ok) return found;
    const failure =
      weakness(found.path) ?? misuse(found.path, purpose) ?? this.#revoked(scope, found.path, untrusted, now);
    return failure === undefined ? found : refused(failure);
  }

  #path(scope: Scope, leaf: Address, untrusted: Address, now: number): ChainVerdict {
    const { lib } = scope;
    const { context, failure } = this.#walk(scope, leaf, untrusted, now, 0);
    if (failure !== undefined) return refused(failure);
    const path = itemsOf(lib, lib.X509_STORE_CTX_get0_chain(context)).map((one) => describe(scope, one));
    return { ok: true, path: [path[0]!, ...path.slice(1)] };
  }

  #listed(scope: Scope, { der }: Certificate, untrusted: Address, now: number): Failure | undefined {
    return this.#walk(scope, decodeCertificate(scope, der), untrusted, now, CRL_CHECK).failure;
  }

  #walk(scope: Scope, leaf: Address, untrusted: Address, now: number, flags: number) {
    const { lib } = scope;
    const context = scope.own(lib.X509_STORE_CTX_new(), 'X509_STORE_CTX_free', 'verify a certificate');
    scope.must(lib.X509_STORE_CTX_init(context, this.#store, leaf, untrusted), 'verify a certificate');
    const parameters = lib.X509_STORE_CTX_get0_param(context);
    lib.X509_VERIFY_PARAM_set_depth(parameters, MAX_DEPTH);
    lib.X509_VERIFY_PARAM_set_auth_level(parameters, AUTH_LEVEL_112_BITS);
    lib.X509_VERIFY_PARAM_set_time(parameters, Math.floor(now));
    scope.must(lib.X509_VERIFY_PARAM_set_flags(parameters, PARTIAL_CHAIN | flags), 'verify a certificate');
    if (lib.X509_verify_cert(context) === 1) return { context, failure: undefined };
    const at = lib.X509_STORE_CTX_get_current_cert(context);
    const certificate = describe(scope, at === 0 ? leaf : at);
    return { context, failure: chainFailure(lib.X509_STORE_CTX_get_error(context), certificate) };
  }

  /**
   * Each certificate below the anchor against the list of its own issuer. One by one, because OpenSSL's check of a whole
   * chain demands lists of all of them.
   */
  #revoked(scope: Scope, path: readonly Certificate[], untrusted: Address, now: number): Failure | undefined {
    for (const certificate of path.slice(0, -1)) {
      const known = this.hasCrlOf(certificate.issuerDer);
      if (!known && this.#files.revocation !== 'require') continue;
      if (!known) return chainFailure(VerifyError.UNABLE_TO_GET_CRL, certificate);
      const failure = this.#listed(scope, certificate, untrusted, now);
      if (failure !== undefined) return failure;
    }
    return undefined;
  }
}

/** X509_V_FLAG_… of openssl/x509_vfy.h: what is in the store is trusted even where it is no root. */
const PARTIAL_CHAIN = 0x80000;
const CRL_CHECK = 0x4;
/** RSA 2048, ECDSA P-224, SHA-224 and better. X509_VERIFY_PARAM_set_auth_level(3). */
const AUTH_LEVEL_112_BITS = 2;
const SMALLEST_RSA_BITS = 2048;
const SMALLEST_RSA_EXPONENT = 65_537n;
/** digitalSignature and nonRepudiation of RFC 5280 §4.2.1.3, as OpenSSL numbers the bits. RFC 4945 §5.1.3.2. */
const SIGNS = 0x80 | 0x40;

const ANY_USE = '2.5.29.37.0';
const IPSEC_IKE = '1.3.6.1.5.5.7.3.17';
const IKE_INTERMEDIATE = '1.3.6.1.5.5.8.2.2';
/** RFC 4945 §5.1.3.12, and what Windows and Apple ask of a server. */
const USES = {
  server: [ANY_USE, IPSEC_IKE, IKE_INTERMEDIATE, '1.3.6.1.5.5.7.3.1'],
  client: [ANY_USE, IPSEC_IKE, IKE_INTERMEDIATE, '1.3.6.1.5.5.7.3.2'],
} as const;

const refused = (failure: Failure) => ({ ok: false, failure }) as const;

const NO_CERTIFICATE: Failure = {
  code: 'certificate-missing',
  reason: 'the peer sent no certificate',
  remedy: 'Install a certificate with its private key at the peer, and let the peer send it always.',
};

const tooMany = (count: number): Failure => ({
  code: 'certificate-chain-too-long',
  reason: `the peer sent ${count} certificates, at most ${MAX_CHAIN_CERTIFICATES} are looked at`,
  remedy: 'Let the peer send its own certificate and the intermediate ones only.',
});

/** OpenSSL's level covers the lengths of keys, but no small exponents. */
function weakness(path: readonly Certificate[]): Failure | undefined {
  const weak = path.find(({ publicKey }) => isWeak(publicKey));
  return weak && weakKey(`the certificate ${certificateText(weak)}`);
}

export function isWeak({ asymmetricKeyType, asymmetricKeyDetails: details }: Certificate['publicKey']): boolean {
  if (asymmetricKeyType !== 'rsa' && asymmetricKeyType !== 'rsa-pss') return false;
  return (details?.modulusLength ?? 0) < SMALLEST_RSA_BITS || (details?.publicExponent ?? 0n) < SMALLEST_RSA_EXPONENT;
}

/** What a certificate, and the authorities that issued it, may be used for; a trust anchor for everything. */
function misuse(path: readonly Certificate[], purpose: 'server' | 'client'): Failure | undefined {
  const [leaf] = path;
  const below = path.length === 1 ? path : path.slice(0, -1);
  const wrong = below.find(({ extendedKeyUsage: uses }) => uses && !uses.some((use) => includes(USES[purpose], use)));
  if (wrong !== undefined) {
    const wanted = purpose === 'server' ? 'serverAuth (1.3.6.1.5.5.7.3.1)' : 'clientAuth (1.3.6.1.5.5.7.3.2)';
    return {
      code: 'certificate-wrong-use',
      reason: `the certificate ${certificateText(wrong)} is not for a ${purpose}: its extended key usage is ${wrong.extendedKeyUsage!.join(', ')}`,
      remedy: `Issue it with the extended key usage ${wanted}, or with none.`,
    };
  }
  if (leaf?.keyUsage === undefined || (leaf.keyUsage & SIGNS) !== 0) return undefined;
  return {
    code: 'certificate-wrong-use',
    reason: `the key of the certificate ${certificateText(leaf)} may not sign`,
    remedy: 'Issue it with the key usage digitalSignature.',
  };
}

const includes = (uses: readonly string[], use: string) => uses.includes(use);

function makeStore(scope: Scope, { anchors, crls }: TrustFiles) {
  const { lib } = scope;
  const store = scope.own(lib.X509_STORE_new(), 'X509_STORE_free', 'make a trust store');
  const described = anchors.map((der) => {
    const certificate = decodeCertificate(scope, der);
    scope.must(lib.X509_STORE_add_cert(store, certificate), 'trust a certificate');
    return describe(scope, certificate);
  });
  const crlIssuers = crls.map((der) => {
    const crl = decodeCrl(scope, der);
    scope.must(lib.X509_STORE_add_crl(store, crl), 'take a revocation list');
    return scope.encode('i2d_X509_NAME', lib.X509_CRL_get_issuer(crl), 'read the issuer of a revocation list');
  });
  scope.give(store);
  return { store, anchors: described, crlIssuers };
}

/** @throws OpensslError */
export function decodeCrl(scope: Scope, der: Uint8Array): Address {
  if (der.length > MAX_CRL_BYTES) throw new OpensslError('read a revocation list', 'it is too long');
  return scope.decode('d2i_X509_CRL', 'X509_CRL_free', der, 'read a revocation list');
}
