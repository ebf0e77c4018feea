import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { nodeCrypto } from '../../../../src/crypto/node/index.ts';
import { encodeMessage } from '../../../../src/ike/message.ts';
import { ExchangeType, NotifyType, type Payload, ProtocolId } from '../../../../src/ike/payloads/index.ts';
import { IkeV1Endpoint } from '../../../../src/ike/v1/index.ts';
import { MAX_ANSWER_REPEATS } from '../../../../src/ike/v1/retransmission.ts';
import type { CarriedDatagram } from '../../../sim/network.ts';
import { seededEnvironment, seededNumbers } from '../../../sim/random.ts';
import { type End, oneSecret, profileOf, SERVER, World } from './world.ts';

function connected(config = {}): { world: World; server: End; client: End } {
  const world = new World();
  const server = world.server(config);
  const client = world.end('192.0.2.5', config);
  client.connect();
  assert.ok(world.run(2000, () => server.all('childConfirmed').length === 1));
  return { world, server, client };
}

const exchangeOf = ({ bytes }: CarriedDatagram) => bytes[18];

test('30 % loss, duplicates and reordering: all connect in the end', () => {
  for (let seed = 1; seed <= 20; seed++) {
    const world = new World(seed, { delay: 20, jitter: 60, drop: 0.3, duplicate: 0.1 });
    const retransmission = { initial: 500, factor: 1.5, cap: 2000, sends: 12 };
    const server = world.server({ retransmission });
    const client = world.end('10.0.0.2', { retransmission }, world.nat());
    client.connect();
    assert.ok(
      world.run(60_000, () => server.all('childConfirmed').length > 0 && client.all('childConfirmed').length > 0),
      `seed ${seed}`,
    );
    assert.equal(server.established.length, 1, `seed ${seed}`);
    assert.equal(server.children.length, 1, `seed ${seed}`);
  }
});

test('every datagram twice: each is acted on once, and answered from the cache', () => {
  const world = new World(1, { delay: 10, jitter: 0, drop: 0, duplicate: 1 });
  const server = world.server();
  const client = world.end('192.0.2.5');
  client.connect();
  world.run(2000);
  assert.equal(server.children.length, 1);
  assert.equal(client.children.length, 1);
  assert.equal(server.all('ask').length, 2);
  assert.ok(server.dropped.every((code) => code === 'duplicate' || code === 'replayed' || code === 'busy'));
});

test('a repeated message is answered by the cached bytes, at a bounded rate, and with no more bytes than it has', () => {
  const world = new World();
  const server = world.server();
  let first: CarriedDatagram | undefined;
  world.network.tamper = (datagram) => {
    first ??= datagram;
    return datagram.from.address === SERVER ? undefined : datagram;
  };
  const client = world.end('192.0.2.5');
  client.connect();
  world.run(500);
  for (let i = 0; i < 500; i++) world.network.schedule(world.network.now + i * 10, () => world.network.inject(first!));
  world.run(6000);
  const sent = server.all('send');
  assert.ok(sent.length <= MAX_ANSWER_REPEATS + 1);
  assert.equal(new Set(sent.map(({ bytes }) => Buffer.from(bytes).toString('hex'))).size, 1);
  assert.ok(sent[0]!.bytes.length <= first!.bytes.length);
  world.run(30_000);
  assert.equal(server.one('ikeClosed').reason.code, 'half-open-timeout');
  assert.equal(server.all('ask').length, 0, 'no public-key work for a peer that has not come back');
});

test('half-open limits per source and in all', () => {
  const world = new World();
  const server = world.server({ halfOpen: { perSource: 2, total: 4 } });
  const opening = (address: string, cookie: number) => {
    const scratch = new World(cookie);
    const initiator = scratch.end(address);
    initiator.connect();
    const { bytes } = initiator.one('send');
    world.network.inject({ from: { address, port: 500 }, to: { address: SERVER, port: 500 }, bytes });
    world.run(20);
  };
  for (let i = 1; i <= 3; i++) opening('192.0.2.1', i);
  assert.deepEqual(server.endpoint.population, { ikeSas: 2, halfOpen: 2, children: 0 });
  assert.deepEqual(server.dropped, ['half-open-limit']);
  for (let i = 4; i <= 8; i++) opening(`192.0.2.${i}`, i);
  assert.equal(server.endpoint.population.halfOpen, 4);
  assert.ok(server.all('ikeClosed').every(({ reason }) => reason.code === 'half-open-limit'));
  // A true client still gets through: the oldest of those that never came back makes room.
  const client = world.end('198.18.0.1');
  client.connect();
  assert.ok(world.run(2000, () => server.established.length === 1));
  world.run(60_000);
  assert.equal(server.endpoint.population.halfOpen, 0);
});

