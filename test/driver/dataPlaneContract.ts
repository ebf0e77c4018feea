/** What every data plane must do, whatever is below it: two of them talk to each other over real sockets. */

import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import type { Failure } from '../../src/core/index.ts';
import {
  type ChannelRecord,
  COUNTERS_PER_SESSION,
  Counter,
  type DataPlaneEvent,
  type SaRecord,
  type SessionParameters,
} from '../../src/dataplane/messages.ts';
import type { DataPlaneListener, InnerStartResult, RunningDataPlane } from '../../src/driver/startedDataPlane.ts';

/** One of the two, with what it said so far. */
export interface End {
  readonly address: string;
  readonly plane: RunningDataPlane;
  readonly heard: Heard;
  /** Sends an inner packet into the plane's TUN side. */
  sendInner(packet: Uint8Array): void;
  /** The next inner packet that comes out, undefined when none comes. */
  receiveInner(): Promise<Uint8Array | undefined>;
  /** Closes what the test holds besides the plane. */
  stop?(): void;
}

/** A listener that keeps what it is told and lets tests wait for it. */
export class Heard implements DataPlaneListener {
  readonly events: DataPlaneEvent[] = [];
  readonly failures: Failure[] = [];
  readonly refused: string[] = [];
  #waiting: { readonly test: () => boolean; readonly resolve: () => void }[] = [];

  onEvents = (events: readonly DataPlaneEvent[]): void => {
    this.events.push(...events);
    this.#look();
  };

  onFailure = (failure: Failure): void => {
    this.failures.push(failure);
  };

  onRefused = (reason: string): void => {
    this.refused.push(reason);
    this.#look();
  };

  /** Waits for the first event of a type and takes it out. */
  async next<Type extends DataPlaneEvent['type']>(
    type: Type,
  ): Promise<Extract<DataPlaneEvent, { readonly type: Type }>> {
    await this.until(() => this.events.some((event) => event.type === type));
    const at = this.events.findIndex((event) => event.type === type);
    return this.events.splice(at, 1)[0] as Extract<DataPlaneEvent, { readonly type: Type }>;
  }

  until(test: () => boolean): Promise<void> {
    if (test()) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ test, resolve }));
  }

  #look(): void {
    this.#waiting = this.#waiting.filter(({ test, resolve }) => {
      if (!test()) return true;
      resolve();
      return false;
    });
  }
}

const bytes = (length: number, first: number): Uint8Array => Uint8Array.from({ length }, (_, i) => (first + i) & 0xff);

const SUITE = { encryption: 'aes-gcm-16', keyBits: 128 } as const;
const keysFrom = (first: number) => ({ encryption: bytes(20, first), integrity: new Uint8Array() });

/** Inner addresses of the two ends. */
export const INNER = ['10.99.0.1', '10.99.0.2'] as const;

/**
 * @param protections that the data plane can send
 * @param start makes both ends, with the ports 500, 4500 and 1701 or the like, and plain L2TP allowed
 */
