/** Certificates that `sallyport ca` does not issue: expired ones, and chains of large keys. */

import { createPublicKey, generateKeyPair, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import { certificatePem, type Issuer, issueCertificate, type NewCertificate } from '../../../src/driver/x509/index.ts';
import { endExtensions, keyPem, makeKey, newSerial } from '../../../src/process/certificateProfile.ts';
import { type Authority, HOLDER, type Issued, SERVER_NAME } from './authority.ts';

const DAY = 86_400;

/** What is right in all but its time. */
export function expired(authority: Authority, role: 'server' | 'client'): Issued {
  const now = Date.now() / 1000;
  return end(role, makeKey('p256'), authority.issuer, { notBefore: now - 3 * DAY, notAfter: now - DAY });
}

/** Three certificates of RSA keys with 4096 bits. PEM. */
export interface Chain {
  readonly root: string;
  readonly intermediate: string;
  readonly server: Issued;
  readonly client: Issued;
}

export async function largeChain(): Promise<Chain> {
  const keys = await Promise.all([1, 2, 3].map(() => promisify(generateKeyPair)('rsa', { modulusLength: 4096 })));
  const [rootKey, intermediateKey, endKey] = keys.map(({ privateKey }) => privateKey) as [
    KeyObject,
    KeyObject,
    KeyObject,
  ];
  const root = authority('Large root', rootKey, { ownKey: rootKey });
  const issuer = { certificate: root, key: rootKey };
  const intermediate = authority('Large intermediate', intermediateKey, { issuer });
  const by = { certificate: intermediate, key: intermediateKey };
  return {
    root: certificatePem(root),
    intermediate: certificatePem(intermediate),
    server: end('server', endKey, by),
    client: end('client', endKey, by),
  };
}

/** The name of whoever it is for is as long as names get. */
const FILLER = 'organizational unit '.repeat(3).trim();

function authority(name: string, key: KeyObject, by: Pick<NewCertificate, 'issuer' | 'ownKey'>): Uint8Array {
  const now = Date.now() / 1000;
  return issueCertificate({
    subject: [
      ['O', 'Example'],
      ['OU', FILLER],
      ['CN', name],
    ],
    publicKey: createPublicKey(key),
    serial: newSerial(),
    notBefore: now - DAY,
    notAfter: now + DAY,
    extensions: [
      ['basicConstraints', 'critical,CA:TRUE'],
      ['keyUsage', 'critical,keyCertSign,cRLSign'],
      ['subjectKeyIdentifier', 'hash'],
    ],
    ...by,
  });
}

function end(
  role: 'server' | 'client',
  key: KeyObject,
  issuer: Issuer,
  times: Partial<Pick<NewCertificate, 'notBefore' | 'notAfter'>> = {},
): Issued {
  const name = role === 'server' ? SERVER_NAME : HOLDER;
  const now = Date.now() / 1000;
  const der = issueCertificate({
    subject: [['CN', name]],
    publicKey: createPublicKey(key),
    serial: newSerial(),
    notBefore: now - DAY,
    notAfter: now + DAY,
    ...times,
    issuer,
    extensions: endExtensions(role, [role === 'server' ? `DNS:${name}` : `email:${name}`], 'p256'),
  });
  return { certificate: certificatePem(der), key: keyPem(key) };
}
