/** Our own ends: the command line, run in a namespace, watched through its JSON log and `sessions --json`. */

import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { end, type Machine, type Result, sh, start } from './process.ts';
import { IPSEC, type Method, USER, USERS, type User } from './stock/options.ts';
import type { Namespace } from './topology.ts';

/** What the log lines are called that these ends wait for. */
const EVENTS = { gatewayReady: 'ready', clientUp: 'up' } as const;

const METHODS: Readonly<Record<Method, string>> = { pap: 'pap', chap: 'chap-md5', mschapv2: 'ms-chap-v2' };
const SALLYPORT = fileURLToPath(new URL('../../bin/sallyport.js', import.meta.url));

export const GATEWAY_INNER_ADDRESS = '10.74.0.1';

/** One line of the JSON log. */
export type LogLine = Readonly<Record<string, unknown>>;

/** What these tests read of `sessions --json`. */
export interface SessionJson {
  readonly id: string;
  readonly user?: string;
  readonly phase: string;
  readonly peer: { readonly address: string; readonly port: number };
  readonly innerAddress?: string;
  readonly encapsulation?: 'none' | 'udp' | 'esp';
  readonly authentication?: string;
  readonly bytesFromPeer: number;
  readonly bytesToPeer: number;
}

export interface GatewayOptions {
  /** The methods that the gateway offers; all unless told. */
  readonly methods?: readonly Method[];
  readonly psk?: string;
  readonly profile?: 'strict' | 'compatible' | 'legacy';
  /** Writes key tables for Wireshark into `keys`. */
  readonly keylog?: boolean;
}

export interface ClientOptions {
  readonly server: string;
  readonly method: Method;
  readonly user?: User;
  readonly psk?: string;
  readonly profile?: 'strict' | 'compatible' | 'legacy';
  /** What to reach through the tunnel, a prefix. */
  readonly routes: string;
  readonly keylog?: boolean;
}

/** A run of the command line that stays. */
class OurEnd implements Machine {
  readonly namespace: Namespace;
  readonly folder: string;
  readonly lines: LogLine[] = [];
  #text = '';
  #child: ChildProcess | undefined;
  #before = '';
  readonly #watchers = new Set<() => void>();

  constructor(namespace: Namespace, folder: string) {
    this.namespace = namespace;
    this.folder = folder;
  }

  get name(): string {
    return this.namespace.name.replace(/^.*?\d+-/, '');
  }

  get lab(): string {
    return this.namespace.lab;
  }

  get state(): string {
    return join(this.folder, 'state');
  }

  /** Where `keylog` puts its tables. */
  get keys(): string {
    return join(this.folder, 'keys');
  }

  run(script: string, seconds?: number): Promise<Result> {
    return this.namespace.run(script, seconds);
  }

  logs(): string {
    return this.#text;
  }

