/** IKEv2 endpoints on a simulated network, driven as an owner would drive them. */

import { createHash } from 'node:crypto';
import type { Endpoint, Failure, Instant } from '../../../../src/core/index.ts';
import { nodeCrypto, nodeKeyExchange } from '../../../../src/crypto/node/index.ts';
import type { KeyAnswer, KeyAsk, RemoteConfiguration, SignatureAsk } from '../../../../src/ike/ask.ts';
import type { ChildEstablished, IkeAnswer, IkeEstablished, IkeOutput, Selector } from '../../../../src/ike/output.ts';
import type { Credential, TrustAnchor } from '../../../../src/ike/signature.ts';
import { secretTable } from '../../../../src/ike/v1/index.ts';
import { type IkeV2Config, IkeV2Endpoint } from '../../../../src/ike/v2/index.ts';
import { childSaPolicy, type IkeV2Profile, ikeV2Policy } from '../../../../src/ike/v2/policy.ts';
import { concat, toHex, utf8 } from '../../../../src/wire/index.ts';
import {
  type LinkQuality,
  PERFECT,
  type SimulatedHost,
  type SimulatedNat,
  SimulatedNetwork,
} from '../../../sim/network.ts';
import { seededEnvironment } from '../../../sim/random.ts';

export const SECRET = utf8('correct horse battery staple');
export const SERVER = '203.0.113.1';
export const oneSecret = (secret: string | Uint8Array = SECRET) =>
  secretTable([{ secret: typeof secret === 'string' ? utf8(secret) : secret }]);

/** A profile that accepts and offers the same short lists; a curve keeps the tests fast. */
export const profileOf = (
  ike: readonly string[] = ['aes128gcm16-prfsha256-x25519'],
  esp: readonly string[] = ['aes128gcm16-x25519-none'],
  lifetimes: { ike?: number; esp?: number } = {},
): IkeV2Profile => {
  const policies = { ike: ikeV2Policy(ike, lifetimes.ike ?? 28_800), esp: childSaPolicy(esp, lifetimes.esp ?? 3600) };
  return { name: 'compatible', accept: policies, offer: policies };
};

type OutputOf<Type extends IkeOutput['type']> = Extract<IkeOutput, { readonly type: Type }>;

/** How the owner of an end behaves. */
export interface OwnerHabits {
  /** What clients are given; a failure refuses them. */
  readonly configuration?: RemoteConfiguration | Failure;
  /** As EAP server: the passwords that it knows; as client: its own. */
  readonly password?: string;
  /** Rounds of a fake EAP method before it is done. */
  readonly eapRounds?: number;
  /** As client: gives EAP up, with the last packet of its method or without. */
  readonly givesUp?: 'with a packet' | 'without a word';
  /** EAP that makes no key. */
  readonly eapWithoutKey?: boolean;
  /** Names whose certificates are not believed. */
  readonly revoked?: readonly string[];
}

/** A credential of a make-believe authority: the chain is its name, a signature a hash. */
export const credential = (name: string, key: Credential['key'] = 'ecdsa-p256'): Credential => ({
  name,
  chain: [utf8(`certificate of ${name}`)],
  key,
  identities: [{ type: 'fqdn', value: name }],
  authorities: [AUTHORITY.keyHash],
});

export const AUTHORITY: TrustAnchor = { subject: utf8('CN=CA'), keyHash: new Uint8Array(20).fill(7) };

/** One end: an endpoint on a host, and all that it said. */
export class End {
  readonly world: World;
  readonly address: string;
  endpoint: IkeV2Endpoint;
  readonly outputs: { readonly at: Instant; readonly output: IkeOutput }[] = [];
  readonly host: SimulatedHost;
  /** Further network cards of the same host. */
  readonly hosts = new Map<string, SimulatedHost>();
  habits: OwnerHabits = {};
  readonly #start: () => IkeV2Endpoint;
  #starts = 0;
  #nextId = 1;
  #eapRound = 0;

