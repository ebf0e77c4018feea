/** What a certificate says, read by OpenSSL: names, times, key, what it may be used for. RFC 5280 §4. */

import { createHash, type KeyObject, X509Certificate } from 'node:crypto';
import type { Credential } from '../../ike/signature.ts';
import { fromUtf8 } from '../../wire/index.ts';
import type { Address } from '../ffi.ts';
import { OpensslError, type Scope, withScope } from './scope.ts';

/** A longer certificate is not looked at. Those in use have 500 to 4,000 bytes. */
export const MAX_CERTIFICATE_BYTES = 16_384;

/** Who a certificate is for, besides its subject. RFC 5280 §4.2.1.6. */
export interface AlternativeNames {
  readonly dns: readonly string[];
  /** IPv4 dotted, IPv6 as OpenSSL writes it. */
  readonly ip: readonly string[];
  readonly email: readonly string[];
  readonly uri: readonly string[];
}

/** A certificate that OpenSSL could read. It is not thereby valid. */
export interface Certificate {
  readonly der: Uint8Array;
  /** E.g. `CN=vpn.example.org, O=Example`: the last name first, as RFC 4514 writes it. */
  readonly subject: string;
  readonly subjectDer: Uint8Array;
  readonly issuer: string;
  readonly issuerDer: Uint8Array;
  /** Hexadecimal, lower case. */
  readonly serial: string;
  /** Seconds since the Unix epoch. */
  readonly notBefore: number;
  readonly notAfter: number;
  readonly alternativeNames: AlternativeNames;
  /** The extended key usages as dotted numbers; undefined where it may be used for anything. */
  readonly extendedKeyUsage: readonly string[] | undefined;
  /** The bits of RFC 5280 §4.2.1.3; undefined where it has none. */
  readonly keyUsage: number | undefined;
  readonly publicKey: KeyObject;
  /** Undefined for a key that no scheme of ours uses. */
  readonly keyType: Credential['key'] | undefined;
  /** SHA-1 of its SubjectPublicKeyInfo. RFC 7296 §3.7. */
  readonly keyHash: Uint8Array;
  /** Node's own view of it, for matching names. */
  readonly view: X509Certificate;
}

/** @throws OpensslError for bytes that are no certificate, or one with a key that cannot be read */
export function readCertificate(der: Uint8Array): Certificate {
  return withScope((scope) => describe(scope, decodeCertificate(scope, der)));
}

/** @throws OpensslError */
export function decodeCertificate(scope: Scope, der: Uint8Array): Address {
  if (der.length > MAX_CERTIFICATE_BYTES) throw new OpensslError('read a certificate', 'it is too long');
  return scope.decode('d2i_X509', 'X509_free', der, 'read a certificate');
}

/** @throws OpensslError */
export function describe(scope: Scope, certificate: Address): Certificate {
  const { lib } = scope;
  const der = scope.encode('i2d_X509', certificate, 'read a certificate');
  const subjectName = lib.X509_get_subject_name(certificate);
  const issuerName = lib.X509_get_issuer_name(certificate);
  const key = scope.encode('i2d_X509_PUBKEY', lib.X509_get_X509_PUBKEY(certificate), 'read the key of a certificate');
  const { view, publicKey } = viewOf(der);
  const usage = lib.X509_get_key_usage(certificate);
  return {
    der,
    subject: nameText(scope, subjectName),
    subjectDer: scope.encode('i2d_X509_NAME', subjectName, 'read a subject'),
    issuer: nameText(scope, issuerName),
    issuerDer: scope.encode('i2d_X509_NAME', issuerName, 'read an issuer'),
    serial: view.serialNumber.toLowerCase(),
    notBefore: Date.parse(view.validFrom) / 1000,
    notAfter: Date.parse(view.validTo) / 1000,
    alternativeNames: alternativeNamesOf(view.subjectAltName),
    extendedKeyUsage: view.keyUsage,
    keyUsage: usage === NO_KEY_USAGE ? undefined : usage,
    publicKey,
    keyType: keyTypeOf(publicKey),
    keyHash: createHash('sha1').update(key).digest(),
    view,
  };
}

/** The name as RFC 4514 writes it, but with UTF-8 as it is and a blank behind each comma. */
export const nameText = (scope: Scope, name: Address): string =>
  printed(scope, 'write a name', (bio) => scope.lib.X509_NAME_print_ex(bio, name, 0, NAME_FLAGS) >= 0);

