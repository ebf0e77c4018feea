/** A gateway and a client that speak IKEv2, with traffic both ways all the time: what collides must not cost a packet. */

import assert from 'node:assert/strict';
import type { ClientConfig } from '../../src/client/index.ts';
import type { IkeV2Config } from '../../src/ike/v2/index.ts';
import { pskClient, V2Client, V2Gateway, v2GatewayConfig } from '../gateway/ikev2World.ts';
import { logText, SERVER, USERS } from '../gateway/world.ts';
import { profileOf } from '../ike/v2/exchanges/world.ts';
import { type LinkQuality, PERFECT, SimulatedNetwork } from '../sim/network.ts';
import { ipv4Packet } from '../sim/packets.ts';
import { playCryptography } from '../sim/playCrypto.ts';
import { seededEnvironment } from '../sim/random.ts';
import { EPOCH } from '../sim/stack.ts';

export const CREATE_CHILD_SA = 36;
export const INFORMATIONAL = 37;
export const CLIENT = '192.0.2.2';
/** Between packets, in each direction, unless told. */
const STEP = 7;

export interface Situation {
  readonly seed?: number;
  readonly tunnel?: 'native' | 'l2tp';
  readonly ike?: readonly string[];
  readonly esp?: readonly string[];
  readonly lifetimes?: { readonly ike?: number; readonly esp?: number };
  readonly gateway?: Partial<IkeV2Config>;
  readonly client?: Partial<IkeV2Config>;
  readonly quality?: Partial<LinkQuality>;
  readonly behindNat?: boolean;
  /** Between packets, in each direction. */
  readonly step?: number;
  /** After so long traffic begins. */
  readonly quietFor?: number;
}

export class Pair {
  readonly network: SimulatedNetwork;
  readonly gateway: V2Gateway;
  readonly client: V2Client;
  /** When the IKE SA stood at each end. */
  readonly established = { client: 0, gateway: 0 };
  readonly #step: number;
  readonly #quietFor: number;
  #sent = 0;
  #traffic = true;
  readonly #missing = { out: new Set<number>(), back: new Set<number>() };

  constructor(situation: Situation = {}) {
    const { seed = 1, tunnel = 'native', ike, esp, lifetimes = {}, quality = {}, behindNat = false } = situation;
    this.#step = situation.step ?? STEP;
    this.#quietFor = situation.quietFor ?? 0;
    const network = new SimulatedNetwork(seed, { ...PERFECT, ...quality });
    const profile = profileOf(ike, esp, lifetimes);
    const cryptography = playCryptography(seededEnvironment(seed).random);
    const rules = { remoteAccess: { preSharedKey: true } };
    const config = v2GatewayConfig(rules, { profile, ...situation.gateway });
    const more: Partial<ClientConfig> = { tunnel };
    const own = pskClient(more, 'ann', { profile, ...situation.client });
    const nat = behindNat ? network.nat('203.0.113.77') : undefined;
    this.network = network;
    this.gateway = new V2Gateway(network, SERVER, config, USERS, seed, {}, cryptography);
    this.client = new V2Client(network, behindNat ? '10.0.0.2' : CLIENT, own, seed + 1, nat, cryptography);
    this.gateway.onPacket = (packet) => this.#missing.out.delete(numberIn(packet));
    this.client.onPacket = (packet) => this.#missing.back.delete(numberIn(packet));
  }

  /** Connects, and lets traffic flow from then on. */
  connect(): this {
    const { network, client, gateway } = this;
    client.connect();
    network.run(5000, () => client.up !== undefined);
    assert.ok(client.up !== undefined, logText(client, gateway));
    network.run(network.now + 1000);
    for (const end of ['client', 'gateway'] as const) this.established[end] = this.#doneAt(end);
    network.schedule(network.now + this.#quietFor, () => this.#flow());
    return this;
  }

  run(milliseconds: number): void {
    this.network.run(this.network.now + milliseconds);
  }

  /** `end` renews all its child SAs. */
  renewChildren(end: V2Gateway | V2Client): void {
    this.#expire(end, 'bytes');
  }

  /** `end` closes all its child SAs, as where their sequence numbers are used up. */
  closeChildren(end: V2Gateway | V2Client): void {
    this.#expire(end, 'exhausted');
  }

  #expire(end: V2Gateway | V2Client, why: 'bytes' | 'exhausted'): void {
    for (const [inboundSpi, channel] of [...end.installed.sas]) {
      const event = { type: 'saExpiring', channel, inboundSpi, why } as const;
      if (end instanceof V2Gateway) end.perform((now) => end.gateway.receive(event, now));
      else end.perform((now) => end.client.receive(event, now));
    }
  }

  /** How often the log of `end` has a message like that. */
  count(end: V2Gateway | V2Client, like: RegExp): number {
    return end.log.filter(({ text }) => like.test(text)).length;
  }

