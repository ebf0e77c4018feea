/**
 * Certificates of a running gateway or client: loaded from files and loaded again when these change, asked to sign and to
 * judge by the IKE cores, and watched for their end.
 */

import type { Failure } from '../core/index.ts';
import { unavailableReason } from '../driver/ffi.ts';
import { StartError } from '../driver/openPorts.ts';
import {
  authoritiesAbove,
  type Certificate,
  type ChainVerdict,
  type CredentialFiles,
  certificatePem,
  certificateText,
  judge,
  type LoadedCredential,
  loadCertificates,
  loadCredential,
  loadCrls,
  OpensslError,
  RevocationFetcher,
  type RevocationPolicy,
  readCertificate,
  signWith,
  TrustStore,
  versionOf,
} from '../driver/x509/index.ts';
import type { Identity, SignatureAnswer, SignatureAsk } from '../ike/output.ts';
import type { Credential, TrustAnchor } from '../ike/signature.ts';
import { failureText } from '../session/log.ts';
import { toHex } from '../wire/index.ts';
import type { Log } from './logger.ts';

/** Paths are whole; passwords are read. */
export interface CertificateSources {
  readonly credentials: readonly Omit<CredentialFiles, 'warn'>[];
  readonly ca: readonly string[];
  readonly crl: readonly string[];
  readonly revocation: RevocationPolicy;
  readonly commonName: boolean;
  /** Hosts that may be asked by HTTP. */
  readonly fetchFrom: readonly string[];
  /** Seconds. */
  readonly warnBefore: number;
  /** Trusts the authorities inside of our own PKCS #12 file, where `ca` names none. */
  readonly trustOwnBox?: boolean;
}

/** What a TLS server or client of node is told (`tls.createSecureContext`), in PEM. */
export interface TlsMaterial {
  readonly cert: string;
  readonly key: string;
  readonly ca: readonly string[];
}

const RELOAD_CHECK = 60_000;
const EXPIRY_CHECK = 86_400_000;

interface Loaded {
  readonly credentials: readonly LoadedCredential[];
  /** The same as the IKE cores see them. */
  readonly shown: readonly Credential[];
  readonly trust: TrustStore;
}

export class CertificateService {
  /** Live: the lists stay, what they hold changes when files do. */
  readonly credentials: Credential[] = [];
  readonly trustAnchors: TrustAnchor[] = [];
  readonly #sources: CertificateSources;
  readonly #log: Log;
  readonly #fetcher: RevocationFetcher;
  readonly #timers: readonly NodeJS.Timeout[];
  #loaded: Loaded;
  #versions: string;

