/** An authority of keys that `sallyport ca` does not make, and certificates of any kind by it. Nothing starts for it. */

import { createPublicKey, generateKeyPair, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import { certificatePem, type Extensions, issueCertificate, issueCrl } from '../../../src/driver/x509/index.ts';
import { endExtensions, keyPem, newSerial, pem, ROOT_EXTENSIONS } from '../../../src/process/certificateProfile.ts';
import type { Issued } from './authority.ts';

export type MadeKey = 'p256' | 'p384' | 'p521' | 'rsa3072' | 'ed25519' | 'ed448';

/** One certificate. */
export interface Made extends Issued {
  readonly serial: Uint8Array;
}

const DAY = 86_400;
const generate = promisify(generateKeyPair);

export class MadeAuthority {
  /** PEM. */
  readonly root: string;
  readonly key: string;
  readonly #kind: MadeKey;
  readonly #certificate: Uint8Array;
  readonly #rootKey: KeyObject;

  private constructor(kind: MadeKey, rootKey: KeyObject, certificate: Uint8Array) {
    this.#kind = kind;
    this.#rootKey = rootKey;
    this.#certificate = certificate;
    this.root = certificatePem(certificate);
    this.key = keyPem(rootKey);
  }

  static async of(kind: MadeKey, name: string): Promise<MadeAuthority> {
    const ownKey = await makeKey(kind);
    const root = issueCertificate({
      subject: [['CN', name]],
      publicKey: createPublicKey(ownKey),
      serial: newSerial(),
      ...validity(),
      ownKey,
      extensions: ROOT_EXTENSIONS,
    });
    return new MadeAuthority(kind, ownKey, root);
  }

  /** @param names host names for a server, e-mail addresses for a client */
  async issue(role: 'server' | 'client', names: readonly [string, ...string[]], more: Extensions = []): Promise<Made> {
    const alternatives = names.map((name) => `${role === 'server' ? 'DNS' : 'email'}:${name}`);
    const key = await makeKey(this.#kind);
    const serial = newSerial();
    const certificate = issueCertificate({
      subject: [['CN', names[0]]],
      publicKey: createPublicKey(key),
      serial,
      ...validity(),
      issuer: this.#issuer,
      extensions: [...endExtensions(role, alternatives, 'p256'), ...more],
    });
    return { certificate: certificatePem(certificate), key: keyPem(key), serial };
  }

  /** A list of nothing. PEM. @param end days from now */
  crl(end: number): string {
    const now = Date.now() / 1000;
    const times = { thisUpdate: now - 2 * DAY, nextUpdate: now + end * DAY };
    return pem('X509 CRL', issueCrl({ issuer: this.#issuer, ...times, number: 1, revoked: [] }));
  }

  get #issuer() {
    return { certificate: this.#certificate, key: this.#rootKey };
  }
}

function validity() {
  const now = Date.now() / 1000;
  return { notBefore: now - DAY, notAfter: now + DAY };
}

async function makeKey(kind: MadeKey): Promise<KeyObject> {
  switch (kind) {
    case 'ed25519':
      return (await generate('ed25519')).privateKey;
    case 'ed448':
      return (await generate('ed448')).privateKey;
    case 'rsa3072':
      return (await generate('rsa', { modulusLength: 3072 })).privateKey;
    default:
      return (await generate('ec', { namedCurve: `P-${kind.slice(1)}` })).privateKey;
  }
}
