/** What client configurations are made from that only this host knows: certificates on disk, and lasting UUIDs. */

import { createHash, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { StartError } from '../driver/openPorts.ts';

/** A UUID (version 8, RFC 9562 §5.8) that is the same for the same words: a new profile then replaces the old one. */
export function setupUuid(...words: readonly string[]): string {
  const bytes = createHash('sha256').update(JSON.stringify(words)).digest().subarray(0, 16);
  bytes[6] = (bytes[6]! & 0x0f) | 0x80;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
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
