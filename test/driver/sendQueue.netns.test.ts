/** Datagrams joined for one send arrive as they were, with and without UDP_SEGMENT and UDP_GRO, over links of any MTU. */

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { newPeer } from '../../src/dataplane/index.ts';
import { newSource } from '../../src/dataplane/ports.ts';
import { newPacketAreas } from '../../src/driver/packetMemory.ts';
import { BATCH_BYTES, ReceiveBatch } from '../../src/driver/receiveBatch.ts';
import { AREA_BYTES, SendArea } from '../../src/driver/sendArea.ts';
import { SendQueue } from '../../src/driver/sendQueue.ts';
import { UdpSocket } from '../../src/driver/udpSocket.ts';
import { concat } from '../../src/wire/index.ts';
import { join, Namespace, noNamespaces } from './namespace.ts';
import { waitReadable } from './waitReadable.ts';

const FROM = { address: '192.0.2.1', port: 4500 };
const TO = { address: '192.0.2.2', port: 4500 };
const OTHER = { address: '192.0.2.2', port: 4501 };

/** Datagrams of one length but for the last, added as one or singly. */
interface Train {
  readonly peer: typeof TO;
  readonly datagrams: readonly Uint8Array[];
  readonly isTrain: boolean;
}

const bytesOf = (address: string) => Uint8Array.from(address.split('.'), Number);

