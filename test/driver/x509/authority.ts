/** Certificates for tests, made by the program's own issuing code. */

import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { type Extensions, type Issuer, issueCertificate, issueCrl } from '../../../src/driver/x509/index.ts';
import { rsaKeys } from './rsaKeys.ts';

export const NOW = Date.UTC(2026, 5, 1) / 1000;
export const YEAR = 365 * 86_400;

export interface Made extends Issuer {
  readonly certificate: Uint8Array;
  readonly key: KeyObject;
  readonly serial: Uint8Array;
}

export type KeyKind = 'p256' | 'p384' | 'p521' | 'rsa2048' | 'rsa1024' | 'rsaE3' | 'ed25519' | 'ed448';

const keys = new Map<string, KeyObject>();

/** A key pair, made once for each kind and number. */
export function keyOf(kind: KeyKind, number = 0): KeyObject {
  const name = `${kind}-${number}`;
  let key = keys.get(name);
  if (key === undefined) {
    key = kind.startsWith('rsa') ? rsaKey(name as keyof typeof rsaKeys) : makeKey(kind);
    keys.set(name, key);
  }
  return key;
}

let serials = 1;

export interface Wish {
  readonly name?: string;
  readonly key?: KeyObject;
  readonly by?: Made;
  readonly from?: number;
  readonly to?: number;
  readonly names?: string;
  readonly uses?: string;
  readonly keyUsage?: string;
  readonly more?: Extensions;
  readonly ca?: boolean | number;
}

export function make(wish: Wish = {}): Made {
  const { name = 'test', key = keyOf('p256', serials % 4), by, ca = false } = wish;
  const serial = Uint8Array.of(0x40, serials >> 8, serials++ & 255);
  const authority: Extensions = [
    ['basicConstraints', `critical,CA:TRUE${typeof ca === 'number' ? `,pathlen:${ca}` : ''}`],
    ['keyUsage', 'critical,keyCertSign,cRLSign'],
  ];
  const end: Extensions = [
    ['basicConstraints', 'critical,CA:FALSE'],
    ['keyUsage', `critical,${wish.keyUsage ?? 'digitalSignature'}`],
  ];
  const certificate = issueCertificate({
    subject: [
      ['O', 'Sallyport tests'],
      ['CN', name],
    ],
    publicKey: publicOf(key),
    serial,
    notBefore: wish.from ?? NOW - YEAR,
    notAfter: wish.to ?? NOW + YEAR,
    extensions: [
      ...(ca === false ? end : authority),
      ['subjectKeyIdentifier', 'hash'],
      ...(by === undefined ? [] : ([['authorityKeyIdentifier', 'keyid']] as const)),
      ...(wish.names === undefined ? [] : ([['subjectAltName', wish.names]] as const)),
      ...(wish.uses === undefined ? [] : ([['extendedKeyUsage', wish.uses]] as const)),
      ...(wish.more ?? []),
    ],
    ...(by === undefined ? { ownKey: key } : { issuer: by }),
  });
  return { certificate, key, serial };
}

export const makeCrl = (issuer: Made, revoked: readonly Made[] = [], to = NOW + YEAR): Uint8Array =>
  issueCrl({
    issuer,
    thisUpdate: NOW - 3600,
    nextUpdate: to,
    number: 1,
    revoked: revoked.map(({ serial }) => ({ serial, at: NOW - 3600 })),
  });

const publicOf = (key: KeyObject): KeyObject => createPublicKey(key.export({ type: 'pkcs8', format: 'pem' }));

const rsaKey = (name: keyof typeof rsaKeys) =>
  createPrivateKey({ key: Buffer.from(rsaKeys[name], 'base64'), format: 'der', type: 'pkcs1' });

function makeKey(kind: KeyKind): KeyObject {
  switch (kind) {
    case 'p256':
      return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
    case 'p384':
      return generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey;
    case 'p521':
      return generateKeyPairSync('ec', { namedCurve: 'P-521' }).privateKey;
    case 'ed25519':
      return generateKeyPairSync('ed25519').privateKey;
    default:
      return generateKeyPairSync('ed448').privateKey;
  }
}
