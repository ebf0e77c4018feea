/** Making certificates and revocation lists, written and signed by OpenSSL. RFC 5280 §4 and §5. */

import type { KeyObject } from 'node:crypto';
import { utf8 } from '../../wire/index.ts';
import type { Address } from '../ffi.ts';
import { decodeCertificate, keyTypeOf } from './certificate.ts';
import { OpensslError, type Scope, withScope } from './scope.ts';

/** A name by its parts, the widest first, e.g. `[['O', 'Example'], ['CN', 'ann']]`. */
export type NameParts = readonly (readonly [field: string, value: string])[];
/** Extensions in OpenSSL's words, e.g. `['basicConstraints', 'critical,CA:TRUE']`. x509v3_config(5). */
export type Extensions = readonly (readonly [name: string, value: string])[];

/** Who signs. `certificate` is DER. */
export interface Issuer {
  readonly certificate: Uint8Array;
  readonly key: KeyObject;
}

export interface NewCertificate {
  readonly subject: NameParts;
  readonly publicKey: KeyObject;
  /** Big-endian, at most 20 bytes, positive. */
  readonly serial: Uint8Array;
  /** Seconds since the Unix epoch. */
  readonly notBefore: number;
  readonly notAfter: number;
  readonly extensions: Extensions;
  /** Absent: the certificate is signed by its own key. */
  readonly issuer?: Issuer;
  /** The key that signs where there is no issuer. */
  readonly ownKey?: KeyObject;
}

export interface NewCrl {
  readonly issuer: Issuer;
  readonly thisUpdate: number;
  readonly nextUpdate: number;
  readonly number: number;
  readonly revoked: readonly { readonly serial: Uint8Array; readonly at: number }[];
}

/** @returns DER. @throws OpensslError for names or extensions that OpenSSL does not take */
export function issueCertificate(wanted: NewCertificate): Uint8Array {
  const { issuer, ownKey, publicKey } = wanted;
  const signer = issuer?.key ?? ownKey;
  if (signer === undefined) throw new OpensslError('issue a certificate', 'there is no key to sign it with');
  return withScope((scope) => {
    const { lib } = scope;
    const certificate = scope.own(lib.X509_new(), 'X509_free', 'make a certificate');
    const must = (result: number) => scope.must(result, 'write a certificate');
    must(lib.X509_set_version(certificate, VERSION_3));
    must(lib.X509_set_serialNumber(certificate, integer(scope, wanted.serial)));
    must(lib.ASN1_TIME_set(lib.X509_getm_notBefore(certificate), Math.floor(wanted.notBefore)));
    must(lib.ASN1_TIME_set(lib.X509_getm_notAfter(certificate), Math.floor(wanted.notAfter)));
    const spki = publicKey.export({ type: 'spki', format: 'der' });
    must(lib.X509_set_pubkey(certificate, scope.decode('d2i_PUBKEY', 'EVP_PKEY_free', spki, 'read a key')));
    const subject = makeName(scope, wanted.subject);
    must(lib.X509_set_subject_name(certificate, subject));
    const by = issuer === undefined ? certificate : decodeCertificate(scope, issuer.certificate);
    must(lib.X509_set_issuer_name(certificate, lib.X509_get_subject_name(by)));
    addExtensions(scope, wanted.extensions, by, certificate, (extension) =>
      lib.X509_add_ext(certificate, extension, -1),
    );
    must(lib.X509_sign(certificate, privateKey(scope, signer), digestFor(scope, signer)));
    return scope.encode('i2d_X509', certificate, 'write a certificate');
  });
}

/** @returns DER. @throws OpensslError */
export function issueCrl({ issuer, thisUpdate, nextUpdate, number, revoked }: NewCrl): Uint8Array {
  return withScope((scope) => {
    const { lib } = scope;
    const crl = scope.own(lib.X509_CRL_new(), 'X509_CRL_free', 'make a revocation list');
    const must = (result: number) => scope.must(result, 'write a revocation list');
    const by = decodeCertificate(scope, issuer.certificate);
    must(lib.X509_CRL_set_version(crl, CRL_VERSION_2));
    must(lib.X509_CRL_set_issuer_name(crl, lib.X509_get_subject_name(by)));
    must(lib.X509_CRL_set1_lastUpdate(crl, time(scope, thisUpdate)));
    must(lib.X509_CRL_set1_nextUpdate(crl, time(scope, nextUpdate)));
    for (const { serial, at } of revoked) {
      const entry = scope.own(lib.X509_REVOKED_new(), 'X509_REVOKED_free', 'revoke a certificate');
      must(lib.X509_REVOKED_set_serialNumber(entry, integer(scope, serial)));
      must(lib.X509_REVOKED_set_revocationDate(entry, time(scope, at)));
      must(lib.X509_CRL_add0_revoked(crl, entry));
      scope.give(entry);
    }
    must(lib.X509_CRL_sort(crl));
    const add = (extension: Address) => lib.X509_CRL_add_ext(crl, extension, -1);
    addExtensions(scope, [['authorityKeyIdentifier', 'keyid:always']], by, 0, add);
    must(lib.X509_CRL_add1_ext_i2d(crl, lib.OBJ_txt2nid('crlNumber'), integer(scope, numberBytes(number)), 0, 0));
    must(lib.X509_CRL_sign(crl, privateKey(scope, issuer.key), digestFor(scope, issuer.key)));
    return scope.encode('i2d_X509_CRL', crl, 'write a revocation list');
  });
}

