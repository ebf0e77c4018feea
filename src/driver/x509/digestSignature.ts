/** ECDSA over a digest that somebody else made, as IKEv1 signs HASH_I and HASH_R: r‖s. RFC 2409 §5.1, RFC 4754 §7. */

import type { KeyObject } from 'node:crypto';
import { Memory } from '../ffi.ts';
import { type Scope, withScope } from './scope.ts';

/** Bytes of r and of s. RFC 4754 §7. */
const COORDINATE_BYTES: Readonly<Record<string, number>> = { prime256v1: 32, secp384r1: 48, secp521r1: 66 };
const MAX_DER_BYTES = 160;

/** @throws OpensslError */
export function signDigest(key: KeyObject, digest: Uint8Array): Uint8Array {
  const half = coordinateBytes(key);
  return withScope((scope) => {
    const { lib } = scope;
    const pkcs8 = key.export({ type: 'pkcs8', format: 'der' });
    const native = scope.decode('d2i_AutoPrivateKey', 'EVP_PKEY_free', pkcs8, 'read a key');
    pkcs8.fill(0);
    const context = scope.own(lib.EVP_PKEY_CTX_new(native, 0), 'EVP_PKEY_CTX_free', 'sign');
    scope.must(lib.EVP_PKEY_sign_init(context), 'sign');
    const out = scope.memory(MAX_DER_BYTES);
    const length = scope.memory(8);
    length.setWord(0, MAX_DER_BYTES);
    scope.must(lib.EVP_PKEY_sign(context, out.base, length.base, scope.bytes(digest), digest.length), 'sign');
    const der = out.bytes.slice(0, length.view.getUint32(0, true));
    const signature = scope.decode('d2i_ECDSA_SIG', 'ECDSA_SIG_free', der, 'read a signature');
    const raw = new Memory(2 * half);
    scope.must(lib.BN_bn2binpad(lib.ECDSA_SIG_get0_r(signature), raw.base, half), 'write r');
    scope.must(lib.BN_bn2binpad(lib.ECDSA_SIG_get0_s(signature), raw.base + half, half), 'write s');
    return raw.bytes;
  });
}

/** @throws OpensslError where OpenSSL cannot even try */
export function verifyDigest(key: KeyObject, digest: Uint8Array, signature: Uint8Array): boolean {
  const half = coordinateBytes(key);
  if (signature.length !== 2 * half) return false;
  return withScope((scope) => {
    const { lib } = scope;
    const spki = key.export({ type: 'spki', format: 'der' });
    const native = scope.decode('d2i_PUBKEY', 'EVP_PKEY_free', spki, 'read a key');
    const context = scope.own(lib.EVP_PKEY_CTX_new(native, 0), 'EVP_PKEY_CTX_free', 'verify');
    scope.must(lib.EVP_PKEY_verify_init(context), 'verify');
    const der = derOf(scope, signature, half);
    const result = lib.EVP_PKEY_verify(context, scope.bytes(der), der.length, scope.bytes(digest), digest.length);
    return result === 1;
  });
}

function derOf(scope: Scope, raw: Uint8Array, half: number): Uint8Array {
  const { lib } = scope;
  const signature = scope.own(lib.ECDSA_SIG_new(), 'ECDSA_SIG_free', 'write a signature');
  const at = scope.bytes(raw);
  const r = scope.own(lib.BN_bin2bn(at, half, 0), 'BN_free', 'read r');
  const s = scope.own(lib.BN_bin2bn(at + half, half, 0), 'BN_free', 'read s');
  scope.must(lib.ECDSA_SIG_set0(signature, r, s), 'write a signature');
  scope.give(r);
  scope.give(s);
  return scope.encode('i2d_ECDSA_SIG', signature, 'write a signature');
}

function coordinateBytes(key: KeyObject): number {
  const bytes = COORDINATE_BYTES[key.asymmetricKeyDetails?.namedCurve ?? ''];
  if (bytes === undefined) throw new Error('the key is none of ECDSA on a NIST curve');
  return bytes;
}
