/**
 * Asks others whether a certificate is revoked: by OCSP (RFC 6960), else by the list that it names (RFC 5280 §4.2.1.13).
 * Only for a path that is valid already, only from hosts that were listed, and never the same question twice in a while.
 */

import type { Failure } from '../../core/index.ts';
import { BoundedHttp } from './boundedHttp.ts';
import { type Certificate, certificateText, decodeCertificate, extensionText } from './certificate.ts';
import { ocspRequest, ocspStatus } from './ocsp.ts';
import { withScope } from './scope.ts';
import { type RevocationPolicy, TrustStore } from './trustStore.ts';

const MAX_CRL_BYTES = 4 * 1024 * 1024;
const MAX_OCSP_BYTES = 64 * 1024;
/** Questions under way at once; more are not asked. */
const MAX_OPEN = 8;
/** How long an answer counts. */
const KEPT = 600_000;
const MAX_KEPT = 256;
const MAX_URLS = 2;

type Status = 'good' | 'revoked' | 'unknown';

export class RevocationFetcher {
  readonly #http: BoundedHttp;
  readonly #answers = new Map<string, { readonly until: number; readonly status: Status }>();
  #open = 0;

  constructor(hosts: readonly string[]) {
    this.#http = new BoundedHttp(hosts);
  }

  /**
   * @param path valid; the peer's certificate first, the trust anchor last
   * @param trust has the lists that need not be asked for
   * @param now seconds since the Unix epoch
   */
  async revoked(
    path: readonly Certificate[],
    trust: TrustStore,
    policy: RevocationPolicy,
    now: number,
  ): Promise<Failure | undefined> {
    if (this.#http.isOff) return undefined;
    for (const [i, certificate] of path.slice(0, -1).entries()) {
      if (trust.hasCrlOf(certificate.issuerDer)) continue;
      const status = await this.#statusOf(certificate, path[i + 1]!, now);
      if (status === 'revoked') return revokedFailure(certificate);
      if (status === 'unknown' && policy === 'require') return unknownFailure(certificate);
    }
    return undefined;
  }

  close(): void {
    this.#http.close();
  }

  async #statusOf(certificate: Certificate, issuer: Certificate, now: number): Promise<Status> {
    const key = `${certificate.serial} ${certificate.issuer}`;
    const kept = this.#answers.get(key);
    if (kept !== undefined && kept.until > now) return kept.status;
    if (this.#open >= MAX_OPEN) return 'unknown';
    this.#open++;
    try {
      const status = await this.#ask(certificate, issuer, now);
      this.#answers.delete(key);
      const [oldest] = this.#answers.keys();
      if (this.#answers.size >= MAX_KEPT && oldest !== undefined) this.#answers.delete(oldest);
      this.#answers.set(key, { until: now + KEPT / 1000, status });
      return status;
    } finally {
      this.#open--;
    }
  }

  async #ask(certificate: Certificate, issuer: Certificate, now: number): Promise<Status> {
    const { ocsp, crl } = urlsOf(certificate);
    for (const url of this.#allowed(ocsp)) {
      const status = await this.#byOcsp(url, certificate, issuer).catch(() => 'unknown' as const);
      if (status !== 'unknown') return status;
    }
    for (const url of this.#allowed(crl)) {
      const status = await this.#byCrl(url, certificate, issuer, now).catch(() => 'unknown' as const);
      if (status !== 'unknown') return status;
    }
    return 'unknown';
  }

  async #byOcsp(url: string, certificate: Certificate, issuer: Certificate): Promise<Status> {
    const body = { bytes: ocspRequest(certificate.der, issuer.der), type: 'application/ocsp-request' };
    const response = await this.#http.fetch({ url, body, mostBytes: MAX_OCSP_BYTES });
    const store = new TrustStore({ anchors: [issuer.der], crls: [], revocation: 'when-known' });
    try {
      const status = ocspStatus(response, certificate.der, issuer.der, store.native);
      return status === 'invalid' ? 'unknown' : status;
    } finally {
      store.close();
    }
  }

  async #byCrl(url: string, certificate: Certificate, issuer: Certificate, now: number): Promise<Status> {
    const crl = await this.#http.fetch({ url, mostBytes: MAX_CRL_BYTES });
    const store = new TrustStore({ anchors: [issuer.der], crls: [crl], revocation: 'require' });
    try {
      const failure = store.revocationOf(certificate, now);
      if (failure === undefined) return 'good';
      return failure.code === 'certificate-revoked' ? 'revoked' : 'unknown';
    } finally {
      store.close();
    }
  }

  #allowed(urls: readonly string[]): readonly string[] {
    return urls.filter((url) => this.#http.mayAsk(url)).slice(0, MAX_URLS);
  }
}

/** What a certificate says of where to ask. A text that misleads leads to a listed host at most. */
function urlsOf({ der }: Certificate): { readonly ocsp: readonly string[]; readonly crl: readonly string[] } {
  return withScope((scope) => {
    const certificate = decodeCertificate(scope, der);
    const access = extensionText(scope, certificate, 'authorityInfoAccess') ?? '';
    const points = extensionText(scope, certificate, 'crlDistributionPoints') ?? '';
    return {
      ocsp: [...access.matchAll(/OCSP - URI:(http:\S+)/g)].map(([, url]) => url!),
      crl: [...points.matchAll(/URI:(http:\S+)/g)].map(([, url]) => url!),
    };
  });
}

const revokedFailure = (certificate: Certificate): Failure => ({
  code: 'certificate-revoked',
  reason: `the certificate ${certificateText(certificate)} is revoked, says its issuer ${certificate.issuer}`,
  remedy: 'Issue a new one to whoever should have access.',
});

const unknownFailure = (certificate: Certificate): Failure => ({
  code: 'revocation-unknown',
  reason: `nobody could say whether the certificate ${certificateText(certificate)} is revoked`,
  remedy:
    'Name a CRL of its authority in `crl`, list the host of its CRL or OCSP responder in `fetch_from`, or set `revocation: when-known`.',
});
