/** A stock strongSwan in a namespace, without a guest: its plugin kernel-libipsec does ESP (tunnel mode, in UDP) in user space. */

import type { ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { end, type Machine, type Result, sh, start } from '../process.ts';
import type { Namespace } from '../topology.ts';

/** Named, so that it starts at once. */
const PLUGINS = `random nonce openssl gcm pem pkcs1 pkcs7 pkcs8 pkcs12 x509 revocation constraints pubkey curve25519 kdf hmac
  sha1 sha2 md5 aes kernel-libipsec kernel-netlink socket-default vici updown eap-identity eap-mschapv2 eap-tls eap-md5
  eap-gtc xauth-generic chapoly`;

/** A folder of swanctl, and what lies in it by file name. */
export type SwanctlFiles = Readonly<Record<string, string | Uint8Array>>;

export interface StrongSwanOptions {
  /** swanctl.conf. */
  readonly swanctl: string;
  /** Beside it, e.g. `x509ca/ca.crt`. */
  readonly files?: SwanctlFiles;
  /** Further lines of the section of charon. */
  readonly settings?: string;
}

export class StrongSwan implements Machine {
  readonly name: string;
  readonly namespace: Namespace;
  readonly #folder: string;
  #child: ChildProcess | undefined;

  constructor(namespace: Namespace) {
    this.namespace = namespace;
    this.name = `strongSwan at ${namespace.name.replace(/^.*-/, 'the ')}`;
    this.#folder = join(namespace.lab, 'strongswan');
  }

  get lab(): string {
    return this.namespace.lab;
  }

  run(script: string, seconds?: number): Promise<Result> {
    return this.namespace.run(script, seconds);
  }

  async start({ swanctl, files = {}, settings = '' }: StrongSwanOptions): Promise<void> {
    const write = (name: string, content: string | Uint8Array) => {
      const file = join(this.#folder, name);
      mkdirSync(join(file, '..'), { recursive: true, mode: 0o700 });
      writeFileSync(file, content, { mode: 0o600 });
    };
    write('strongswan.conf', settingsOf(this.#folder, settings));
    write('swanctl/swanctl.conf', swanctl);
    for (const [name, content] of Object.entries(files)) write(join('swanctl', name), content);
    this.#child = start(this.namespace.command('env', ...this.#environment, 'charon-systemd'), { stdio: 'ignore' });
    await sh(this, `for try in {1..200}; do [ -S ${this.#socket} ] && exit; sleep 0.05; done; exit 1`);
    await this.load();
  }

  /** Addresses of the server itself, inside the tunnels. */
  async holdAddresses(...addresses: readonly string[]): Promise<void> {
    await sh(this, addresses.map((address) => `ip address add ${address} dev lo`).join('\n'));
  }

  /** Reads the files of swanctl again. */
  async load(): Promise<string> {
    return this.swanctl('--load-all');
  }

  async swanctl(...words: readonly string[]): Promise<string> {
    return sh(this, `env ${this.#environment.join(' ')} swanctl ${words.join(' ')} --uri unix://${this.#socket}`);
  }

  /** Brings up the child of that name. @throws Error with what strongSwan says */
  async initiate(child: string, seconds = 15): Promise<string> {
    return this.swanctl('--initiate', '--child', child, '--timeout', String(seconds));
  }

  /** Deletes the IKE SA and all that it carries. */
  async terminate(ike = 'lab'): Promise<void> {
    await this.swanctl('--terminate', '--ike', ike, '--timeout', '10');
  }

  /** Waits until no SA is left. */
  async none(seconds = 5): Promise<void> {
    for (const until = performance.now() + seconds * 1000; (await this.sas()) !== ''; ) {
      if (performance.now() > until) throw new Error(`${this.name} still has\n${await this.sas()}`);
    }
  }

  sas(): Promise<string> {
    return this.swanctl('--list-sas');
  }

  /** The virtual addresses that it was given, IPv4 first. */
  async virtualAddresses(): Promise<string[]> {
    const [, list = ''] = /local {2}'.*?\[([0-9a-f.: ]*)\]$/m.exec(await this.sas()) ?? [];
    return list
      .trim()
      .split(' ')
      .sort((a, b) => Number(a.includes(':')) - Number(b.includes(':')));
  }

  log(): string {
    const file = join(this.#folder, 'charon.log');
    return existsSync(file) ? readFileSync(file, 'utf8') : '';
  }

  /** Waits until the log has a line like that, after the first `seen` characters. */
  async logged(pattern: RegExp, seconds = 10, seen = 0): Promise<RegExpExecArray> {
    for (const until = performance.now() + seconds * 1000; ; ) {
      const found = pattern.exec(this.log().slice(seen));
      if (found !== null) return found;
      if (performance.now() > until) {
        throw new Error(
          `${this.name}: not in ${seconds} s: ${pattern}\n${this.log().split('\n').slice(-40).join('\n')}`,
        );
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  async stop(): Promise<void> {
    if (this.#child !== undefined) await end(this.#child, 'SIGTERM', 10);
    this.#child = undefined;
  }

  get #socket(): string {
    return join(this.#folder, 'charon.vici');
  }

  get #environment(): string[] {
    return [`STRONGSWAN_CONF=${join(this.#folder, 'strongswan.conf')}`, `SWANCTL_DIR=${join(this.#folder, 'swanctl')}`];
  }
}

/**
 * The log names each payload of each message, the Notifies among them. By the mark, what strongSwan itself sends does not
 * follow its own route into the tunnel, which leads everywhere.
 */
const settingsOf = (folder: string, more: string) => `
charon-systemd {
  load = ${PLUGINS.replaceAll(/\s+/g, ' ')}
  retransmit_timeout = 1.0
  retransmit_tries = 4
  journal { default = -1 }
  filelog { log { path = ${folder}/charon.log
    default = 1
    ike = 2
    cfg = 2
    flush_line = yes
    time_format = %T
    ike_name = yes } }
  plugins {
    vici { socket = unix://${folder}/charon.vici }
    kernel-libipsec { allow_peer_ts = yes }
    kernel-netlink { fwmark = !0x42 }
    socket-default { fwmark = 0x42 }
  }
  ${more}
}
swanctl { load = random nonce openssl pem pkcs1 pkcs7 pkcs8 pkcs12 pubkey x509 }
`;
