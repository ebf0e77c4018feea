/** Whole gateways and clients on the simulated network: real cores, the real packet path, a virtual clock. */

import { type Client, type ClientConfig, type ClientOutput, makeClient } from '../../src/client/index.ts';
import type { Instant } from '../../src/core/index.ts';
import {
  checkChapMd5Response,
  checkNtResponse,
  generateAuthenticatorResponse,
  msChapV2MasterKey,
  ntPasswordHash,
  withoutDomain,
} from '../../src/crypto/index.ts';
import { type MemoryDatagram, MemoryDataPlane } from '../../src/dataplane/memory.ts';
import type { DataPlaneEvent } from '../../src/dataplane/messages.ts';
import {
  type Gateway,
  type GatewayConfig,
  type GatewayOutput,
  makeGateway,
  type UserAnswer,
} from '../../src/gateway/index.ts';
import type { KeyAnswer, KeyAsk } from '../../src/ike/output.ts';
import type { Credentials } from '../../src/ppp/output.ts';
import type { LogEntry } from '../../src/session/log.ts';
import { fromUtf8, utf8 } from '../../src/wire/index.ts';
import { Installed } from './installed.ts';
import { type Receiver, SimulatedHost, type SimulatedNat, type SimulatedNetwork } from './network.ts';
import { type Cryptography, REAL } from './playCrypto.ts';
import { seededEnvironment } from './random.ts';

/** 2026-01-01T00:00:00Z, seconds. */
export const EPOCH = 1_767_225_600;

interface StackCore<Output> {
  receive(event: DataPlaneEvent, now: Instant): readonly Output[];
  command(
    command: { readonly type: 'keyAnswer'; readonly id: number; readonly answer: KeyAnswer },
    now: Instant,
  ): readonly Output[];
  expire(now: Instant): readonly Output[];
  readonly deadline: Instant | undefined;
}

/** What a gateway and a client have in common: a host on the network with a packet path and a core on the clock. */
abstract class StackEnd<Output extends GatewayOutput | ClientOutput> {
  readonly network: SimulatedNetwork;
  /** Where the host is now. */
  address: string;
  readonly plane: MemoryDataPlane;
  readonly environment;
  readonly log: LogEntry[] = [];
  /** Inner packets that came out of the tunnel. */
  readonly packets: Uint8Array[] = [];
  /** Takes inner packets as they come out; else they stand in `packets`. */
  onPacket: ((bytes: Uint8Array) => void) | undefined;
  /** Takes lines of the log; else they stand in `log`. */
  onLog: ((entry: LogEntry) => void) | undefined;
  /** A link on the way from here that carries less, and whether its router says so by ICMP. */
  narrow: { mtu: number; icmp: boolean } | undefined;
  /** Outer packets that were fragmented on that link. */
  fragmented = 0;
  /** What the data plane holds, by the commands it was given. */
  readonly installed = new Installed();
  /** Most outputs that one call of the core has returned. */
  mostOutputs = 0;
  protected readonly cryptography: Cryptography;
  #host: SimulatedHost;
  #core!: StackCore<Output>;
  #wakeAt: Instant | undefined;
  #off = false;
  #planeArmed = false;