describe('sends that the kernel cuts', { skip: noNamespaces() ?? false }, () => {
  const [batchArea, sendArea] = newPacketAreas([BATCH_BYTES, AREA_BYTES]);
  const batch = new ReceiveBatch(batchArea.memory);
  const area = new SendArea(sendArea);
  const refused: number[] = [];
  let namespaces: readonly Namespace[] = [];
  let [from, to, other]: UdpSocket[] = [];

  before(() => {
    const [one, two] = [Namespace.create(), Namespace.create()];
    namespaces = [one, two];
    join(
      { namespace: one, device: 'v0', address: '192.0.2.1/24' },
      { namespace: two, device: 'v1', address: '192.0.2.2/24' },
    );
    const { base } = batch.memory;
    from = one.run(() => new UdpSocket(bytesOf(FROM.address), FROM.port, base, 65_536));
    [to, other] = two.run(() => [TO, OTHER].map(({ port }) => new UdpSocket(new Uint8Array(4), port, base, 65_536)));
  });
  after(() => {
    for (const socket of [from, to, other]) socket?.close();
    for (const namespace of namespaces) namespace.close();
  });

  const datagram = (length: number, number: number) => Uint8Array.from({ length }, (_, i) => (i + number * 3) & 255);

  /** `count` datagrams of `each` bytes, the last of `last`. */
  const train = (count: number, each: number, last: number, seed: number) =>
    Array.from({ length: count }, (_, i) => datagram(i < count - 1 ? each : last, seed * 100 + i));

  /** @returns its address */
  function put(bytes: Uint8Array): number {
    const at = area.place(bytes.length);
    assert.ok(at >= 0);
    area.memory.bytes.set(bytes, at);
    area.take(at, bytes.length);
    return area.memory.base + at;
  }

  const headersOf = () => new Map([TO, OTHER].map((peer) => [peer, from!.headerFor(newPeer(FROM, peer))]));

  function send(queue: SendQueue, datagrams: readonly (readonly [peer: typeof TO, bytes: Uint8Array])[]): void {
    const headers = headersOf();
    for (const [peer, bytes] of datagrams) queue.add(headers.get(peer)!, put(bytes), bytes.length);
    queue.flush();
    area.rewind();
  }

  /** As the TUN reader sends what a large packet stands for: what is whole goes at once, the rest at the end. */
  function sendTrains(queue: SendQueue, trains: readonly Train[]): void {
    const headers = headersOf();
    for (const { peer, datagrams, isTrain } of trains) {
      const header = headers.get(peer)!;
      if (isTrain) {
        const bytes = concat(...datagrams);
        queue.addTrain(header, put(bytes), bytes.length, datagrams[0]!.length);
      } else for (const bytes of datagrams) queue.add(header, put(bytes), bytes.length);
      if (queue.flushWhole()) area.turn();
      else area.rewind();
    }
    queue.flush();
    area.rewind();
  }

  function receive(socket: UdpSocket, count: number): { datagrams: Uint8Array[]; messages: number } {
    const datagrams: Uint8Array[] = [];
    let messages = 0;
    while (datagrams.length < count && waitReadable(socket.fd)) {
      const received = batch.receive(socket.fd);
      messages += received;
      for (let i = 0; i < received; i++) {
        assert.equal(batch.isCut(i), false);
        const source = newSource();
        batch.readInto(i, source, 4);
        assert.deepEqual([...source.remote.subarray(0, 4), source.remotePort], [192, 0, 2, 1, 4500]);
        assert.deepEqual([...source.local.subarray(0, 4)], [192, 0, 2, 2]);
        const end = batch.at(i) + batch.length(i);
        for (let at = batch.at(i); at < end; at += batch.segmentBytes(i)) {
          datagrams.push(batch.memory.bytes.slice(at, Math.min(end, at + batch.segmentBytes(i))));
        }
      }
    }
    return { datagrams, messages };
  }

  const queueThat = (cuts: boolean) => new SendQueue(from!.fd, 4, cuts, (_, errno) => refused.push(errno));

  for (const cuts of [false, true]) {
    it(`arrive in order, to each peer its own (${cuts ? 'cut' : 'one by one'})`, () => {
      const lengths = [
        ...Array.from({ length: 150 }, () => 1400),
        ...[900, 1400, 1400, 1401, 1401, 60, 60, 60, 61, 1, 1, 1400],
      ];
      const all = lengths.map((length, i) => [i % 50 === 49 ? OTHER : TO, datagram(length, i)] as const);
      send(queueThat(cuts), all);
      const of = (peer: typeof TO) => all.filter(([to]) => to === peer).map(([, bytes]) => bytes);
      assert.deepEqual(receive(to!, of(TO).length).datagrams, of(TO));
      assert.deepEqual(receive(other!, of(OTHER).length).datagrams, of(OTHER));
      assert.deepEqual(refused, []);
    });
  }

  for (const cuts of [false, true]) {
    it(`arrive in order where trains stand between them (${cuts ? 'cut' : 'one by one'})`, () => {
      const sizes = [
        [TO, 48, 1400, 900],
        [TO, 48, 1400, 1400],
        [TO, 3, 1400, 1],
        [TO, 2, 1400, 1400],
        [OTHER, 5, 1200, 1200],
        [TO, 130, 500, 499],
        [OTHER, 1, 700, 700],
        [OTHER, 2, 700, 700],
        [TO, 46, 1400, 1400],
        [TO, 4, 1400, 1400],
      ] as const;
      const queue = queueThat(cuts);
      for (const isTrain of [() => true, (i: number) => i % 2 === 0, (i: number) => i % 2 === 1]) {
        const trains = sizes.map(([peer, count, each, last], i) => ({
          peer,
          datagrams: train(count, each, last, i),
          isTrain: isTrain(i),
        }));
        sendTrains(queue, trains);
        for (const [socket, end] of [
          [to, TO],
          [other, OTHER],
        ] as const) {
          const expected = trains.filter(({ peer }) => peer === end).flatMap(({ datagrams }) => datagrams);
          assert.deepEqual(receive(socket!, expected.length).datagrams, expected);
        }
      }
      assert.deepEqual(refused, []);
    });
  }

  it('come in trains where the socket asks for them', () => {
    const all = Array.from({ length: 80 }, (_, i) => [TO, datagram(1300, i)] as const);
    assert.ok(from!.cutsSent);
    to!.joinReceived();
    send(queueThat(true), all);
    const { datagrams, messages } = receive(to!, all.length);
    assert.deepEqual(
      datagrams,
      all.map(([, bytes]) => bytes),
    );
    assert.ok(messages < 10, `${messages} messages`);
  });

  it('are filled up: the end of a train waits for the next one, but only for that', () => {
    const trains = Array.from({ length: 3 }, (_, i) => ({
      peer: TO,
      datagrams: train(30, 1300, 1300, i),
      isTrain: true,
    }));
    const all = trains.flatMap(({ datagrams }) => datagrams);
    const queue = queueThat(true);
    sendTrains(queue, trains);
    const { datagrams, messages } = receive(to!, all.length);
    assert.deepEqual(datagrams, all);
    assert.equal(messages, 2, 'of 50 and 40 datagrams');

    const bytes = concat(...trains[0]!.datagrams);
    queue.addTrain(headersOf().get(TO)!, put(bytes), bytes.length, 1300);
    assert.equal(queue.flushWhole(), true);
    assert.equal(queue.flushWhole(), false, 'what came between was not for it: its place may be taken now');
    area.rewind();
    assert.deepEqual(receive(to!, 30).datagrams, trains[0]!.datagrams);
  });

  it('go one by one where a datagram is too long for the path and must be fragmented', () => {
    const all = Array.from({ length: 5 }, (_, i) => [TO, datagram(3000, i)] as const);
    const queue = queueThat(true);
    for (let round = 0; round < 2; round++) {
      send(queue, all);
      assert.deepEqual(
        receive(to!, all.length).datagrams,
        all.map(([, bytes]) => bytes),
      );
    }
    const trains = [0, 1, 2].map((i) => ({ peer: TO, datagrams: train(7, 3000, 2000, i), isTrain: true }));
    for (const fresh of [queue, queueThat(true)]) {
      sendTrains(fresh, trains);
      assert.deepEqual(
        receive(to!, 21).datagrams,
        trains.flatMap(({ datagrams }) => datagrams),
      );
    }
    assert.deepEqual(refused, []);
  });

  it('that are refused are told one by one', () => {
    const queue = queueThat(true);
    const header = from!.headerFor(newPeer(FROM, { address: '198.51.100.1', port: 4500 }));
    for (let i = 0; i < 3; i++) queue.add(header, area.memory.base + 64, 100);
    queue.flush();
    assert.equal(refused.length, 3);
  });
});