/** An extension in OpenSSL's words; undefined where the certificate has none of that kind. */
export function extensionText(scope: Scope, certificate: Address, name: string): string | undefined {
  const { lib } = scope;
  const at = lib.X509_get_ext_by_NID(certificate, lib.OBJ_txt2nid(name), -1);
  if (at < 0) return undefined;
  const extension = lib.X509_get_ext(certificate, at);
  return printed(scope, `read ${name}`, (bio) => lib.X509V3_EXT_print(bio, extension, 0, 0) === 1);
}

function printed(scope: Scope, what: string, print: (bio: Address) => boolean): string {
  const { lib } = scope;
  const bio = lib.BIO_new(lib.BIO_s_mem());
  if (bio === 0) throw scope.error(what);
  try {
    if (!print(bio)) throw scope.error(what);
    const memory = scope.memory(MAX_TEXT_BYTES);
    const length = lib.BIO_read(bio, memory.base, MAX_TEXT_BYTES);
    return fromUtf8(memory.bytes.subarray(0, Math.max(0, length)));
  } finally {
    lib.BIO_free(bio);
  }
}

/** The key of a credential by the words of the cores. */
export function keyTypeOf(key: KeyObject): Credential['key'] | undefined {
  switch (key.asymmetricKeyType) {
    case 'rsa':
      return 'rsa';
    case 'ec':
      return CURVES[key.asymmetricKeyDetails?.namedCurve ?? ''];
    case 'ed25519':
    case 'ed448':
      return key.asymmetricKeyType;
  }
  return undefined;
}

/** E.g. `CN=vpn.example.org (serial 4f2a)`. */
export const certificateText = ({ subject, serial }: Certificate): string =>
  `${subject === '' ? 'without a subject' : subject} (serial ${serial})`;

/** Every name that a certificate is for. */
export function namesText({ subject, alternativeNames: { dns, ip, email, uri } }: Certificate): string {
  const names = [
    ...dns.map((name) => `DNS ${name}`),
    ...ip.map((name) => `IP ${name}`),
    ...email.map((name) => `e-mail ${name}`),
    ...uri.map((name) => `URI ${name}`),
  ];
  const most = names.length > MOST_NAMES_SHOWN ? [...names.slice(0, MOST_NAMES_SHOWN), '…'] : names;
  return `subject ${subject === '' ? '(empty)' : subject}, ${most.length === 0 ? 'no alternative names' : `alternative names ${most.join(', ')}`}`;
}

const MOST_NAMES_SHOWN = 8;
const MAX_TEXT_BYTES = 2048;
/** UINT32_MAX: the certificate has no such extension. */
const NO_KEY_USAGE = 0xffff_ffff;
/**
 * ASN1_STRFLGS_ESC_2253, ESC_CTRL, UTF8_CONVERT, DUMP_UNKNOWN, DUMP_DER; XN_FLAG_SEP_CPLUS_SPC, DN_REV, FN_SN,
 * DUMP_UNKNOWN_FIELDS of openssl/asn1.h and x509.h.
 */
const NAME_FLAGS = 0x1 | 0x2 | 0x10 | 0x100 | 0x200 | (2 << 16) | (1 << 20) | (1 << 24);
const CURVES: Readonly<Record<string, Credential['key']>> = {
  prime256v1: 'ecdsa-p256',
  secp384r1: 'ecdsa-p384',
  secp521r1: 'ecdsa-p521',
};

/**
 * Node looks for PEM in whatever it is given before it takes it for DER, so that PEM text inside of a certificate would
 * be read in its stead. PEM that we made from the very bytes leaves no choice.
 */
function viewOf(der: Uint8Array): { readonly view: X509Certificate; readonly publicKey: KeyObject } {
  try {
    const view = new X509Certificate(certificatePem(der));
    return { view, publicKey: view.publicKey };
  } catch (error) {
    throw new OpensslError('read the key of a certificate', (error as Error).message);
  }
}

export function certificatePem(der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n');
}

/** Node's text: `DNS:a, IP Address:b`, with values in JSON's quotes where they hold what could mislead. */
function alternativeNamesOf(text: string | undefined): AlternativeNames {
  const names = { dns: [] as string[], ip: [] as string[], email: [] as string[], uri: [] as string[] };
  for (const [, kind, value] of (text ?? '').matchAll(/(?:^|, )([A-Za-z ]+):("(?:[^"\\]|\\.)*"|[^,]*)/g)) {
    const field = KINDS[kind!];
    if (field !== undefined) names[field].push(value!.startsWith('"') ? (JSON.parse(value!) as string) : value!);
  }
  return names;
}

const KINDS: Readonly<Record<string, keyof AlternativeNames>> = {
  DNS: 'dns',
  'IP Address': 'ip',
  email: 'email',
  URI: 'uri',
};
