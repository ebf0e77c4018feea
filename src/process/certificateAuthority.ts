/** A small certificate authority in a directory: a root, what it issued and revoked, and a list of the latter. RFC 5280. */

import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { chmodSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { withLock, writeDurably } from '../driver/durableFile.ts';
import { makeDirectory } from '../driver/makeDirectory.ts';
import {
  type Certificate,
  certificatePem,
  type Issuer,
  issueCertificate,
  issueCrl,
  type Pkcs12Strength,
  readCertificate,
  writePkcs12,
} from '../driver/x509/index.ts';
import { fromHex, toHex } from '../wire/index.ts';
import {
  alternativeName,
  CaError,
  type CaKeyKind,
  type CertificateRole,
  endExtensions,
  keyPem,
  makeKey,
  newSerial,
  pem,
  pemBytes,
  ROOT_EXTENSIONS,
} from './certificateProfile.ts';
import { generateSecret } from './stateDirectory.ts';

export { CaError, type CaKeyKind, type CertificateRole } from './certificateProfile.ts';

/** What the index knows of a certificate. */
export interface IssuedCertificate {
  /** Hexadecimal. */
  readonly serial: string;
  readonly name: string;
  readonly role: CertificateRole;
  readonly names: readonly string[];
  /** ISO 8601. */
  readonly issuedAt: string;
  readonly notAfter: string;
  readonly revokedAt?: string;
}

export interface IssueWish {
  /** A host name or address for a server; a user or an e-mail address for a client. */
  readonly name: string;
  readonly role: CertificateRole;
  /** Further host names and addresses. */
  readonly names: readonly string[];
  readonly key: CaKeyKind;
  readonly days: number;
}

/** What was issued, with its key. */
export interface Issued {
  readonly entry: IssuedCertificate;
  /** Certificate and key in PEM, one file of mode 0600. */
  readonly file: string;
}

export interface Pkcs12Export {
  readonly bytes: Uint8Array;
  readonly password: string;
}

export interface CaFiles {
  readonly root: string;
  readonly rootKey: string;
  readonly crl: string;
  readonly index: string;
  readonly lock: string;
  readonly issued: string;
  readonly server: string;
}

/** The files of an authority, whether they are there or not. */
export const caFiles = (directory: string): CaFiles => ({
  root: join(directory, 'ca.crt'),
  rootKey: join(directory, 'ca.key'),
  crl: join(directory, 'ca.crl'),
  index: join(directory, 'index.json'),
  lock: join(directory, 'lock'),
  issued: join(directory, 'issued'),
  /** The certificate and key that a gateway uses: the server certificate that was issued last. */
  server: join(directory, 'server.pem'),
});

const DAY = 86_400;
/** Clocks of clients may be behind ours. */
const BACKDATED = 3600;
const PASSWORD_GROUPS = 3;
const SUBJECT = /^[^\p{C}]{1,64}$/u;

interface Index {
  readonly version: 1;
  readonly crlNumber: number;
  readonly certificates: readonly IssuedCertificate[];
}

export class CertificateAuthority {
  readonly directory: string;
  readonly files: CaFiles;
  readonly root: Certificate;
  readonly #key: KeyObject;

  private constructor(directory: string) {
    this.directory = directory;
    this.files = caFiles(directory);
    this.root = readCertificate(pemBytes(readFileSync(this.files.root, 'utf8')));
    this.#key = createPrivateKey(readFileSync(this.files.rootKey));
  }

  /** Makes a new authority in a directory that has none. @throws CaError */
  static init(directory: string, given: { readonly name: string; readonly key: CaKeyKind; readonly days: number }) {
    const files = caFiles(directory);
    makeDirectory(files.issued);
    chmodSync(directory, 0o700);
    return withLock(files.lock, () => {
      // The root is written last: without it there is no authority, and an earlier try left nothing that counts.
      if (existsSync(files.root)) {
        throw new CaError(
          `There is an authority in ${directory} already. See what it issued with \`sallyport ca list\`.`,
        );
      }
      if (!SUBJECT.test(given.name))
        throw new CaError(`${JSON.stringify(given.name)} cannot be the name of an authority.`);
      const key = makeKey(given.key);
      const now = Date.now() / 1000;
      const certificate = issueCertificate({
        subject: [['CN', given.name]],
        publicKey: createPublicKey(key),
        serial: newSerial(),
        notBefore: now - DAY,
        notAfter: now + given.days * DAY,
        ownKey: key,
        extensions: ROOT_EXTENSIONS,
      });
      writeDurably(files.rootKey, keyPem(key), 0o600);
      writeDurably(files.index, indexText({ version: 1, crlNumber: 0, certificates: [] }), 0o600);
      writeDurably(files.root, certificatePem(certificate), 0o644);
      const authority = new CertificateAuthority(directory);
      authority.#writeCrl(authority.#index());
      return authority;
    });
  }

  /** @throws CaError where there is none */
  static open(directory: string): CertificateAuthority {
    if (!existsSync(caFiles(directory).root)) {
      throw new CaError(`There is no certificate authority in ${directory}. Make one with \`sallyport ca init\`.`);
    }
    return new CertificateAuthority(directory);
  }

  /** Whether a directory holds an authority. */
  static isIn(directory: string): boolean {
    return existsSync(caFiles(directory).root);
  }

  list(): readonly IssuedCertificate[] {
    return this.#index().certificates;
  }

  /** @throws CaError for a name that cannot stand in a certificate */
  issue(wish: IssueWish): Issued {
    const names = [...new Set([wish.name, ...wish.names])];
    const alternatives = names.map((name) => alternativeName(name, wish.role));
    if (!SUBJECT.test(wish.name)) throw new CaError(`${JSON.stringify(wish.name)} is too long for a certificate.`);
    const now = Date.now() / 1000;
    const notAfter = now + wish.days * DAY;
    if (notAfter > this.root.notAfter) {
      const days = Math.floor((this.root.notAfter - now) / DAY);
      throw new CaError(`The authority itself ends in ${days} days: choose --days ${Math.max(1, days)} or fewer.`);
    }
    const key = makeKey(wish.key);
    const serial = newSerial();
    const certificate = issueCertificate({
      subject: [['CN', wish.name]],
      publicKey: createPublicKey(key),
      serial,
      notBefore: now - BACKDATED,
      notAfter,
      issuer: this.#issuer,
      extensions: endExtensions(wish.role, alternatives, wish.key),
    });
    const entry: IssuedCertificate = {
      serial: toHex(serial),
      name: wish.name,
      role: wish.role,
      names,
      issuedAt: new Date(now * 1000).toISOString(),
      notAfter: new Date(notAfter * 1000).toISOString(),
    };
    return withLock(this.files.lock, () => {
      const index = this.#index();
      // First the index: what exists can then always be revoked.
      this.#writeIndex({ ...index, certificates: [...index.certificates, entry] });
      const file = this.fileOf(entry);
      const text = certificatePem(certificate) + keyPem(key);
      writeDurably(file, text, 0o600);
      if (wish.role === 'server') writeDurably(this.files.server, text, 0o600);
      return { entry, file };
    });
  }

  /**
   * Revokes all certificates of a name, or the one of a serial.
   * @throws CaError where there is none that stands
   */
  revoke(nameOrSerial: string): readonly IssuedCertificate[] {
    return withLock(this.files.lock, () => {
      const index = this.#index();
      const meant = index.certificates.filter((one) => one.name === nameOrSerial || one.serial === nameOrSerial);
      if (meant.length === 0) {
        throw new CaError(`There is no certificate ${JSON.stringify(nameOrSerial)}. See \`sallyport ca list\`.`);
      }
      const revokedAt = new Date().toISOString();
      const certificates = index.certificates.map((one) =>
        meant.includes(one) && one.revokedAt === undefined ? { ...one, revokedAt } : one,
      );
      const next = { ...index, certificates };
      this.#writeIndex(next);
      this.#writeCrl(next);
      return certificates.filter((one) => meant.some(({ serial }) => serial === one.serial));
    });
  }

  /** The last standing certificate of a name, or that of a serial. @throws CaError */
  find(nameOrSerial: string): IssuedCertificate {
    const found = this.list().findLast(
      (one) => (one.name === nameOrSerial || one.serial === nameOrSerial) && one.revokedAt === undefined,
    );
    if (found === undefined) {
      throw new CaError(
        `There is no certificate ${JSON.stringify(nameOrSerial)} that is not revoked. See \`sallyport ca list\`.`,
      );
    }
    return found;
  }

  /** Certificate, key and root in one file with a generated password. @throws CaError */
  exportPkcs12(entry: IssuedCertificate, strength: Pkcs12Strength): Pkcs12Export {
    const text = this.pemOf(entry);
    const password = generateSecret(PASSWORD_GROUPS);
    const contents = { key: createPrivateKey(text), certificate: pemBytes(text), others: [this.root.der] };
    return { bytes: writePkcs12(contents, { password, friendlyName: entry.name, strength }), password };
  }

  /** Certificate and key. @throws CaError where the file is gone */
  pemOf(entry: IssuedCertificate): string {
    try {
      return readFileSync(this.fileOf(entry), 'utf8');
    } catch {
      throw new CaError(`The file ${this.fileOf(entry)} is gone: issue a new certificate for ${entry.name}.`);
    }
  }

  fileOf({ name, serial }: IssuedCertificate): string {
    return join(
      this.files.issued,
      `${name.replace(/[^A-Za-z0-9@._-]/g, '_').replace(/^\./, '_')}-${serial.slice(0, 8)}.pem`,
    );
  }

  get #issuer(): Issuer {
    return { certificate: this.root.der, key: this.#key };
  }

  #index(): Index {
    return JSON.parse(readFileSync(this.files.index, 'utf8')) as Index;
  }

  #writeIndex(index: Index): void {
    writeDurably(this.files.index, indexText(index), 0o600);
  }

  /** Valid for as long as the authority, for it is a file that is replaced, not one that is fetched in time. */
  #writeCrl(index: Index): void {
    const crlNumber = index.crlNumber + 1;
    this.#writeIndex({ ...index, crlNumber });
    const revoked = index.certificates.flatMap(({ serial, revokedAt }) =>
      revokedAt === undefined ? [] : [{ serial: fromHex(serial), at: Date.parse(revokedAt) / 1000 }],
    );
    const now = Date.now() / 1000;
    const { notAfter: nextUpdate } = this.root;
    const crl = issueCrl({ issuer: this.#issuer, thisUpdate: now - BACKDATED, nextUpdate, number: crlNumber, revoked });
    writeDurably(this.files.crl, pem('X509 CRL', crl), 0o644);
  }
}

const indexText = (index: Index): string => `${JSON.stringify(index, null, 2)}\n`;