  constructor(
    world: World,
    address: string,
    config: Partial<IkeV2Config>,
    behind: SimulatedNat | undefined,
    seed: number,
  ) {
    this.world = world;
    this.address = address;
    this.#start = () =>
      new IkeV2Endpoint({
        config: { secrets: oneSecret(), profile: profileOf(), ...config },
        crypto: nodeCrypto,
        environment: { ...seededEnvironment(seed + 100 * this.#starts++), untraced: world.untraced },
      });
    this.endpoint = this.#start();
    this.host = this.attach(address, behind);
  }

  attach(address: string, behind?: SimulatedNat): SimulatedHost {
    const receive = (datagram: Parameters<IkeV2Endpoint['receive']>[0], now: Instant) =>
      this.perform(this.endpoint.receive(datagram, now));
    const host = this.world.network.host(address, receive, behind);
    this.hosts.set(address, host);
    return host;
  }

  /** The host starts anew with an endpoint that knows nothing; what was said so far stays recorded. */
  restart(): this {
    this.endpoint = this.#start();
    return this;
  }

  connect(
    to: End | string = SERVER,
    options: { readonly localPort?: number; readonly remotePort?: number; readonly remoteSelector?: Selector } = {},
  ): number {
    const remote: Endpoint = { address: typeof to === 'string' ? to : to.address, port: options.remotePort ?? 500 };
    const local: Endpoint = { address: this.address, port: options.localPort ?? 500 };
    const ikeSa = this.#nextId++;
    const localSelector = udp(this.address);
    const remoteSelector = options.remoteSelector ?? udp(remote.address);
    this.command({ type: 'connect', ikeSa, local, remote, localSelector, remoteSelector });
    return ikeSa;
  }

  command(command: Parameters<IkeV2Endpoint['command']>[0]): void {
    this.perform(this.endpoint.command(command, this.world.network.now));
  }

  close(ikeSa: number): void {
    this.command({ type: 'close', ikeSa, reason: { code: 'closed', reason: 'the test is over' } });
  }

  closeChild(child: number): void {
    this.command({ type: 'closeChild', child });
  }

  renewChild(child: number): void {
    this.command({ type: 'renewChild', child });
    this.perform(this.endpoint.expire(this.world.network.now));
  }

  perform(outputs: readonly IkeOutput[]): void {
    const { network } = this.world;
    for (const output of outputs) {
      this.outputs.push({ at: network.now, output });
      if (output.type === 'send') {
        this.hosts.get(output.local.address)?.send(output.local.port, output.remote, output.bytes);
      }
      if (output.type === 'ask') this.#answerLater(output.id, answerTo(output.ask));
      if (output.type === 'askSignature') this.#answerLater(output.id, this.#answerSignature(output.ask));
      if (output.type === 'askConfiguration') {
        const configuration = this.habits.configuration ?? { code: 'no-address', reason: 'no pool' };
        this.#answerLater(output.id, { kind: 'configuration', configuration });
      }
      if (output.type === 'eap') network.schedule(network.now + 1, () => this.#onEap(output));
    }
    const { deadline } = this.endpoint;
    if (deadline !== undefined) network.schedule(deadline, (now) => this.#wake(deadline, now));
  }

  /** All outputs of a type, in order. */
  all<Type extends IkeOutput['type']>(type: Type): OutputOf<Type>[] {
    return this.outputs.map(({ output }) => output).filter((output): output is OutputOf<Type> => output.type === type);
  }

  /** The only output of a type. */
  one<Type extends IkeOutput['type']>(type: Type): OutputOf<Type> {
    const found = this.all(type);
    if (found.length !== 1) throw new Error(`${found.length} outputs of type ${type}`);
    return found[0]!;
  }

  get established(): IkeEstablished[] {
    return this.all('ikeEstablished');
  }

  get children(): ChildEstablished[] {
    return this.all('childEstablished');
  }

  /** Child SAs that were established and not closed. */
  get livingChildren(): ChildEstablished[] {
    const closed = new Set(this.all('childClosed').map(({ child }) => child));
    return this.children.filter(({ child }) => !closed.has(child));
  }

  /** Codes of what was dropped. */
  get dropped(): string[] {
    return this.all('dropped').map(({ code }) => code);
  }

  get summaries(): string[] {
    return this.all('trace').map(({ direction, summary }) => `${direction} ${summary}`);
  }

  #answerLater(id: number, answer: IkeAnswer): void {
    const { network, publicKeyDelay } = this.world;
    network.schedule(network.now + publicKeyDelay, (now) => {
      this.perform(this.endpoint.command({ type: 'answer', id, answer }, now));
    });
  }

  #answerSignature(ask: SignatureAsk['ask']): IkeAnswer {
    if (ask.kind === 'sign') return { kind: 'sign', signature: signatureOf(ask.credential, ask.scheme, ask.octets) };
    const name = new TextDecoder().decode(ask.chain[0]).replace('certificate of ', '');
    const failure = (code: string): IkeAnswer => ({ kind: 'verify', failure: { code, reason: `${name}: ${code}` } });
    if (this.habits.revoked?.includes(name)) return failure('certificate-revoked');
    if (ask.identity.value !== name) return failure('identity-mismatch');
    const right = toHex(ask.signature) === toHex(signatureOf(name, ask.scheme, ask.octets));
    return right ? { kind: 'verify', failure: undefined } : failure('bad-signature');
  }

  /** A make-believe method: the client says its password in each round, and the key is made of it. */
  #onEap({ ikeSa, role, bytes }: OutputOf<'eap'>): void {
    const { password = 'secret', eapRounds = 2, eapWithoutKey = false } = this.habits;
    const done = { ...(eapWithoutKey ? {} : { msk: mskOf(password) }), user: 'alice' };
    const eap = (code: number, data: Uint8Array) => concat(Uint8Array.of(code, 1, 0, 4 + data.length), data);
    const say = (packet: Uint8Array, end?: object) =>
      this.command({ type: 'eap', ikeSa, bytes: packet, ...(end && { done: end }) } as Parameters<
        typeof this.command
      >[0]);
    if (role === 'responder') {
      const said = new TextDecoder().decode(bytes.subarray(4));
      if (bytes.length > 0 && said !== password) {
        say(eap(4, new Uint8Array(0)), { failure: { code: 'bad-credentials', reason: 'wrong password' } });
      } else if (this.#eapRound++ < eapRounds) say(eap(1, utf8('password?')));
      else say(eap(3, new Uint8Array(0)), done);
      return;
    }
    const { givesUp } = this.habits;
    const failure = { code: 'no-method', reason: 'the server wants what we do not have' };
    if (givesUp === 'without a word') say(new Uint8Array(0), { failure });
    else if (givesUp !== undefined) say(eap(2, utf8(password)), { failure });
    else if (bytes[0] === 1) say(eap(2, utf8(password)));
    else if (bytes[0] === 3) say(new Uint8Array(0), done);
    else say(new Uint8Array(0), { failure: { code: 'bad-credentials', reason: 'the server refused the password' } });
  }

  #wake(deadline: Instant, now: Instant): void {
    if (this.endpoint.deadline !== undefined && this.endpoint.deadline <= deadline)
      this.perform(this.endpoint.expire(now));
  }
}

export class World {
  readonly network: SimulatedNetwork;
  publicKeyDelay = 1;
  /** Nobody reads what the ends say of their messages. */
  untraced = false;
  readonly #seed: number;
  #ends = 0;

