/** Certificates, keys and revocation lists from files: PEM, DER and PKCS #12. Whatever is wrong names the file. */

import { createPrivateKey, type KeyObject } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import type { Failure } from '../../core/index.ts';
import type { Identity } from '../../ike/output.ts';
import type { Credential } from '../../ike/signature.ts';
import { canonicalAddress } from '../../net/index.ts';
import { toHex } from '../../wire/index.ts';
import { StartError } from '../openPorts.ts';
import { isSystemError } from '../systemError.ts';
import { isRoot } from './authorities.ts';
import { type Certificate, certificateText, keyTypeOf, readCertificate } from './certificate.ts';
import { readPkcs12 } from './pkcs12.ts';
import { OpensslError } from './scope.ts';
import { isWeak } from './trustStore.ts';

/** Certificates in one file. */
const MAX_FILE_CERTIFICATES = 512;
const MAX_FILE_BYTES = 32 * 1024 * 1024;

/** A certificate of ours with its key. */
export interface LoadedCredential {
  readonly credential: Credential;
  readonly key: KeyObject;
  /** Ours first, then the intermediate ones. */
  readonly certificates: readonly [Certificate, ...Certificate[]];
  /** DER: the roots that lie in the same PKCS #12 file. */
  readonly authorities: readonly Uint8Array[];
}

export interface CredentialFiles {
  /** How `sign` names it. */
  readonly name: string;
  /** PEM (with intermediates behind it), DER, or PKCS #12 with the key in it. */
  readonly certificate: string;
  /** PEM or DER; absent for PKCS #12. */
  readonly key?: string;
  /** Of an encrypted key or a PKCS #12 file. */
  readonly password?: string;
  /** The configuration's field, for the sentence that says what is wrong. */
  readonly field: string;
  /** Is told of a key that others may read. */
  warn(text: string): void;
}

/** @throws StartError */
export function loadCredential(files: CredentialFiles): LoadedCredential {
  const { certificate: file, field, name } = files;
  const bytes = readBytes(file, `${field}.certificate`);
  const box = files.key === undefined && !isPem(bytes) ? openBox(bytes, files) : undefined;
  if (files.key === undefined && box === undefined && !bytes.includes('PRIVATE KEY-----')) {
    throw failed(
      `${field}.key`,
      `there is no private key for the certificate ${file}`,
      'Name the file of its private key.',
    );
  }
  const ders = box === undefined ? certificatesIn(bytes) : [box.certificate, ...box.others];
  const certificates = ders.map((der) => readable(der, file, `${field}.certificate`));
  const [own] = certificates;
  if (own === undefined) throw failed(`${field}.certificate`, `the file ${file} holds no certificate`, NO_CERTIFICATE);
  if (box !== undefined || files.key === undefined) warnIfOpen(file, files.warn);
  const key = box?.key ?? privateKeyIn(files.key ?? file, files);
  const keyType = keyTypeOf(key);
  if (keyType === undefined) {
    const known = 'RSA, ECDSA on P-256, P-384 and P-521, Ed25519 and Ed448 are known';
    throw failed(
      `${field}.key`,
      `the key in ${files.key ?? file} is of a type that IKE does not use`,
      `Make another one: ${known}.`,
    );
  }
  if (!own.view.checkPrivateKey(key)) {
    throw failed(
      `${field}.key`,
      `the key in ${files.key ?? file} is not that of the certificate ${certificateText(own)}`,
      'Name the key that the certificate was issued for; its own certificate must be the first of the file.',
    );
  }
  if (isWeak(own.publicKey)) {
    throw failed(
      `${field}.certificate`,
      `the RSA key of ${certificateText(own)} has fewer than 2048 bits or a small exponent`,
      'Issue a new certificate with a better key.',
    );
  }
  const chain = ordered(own, certificates.slice(1));
  const roots = box === undefined ? [] : certificates.filter(isRoot).map(({ der }) => der);
  const credential = { name, chain: chain.map(({ der }) => der), key: keyType, identities: identitiesOf(own) };
  return { credential, key, certificates: chain, authorities: roots };
}

/** Whom a certificate is for, a host name first: what clients mean when they name their gateway. */
function identitiesOf({ alternativeNames: { dns, ip, email }, subject, subjectDer }: Certificate): Identity[] {
  const isV6 = (address: string) => address.includes(':');
  return [
    ...dns.map((value): Identity => ({ type: 'fqdn', value })),
    ...ip.map((value): Identity => ({ type: isV6(value) ? 'ipv6' : 'ipv4', value: canonicalAddress(value) ?? value })),
    ...email.map((value): Identity => ({ type: 'user-fqdn', value })),
    ...(subject === '' ? [] : [{ type: 'der-asn1-dn', value: toHex(subjectDer) } as const]),
  ];
}

