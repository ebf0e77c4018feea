/** Certificate, key and authorities in one password-protected file, as phones and Windows import them. RFC 7292. */

import { createPrivateKey, type KeyObject } from 'node:crypto';
import { Memory } from '../ffi.ts';
import { decodeCertificate } from './certificate.ts';
import { privateKey } from './issue.ts';
import { itemsOf, OpensslError, withScope, wordAt } from './scope.ts';

export interface Pkcs12Contents {
  readonly key: KeyObject;
  /** DER. */
  readonly certificate: Uint8Array;
  /** DER: authorities, in any order. */
  readonly others: readonly Uint8Array[];
}

/**
 * How the file is encrypted: `compatible` with 3DES and an HMAC of SHA-1, which every system reads, `modern` with AES-256
 * and SHA-256, which Windows before 10 (1809), macOS and iOS do not. The password must be a random one.
 */
export type Pkcs12Strength = 'compatible' | 'modern';

/** A longer file is not read. */
export const MAX_PKCS12_BYTES = 1024 * 1024;

/** @returns the file's bytes. @throws OpensslError */
export function writePkcs12(
  { key, certificate, others }: Pkcs12Contents,
  given: { readonly password: string; readonly friendlyName: string; readonly strength: Pkcs12Strength },
): Uint8Array {
  return withScope((scope) => {
    const { lib } = scope;
    const what = 'write a PKCS #12 file';
    const { password, friendlyName, strength } = given;
    const cipher = strength === 'compatible' ? NID_PBE_SHA1_3DES : NID_AES_256_CBC;
    const authorities = scope.stack(others.map((der) => decodeCertificate(scope, der)));
    const own = decodeCertificate(scope, certificate);
    const native = privateKey(scope, key);
    const made = lib.PKCS12_create(
      password,
      friendlyName,
      native,
      own,
      authorities,
      cipher,
      cipher,
      ITERATIONS,
      NO_MAC,
      0,
    );
    const box = scope.own(made, 'PKCS12_free', what);
    const digest = lib.EVP_get_digestbyname(strength === 'compatible' ? 'SHA1' : 'SHA256');
    scope.must(lib.PKCS12_set_mac(box, password, -1, 0, 0, ITERATIONS, digest), what);
    return scope.encode('i2d_PKCS12', box, what);
  });
}

/** @throws OpensslError for a wrong password, or a file without certificate or key */
export function readPkcs12(bytes: Uint8Array, password: string): Pkcs12Contents {
  if (bytes.length > MAX_PKCS12_BYTES) throw new OpensslError('read a PKCS #12 file', 'it is too long');
  return withScope((scope) => {
    const { lib } = scope;
    const what = 'read a PKCS #12 file';
    const box = scope.decode('d2i_PKCS12', 'PKCS12_free', bytes, what);
    const out = new Memory(24);
    scope.must(lib.PKCS12_parse(box, password, out.base, out.base + 8, out.base + 16), what);
    const [key, certificate, stack] = [wordAt(out), wordAt(out, 8), wordAt(out, 16)];
    if (stack !== 0) scope.own(stack, 'OPENSSL_sk_free', what);
    const others = itemsOf(lib, stack).map((one) => scope.own(one, 'X509_free', what));
    if (key !== 0) scope.own(key, 'EVP_PKEY_free', what);
    if (certificate !== 0) scope.own(certificate, 'X509_free', what);
    if (key === 0) throw new OpensslError(what, 'it holds no private key');
    if (certificate === 0) throw new OpensslError(what, 'it holds no certificate of its key');
    const info = scope.own(lib.EVP_PKEY2PKCS8(key), 'PKCS8_PRIV_KEY_INFO_free', what);
    const der = Buffer.from(scope.encode('i2d_PKCS8_PRIV_KEY_INFO', info, what));
    try {
      return {
        key: createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }),
        certificate: scope.encode('i2d_X509', certificate, what),
        others: others.map((one) => scope.encode('i2d_X509', one, what)),
      };
    } finally {
      der.fill(0);
    }
  });
}

/** NID_pbe_WithSHA1And3_Key_TripleDES_CBC and NID_aes_256_cbc of openssl/obj_mac.h. */
const NID_PBE_SHA1_3DES = 146;
const NID_AES_256_CBC = 427;
const ITERATIONS = 10_000;
/** PKCS12_create leaves the MAC to PKCS12_set_mac. */
const NO_MAC = -1;