  /** Loses messages of IKE that `isLost` names. @returns how many */
  lose(isLost: (message: Message) => boolean): { readonly count: number } {
    const lost = { count: 0 };
    this.network.tamper = (datagram) => {
      const message = messageIn(datagram);
      if (message === undefined || !isLost(message)) return datagram;
      lost.count++;
      return undefined;
    };
    return lost;
  }

  /** All is quiet: one IKE SA, one child SA, the same at both ends, and no packet was lost. */
  inStep(what: string, quiet = 20_000): void {
    this.run(quiet);
    const { gateway, client } = this;
    assert.ok(client.closed === undefined, `${what}: ${client.closed?.reason.reason}`);
    const { ikeSas, children } = gateway.gateway.population;
    assert.deepEqual({ ikeSas, children }, { ikeSas: 1, children: 1 }, `${what}: at the gateway`);
    for (const end of [gateway, client]) {
      assert.equal(end.installed.sas.size, 1, `${what}: SAs of ${end === gateway ? 'the gateway' : 'the client'}`);
    }
    this.nothingLost(what);
  }

  /** What was sent until now has arrived, as soon as the last has had time to. */
  nothingLost(what: string): void {
    this.#traffic = false;
    this.run(1000);
    const { out, back } = this.#missing;
    assert.ok(this.#sent > 100, `${what}: traffic was sent`);
    const lost = `${[...out].slice(0, 5)} to the gateway, ${[...back].slice(0, 5)} to the client`;
    assert.equal(out.size + back.size, 0, `${what}: packets lost: ${lost}`);
    this.#traffic = true;
    this.#flow();
  }

  /** Forgets what was lost on the way on purpose. */
  forgive(): void {
    this.#missing.out.clear();
    this.#missing.back.clear();
  }

  /** Ends it: nothing is left at either end. */
  leavesNothing(what: string): void {
    this.#traffic = false;
    this.client.disconnect();
    this.run(120_000);
    const left = Object.entries(this.gateway.gateway.population).filter(([, count]) => count > 0);
    assert.deepEqual(left, [], what);
    assert.ok(this.client.closed !== undefined, `${what}: the client is closed`);
    assert.equal(this.client.deadline, undefined, what);
    for (const end of [this.gateway, this.client]) assert.equal(end.installed.left, undefined, what);
  }

  hangUp(end: 'client' | 'gateway'): void {
    const reason = { code: 'administrator', reason: 'Goodbye.' };
    const { gateway, client } = this;
    if (end === 'client') client.disconnect();
    else gateway.perform((now) => gateway.gateway.command({ type: 'drain', reason }, now));
  }

  #doneAt(end: 'client' | 'gateway'): number {
    const view = end === 'client' ? this.client.client.view() : this.gateway.gateway.sessions()[0]!;
    return (view.timeline.find(({ name }) => name === 'ike auth done')!.at - EPOCH) * 1000;
  }

  #flow(): void {
    if (!this.#traffic || this.client.up === undefined || this.client.closed !== undefined) return;
    const number = ++this.#sent;
    const inner = this.client.up.network.localAddress;
    this.#missing.out.add(number);
    this.client.plane.fromTun(ipv4Packet(inner, '203.0.113.9', contentOf(number)));
    this.#missing.back.add(number);
    this.gateway.plane.fromTun(ipv4Packet('203.0.113.9', inner, contentOf(number)));
    this.network.schedule(this.network.now + this.#step, () => this.#flow());
  }
}

export interface Message {
  readonly from: 'client' | 'gateway';
  readonly exchange: number;
  readonly isResponse: boolean;
  readonly id: number;
}

/** A message of IKE behind its non-ESP marker; undefined for others. */
function messageIn(datagram: { readonly from: { readonly address: string }; readonly bytes: Uint8Array }) {
  const { from, bytes } = datagram;
  const at = bytes.length > 32 && bytes[0] === 0 && bytes[1] === 0 && bytes[2] === 0 && bytes[3] === 0 ? 4 : 0;
  const head = bytes.subarray(at);
  if (head.length < 28 || head[17] !== 0x20) return undefined;
  const view = new DataView(head.buffer, head.byteOffset);
  if (view.getUint32(24) !== head.length) return undefined;
  const isResponse = (head[19]! & 0x20) !== 0;
  const who = from.address === SERVER ? 'gateway' : 'client';
  return { from: who, exchange: head[18]!, isResponse, id: view.getUint32(20) } satisfies Message as Message;
}

function contentOf(number: number): Uint8Array {
  const content = new Uint8Array(16);
  new DataView(content.buffer).setUint32(0, number);
  return content;
}

const numberIn = (packet: Uint8Array): number => new DataView(packet.buffer, packet.byteOffset).getUint32(20);