/** The certificates of PEM or DER files. @throws StartError */
export function loadCertificates(paths: readonly string[], field: string): Certificate[] {
  return paths.flatMap((path) => {
    const ders = certificatesIn(readBytes(path, field));
    if (ders.length === 0) throw failed(field, `the file ${path} holds no certificate`, NO_CERTIFICATE);
    if (ders.length > MAX_FILE_CERTIFICATES)
      throw failed(field, `the file ${path} holds too many certificates`, 'Name fewer.');
    return ders.map((der) => readable(der, path, field));
  });
}

/** The revocation lists of PEM or DER files, in DER. @throws StartError where one cannot be read */
export function loadCrls(paths: readonly string[], field: string): Uint8Array[] {
  return paths.flatMap((path) => {
    const bytes = readBytes(path, field);
    const found = isPem(bytes) ? pemBlocks(bytes, /X509 CRL/) : [bytes];
    if (found.length === 0)
      throw failed(field, `the file ${path} holds no revocation list`, 'Name a CRL in PEM or DER.');
    return found;
  });
}

/** The last change of a file, and its size; undefined where it is not there. */
export function versionOf(path: string): string | undefined {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat && `${stat.mtimeMs}/${stat.size}/${stat.ino}`;
}

const NO_CERTIFICATE = 'Name a certificate in PEM, DER or PKCS #12.';

const failed = (field: string, reason: string, remedy: string): StartError =>
  new StartError({ code: 'certificate-file', reason: `${field}: ${reason}`, remedy } satisfies Failure);

/** @throws StartError */
function readBytes(path: string, field: string): Buffer {
  try {
    const { size } = statSync(path);
    if (size > MAX_FILE_BYTES) throw failed(field, `the file ${path} is too long`, NO_CERTIFICATE);
    return readFileSync(path);
  } catch (error) {
    if (error instanceof StartError || !isSystemError(error, 'ENOENT', 'EACCES', 'EISDIR', 'ENOTDIR', 'EPERM'))
      throw error;
    const { code } = error as NodeJS.ErrnoException;
    throw failed(field, `the file ${path} cannot be read (${code})`, 'Correct its name, or let this user read it.');
  }
}

function openBox(bytes: Uint8Array, { certificate: file, field, password }: CredentialFiles) {
  try {
    return readPkcs12(bytes, password ?? '');
  } catch (error) {
    if (!(error instanceof OpensslError)) throw error;
    // A DER certificate without a key beside it is the other thing that may lie here.
    throw failed(
      `${field}.certificate`,
      `the file ${file} cannot be opened: ${error.message}`,
      'Give the password of the PKCS #12 file in `password_file` (of a client: `certificate_password_file`), or name the key of the certificate in `key`.',
    );
  }
}

function privateKeyIn(path: string, { field, password, warn }: CredentialFiles): KeyObject {
  warnIfOpen(path, warn);
  const bytes = readBytes(path, `${field}.key`);
  const passphrase = password === undefined ? {} : { passphrase: password };
  try {
    if (isPem(bytes)) return createPrivateKey({ key: bytes, format: 'pem', ...passphrase });
    return createPrivateKey({ key: bytes, format: 'der', type: 'pkcs8', ...passphrase });
  } catch {
    // Node's own words may quote the file.
    throw failed(
      `${field}.key`,
      `the file ${path} holds no private key that can be read${password === undefined ? '' : ' with the given password'}`,
      'Name a key in PEM or PKCS #8; give the password of an encrypted one in `password_file`.',
    );
  }
}

function warnIfOpen(path: string, warn: (text: string) => void): void {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat !== undefined && (stat.mode & 0o077) !== 0) {
    warn(`The file ${path} holds a private key and others may read it. Set its mode to 0600.`);
  }
}

function readable(der: Uint8Array, path: string, field: string): Certificate {
  try {
    return readCertificate(der);
  } catch (error) {
    if (!(error instanceof OpensslError)) throw error;
    throw failed(field, `a certificate in ${path} cannot be read: ${error.message}`, NO_CERTIFICATE);
  }
}

const isPem = (bytes: Buffer): boolean => bytes.includes('-----BEGIN ');

const certificatesIn = (bytes: Buffer): Uint8Array[] =>
  isPem(bytes) ? pemBlocks(bytes, /(?:X509 |TRUSTED )?CERTIFICATE/) : [bytes];

function pemBlocks(bytes: Buffer, label: RegExp): Uint8Array[] {
  const block = new RegExp(`-----BEGIN ${label.source}-----([A-Za-z0-9+/=\\s]*)-----END ${label.source}-----`, 'g');
  return [...bytes.toString('latin1').matchAll(block)].map(([, base64]) => Buffer.from(base64!, 'base64'));
}

/** Each certificate behind the one that it issued; a root, which peers have or do not trust, is left out. */
function ordered(own: Certificate, others: readonly Certificate[]): [Certificate, ...Certificate[]] {
  const chain: [Certificate, ...Certificate[]] = [own];
  for (let last = own; !isRoot(last); ) {
    const next = others.find((other) => !chain.includes(other) && last.view.checkIssued(other.view));
    if (next === undefined || isRoot(next)) break;
    chain.push(next);
    last = next;
  }
  return chain;
}