  constructor(seed = 1, quality: LinkQuality = PERFECT) {
    this.#seed = seed;
    this.network = new SimulatedNetwork(seed, quality);
  }

  end(address: string, config: Partial<IkeV2Config> = {}, behind?: SimulatedNat): End {
    return new End(this, address, config, behind, this.#seed * 1000 + this.#ends++);
  }

  server(config: Partial<IkeV2Config> = {}): End {
    return this.end(SERVER, config);
  }

  nat(address = '198.51.100.7', behind?: SimulatedNat): SimulatedNat {
    return this.network.nat(address, behind);
  }

  /** @returns whether `done` held in time */
  run(milliseconds: number, done?: () => boolean): boolean {
    return this.network.run(this.network.now + milliseconds, done);
  }
}

export const udp = (address: string, port = 1701): Selector => ({ address, protocol: 17, port });

/** Both ends have the same keys, crosswise. */
export function sameChild(a: ChildEstablished, b: ChildEstablished): boolean {
  const keys = (child: ChildEstablished, direction: 'inboundKeys' | 'outboundKeys') =>
    toHex(child[direction].encryption) + toHex(child[direction].integrity);
  return (
    a.inboundSpi === b.outboundSpi &&
    a.outboundSpi === b.inboundSpi &&
    keys(a, 'inboundKeys') === keys(b, 'outboundKeys') &&
    keys(a, 'outboundKeys') === keys(b, 'inboundKeys') &&
    a.udpEncapsulation === b.udpEncapsulation
  );
}

/** Both ends have the same child SAs, and no others. */
export function sameChildren(a: End, b: End): boolean {
  const [ours, theirs] = [a.livingChildren, b.livingChildren];
  return ours.length === theirs.length && ours.every((one) => theirs.some((other) => sameChild(one, other)));
}

function answerTo(ask: KeyAsk['ask']): KeyAnswer {
  if (ask.kind === 'generateKey') return { kind: 'generateKey', keyPair: nodeKeyExchange.generateKey(ask.group) };
  if (ask.kind === 'encapsulate') {
    return { kind: 'encapsulate', encapsulated: nodeKeyExchange.encapsulate(ask.group, ask.peerPublicValue) };
  }
  const secret = nodeKeyExchange.deriveSecret(ask.group, ask.privateValue, ask.peerPublicValue);
  return { kind: 'deriveSecret', secret };
}

const signatureOf = (name: string, scheme: string, octets: Uint8Array): Uint8Array =>
  new Uint8Array(createHash('sha256').update(`${name} ${scheme} `).update(octets).digest());

const mskOf = (password: string): Uint8Array => new Uint8Array(createHash('sha512').update(password).digest());