  /** @throws StartError that names the file and the field */
  constructor(sources: CertificateSources, log: Log) {
    const missing = unavailableReason();
    if (missing !== undefined) {
      throw new StartError({
        code: 'certificates-unavailable',
        reason: `certificates need OpenSSL through native calls: ${missing}`,
        remedy: 'Use a pre-shared key on this machine.',
      });
    }
    this.#sources = sources;
    this.#log = log;
    this.#fetcher = new RevocationFetcher(sources.fetchFrom);
    this.#versions = this.#filesNow();
    this.#loaded = this.#load();
    this.#publish();
    this.#warnOfExpiry();
    this.#timers = [
      setInterval(() => this.#reloadIfChanged(), RELOAD_CHECK).unref(),
      setInterval(() => this.#warnOfExpiry(), EXPIRY_CHECK).unref(),
    ];
  }

  /** The subject of our first certificate, or a name of it where it has none: what every peer can check. */
  get identity(): Identity | undefined {
    const own = this.#loaded.credentials[0]?.certificates[0];
    if (own === undefined) return undefined;
    const { dns, email } = own.alternativeNames;
    if (own.subject !== '') return { type: 'der-asn1-dn', value: toHex(own.subjectDer) };
    if (dns[0] !== undefined) return { type: 'fqdn', value: dns[0] };
    return email[0] === undefined ? undefined : { type: 'user-fqdn', value: email[0] };
  }

  /** Answers an `askSignature`; never rejects. */
  async answer(ask: SignatureAsk['ask']): Promise<SignatureAnswer> {
    try {
      if (ask.kind === 'sign') return { kind: 'sign', signature: signWith(this.#loaded.credentials, ask) };
      const { trust } = this.#loaded;
      const { failure, path } = judge(ask, { trust, commonName: this.#sources.commonName, now: now() });
      if (failure !== undefined || path === undefined) return { kind: 'verify', failure };
      return { kind: 'verify', failure: await this.#fetcher.revoked(path, trust, this.#sources.revocation, now()) };
    } catch (error) {
      const failure = internal(error);
      return ask.kind === 'sign' ? { kind: 'sign', signature: failure } : { kind: 'verify', failure };
    }
  }

  /** Judges a chain that another protocol brought, e.g. TLS inside of EAP. DER, the peer's own certificate first. */
  verifyChain(chain: readonly Uint8Array[], purpose: 'server' | 'client'): ChainVerdict {
    return this.#loaded.trust.verifyChain({ chain, purpose, now: now() });
  }

  /** Our first certificate for TLS; undefined without one. */
  get tls(): TlsMaterial | undefined {
    const [own] = this.#loaded.credentials;
    if (own === undefined) return undefined;
    return {
      cert: own.certificates.map(({ der }) => certificatePem(der)).join(''),
      key: own.key.export({ type: 'pkcs8', format: 'pem' }) as string,
      ca: this.#loaded.trust.anchors.map(({ der }) => certificatePem(der)),
    };
  }

  /** Our certificates, for those who want to show them. */
  get certificates(): readonly Certificate[] {
    return this.#loaded.credentials.map(({ certificates }) => certificates[0]);
  }

  close(): void {
    for (const timer of this.#timers) clearInterval(timer);
    this.#fetcher.close();
    this.#loaded.trust.close();
  }

  #load(): Loaded {
    const { credentials: files, ca, crl, trustOwnBox = false } = this.#sources;
    // Where others may be asked, they are, and only then is a missing list a fault.
    const revocation = this.#sources.fetchFrom.length > 0 ? 'when-known' : this.#sources.revocation;
    const warn = (text: string) => this.#log.warn('config', text);
    const credentials = files.map((one) => loadCredential({ ...one, warn }));
    const section = trustOwnBox ? 'profile' : 'certificates';
    const named = loadCertificates(ca, `${section}.ca`).map(({ der }) => der);
    const boxed = trustOwnBox && ca.length === 0 ? credentials.flatMap(({ authorities }) => authorities) : [];
    try {
      const trust = new TrustStore({
        anchors: [...named, ...boxed],
        crls: loadCrls(crl, `${section}.crl`),
        revocation,
      });
      const shown = credentials.map(({ credential, certificates, authorities }) => {
        const known = [...authorities.map(readCertificate), ...trust.anchors];
        return { ...credential, ...authoritiesAbove(certificates, known) };
      });
      return { credentials, shown, trust };
    } catch (error) {
      if (!(error instanceof OpensslError)) throw error;
      throw new StartError({
        code: 'certificate-file',
        reason: `ca, crl: ${error.message}`,
        remedy: 'Name certificates in `ca` and revocation lists in `crl`, in PEM or DER.',
      });
    }
  }

  #publish(): void {
    const { shown, trust } = this.#loaded;
    this.credentials.splice(0, this.credentials.length, ...shown);
    this.trustAnchors.splice(0, this.trustAnchors.length, ...trust.trustAnchors);
  }

  /** What was loaded stays in use where the new files cannot be. */
  #reloadIfChanged(): void {
    const versions = this.#filesNow();
    if (versions === this.#versions) return;
    this.#versions = versions;
    try {
      const next = this.#load();
      this.#loaded.trust.close();
      this.#loaded = next;
      this.#publish();
      this.#log.info('certificates-reloaded', 'The files of certificates changed and were read again.');
      this.#warnOfExpiry();
    } catch (error) {
      if (!(error instanceof StartError)) throw error;
      this.#log.warn(
        'certificates-unreadable',
        `The files of certificates changed and cannot be read; those read before are used: ${failureText(error.failure)}`,
        { ...error.failure },
      );
    }
  }

  #filesNow(): string {
    const { credentials, ca, crl } = this.#sources;
    const own = credentials.flatMap(({ certificate, key }) => [certificate, key ?? certificate]);
    return [...own, ...ca, ...crl].map((path) => `${path}=${versionOf(path)}`).join('\n');
  }

  #warnOfExpiry(): void {
    const { credentials, trust } = this.#loaded;
    const all = [...credentials.flatMap(({ certificates }) => certificates), ...trust.anchors];
    for (const certificate of all) {
      const left = certificate.notAfter - now();
      if (left > this.#sources.warnBefore) continue;
      const what = certificateText(certificate);
      const fields = {
        subject: certificate.subject,
        serial: certificate.serial,
        notAfter: isoDay(certificate.notAfter),
      };
      if (left <= 0) {
        this.#log.warn(
          'certificate-is-expired',
          `The certificate ${what} has expired on ${isoDay(certificate.notAfter)}. Peers refuse it: issue a new one.`,
          fields,
        );
      } else {
        const days = Math.floor(left / 86_400);
        this.#log.warn(
          'certificate-expires-soon',
          `The certificate ${what} expires in ${days} days, on ${isoDay(certificate.notAfter)}. Issue a new one before.`,
          fields,
        );
      }
    }
  }
}

const now = (): number => Date.now() / 1000;
const isoDay = (seconds: number): string => new Date(seconds * 1000).toISOString().slice(0, 10);

const internal = (error: unknown): Failure => ({
  code: 'internal-error',
  reason: `a certificate could not be worked on: ${(error as Error).message}`,
});
