/** Questions to an OCSP responder and its answers, written, read and verified by OpenSSL. RFC 6960. */

import type { Address } from '../ffi.ts';
import { decodeCertificate } from './certificate.ts';
import { type Scope, withScope } from './scope.ts';

/** What a responder says of a certificate; `invalid` where its answer cannot be believed. */
export type OcspStatus = 'good' | 'revoked' | 'unknown' | 'invalid';

/** The DER of a question about one certificate. @throws OpensslError */
export function ocspRequest(certificate: Uint8Array, issuer: Uint8Array): Uint8Array {
  return withScope((scope) => {
    const { lib } = scope;
    const request = scope.own(lib.OCSP_REQUEST_new(), 'OCSP_REQUEST_free', 'ask by OCSP');
    const id = certificateId(scope, certificate, issuer);
    if (lib.OCSP_request_add0_id(request, id) === 0) throw scope.error('ask by OCSP');
    scope.give(id);
    return scope.encode('i2d_OCSP_REQUEST', request, 'ask by OCSP');
  });
}

/**
 * @param store OpenSSL's store with the trust anchor
 * @throws OpensslError for bytes that are no answer at all
 */
export function ocspStatus(
  response: Uint8Array,
  certificate: Uint8Array,
  issuer: Uint8Array,
  store: Address,
): OcspStatus {
  return withScope((scope) => {
    const { lib } = scope;
    const whole = scope.decode('d2i_OCSP_RESPONSE', 'OCSP_RESPONSE_free', response, 'read an OCSP answer');
    if (lib.OCSP_response_status(whole) !== SUCCESSFUL) return 'invalid';
    const basic = scope.own(lib.OCSP_response_get1_basic(whole), 'OCSP_BASICRESP_free', 'read an OCSP answer');
    const others = scope.stack([decodeCertificate(scope, issuer)]);
    if (lib.OCSP_basic_verify(basic, others, store, 0) !== 1) return 'invalid';
    const out = scope.memory(40);
    const [status, reason, revokedAt, thisUpdate, nextUpdate] = [0, 8, 16, 24, 32].map((at) => out.base + at);
    const id = certificateId(scope, certificate, issuer);
    const found = lib.OCSP_resp_find_status(basic, id, status!, reason!, revokedAt!, thisUpdate!, nextUpdate!);
    if (found !== 1) return 'unknown';
    const word = (at: number) => out.view.getUint32(at, true) + out.view.getUint32(at + 4, true) * 0x1_0000_0000;
    if (lib.OCSP_check_validity(word(24), word(32), CLOCK_SKEW, -1) !== 1) return 'invalid';
    return STATUS[out.view.getInt32(0, true)] ?? 'unknown';
  });
}

const SUCCESSFUL = 0;
/** Seconds by which clocks may differ. */
const CLOCK_SKEW = 300;
/** V_OCSP_CERTSTATUS_… of openssl/ocsp.h. */
const STATUS: readonly OcspStatus[] = ['good', 'revoked', 'unknown'];

/** By SHA-1 of the issuer's name and key, which is what responders know (RFC 5019 §2.1.1); no signature hangs on it. */
function certificateId(scope: Scope, certificate: Uint8Array, issuer: Uint8Array): Address {
  const { lib } = scope;
  const [subject, by] = [decodeCertificate(scope, certificate), decodeCertificate(scope, issuer)];
  const id = lib.OCSP_cert_to_id(lib.EVP_get_digestbyname('SHA1'), subject, by);
  return scope.own(id, 'OCSP_CERTID_free', 'name a certificate');
}
