/** An authority made by `sallyport ca`, as an administrator makes it, and what it issued. */

import { createPrivateKey, X509Certificate } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Issuer } from '../../../src/driver/x509/index.ts';
import { SALLYPORT } from '../ourEnd.ts';
import { host, sh } from '../process.ts';
import { SERVER } from './wire.ts';

export type KeyKind = 'p256' | 'rsa3072' | 'rsa4096';

/** What the server's certificate is for, beside its address. */
export const SERVER_NAME = 'vpn.example.org';
/** Who has a certificate that stands, and who one that was revoked. */
export const HOLDER = 'alice@example.org';
export const REVOKED = 'mallory@example.org';
/** The same for servers; the certificate is for SERVER_NAME, too. */
export const REVOKED_SERVER = 'old.example.org';

export interface Issued {
  /** PEM. */
  readonly certificate: string;
  readonly key: string;
}

/** As the command leaves it. */
export interface IssuedFile extends Issued {
  /** Certificate and key in one file. */
  readonly file: string;
}

const made = new Map<string, Promise<Authority>>();

export class Authority {
  /** The directory that `certificates.authority` names. */
  readonly directory: string;

  private constructor(directory: string) {
    this.directory = directory;
  }

  /**
   * One authority of each name is made in `folder`, whoever asks.
   * @param servers what the server's certificate is for, beside SERVER_NAME
   */
  static of(
    folder: string,
    kind: KeyKind,
    name = kind as string,
    servers: readonly string[] = [SERVER],
  ): Promise<Authority> {
    const state = join(folder, `authority-${name}`);
    const found = made.get(state) ?? Authority.#make(state, kind, servers.join(' '));
    made.set(state, found);
    return found;
  }

  static async #make(state: string, kind: KeyKind, servers: string): Promise<Authority> {
    mkdirSync(state, { recursive: true, mode: 0o700 });
    const ca = (words: string) => sh(host, `cd ${state} && node ${SALLYPORT} ca ${words} --state ${state}`, 60);
    await ca(`init --key ${kind}`);
    await ca(`issue ${REVOKED_SERVER} --server --also ${SERVER_NAME} ${servers} --key ${kind}`);
    await ca(`issue ${SERVER_NAME} --server --also ${servers} --key ${kind}`);
    await ca(`issue ${HOLDER} --key ${kind}`);
    await ca(`issue ${REVOKED} --key ${kind}`);
    await ca(`revoke ${REVOKED}`);
    await ca(`revoke ${REVOKED_SERVER}`);
    return new Authority(join(state, 'ca'));
  }

  get root(): string {
    return this.#read('ca.crt');
  }

  get rootFile(): string {
    return join(this.directory, 'ca.crt');
  }

  get crl(): string {
    return this.#read('ca.crl');
  }

  get server(): IssuedFile {
    return issuedIn(join(this.directory, 'server.pem'));
  }

  /** What the authority is to a certificate that is made without the command. */
  get issuer(): Issuer {
    const key = createPrivateKey(this.#read('ca.key'));
    return { certificate: new X509Certificate(this.root).raw, key };
  }

  issued(name: string): IssuedFile {
    const file = readdirSync(join(this.directory, 'issued')).find((one) => one.startsWith(name));
    return issuedIn(join(this.directory, 'issued', file!));
  }

  #read(name: string): string {
    return readFileSync(join(this.directory, name), 'utf8');
  }
}

function issuedIn(file: string): IssuedFile {
  const text = readFileSync(file, 'utf8');
  const at = text.search(/-----BEGIN [A-Z ]*PRIVATE KEY/);
  return { file, certificate: text.slice(0, at), key: text.slice(at) };
}
