/** What client configurations are made from that only this host knows: certificates on disk, and lasting UUIDs. */

import { createHash, createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { StartError } from '../driver/openPorts.ts';
import { CertificateAuthority } from './certificateAuthority.ts';

/** A UUID (version 8, RFC 9562 §5.8) that is the same for the same words: a new profile then replaces the old one. */
export function setupUuid(...words: readonly string[]): string {
  const bytes = createHash('sha256').update(JSON.stringify(words)).digest().subarray(0, 16);
  bytes[6] = (bytes[6]! & 0x0f) | 0x80;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

/** What the gateway's own authority knows of itself, its gateway and a user. */
export interface OwnAuthority {
  readonly authority: ReturnType<typeof readAuthority>;
  /** What the gateway's certificate is for; empty where there is none. */
  readonly serverNames: readonly string[];
  /** The user's, where one was issued and not revoked, with a key that all clients know. */
  readonly certificate: OwnCertificate | undefined;
}

interface OwnCertificate {
  /** Certificate, key and root together, opened with `password`. */
  readonly pkcs12: Uint8Array;
  readonly password: string;
  readonly certificatePem: string;
  readonly keyPem: string;
  readonly key: 'rsa' | 'ecdsa-p256';
}

/** @returns undefined where the directory holds no authority of `sallyport ca` */
export function ownAuthority(directory: string, user: string): OwnAuthority | undefined {
  if (!CertificateAuthority.isIn(directory)) return undefined;
  const authority = CertificateAuthority.open(directory);
  const standing = authority.list().filter(({ revokedAt }) => revokedAt === undefined);
  const server = standing.findLast(({ role }) => role === 'server');
  const client = standing.findLast(({ role, name }) => role === 'client' && name === user);
  return {
    authority: readAuthority(authority.files.root),
    serverNames: server?.names ?? [],
    certificate: client && certificateOf(authority, client),
  };
}

function certificateOf(
  authority: CertificateAuthority,
  issued: ReturnType<CertificateAuthority['find']>,
): OwnCertificate | undefined {
  const pem = authority.pemOf(issued);
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = createPrivateKey(pem);
  const key = type === 'rsa' ? 'rsa' : details?.namedCurve === 'prime256v1' ? 'ecdsa-p256' : undefined;
  if (key === undefined) return undefined;
  const { bytes: pkcs12, password } = authority.exportPkcs12(issued, 'compatible');
  const at = pem.search(/-----BEGIN [A-Z ]*PRIVATE KEY-----/);
  return { pkcs12, password, certificatePem: pem.slice(0, at), keyPem: pem.slice(at), key };
}

/** @throws StartError for a file that cannot be read or is no certificate */
export function readAuthority(file: string): { pem: string; der: Uint8Array; commonName: string } {
  try {
    const certificate = new X509Certificate(readFileSync(file));
    const commonName = /^CN=(.*)$/m.exec(certificate.subject)?.[1] ?? '';
    return { pem: certificate.toString(), der: new Uint8Array(certificate.raw), commonName };
  } catch (error) {
    throw new StartError({
      code: 'certificate-file',
      reason: `${file} cannot be read as a certificate (${(error as Error).message})`,
      remedy: 'Name the PEM file of the authority that issued the gateway’s certificate.',
    });
  }
}