export function dataPlaneContract(
  start: () => Promise<readonly [End, End]>,
  innerPacket: (from: string, to: string) => Uint8Array,
  protections: readonly ('udp' | 'esp')[],
): void {
  let one: End;
  let two: End;

  before(async () => {
    [one, two] = await start();
  });
  after(async () => {
    await Promise.all([one?.plane.close(), two?.plane.close()]);
    one?.stop?.();
    two?.stop?.();
  });

  const endpoint = (end: End, kind: 'ike' | 'natT' | 'l2tp') => ({
    address: end.address,
    port: end.plane.ports[kind]!,
  });

  for (const kind of ['ike', 'natT'] as const) {
    it(`carries ISAKMP messages of the ${kind} port, and knows both addresses`, async () => {
      const [local, remote] = [endpoint(one, kind), endpoint(two, kind)];
      const message = bytes(300, 1);
      one.plane.post({ type: 'sendIke', local, remote, bytes: message });
      const event = await two.heard.next('ike');
      assert.deepEqual(event, { type: 'ike', local: remote, remote: local, bytes: message });
      two.plane.post({ type: 'sendIke', local: remote, remote: local, bytes: bytes(28, 9) });
      assert.deepEqual((await one.heard.next('ike')).bytes, bytes(28, 9));
    });
  }

  it('carries an ISAKMP message that must be fragmented', async () => {
    const [local, remote] = [endpoint(one, 'ike'), endpoint(two, 'ike')];
    one.plane.post({ type: 'sendIke', local, remote, bytes: bytes(9000, 3) });
    assert.deepEqual((await two.heard.next('ike')).bytes, bytes(9000, 3));
  });

  it('swallows keepalives', async () => {
    const [local, remote] = [endpoint(one, 'natT'), endpoint(two, 'natT')];
    one.plane.post({ type: 'sendKeepalive', local, remote });
    one.plane.post({ type: 'sendIke', local, remote, bytes: bytes(40, 5) });
    assert.deepEqual((await two.heard.next('ike')).bytes, bytes(40, 5));
  });

  it('hands up ESP for an SPI that is not known', async () => {
    const [local, remote] = [endpoint(one, 'natT'), endpoint(two, 'natT')];
    installSa(one, two, 'udp', 90, 0x9001, [one]);
    one.plane.post({ type: 'sendL2tp', channel: 90, bytes: controlMessage(1) });
    const event = await two.heard.next('unknownSpi');
    const { bytes: length, ...rest } = event;
    assert.deepEqual(rest, { type: 'unknownSpi', spi: 0x9002, local: remote, remote: local });
    assert.ok(length > 0);
  });

  it('carries unprotected L2TP, with the channel once there is one', async () => {
    const [local, remote] = [endpoint(one, 'l2tp'), endpoint(two, 'l2tp')];
    const ports = { localL2tpPort: local.port, remoteL2tpPort: remote.port };
    one.plane.post({ type: 'openChannel', record: { channel: 1, protection: 'none', local, remote, ...ports } });
    one.plane.post({ type: 'sendL2tp', channel: 1, bytes: controlMessage(1) });
    const first = await two.heard.next('l2tp');
    assert.deepEqual([first.channel, first.remote, first.local], [undefined, local, remote]);
    assert.deepEqual(first.bytes, controlMessage(1));
    const record: ChannelRecord = {
      channel: 7,
      protection: 'none',
      local: remote,
      remote: local,
      localL2tpPort: remote.port,
      remoteL2tpPort: local.port,
    };
    two.plane.post({ type: 'openChannel', record });
    two.plane.post({ type: 'sendL2tp', channel: 7, bytes: controlMessage(2) });
    const answer = await one.heard.next('l2tp');
    assert.deepEqual([answer.channel, answer.bytes], [1, controlMessage(2)]);
  });

  for (const [i, protection] of protections.entries()) {
    it(`carries L2TP and inner packets under ESP (${protection}) both ways, and counts them`, async () => {
      const channel = 20 + i;
      const slot = 3 + i;
      installSa(one, two, protection, channel, 0x1001 + 16 * i, [one, two]);
      await done(two, one);
      one.plane.post({ type: 'sendL2tp', channel, bytes: controlMessage(3) });
      const event = await two.heard.next('l2tp');
      assert.deepEqual([event.channel, event.bytes], [channel, controlMessage(3)]);
      one.plane.post({ type: 'openSession', session: session(slot, channel, [5, 6, 7, 8], INNER[1]) });
      two.plane.post({ type: 'openSession', session: session(slot, channel, [7, 8, 5, 6], undefined) });
      await done(two, one);
      await done(one, two);
      for (const [from, to, [source, destination]] of [
        [one, two, INNER],
        [two, one, [INNER[1], INNER[0]]],
      ] as const) {
        const packet = innerPacket(source, destination);
        from.sendInner(packet);
        assert.deepEqual(await to.receiveInner(), packet);
        assert.equal((await from.heard.next('firstPacket')).direction, 'toPeer');
        assert.equal((await to.heard.next('firstPacket')).direction, 'fromPeer');
      }
      const of = (end: End, counter: number) => end.plane.counters[slot * COUNTERS_PER_SESSION + counter];
      assert.equal(of(one, Counter.packetsToPeer), 1);
      assert.equal(of(one, Counter.packetsFromPeer), 1);
      assert.equal(of(two, Counter.bytesFromPeer), innerPacket(...INNER).length);
      for (const end of [one, two]) {
        end.plane.post({ type: 'closeSession', slot });
        end.plane.post({ type: 'closeChannel', channel });
      }
    });
  }

  it('says so when a command cannot be carried out', async () => {
    const nowhere = { address: 'nowhere', port: 500 };
    one.plane.post({ type: 'sendIke', local: endpoint(one, 'ike'), remote: nowhere, bytes: bytes(28, 0) });
    await one.heard.until(() => one.heard.refused.length > 0);
    assert.match(one.heard.refused[0]!, /sendIke: .*nowhere/);
  });

  it('sends what was posted before it closes', async () => {
    const [local, remote] = [endpoint(one, 'ike'), endpoint(two, 'ike')];
    for (let i = 0; i < 50; i++) one.plane.post({ type: 'sendIke', local, remote, bytes: bytes(28, i) });
    await one.plane.close();
    await one.plane.close();
    for (let i = 0; i < 50; i++) assert.deepEqual((await two.heard.next('ike')).bytes, bytes(28, i));
    one.plane.post({ type: 'sendIke', local, remote, bytes: bytes(28, 0) });
    assert.deepEqual([one.heard.failures, two.heard.failures], [[], []]);
  });

  /** Commands have no answer: `end` has carried out what was posted to it when `other` hears of a later one. */
  async function done(end: End, other: End): Promise<void> {
    const [local, remote] = [endpoint(end, 'ike'), endpoint(other, 'ike')];
    end.plane.post({ type: 'sendIke', local, remote, bytes: bytes(28, 0) });
    await other.heard.next('ike');
  }

  function installSa(
    a: End,
    b: End,
    protection: 'udp' | 'esp',
    channel: number,
    spiA: number,
    where: readonly End[],
  ): void {
    const spiB = spiA + 1;
    const record = (own: End, other: End): ChannelRecord => ({
      channel,
      protection,
      local: endpoint(own, 'natT'),
      remote: endpoint(other, 'natT'),
      localL2tpPort: 1701,
      remoteL2tpPort: 1701,
    });
    const sa = (inboundSpi: number, outboundSpi: number): SaRecord => ({
      channel,
      inboundSpi,
      outboundSpi,
      mode: 'transport',
      suite: SUITE,
      inboundKeys: keysFrom(inboundSpi),
      outboundKeys: keysFrom(outboundSpi),
      replayWindow: 1024,
    });
    for (const end of where) {
      const [other, inbound, outbound] = end === a ? [b, spiA, spiB] : [a, spiB, spiA];
      end.plane.post({ type: 'openChannel', record: record(end, other) });
      end.plane.post({ type: 'installSa', record: sa(inbound, outbound) });
      end.plane.post({ type: 'useSa', channel, outboundSpi: outbound });
    }
  }
}

