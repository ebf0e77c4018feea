/** Our own ends in namespaces, run through the command line. */

import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { stringify } from 'yaml';
import { type LogLine, OurEnd } from './ourEnd.ts';
import { IPSEC, type Method, USER, USERS, type User } from './stock/options.ts';
import type { Namespace } from './topology.ts';

/** What the log lines are called that these ends wait for. */
const EVENTS = { gatewayReady: 'ready', clientUp: 'up' } as const;

/** What takes 2 s on a quiet machine may take 20 on one that builds beside. */
const START_SECONDS = 40;

const METHODS: Readonly<Record<Method, string>> = {
  pap: 'pap',
  chap: 'chap-md5',
  mschapv2: 'ms-chap-v2',
  'eap-mschapv2': 'eap-mschapv2',
  'eap-tls': 'eap-tls',
  'eap-md5': 'eap-md5',
};

export const GATEWAY_INNER_ADDRESS = '10.74.0.1';

/** What these tests read of `sessions --json`. */
export interface SessionJson {
  readonly id: string;
  readonly user?: string;
  readonly phase: string;
  readonly peer: { readonly address: string; readonly port: number };
  readonly innerAddress?: string;
  readonly ike?: string;
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
  /** Who is in its store; each costs a start of the program or two. All whom the stock peers know unless told. */
  readonly users?: readonly User[];
  /** Writes key tables for Wireshark into `keys`. */
  readonly keylog?: boolean;
  /** Keys of the configuration beside these, by section. */
  readonly more?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
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
  /** Keys of the profile beside these. */
  readonly more?: Readonly<Record<string, unknown>>;
}

export class OurGateway extends OurEnd {
  readonly address: string;

  constructor(namespace: Namespace, folder: string, address: string) {
    super(namespace, folder);
    this.address = address;
  }

  async start(options: GatewayOptions = {}): Promise<void> {
    mkdirSync(this.state, { recursive: true });
    for (const { name, password } of options.users ?? USERS) {
      const file = this.write('password', password);
      await this.sallyport('user', 'add', name, '--password-file', file).catch(() =>
        this.sallyport('user', 'passwd', name, '--password-file', file),
      );
    }
    const config = this.write('sallyport.yaml', stringify(gatewayConfig(this.address, options)));
    const keylog = options.keylog ? ['--keylog', this.keys] : [];
    await this.launch(['serve', '-c', config, '--state', this.state, '--log', 'json', ...keylog]);
    await this.#ready();
  }

  /** Starts it again after `kill`, with what it was started with. */
  async again(): Promise<void> {
    this.relaunch();
    await this.#ready();
  }

  async #ready(): Promise<void> {
    await this.line('ready', ({ event }) => event === EVENTS.gatewayReady, START_SECONDS);
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

  /** Sends a session, or everybody who comes, to another gateway. */
  async redirect(who: string | '--all', to: string): Promise<void> {
    await this.sallyport('redirect', who, '--to', to);
  }

  /** Stops it in order and checks that nothing is left on its host. */
  async stop(): Promise<void> {
    await this.finish('SIGTERM');
  }
}

export class OurClient extends OurEnd {
  /** Starts connecting. */
  async start(options: ClientOptions): Promise<void> {
    const { server, method, user = USER, psk = IPSEC.psk, profile, routes, keylog, more } = options;
    await this.launch([
      'connect',
      more === undefined ? server : this.write('profile.yaml', stringify({ server, ...more })),
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

  /** Starts connecting with a profile alone, whose files are in place. */
  async startWith(profile: Readonly<Record<string, unknown>>): Promise<void> {
    const file = this.write('profile.yaml', stringify(profile));
    await this.launch(['connect', file, '--state', this.state, '--log', 'json']);
  }

  /** Connects; resolves when the tunnel is up. */
  async connect(options: ClientOptions): Promise<void> {
    await this.start(options);
    await this.up();
  }

  /** Resolves with the line that says so. */
  async up(): Promise<LogLine> {
    return this.line('up', ({ event }) => event === EVENTS.clientUp, START_SECONDS);
  }

  /** Waits for the next connection of a client with `persist`: among the lines after the first `seen`. */
  async upAgain(seen: number, seconds: number): Promise<void> {
    await this.line('up again', (line) => line.event === EVENTS.clientUp && this.lines.indexOf(line) >= seen, seconds);
  }

  /** What Ctrl-C does. */
  async disconnect(): Promise<void> {
    await this.finish('SIGINT');
  }

  /** Waits for the client to give up or to be disconnected by the server. Resolves with its exit code. */
  async over(seconds = 40): Promise<number | null> {
    return this.exited(seconds);
  }
}

function gatewayConfig(address: string, options: GatewayOptions): unknown {
  const { methods, psk = IPSEC.psk, profile = 'compatible', more } = options;
  return {
    listen: [address],
    ...more,
    ike: { psk, profile, ...more?.ike },
    ppp: { ...(methods && { authentication: methods.map((method) => METHODS[method]) }), ...more?.ppp },
    network: {
      pool: '10.74.0.0/24',
      gateway_address: GATEWAY_INNER_ADDRESS,
      dns: [GATEWAY_INNER_ADDRESS],
      nat: false,
      ...more?.network,
    },
  };
}
