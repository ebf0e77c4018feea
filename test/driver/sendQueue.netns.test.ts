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
import { join, Namespace, noNamespaces } from './namespace.ts';
import { waitReadable } from './waitReadable.ts';

const FROM = { address: '192.0.2.1', port: 4500 };
const TO = { address: '192.0.2.2', port: 4500 };
const OTHER = { address: '192.0.2.2', port: 4501 };
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

  function send(queue: SendQueue, datagrams: readonly (readonly [peer: typeof TO, bytes: Uint8Array])[]): void {
    const headers = new Map([TO, OTHER].map((peer) => [peer, from!.headerFor(newPeer(FROM, peer))]));
    for (const [peer, bytes] of datagrams) {
      const at = area.place(bytes.length);
      assert.ok(at >= 0);
      area.memory.bytes.set(bytes, at);
      area.take(at, bytes.length);
      queue.add(headers.get(peer)!, area.memory.base + at, bytes.length);
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