function session(
  slot: number,
  channel: number,
  ids: readonly [number, number, number, number],
  peerAddress: string | undefined,
): SessionParameters {
  const [localTunnel, localSession, peerTunnel, peerSession] = ids;
  return {
    slot,
    channel,
    localTunnel,
    localSession,
    peerTunnel,
    peerSession,
    sequencing: false,
    lengthBit: true,
    sendAddressControl: true,
    compressProtocol: false,
    ...(peerAddress === undefined ? {} : { peerAddress }),
    mtuToPeer: 1400,
    mss: 1360,
  };
}

/** A zero-length-body control message. RFC 2661 §3.1, §5.8. */
function controlMessage(number: number): Uint8Array {
  return Uint8Array.of(0xc8, 0x02, 0, 12, 0, number, 0, 0, 0, number, 0, number);
}

/** An end whose data plane has no TUN device: its inner packets are handed over. */
export async function innerEnd(
  address: string,
  heard: Heard,
  start: (toTun: (packet: Uint8Array) => void) => InnerStartResult | Promise<InnerStartResult>,
): Promise<End> {
  const inner: Uint8Array[] = [];
  let arrived = (): void => {};
  const result = await start((packet) => {
    inner.push(packet);
    arrived();
  });
  assert.ok(result.ok, result.ok ? '' : result.failure.reason);
  const plane = result.dataPlane;
  return {
    address,
    plane,
    heard,
    sendInner: (packet) => plane.fromTun(packet),
    receiveInner: async () => {
      if (inner.length === 0) {
        await new Promise<void>((resolve) => {
          arrived = resolve;
        });
      }
      return inner.shift();
    },
  };
}
