/** What OpenSSL's verdicts on a chain mean: a stable code, which certificate, and what to change. X509_STORE_CTX_get_error(3). */

import type { Failure } from '../../core/index.ts';
import { type Certificate, certificateText } from './certificate.ts';
import { libx509 } from './libx509.ts';

/** X509_V_ERR_… of openssl/x509_vfy.h. */
export const VerifyError = {
  UNABLE_TO_GET_ISSUER_CERT: 2,
  UNABLE_TO_GET_CRL: 3,
  CERT_SIGNATURE_FAILURE: 7,
  CRL_SIGNATURE_FAILURE: 8,
  CERT_NOT_YET_VALID: 9,
  CERT_HAS_EXPIRED: 10,
  CRL_NOT_YET_VALID: 11,
  CRL_HAS_EXPIRED: 12,
  DEPTH_ZERO_SELF_SIGNED_CERT: 18,
  SELF_SIGNED_CERT_IN_CHAIN: 19,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 20,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 21,
  CERT_CHAIN_TOO_LONG: 22,
  CERT_REVOKED: 23,
  INVALID_CA: 24,
  PATH_LENGTH_EXCEEDED: 25,
  KEYUSAGE_NO_CERTSIGN: 32,
  UNABLE_TO_GET_CRL_ISSUER: 33,
  KEYUSAGE_NO_CRL_SIGN: 35,
  PERMITTED_VIOLATION: 47,
  EXCLUDED_VIOLATION: 48,
  SUBTREE_MINMAX: 49,
  EE_KEY_TOO_SMALL: 66,
  CA_KEY_TOO_SMALL: 67,
  CA_MD_TOO_WEAK: 68,
  INVALID_CA_79: 79,
} as const;

const E = VerifyError;
/** X509_V_ERR_INVALID_CA moved in OpenSSL 3. */
const NO_CA: readonly number[] = [E.INVALID_CA, E.INVALID_CA_79, E.KEYUSAGE_NO_CERTSIGN];

/** @param certificate the one that the verdict is on, where there is one */
export function chainFailure(error: number, certificate: Certificate | undefined): Failure {
  const which = certificate === undefined ? 'the certificate' : `the certificate ${certificateText(certificate)}`;
  const issuer = certificate === undefined ? 'its issuer' : `its issuer ${certificate.issuer}`;
  switch (error) {
    case E.CERT_HAS_EXPIRED:
      return {
        code: 'certificate-expired',
        reason: `${which} has expired${certificate === undefined ? '' : ` on ${day(certificate.notAfter)}`}`,
        remedy: 'Issue a new one, or set the clock of this host.',
      };
    case E.CERT_NOT_YET_VALID:
      return {
        code: 'certificate-not-yet-valid',
        reason: `${which} is not valid before ${certificate === undefined ? 'a later time' : day(certificate.notBefore)}`,
        remedy: 'Set the clocks of this host and of the authority that issued it.',
      };
    case E.DEPTH_ZERO_SELF_SIGNED_CERT:
      return {
        code: 'certificate-self-signed',
        reason: `${which} is signed by itself and no authority that is trusted here`,
        remedy: 'Issue a certificate with a CA, and name that CA in `ca`.',
      };
    case E.UNABLE_TO_GET_ISSUER_CERT:
    case E.UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case E.UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case E.SELF_SIGNED_CERT_IN_CHAIN:
      return {
        code: 'certificate-unknown-ca',
        reason: `${which} leads to no trusted authority: ${issuer} is unknown here`,
        remedy: 'Name the certificate of that authority in `ca`, and let the peer send its intermediate certificates.',
      };
    case E.CERT_REVOKED:
      return {
        code: 'certificate-revoked',
        reason: `${which} is revoked by ${issuer}`,
        remedy: 'Issue a new one to whoever should have access.',
      };
    case E.UNABLE_TO_GET_CRL:
    case E.UNABLE_TO_GET_CRL_ISSUER:
      return {
        code: 'crl-missing',
        reason: `there is no list of what ${issuer} revoked, and \`revocation: require\` needs one for ${which}`,
        remedy: 'Name a CRL of that authority in `crl`.',
      };
    case E.CRL_HAS_EXPIRED:
    case E.CRL_NOT_YET_VALID:
      return {
        code: 'crl-expired',
        reason: `the list of what ${issuer} revoked is out of date, so that nothing can be said of ${which}`,
        remedy: 'Put a fresh CRL in place of the file that `crl` names.',
      };
    case E.CRL_SIGNATURE_FAILURE:
    case E.KEYUSAGE_NO_CRL_SIGN:
      return {
        code: 'crl-invalid',
        reason: `the list of what ${issuer} revoked is not signed by it`,
        remedy: 'Fetch the CRL anew from the authority.',
      };
    case E.CERT_CHAIN_TOO_LONG:
    case E.PATH_LENGTH_EXCEEDED:
      return {
        code: 'certificate-chain-too-long',
        reason: `the way from ${which} to its authority is longer than is allowed`,
        remedy: 'Let an authority nearer to the root issue it.',
      };
    case E.PERMITTED_VIOLATION:
    case E.EXCLUDED_VIOLATION:
    case E.SUBTREE_MINMAX:
      return {
        code: 'certificate-name-constraint',
        reason: `a name in ${which} is none that its authority may give`,
        remedy: 'Issue it with names inside the name constraints of the authority.',
      };
    case E.EE_KEY_TOO_SMALL:
    case E.CA_KEY_TOO_SMALL:
      return weakKey(which);
    case E.CA_MD_TOO_WEAK:
      return {
        code: 'certificate-weak',
        reason: `${which} is signed with a hash that can be forged (MD5 or SHA-1)`,
        remedy: 'Issue it anew with SHA-256.',
      };
    case E.CERT_SIGNATURE_FAILURE:
      return {
        code: 'certificate-bad-signature',
        reason: `${which} was not signed by ${issuer}`,
        remedy: 'Compare the certificate of that authority in `ca` with the one that issued it.',
      };
  }
  if (NO_CA.includes(error)) {
    return {
      code: 'certificate-not-ca',
      reason: `${which} issued another one but is no authority`,
      remedy: 'Issue certificates with a CA certificate (basicConstraints CA:TRUE, keyUsage keyCertSign).',
    };
  }
  return {
    code: 'certificate-invalid',
    reason: `${which} is not valid: ${libx509().X509_verify_cert_error_string(error)}`,
  };
}

export const weakKey = (which: string): Failure => ({
  code: 'certificate-weak',
  reason: `the key of ${which} is too short or too simple: RSA needs 2048 bits and an exponent of 65537 or more`,
  remedy: 'Issue it anew with a better key.',
});

export const malformedCertificate = (which: string, detail: string): Failure => ({
  code: 'certificate-malformed',
  reason: `${which} cannot be read: ${detail}`,
  remedy: 'Let the peer send X.509 certificates in DER.',
});

/** E.g. `2026-03-01`. */
const day = (seconds: number): string =>
  Number.isFinite(seconds) ? new Date(seconds * 1000).toISOString().slice(0, 10) : 'an unknown day';