  /** @param behind the NAT that the host stands behind, or a host that is started anew */
  constructor(
    network: SimulatedNetwork,
    address: string,
    seed: number,
    behind?: SimulatedNat | SimulatedHost,
    cryptography = REAL,
    untraced = false,
  ) {
    const { crypto } = cryptography;
    this.cryptography = cryptography;
    this.network = network;
    this.address = address;
    const unixTime = () => EPOCH + network.now / 1000;
    this.environment = { ...seededEnvironment(seed), crypto, unixTime, untraced };
    const receiver: Receiver = ({ local, remote, bytes }) => {
      if (this.#off) return;
      const protocol = local.port === 0 ? 'esp' : 'udp';
      this.plane.receive({ protocol, local, remote, bytes });
      this.#armPlane();
    };
    if (behind instanceof SimulatedHost) {
      behind.receiver = receiver;
      this.#host = behind;
    } else this.#host = network.host(address, receiver, behind);
    this.plane = new MemoryDataPlane({
      crypto,
      environment: this.environment,
      slots: 256,
      now: () => network.now,
      send: (datagram) => this.#send(datagram),
      packet: (bytes) => {
        if (this.onPacket === undefined) this.packets.push(bytes.slice());
        else if (!this.#off) this.onPacket(bytes);
      },
      event: (event) => this.perform((now) => this.#core.receive(event, now)),
    });
  }

  protected set core(core: StackCore<Output>) {
    this.#core = core;
  }

  /** Switches the host off: nothing arrives, nothing leaves, no timer runs. */
  powerOff(): void {
    this.#off = true;
  }

  /** The network card, for a host that is started anew. */
  get host(): SimulatedHost {
    return this.#host;
  }

  /** The host goes to another network: nothing that is on its way to the old place arrives any more. */
  relocate(address: string, to: SimulatedHost | SimulatedNat | undefined): void {
    const { receiver } = this.#host;
    this.#host.receiver = () => undefined;
    this.address = address;
    if (to instanceof SimulatedHost) {
      to.receiver = receiver;
      this.#host = to;
    } else this.#host = this.network.host(address, receiver, to);
  }

  get isOff(): boolean {
    return this.#off;
  }

  perform(work: (now: Instant) => readonly Output[]): void {
    if (this.#off) return;
    const outputs = work(this.network.now);
    if (outputs.length > this.mostOutputs) this.mostOutputs = outputs.length;
    for (const output of outputs) {
      this.#serve(output);
      this.take(output);
    }
    this.#arm();
  }

  /** Is given every output; what both ends do alike is done. */
  protected abstract take(output: Output): void;

  #serve(output: GatewayOutput | ClientOutput): void {
    switch (output.type) {
      case 'dataPlane':
        if (this.#off) return;
        this.installed.note(output.command);
        this.plane.post(output.command);
        return;
      case 'log':
        if (this.onLog === undefined) this.log.push(output);
        else this.onLog(output);
        return;
      case 'ask': {
        const { id } = output;
        const answer = answerOf(output, this.cryptography);
        // As from a worker thread: later, in an order of its own.
        this.network.schedule(this.network.now + 1, () =>
          this.perform((now) => this.#core.command({ type: 'keyAnswer', id, answer }, now)),
        );
      }
    }
  }

  #send({ protocol, local, remote, bytes, dontFragment }: MemoryDatagram): void {
    const { narrow } = this;
    if (narrow !== undefined && bytes.length + (protocol === 'udp' ? 28 : 20) > narrow.mtu) {
      if (dontFragment !== true) this.fragmented++;
      else {
        const error = { type: 'pathMtu', remote, mtu: narrow.mtu, from: '192.0.2.254' } as const;
        const tell = (now: Instant) => this.perform(() => this.#core.receive(error, now));
        if (narrow.icmp) this.network.schedule(this.network.now + 10, tell);
        return;
      }
    }
    if (!this.#off) this.#host.send(protocol === 'esp' ? 0 : local.port, remote, bytes);
  }

  /** The data plane counts its bounded rates by the second. */
  #armPlane(): void {
    const { deadline } = this.plane;
    if (deadline === undefined || this.#planeArmed) return;
    this.#planeArmed = true;
    this.network.schedule(deadline, (now) => {
      this.#planeArmed = false;
      this.plane.tick(now);
      this.#armPlane();
    });
  }

  #arm(): void {
    const { deadline } = this.#core;
    if (deadline === undefined || deadline === this.#wakeAt) return;
    this.#wakeAt = deadline;
    this.network.schedule(deadline, (now) => {
      if (this.#wakeAt !== deadline) return;
      this.#wakeAt = undefined;
      this.perform(() => this.#core.expire(now));
    });
  }

  /** Whether anything still waits for time: a clean end waits for nothing. */
  get deadline(): Instant | undefined {
    return this.#core.deadline;
  }
}

export class GatewayEnd extends StackEnd<GatewayOutput> {
  readonly gateway: Gateway;
  readonly users: ReadonlyMap<string, string>;
  /** Passwords as they were judged last, and how many there have been. */
  readonly #passwords = new Map<string, { readonly password: string; readonly count: number }>();
  readonly #static: ReadonlyMap<string, string>;
  drained = false;

  constructor(
    network: SimulatedNetwork,
    address: string,
    config: GatewayConfig,
    users: Readonly<Record<string, string>>,
    seed = 1,
    staticAddresses: Readonly<Record<string, string>> = {},
    cryptography?: Cryptography,
    untraced?: boolean,
  ) {
    super(network, address, seed, undefined, cryptography, untraced);
    this.users = new Map(Object.entries(users));
    this.#static = new Map(Object.entries(staticAddresses));
    this.gateway = makeGateway(config, this.environment, this.plane.counters);
    this.core = this.gateway;
  }

  protected override take(output: GatewayOutput): void {
    switch (output.type) {
      case 'askUser': {
        const answer = this.#judge(output.credentials);
        this.network.schedule(this.network.now + 5, () =>
          this.perform((now) => this.gateway.command({ type: 'userAnswer', id: output.id, answer }, now)),
        );
        return;
      }
      case 'drained':
        this.drained = true;
    }
  }

  #judge(credentials: Credentials): UserAnswer {
    const password = this.users.get(credentials.user);
    const refused = { accepted: false, reason: { code: 'wrong-password', reason: 'The password is wrong.' } } as const;
    if (password === undefined) return refused;
    const address = this.#static.get(credentials.user);
    const known = { accepted: true, ...(address === undefined ? {} : { address }) } as const;
    const accepted = { ...known, credential: this.#credentialOf(credentials.user, password) } as const;
    switch (credentials.method) {
      case 'pap':
        return fromUtf8(credentials.password) === password ? accepted : refused;
      case 'chap-md5': {
        const { identifier, challenge, response } = credentials;
        return checkChapMd5Response(this.cryptography.crypto, identifier, utf8(password), challenge, response)
          ? accepted
          : refused;
      }
      case 'certificate':
        return accepted;
      case 'ms-chap-v2': {
        const { authenticatorChallenge, peerChallenge, ntResponse, user } = credentials;
        const challenges = { authenticatorChallenge, peerChallenge, userName: withoutDomain(utf8(user)) };
        const hash = ntPasswordHash(this.cryptography.crypto, password);
        if (!checkNtResponse(this.cryptography.crypto, challenges, hash, ntResponse)) return refused;
        return {
          ...accepted,
          authenticatorResponse: generateAuthenticatorResponse(this.cryptography.crypto, challenges, hash, ntResponse),
          masterKey: msChapV2MasterKey(this.cryptography.crypto, hash, ntResponse),
        };
      }
    }
  }

  /** A user whose password is set anew has another one. */
  #credentialOf(user: string, password: string): string {
    const before = this.#passwords.get(user);
    const count = before?.password === password ? before.count : (before?.count ?? 0) + 1;
    this.#passwords.set(user, { password, count });
    return `password ${count}`;
  }
}

export class ClientEnd extends StackEnd<ClientOutput> {
  readonly client: Client;
  readonly config: Omit<ClientConfig, 'local'>;
  up: Extract<ClientOutput, { type: 'up' }> | undefined;
  closed: Extract<ClientOutput, { type: 'closed' }> | undefined;

  constructor(
    network: SimulatedNetwork,
    address: string,
    config: Omit<ClientConfig, 'local'>,
    seed = 2,
    behind?: SimulatedNat | SimulatedHost,
    cryptography?: Cryptography,
    untraced?: boolean,
  ) {
    super(network, address, seed, behind, cryptography, untraced);
    this.config = config;
    const port = config.ike === undefined && config.ikeV2 === undefined ? 1701 : 500;
    this.client = makeClient(
      { local: { address, port }, ...config },
      this.environment,
      this.plane.counters,
      network.now,
    );
    this.core = this.client;
  }

  connect(): void {
    this.perform((now) => this.client.command({ type: 'connect' }, now));
  }

  disconnect(): void {
    this.perform((now) =>
      this.client.command({ type: 'disconnect', reason: { code: 'user-request', reason: 'The user asked.' } }, now),
    );
  }

  protected override take(output: ClientOutput): void {
    switch (output.type) {
      case 'up':
        this.up = output;
        return;
      case 'closed':
        this.closed = output;
    }
  }
}

function answerOf({ ask }: KeyAsk, { keyExchange }: Cryptography): KeyAnswer {
  switch (ask.kind) {
    case 'generateKey':
      return { kind: ask.kind, keyPair: keyExchange.generateKey(ask.group) };
    case 'deriveSecret':
      return { kind: ask.kind, secret: keyExchange.deriveSecret(ask.group, ask.privateValue, ask.peerPublicValue) };
    case 'encapsulate':
      return { kind: ask.kind, encapsulated: keyExchange.encapsulate(ask.group, ask.peerPublicValue) };
  }
}
