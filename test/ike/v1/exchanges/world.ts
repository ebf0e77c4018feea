/** IKE endpoints on a simulated network, driven as an owner would drive them. */

import type { Endpoint, Instant } from '../../../../src/core/index.ts';
import { nodeCrypto, nodeKeyExchange } from '../../../../src/crypto/node/index.ts';
import type {
  ChildEstablished,
  IkeAnswer,
  IkeEstablished,
  IkeOutput,
  KeyAnswer,
  KeyAsk,
  Selector,
  SignatureAsk,
} from '../../../../src/ike/output.ts';
import { espPolicy, ikePolicy, type Profile } from '../../../../src/ike/policy.ts';
import { type IkeV1Config, IkeV1Endpoint, secretTable } from '../../../../src/ike/v1/index.ts';
import { utf8 } from '../../../../src/wire/index.ts';
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
  ike: readonly string[] = ['aes128-sha256-ecp256'],
  esp: readonly string[] = ['aes128-sha256'],
  lifetimes: { ike?: number; esp?: number } = {},
): Profile => {
  const policies = { ike: ikePolicy(ike, lifetimes.ike ?? 28_800), esp: espPolicy(esp, lifetimes.esp ?? 3600) };
  return { name: 'compatible', accept: policies, offer: policies };
};

type OutputOf<Type extends IkeOutput['type']> = Extract<IkeOutput, { readonly type: Type }>;

/** One end: an endpoint on a host, and all that it said. */
export class End {
  readonly world: World;
  readonly address: string;
  endpoint: IkeV1Endpoint;
  readonly outputs: { readonly at: Instant; readonly output: IkeOutput }[] = [];
  readonly host: SimulatedHost;
  /** Who has this end's keys and judges certificates; without one, nobody answers. */
  answerSignature: ((ask: SignatureAsk['ask']) => IkeAnswer) | undefined;
  readonly #start: () => IkeV1Endpoint;
  #starts = 0;
  #nextId = 1;

  constructor(
    world: World,
    address: string,
    config: Partial<IkeV1Config>,
    behind: SimulatedNat | undefined,
    seed: number,
  ) {
    this.world = world;
    this.address = address;
    this.#start = () =>
      new IkeV1Endpoint({
        config: { secrets: oneSecret(), profile: profileOf(), ...config },
        crypto: nodeCrypto,
        environment: seededEnvironment(seed + 100 * this.#starts++),
      });
    this.endpoint = this.#start();
    this.host = world.network.host(
      address,
      (datagram, now) => this.perform(this.endpoint.receive(datagram, now)),
      behind,
    );
  }

  /** The host starts anew with an endpoint that knows nothing; what was said so far stays recorded. */
  restart(): this {
    this.endpoint = this.#start();
    return this;
  }

  connect(
    to: End | string = SERVER,
    options: { readonly localPort?: number; readonly remotePort?: number } = {},
  ): number {
    const remote: Endpoint = { address: typeof to === 'string' ? to : to.address, port: options.remotePort ?? 500 };
    const local: Endpoint = { address: this.address, port: options.localPort ?? 500 };
    const ikeSa = this.#nextId++;
    const localSelector = udp(this.address);
    const remoteSelector = udp(remote.address);
    this.perform(
      this.endpoint.command(
        { type: 'connect', ikeSa, local, remote, localSelector, remoteSelector },
        this.world.network.now,
      ),
    );
    return ikeSa;
  }

  close(ikeSa: number): void {
    const reason = { code: 'closed', reason: 'the test is over' };
    this.perform(this.endpoint.command({ type: 'close', ikeSa, reason }, this.world.network.now));
  }

  closeChild(child: number): void {
    this.perform(this.endpoint.command({ type: 'closeChild', child }, this.world.network.now));
  }

  perform(outputs: readonly IkeOutput[]): void {
    const { network } = this.world;
    for (const output of outputs) {
      this.outputs.push({ at: network.now, output });
      if (output.type === 'send') this.host.send(output.local.port, output.remote, output.bytes);
      if (output.type === 'ask') {
        const { id, ask } = output;
        network.schedule(network.now + this.world.publicKeyDelay, (now) => {
          this.perform(this.endpoint.command({ type: 'answer', id, answer: answerTo(ask) }, now));
        });
      }
      if (output.type === 'askSignature') {
        const { id, ask } = output;
        network.schedule(network.now + this.world.publicKeyDelay, (now) => {
          const answer = this.answerSignature?.(ask);
          if (answer !== undefined) this.perform(this.endpoint.command({ type: 'answer', id, answer }, now));
        });
      }
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

  /** Codes of what was dropped. */
  get dropped(): string[] {
    return this.all('dropped').map(({ code }) => code);
  }

  get summaries(): string[] {
    return this.all('trace').map(({ direction, summary }) => `${direction} ${summary}`);
  }

  #wake(deadline: Instant, now: Instant): void {
    if (this.endpoint.deadline !== undefined && this.endpoint.deadline <= deadline)
      this.perform(this.endpoint.expire(now));
  }
}

export class World {
  readonly network: SimulatedNetwork;
  publicKeyDelay = 1;
  readonly #seed: number;
  #ends = 0;

  constructor(seed = 1, quality: LinkQuality = PERFECT) {
    this.#seed = seed;
    this.network = new SimulatedNetwork(seed, quality);
  }

  end(address: string, config: Partial<IkeV1Config> = {}, behind?: SimulatedNat): End {
    return new End(this, address, config, behind, this.#seed * 1000 + this.#ends++);
  }

  server(config: Partial<IkeV1Config> = {}): End {
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
  const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
  const keys = (child: ChildEstablished, direction: 'inboundKeys' | 'outboundKeys') =>
    hex(child[direction].encryption) + hex(child[direction].integrity);
  return (
    a.inboundSpi === b.outboundSpi &&
    a.outboundSpi === b.inboundSpi &&
    keys(a, 'inboundKeys') === keys(b, 'outboundKeys') &&
    keys(a, 'outboundKeys') === keys(b, 'inboundKeys') &&
    a.udpEncapsulation === b.udpEncapsulation
  );
}

function answerTo(ask: KeyAsk['ask']): KeyAnswer {
  if (ask.kind === 'generateKey') return { kind: 'generateKey', keyPair: nodeKeyExchange.generateKey(ask.group) };
  if (ask.kind === 'encapsulate') throw new Error('IKEv1 has no key encapsulation');
  const secret = nodeKeyExchange.deriveSecret(ask.group, ask.privateValue, ask.peerPublicValue);
  return { kind: 'deriveSecret', secret };
}