test('a bit flipped in any encrypted message is noticed, and the exchange recovers', () => {
  for (const [exchange, at, times] of [
    [ExchangeType.QUICK_MODE, 29, 2],
    [ExchangeType.QUICK_MODE, 60, 2],
    [ExchangeType.QUICK_MODE, 75, 2],
    [ExchangeType.MAIN_MODE, 30, 1],
  ] as const) {
    const world = new World();
    const server = world.server();
    const client = world.end('192.0.2.5');
    let flipped = 0;
    world.network.tamper = (datagram) => {
      const encrypted = (datagram.bytes[19]! & 1) === 1;
      if (!encrypted || exchangeOf(datagram) !== exchange || flipped >= times || datagram.bytes.length <= at)
        return datagram;
      flipped++;
      const bytes = datagram.bytes.slice();
      bytes[at]! ^= 1;
      return { ...datagram, bytes };
    };
    client.connect();
    assert.ok(
      world.run(15_000, () => server.all('childConfirmed').length === 1),
      `${exchange} ${at}`,
    );
    assert.equal(client.all('childConfirmed').length, 1);
    const failed = server.all('ikeFailed').map(({ failure }) => failure.code);
    const codes = [...server.dropped, ...client.dropped, ...failed];
    assert.ok(codes.some((code) => ['bad-hash', 'malformed', 'psk-mismatch', 'unexpected-payload'].includes(code)));
  }
});

test('a tampered or replayed Informational does nothing', () => {
  const { world, server, client } = connected();
  let recorded: CarriedDatagram | undefined;
  world.network.tamper = (datagram) => {
    if (exchangeOf(datagram) !== ExchangeType.INFORMATIONAL) return datagram;
    recorded ??= datagram;
    const bytes = datagram.bytes.slice();
    bytes[bytes.length - 1]! ^= 1;
    return { ...datagram, bytes };
  };
  client.closeChild(client.children[0]!.child);
  world.run(100);
  assert.equal(server.all('childClosed').length, 0);
  world.network.tamper = undefined;
  world.network.inject(recorded!);
  world.run(100);
  assert.equal(server.all('childClosed').length, 1);
  // From elsewhere, a recording must not redirect the SA.
  world.network.inject({ ...recorded!, from: { address: '198.18.6.6', port: 666 } });
  world.run(100);
  const before = server.all('send').length;
  server.close(server.established[0]!.ikeSa);
  assert.equal(server.all('send')[before]?.remote.address, client.address);
});

test('a clear-text Delete, or any other clear text, is ignored once there are keys', () => {
  const { world, server, client } = connected();
  const { bytes } = client.all('send').at(-1)!;
  const cookies = { initiatorCookie: bytes.slice(0, 8), responderCookie: bytes.slice(8, 16) };
  const forged: Payload[][] = [
    [{ kind: 'D', doi: 1, protocol: ProtocolId.PROTO_ISAKMP, spiSize: 16, spis: [bytes.slice(0, 16)] }],
    [
      {
        kind: 'N',
        doi: 1,
        protocol: ProtocolId.PROTO_ISAKMP,
        notifyType: NotifyType.INITIAL_CONTACT,
        spi: bytes.slice(0, 16),
        data: new Uint8Array(0),
      },
    ],
  ];
  for (const payloads of forged) {
    for (const exchange of [ExchangeType.INFORMATIONAL, ExchangeType.QUICK_MODE, ExchangeType.MAIN_MODE]) {
      const message = encodeMessage({ ...cookies, exchange, messageId: 77 }, payloads);
      world.network.inject({
        from: { address: client.address, port: 500 },
        to: { address: SERVER, port: 500 },
        bytes: message,
      });
    }
  }
  world.run(100);
  assert.deepEqual([...new Set(server.dropped)].sort(), ['clear-text', 'out-of-state']);
  assert.deepEqual(server.endpoint.population, { ikeSas: 1, halfOpen: 0, children: 1 });
});

test('a forged refusal shortens the patience of an initiator, and an answer still wins', () => {
  const world = new World();
  const server = world.server();
  const client = world.end('192.0.2.5');
  world.network.tamper = (datagram) => {
    if (
      datagram.from.address === client.address &&
      exchangeOf(datagram) === 2 &&
      datagram.bytes.slice(8, 16).every((b) => b === 0)
    ) {
      const head = {
        initiatorCookie: datagram.bytes.slice(0, 8),
        responderCookie: new Uint8Array(8),
        exchange: ExchangeType.INFORMATIONAL,
        messageId: 1,
      };
      const notify: Payload = {
        kind: 'N',
        doi: 1,
        protocol: 1,
        notifyType: NotifyType.NO_PROPOSAL_CHOSEN,
        spi: new Uint8Array(0),
        data: new Uint8Array(0),
      };
      world.network.inject({ from: datagram.to, to: datagram.from, bytes: encodeMessage(head, [notify]) });
    }
    return datagram;
  };
  client.connect();
  assert.ok(world.run(2000, () => server.all('childConfirmed').length === 1));
});

