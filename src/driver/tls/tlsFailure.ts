/** Why TLS failed, from what Node and OpenSSL say of it. */

import type { Failure } from '../../core/index.ts';

/** What Node says of a certificate that it does not trust, by X509_V_ERR_… without the prefix. */
const certificateFailures: Readonly<Record<string, readonly [code: string, reason: string, remedy: string]>> = {
  CERT_HAS_EXPIRED: ['certificate-expired', 'has expired', 'Issue a new one, and check the clocks of both ends.'],
  CERT_NOT_YET_VALID: ['certificate-not-yet-valid', 'is not valid yet', 'Check the clocks of both ends.'],
  CERT_REVOKED: ['certificate-revoked', 'is revoked', 'Issue a new one if it should not be.'],
  INVALID_PURPOSE: [
    'certificate-wrong-use',
    'is not for this purpose',
    'Issue it with the extended key usage serverAuth for servers, clientAuth for clients.',
  ],
};

/** @param error the code of Node's own check */
export function certificateFailure(error: string, whose: 'server' | 'client'): Failure {
  const [code, reason, remedy] = certificateFailures[error] ?? [
    'certificate-unknown-ca',
    `does not come from an authority that is trusted here (${error})`,
    'Check which authorities are trusted here, and that the peer sends its intermediate certificates.',
  ];
  return { code, reason: `The ${whose}'s certificate ${reason}.`, remedy };
}

/** A handshake that OpenSSL ended. Its words are OpenSSL's own, never a secret. */
export function handshakeFailure(error: Error & { code?: string; reason?: string }): Failure {
  const detail = error.reason ?? error.code ?? error.message;
  const remedy = remedies.find(([pattern]) => pattern.test(`${detail} ${error.code}`))?.[1];
  return {
    code: 'tls-failed',
    reason: `TLS failed: ${detail}.`,
    ...(remedy !== undefined && { remedy }),
  };
}

const remedies: readonly (readonly [RegExp, string])[] = [
  [/did not return a certificate|certificate required|PEER_DID_NOT_RETURN/i, 'Give the client a certificate.'],
  [
    /unknown ca|bad certificate|certificate unknown/i,
    'The peer does not trust our certificate: install its authority there.',
  ],
  [/expired/i, 'Check the clocks of both ends, and the certificates’ dates.'],
  [/version|unsupported protocol/i, 'Allow a TLS version that both ends have.'],
  [/no shared cipher|handshake failure/i, 'Both ends need a common cipher suite and a key type that the other takes.'],
];

export const NOT_SET_UP: Failure = {
  code: 'tls-not-configured',
  reason: 'EAP-TLS was begun, but no certificate and key are configured for it.',
  remedy: 'Name a certificate, its key and the trusted authorities in the configuration.',
};

export const TOO_MANY_SESSIONS: Failure = {
  code: 'tls-busy',
  reason: 'Too many TLS handshakes are under way.',
};

export const TOO_MANY_BYTES: Failure = {
  code: 'tls-failed',
  reason: 'The TLS handshake took more bytes than certificates need.',
};

export const NO_CERTIFICATE: Failure = {
  code: 'certificate-missing',
  reason: 'The peer sent no certificate.',
  remedy: 'Give the peer a certificate with its key.',
};

export const wrongServer = (wanted: string, names: readonly string[]): Failure => ({
  code: 'certificate-identity',
  reason: `The server's certificate is for ${names.join(', ') || 'nobody'}, not for ${wanted}.`,
  remedy: 'Correct the name of the server, or issue it a certificate with that name.',
});
