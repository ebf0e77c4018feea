/** What the certificates of our authority hold: extensions, names, serials and keys. RFC 5280 §4.2, RFC 4945 §5.1. */

import { generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import type { Extensions } from '../driver/x509/index.ts';
import { canonicalAddress } from '../net/index.ts';

export type CaKeyKind = 'p256' | 'p384' | 'rsa3072' | 'rsa4096';
export type CertificateRole = 'server' | 'client';

/** Says in one sentence what cannot be done and why. */
export class CaError extends Error {}

const EMAIL = /^[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+$/;
const HOST_NAME = /^(\*\.)?[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*$/;
export const ROOT_EXTENSIONS: Extensions = [
  ['basicConstraints', 'critical,CA:TRUE,pathlen:0'],
  ['keyUsage', 'critical,keyCertSign,cRLSign'],
  ['subjectKeyIdentifier', 'hash'],
];

/** A client's certificate is for nothing that a server's is for, so that it cannot stand in for it. */
export function endExtensions(role: CertificateRole, names: readonly string[], key: CaKeyKind): Extensions {
  const encipherment = key.startsWith('rsa') ? ',keyEncipherment' : '';
  return [
    ['basicConstraints', 'critical,CA:FALSE'],
    ['keyUsage', `critical,digitalSignature${encipherment}`],
    ['extendedKeyUsage', role === 'server' ? 'serverAuth,1.3.6.1.5.5.8.2.2' : 'clientAuth'],
    ['subjectAltName', names.join(',')],
    ['subjectKeyIdentifier', 'hash'],
    ['authorityKeyIdentifier', 'keyid'],
  ];
}

/** In OpenSSL's words; nothing in it can begin another name. @throws CaError */
export function alternativeName(name: string, role: CertificateRole): string {
  const address = canonicalAddress(name);
  if (address !== undefined) return `IP:${address}`;
  if (EMAIL.test(name)) return `email:${name}`;
  if (HOST_NAME.test(name)) return `DNS:${name}`;
  const what =
    role === 'server' ? 'a host name or an address' : 'a user name of letters and digits, or an e-mail address';
  throw new CaError(`${JSON.stringify(name)} is not ${what}.`);
}

/** 126 random bits, positive in 16 bytes. */
export function newSerial(): Uint8Array {
  const bytes = randomBytes(16);
  bytes[0] = (bytes[0]! & 0x3f) | 0x40;
  return bytes;
}

export function makeKey(kind: CaKeyKind): KeyObject {
  if (kind === 'p256' || kind === 'p384') {
    return generateKeyPairSync('ec', { namedCurve: kind === 'p256' ? 'P-256' : 'P-384' }).privateKey;
  }
  return generateKeyPairSync('rsa', { modulusLength: kind === 'rsa3072' ? 3072 : 4096 }).privateKey;
}

export const keyPem = (key: KeyObject): string => key.export({ type: 'pkcs8', format: 'pem' }) as string;

export function pem(label: string, bytes: Uint8Array): string {
  const lines =
    Buffer.from(bytes)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n');
}

/** The first certificate of a PEM text of ours. */
export function pemBytes(text: string): Uint8Array {
  const [, base64 = ''] = /-----BEGIN CERTIFICATE-----([^-]*)-----END CERTIFICATE-----/.exec(text) ?? [];
  return Buffer.from(base64, 'base64');
}