/** The DER of a name, e.g. for an ID of type DER_ASN1_DN. @throws OpensslError for a field that X.500 does not know */
export function encodeName(parts: NameParts): Uint8Array {
  return withScope((scope) => scope.encode('i2d_X509_NAME', makeName(scope, parts), 'write a name'));
}

/**
 * The parts of `CN=ann, O=Example` or `/O=Example/CN=ann`, the widest first; a comma inside a value stands behind `\`.
 * Undefined for text that is no such name.
 */
export function parseName(text: string): NameParts | undefined {
  const slashes = text.startsWith('/');
  const pieces = slashes ? text.slice(1).split('/') : text.split(/(?<!\\),/).reverse();
  const parts = pieces.map((piece) => /^\s*([A-Za-z0-9.]+)\s*=\s*(.*?)\s*$/s.exec(piece));
  if (!parts.every((part) => part !== null)) return undefined;
  return parts.map(([, field, value]) => [field!, value!.replaceAll('\\,', ',')] as const);
}

/** An EVP_PKEY of the scope. */
export function privateKey(scope: Scope, key: KeyObject): Address {
  const der = key.export({ type: 'pkcs8', format: 'der' });
  try {
    return scope.decode('d2i_AutoPrivateKey', 'EVP_PKEY_free', der, 'read a private key');
  } finally {
    der.fill(0);
  }
}

const VERSION_3 = 2;
const CRL_VERSION_2 = 1;
/** MBSTRING_UTF8 of openssl/asn1.h. */
const UTF8 = 0x1000;
/** Larger than the X509V3_CTX of any OpenSSL 3. */
const EXTENSION_CONTEXT_BYTES = 256;

function makeName(scope: Scope, parts: NameParts): Address {
  const name = scope.own(scope.lib.X509_NAME_new(), 'X509_NAME_free', 'make a name');
  for (const [field, value] of parts) {
    const bytes = utf8(value);
    const added = scope.lib.X509_NAME_add_entry_by_txt(name, field, UTF8, scope.bytes(bytes), bytes.length, -1, 0);
    scope.must(added, `write the name ${field}=${value}`);
  }
  return name;
}

function addExtensions(
  scope: Scope,
  extensions: Extensions,
  issuer: Address,
  subject: Address,
  add: (extension: Address) => number,
): void {
  const { lib } = scope;
  const context = scope.memory(EXTENSION_CONTEXT_BYTES);
  lib.X509V3_set_ctx(context.base, issuer, subject, 0, 0, 0);
  for (const [name, value] of extensions) {
    const what = `write the extension ${name}`;
    const nid = scope.must(lib.OBJ_txt2nid(name), what);
    const made = lib.X509V3_EXT_nconf_nid(0, context.base, nid, value);
    scope.must(add(scope.own(made, 'X509_EXTENSION_free', what)), what);
  }
}

function integer(scope: Scope, bytes: Uint8Array): Address {
  const number = scope.own(scope.lib.BN_bin2bn(scope.bytes(bytes), bytes.length, 0), 'BN_free', 'write a number');
  return scope.own(scope.lib.BN_to_ASN1_INTEGER(number, 0), 'ASN1_INTEGER_free', 'write a number');
}

const numberBytes = (number: number) => Uint8Array.of(number >>> 24, number >>> 16, number >>> 8, number);

function time(scope: Scope, seconds: number): Address {
  const object = scope.own(scope.lib.ASN1_TIME_new(), 'ASN1_TIME_free', 'write a time');
  scope.must(scope.lib.ASN1_TIME_set(object, Math.floor(seconds)), 'write a time');
  return object;
}

/** The hash that fits the key's strength; Ed25519 and Ed448 have their own. */
function digestFor({ lib }: Scope, key: KeyObject): Address {
  const type = keyTypeOf(key);
  if (type === 'ed25519' || type === 'ed448') return 0;
  return lib.EVP_get_digestbyname(type === 'ecdsa-p384' ? 'SHA384' : type === 'ecdsa-p521' ? 'SHA512' : 'SHA256');
}