test('unknown cookies get no answer', () => {
  const world = new World();
  const server = world.server();
  const head = {
    initiatorCookie: new Uint8Array(8).fill(1),
    responderCookie: new Uint8Array(8).fill(2),
    exchange: ExchangeType.INFORMATIONAL,
    messageId: 5,
  };
  const bytes = encodeMessage(head, []);
  world.network.inject({ from: { address: '192.0.2.9', port: 500 }, to: { address: SERVER, port: 500 }, bytes });
  world.run(100);
  assert.deepEqual(server.dropped, ['unknown-cookies']);
  assert.equal(server.all('send').length, 0);
});

test('large messages go in fragments to a peer that can reassemble them', () => {
  const world = new World(1, { delay: 10, jitter: 5, drop: 0, duplicate: 0.2, largest: 400 });
  const config = { fragmentBytes: 200, profile: profileOf(['aes128-sha256-modp2048']) };
  const server = world.server(config);
  const client = world.end('192.0.2.5', config);
  client.connect();
  assert.ok(world.run(20_000, () => server.all('childConfirmed').length === 1));
  const isFragment = ({ bytes }: CarriedDatagram) => bytes[16] === 132;
  assert.ok(world.network.carried.some(isFragment));
  assert.ok(world.network.carried.filter(isFragment).every(({ bytes }) => bytes.length <= 200));
});

test('a message that does not get through whole is repeated in fragments, and so is its answer', () => {
  const world = new World(1, { delay: 10, jitter: 0, drop: 0, duplicate: 0, largest: 560 });
  const config = { profile: profileOf(['aes128-sha256-modp4096']) };
  const server = world.server(config);
  const client = world.end('192.0.2.5', config);
  client.connect();
  assert.ok(world.run(13_000, () => server.all('childConfirmed').length === 1));
});

test('fragments of nobody, and too many of them, are refused', () => {
  const { world, server, client } = connected();
  const { bytes } = client.all('send').at(-1)!;
  const head = { exchange: ExchangeType.QUICK_MODE, messageId: 9 };
  const cookies = { initiatorCookie: bytes.slice(0, 8), responderCookie: bytes.slice(8, 16) };
  const fragment = (index: number): Payload => ({
    kind: 'FRAGMENT',
    id: 1,
    index,
    flags: 0,
    data: new Uint8Array(900),
  });
  const path = { from: { address: client.address, port: 500 }, to: { address: SERVER, port: 500 } };
  world.network.inject({ ...path, bytes: encodeMessage({ ...head, ...cookies }, [fragment(200)]) });
  const unknown = { initiatorCookie: new Uint8Array(8).fill(9), responderCookie: new Uint8Array(8).fill(9) };
  world.network.inject({ ...path, bytes: encodeMessage({ ...head, ...unknown }, [fragment(1)]) });
  world.run(100);
  assert.deepEqual(server.dropped, ['bad-fragment', 'unknown-cookies']);
});

test('garbage never makes an endpoint throw, loop, or send', () => {
  const endpoint = new IkeV1Endpoint({
    config: { secrets: oneSecret(), profile: profileOf(), aggressive: 'unsafe' },
    crypto: nodeCrypto,
    environment: seededEnvironment(1),
  });
  const local = { address: SERVER, port: 500 };
  const remote = { address: '192.0.2.66', port: 500 };
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
      const outputs = endpoint.receive({ local, remote, bytes }, 0);
      return outputs.every(({ type }) => type === 'dropped');
    }),
    { numRuns: 500, seed: 7 },
  );
});

test('real messages with random damage never make an endpoint throw', () => {
  const random = seededNumbers(99);
  const source = connected();
  const recorded = source.world.network.carried;
  for (let round = 0; round < 40; round++) {
    const world = new World(round);
    const server = world.server({ aggressive: 'unsafe' });
    const client = world.end('192.0.2.5');
    world.network.tamper = (datagram) => {
      const bytes =
        random() < 0.3 ? datagram.bytes.slice() : recorded[Math.floor(random() * recorded.length)]!.bytes.slice();
      if (random() < 0.8) bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256);
      bytes.set(datagram.bytes.subarray(0, 16), 0);
      const cut = random() < 0.1 ? Math.floor(random() * bytes.length) : bytes.length;
      world.network.schedule(world.network.now + 5, () => {
        const { from, to } = datagram;
        (to.address === SERVER ? server : client).perform(
          (to.address === SERVER ? server : client).endpoint.receive(
            { local: to, remote: from, bytes: bytes.subarray(0, cut) },
            world.network.now,
          ),
        );
      });
      return random() < 0.5 ? datagram : undefined;
    };
    client.connect();
    world.run(20_000);
    assert.ok(![...server.dropped, ...client.dropped].includes('internal-error'));
  }
});