  async kill(): Promise<void> {
    if (this.#child !== undefined) await end(this.#child, 'SIGKILL');
  }

  /** The first log line, seen or still to come, that the test accepts. Fails when the process ends before. */
  line(what: string, accepts: (line: LogLine) => boolean, seconds: number): Promise<LogLine> {
    return new Promise((resolve, reject) => {
      const done = (act: () => void) => {
        clearTimeout(timer);
        this.#watchers.delete(look);
        act();
      };
      const look = () => {
        const found = this.lines.find(accepts);
        if (found !== undefined) done(() => resolve(found));
        else if (this.ended) done(() => reject(new Error(`${this.name} ended without: ${what}\n${this.tail()}`)));
      };
      const timer = setTimeout(
        () => done(() => reject(new Error(`${this.name}: not in ${seconds} s: ${what}\n${this.tail()}`))),
        seconds * 1000,
      );
      this.#watchers.add(look);
      look();
    });
  }

  /** Waits for a log line that carries a reason code, at any depth. */
  async reason(code: string, seconds = 15): Promise<void> {
    await this.line(`reason ${code}`, (line) => carries(line, code), seconds);
  }

  protected get ended(): boolean {
    return this.#child === undefined || this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  protected async launch(words: readonly string[]): Promise<void> {
    mkdirSync(this.state, { recursive: true });
    this.#before = await hostState(this.namespace);
    this.lines.length = 0;
    const child = start(this.namespace.command('node', SALLYPORT, ...words), { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    for (const stream of [child.stdout!, child.stderr!])
      createInterface({ input: stream }).on('line', (line) => this.#take(line));
    child.once('close', () => this.#wake());
  }

  /** Sends a signal, waits for the end, and checks the exit code and that the host is as it was before. */
  protected async finish(signal: NodeJS.Signals): Promise<void> {
    const code = await end(this.#child!, signal, 15);
    assert.equal(code, 0, `${this.name}: exit code after ${signal}\n${this.tail()}`);
    assert.equal(await hostState(this.namespace), this.#before, `${this.name} leaves the host as it found it`);
  }

  /** Waits for the process to end by itself. */
  protected async exited(seconds: number): Promise<number | null> {
    const child = this.#child!;
    if (!this.ended) {
      await new Promise<void>((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error(`${this.name} still runs\n${this.tail()}`)), seconds * 1000);
        child.once('close', () => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
    assert.equal(await hostState(this.namespace), this.#before, `${this.name} leaves the host as it found it`);
    return child.exitCode;
  }

  protected sallyport(...words: string[]): Promise<string> {
    return sh(this.namespace, ['node', SALLYPORT, ...words, '--state', this.state].map(quote).join(' '));
  }

  protected write(name: string, text: string): string {
    const file = join(this.folder, name);
    writeFileSync(file, text, { mode: 0o600 });
    return file;
  }

  private tail(): string {
    return this.#text.split('\n').slice(-15).join('\n');
  }

  #take(line: string): void {
    this.#text += `${line}\n`;
    try {
      this.lines.push(JSON.parse(line));
    } catch {
      // Not every line is of the log: the connection card, a warning of Node.
    }
    this.#wake();
  }

  #wake(): void {
    for (const look of [...this.#watchers]) look();
  }
}

export class OurGateway extends OurEnd {
  readonly address: string;

  constructor(namespace: Namespace, folder: string, address: string) {
    super(namespace, folder);
    this.address = address;
  }

  async start(options: GatewayOptions = {}): Promise<void> {
    mkdirSync(this.state, { recursive: true });
    for (const { name, password } of USERS) {
      const file = this.write('password', password);
      await this.sallyport('user', 'add', name, '--password-file', file).catch(() =>
        this.sallyport('user', 'passwd', name, '--password-file', file),
      );
    }
    const config = this.write('sallyport.yaml', stringify(gatewayConfig(this.address, options)));
    const keylog = options.keylog ? ['--keylog', this.keys] : [];
    await this.launch(['serve', '-c', config, '--state', this.state, '--log', 'json', ...keylog]);
    await this.line('ready', ({ event }) => event === EVENTS.gatewayReady, 15);
  }

  /** The sessions that are not over. */
  async sessions(): Promise<SessionJson[]> {
    const sessions = JSON.parse(await this.sallyport('sessions', '--json')) as SessionJson[];
    return sessions.filter(({ phase }) => phase !== 'closed');
  }

  /** The session of a user, which must be up. */
  async session(user: User = USER): Promise<SessionJson> {
    const sessions = await this.sessions();
    const found = sessions.find((session) => session.user === user.name && session.phase === 'up');
    assert.ok(found !== undefined, `a session of ${user.name} among ${JSON.stringify(sessions)}`);
    return found;
  }

  /** Waits until `sessions` is empty. */
  async leftovers(seconds = 5): Promise<SessionJson[]> {
    for (const until = performance.now() + seconds * 1000; ; ) {
      const sessions = await this.sessions();
      if (sessions.length === 0 || performance.now() > until) return sessions;
    }
  }

  async disconnect(who: string): Promise<void> {
    await this.sallyport('disconnect', who);
  }

  /** Stops it in order and checks that nothing is left on its host. */
  async stop(): Promise<void> {
    await this.finish('SIGTERM');
  }
}

export class OurClient extends OurEnd {
  /** Starts connecting. */
  async start(options: ClientOptions): Promise<void> {
    const { server, method, user = USER, psk = IPSEC.psk, profile, routes, keylog } = options;
    await this.launch([
      'connect',
      server,
      '--user',
      user.name,
      '--password-file',
      this.write('password', user.password),
      '--psk-file',
      this.write('psk', psk),
      '--auth',
      METHODS[method],
      '--routes',
      routes,
      ...(profile === undefined ? [] : ['--profile', profile]),
      ...(keylog ? ['--keylog', this.keys] : []),
      '--state',
      this.state,
      '--log',
      'json',
    ]);
  }

  /** Connects; resolves when the tunnel is up. */
  async connect(options: ClientOptions): Promise<void> {
    await this.start(options);
    await this.up();
  }

  async up(): Promise<void> {
    await this.line('up', ({ event }) => event === EVENTS.clientUp, 20);
  }

  /** What Ctrl-C does. */
  async disconnect(): Promise<void> {
    await this.finish('SIGINT');
  }

  /** Waits for the client to give up or to be disconnected by the server. Resolves with its exit code. */
  async over(seconds = 15): Promise<number | null> {
    return this.exited(seconds);
  }
}

function gatewayConfig(address: string, { methods, psk = IPSEC.psk, profile = 'compatible' }: GatewayOptions): unknown {
  return {
    listen: [address],
    ike: { psk, profile },
    ...(methods === undefined ? {} : { ppp: { authentication: methods.map((method) => METHODS[method]) } }),
    network: { pool: '10.74.0.0/24', gateway_address: GATEWAY_INNER_ADDRESS, dns: [GATEWAY_INNER_ADDRESS], nat: false },
  };
}

/** All that a gateway or a client may change on its host. */
function hostState(namespace: Namespace): Promise<string> {
  return sh(
    namespace,
    `ip -o address show | sed 's/ valid_lft.*//'; ip route show table all; ip rule; ip -o link show type tun
    nft list ruleset; cat /proc/sys/net/ipv4/ip_forward; ip xfrm state`,
  );
}

function carries(value: unknown, code: string): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return Object.entries(value).some(([key, inner]) => (key === 'code' && inner === code) || carries(inner, code));
}

function quote(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}
