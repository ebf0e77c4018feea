/** Every scheme signs what it verifies, and what others signed; nothing lenient is taken. */

import assert from 'node:assert/strict';
import { constants, createHash, createPublicKey, type KeyObject, privateEncrypt } from 'node:crypto';
import { test } from 'node:test';
import { ffiAvailable } from '../../../src/driver/index.ts';
import { fits, signOctets, verifyOctets } from '../../../src/driver/x509/index.ts';
import type { SignatureScheme } from '../../../src/ike/signature.ts';
import { concat, utf8 } from '../../../src/wire/index.ts';
import { type KeyKind, keyOf } from './authority.ts';

const options = { skip: ffiAvailable() ? false : 'this platform has no FFI' };
const octets = createHash('sha256').update('octets').digest();
const publicOf = (key: KeyObject) => createPublicKey(key.export({ type: 'pkcs8', format: 'pem' }));

const RSA: readonly SignatureScheme[] = [
  'rsa-ikev1',
  'rsa-pkcs1-sha1',
  'rsa-pkcs1-sha256',
  'rsa-pkcs1-sha384',
  'rsa-pkcs1-sha512',
  'rsa-pss-sha256',
  'rsa-pss-sha384',
  'rsa-pss-sha512',
];
const ANY_CURVE: readonly SignatureScheme[] = ['ecdsa-ikev1', 'ecdsa-sha256', 'ecdsa-sha384', 'ecdsa-sha512'];
const SCHEMES: Readonly<Partial<Record<KeyKind, readonly SignatureScheme[]>>> = {
  rsa2048: RSA,
  p256: [...ANY_CURVE, 'ecdsa-sha256-raw'],
  p384: [...ANY_CURVE, 'ecdsa-sha384-raw'],
  p521: [...ANY_CURVE, 'ecdsa-sha512-raw'],
  ed25519: ['ed25519'],
  ed448: ['ed448'],
};
const RAW_BYTES: Readonly<Partial<Record<KeyKind, number>>> = { p256: 64, p384: 96, p521: 132 };

test('each scheme with each key that it fits, and with none that it does not', options, () => {
  const all = new Set(Object.values(SCHEMES).flat());
  for (const [kind, schemes] of Object.entries(SCHEMES) as [KeyKind, readonly SignatureScheme[]][]) {
    const key = keyOf(kind);
    const publicKey = publicOf(key);
    for (const scheme of all) {
      assert.equal(fits(key, scheme), schemes.includes(scheme), `${kind} ${scheme}`);
      if (!schemes.includes(scheme)) {
        assert.throws(() => signOctets(key, scheme, octets));
        assert.equal(verifyOctets(publicKey, scheme, octets, new Uint8Array(64)), false);
        continue;
      }
      const signature = signOctets(key, scheme, octets);
      assert.ok(verifyOctets(publicKey, scheme, octets, signature), `${kind} ${scheme}`);
      if (scheme === 'ecdsa-ikev1' || scheme.endsWith('-raw')) assert.equal(signature.length, RAW_BYTES[kind]);
      const other = octets.map((byte, i) => (i === 5 ? byte ^ 1 : byte));
      assert.equal(verifyOctets(publicKey, scheme, other, signature), false, `${kind} ${scheme} other octets`);
      for (const at of [0, 9, signature.length - 1]) {
        const forged = new Uint8Array(signature);
        forged[at]! ^= 4;
        assert.equal(verifyOctets(publicKey, scheme, octets, forged), false, `${kind} ${scheme} byte ${at}`);
      }
      for (const length of [0, 1, signature.length - 1]) {
        assert.equal(verifyOctets(publicKey, scheme, octets, signature.slice(0, length)), false);
      }
      assert.equal(verifyOctets(publicKey, scheme, octets, new Uint8Array(signature.length)), false);
      assert.equal(verifyOctets(publicKey, scheme, octets, new Uint8Array(signature.length).fill(255)), false);
    }
  }
});

test('the padding of rsa-ikev1 is compared whole', options, () => {
  const key = keyOf('rsa2048');
  const publicKey = publicOf(key);
  const sign = (block: Uint8Array) => privateEncrypt({ key, padding: constants.RSA_NO_PADDING }, block);
  const block = (type: number, pad: number, fill: number, tail: Uint8Array = new Uint8Array(0)) => {
    const rest = new Uint8Array(256 - 3 - pad - octets.length - tail.length).fill(0xaa);
    return concat(Uint8Array.of(0, type), new Uint8Array(pad).fill(fill), Uint8Array.of(0), octets, tail, rest);
  };
  const whole = 256 - 3 - octets.length;
  assert.ok(verifyOctets(publicKey, 'rsa-ikev1', octets, sign(block(1, whole, 0xff))));
  assert.equal(verifyOctets(publicKey, 'rsa-ikev1', octets, sign(block(1, 8, 0xff))), false);
  assert.equal(verifyOctets(publicKey, 'rsa-ikev1', octets, sign(block(2, whole, 0xff))), false);
  assert.equal(verifyOctets(publicKey, 'rsa-ikev1', octets, sign(block(1, whole, 0xfe))), false);
  assert.equal(verifyOctets(publicKey, 'rsa-ikev1', octets, sign(block(1, whole - 2, 0xff, utf8('ab')))), false);
});
