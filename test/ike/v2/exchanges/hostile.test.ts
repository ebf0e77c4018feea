import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { nodeCrypto } from '../../../../src/crypto/node/index.ts';
import { encodeMessage, IkeV2Endpoint, NotifyType, notify } from '../../../../src/ike/v2/index.ts';
import { seededEnvironment } from '../../../sim/random.ts';
import { type End, oneSecret, profileOf, SERVER, sameChild, World } from './world.ts';

const exchangeOf = (bytes: Uint8Array) => bytes[18];
const isResponse = (bytes: Uint8Array) => (bytes[19]! & 0x20) !== 0;

function connected(seed = 1): { world: World; server: End; client: End } {
  const world = new World(seed);
  const server = world.server();
  const client = world.end('192.0.2.5');
  client.connect();
  assert.ok(world.run(2000, () => client.all('childConfirmed').length === 1));
  return { world, server, client };
}

test('under load a first message must come with a cookie', () => {
  const world = new World();
  const server = world.server({ cookieThreshold: { perSource: 0, total: 0 } });
  const client = world.end('192.0.2.5');
  client.connect();
  world.run(3000);
  assert.ok(client.summaries.includes('in IKE_SA_INIT 0 response N(COOKIE)'));
  assert.ok(client.summaries.some((line) => line.startsWith('out IKE_SA_INIT 0 request N(COOKIE) SA')));
  assert.ok(sameChild(client.children[0]!, server.children[0]!));
  assert.equal(server.all('ask').length, 2, 'no public-key work before the cookie');
});

test('a flood of first messages from made-up addresses makes no more IKE SAs than the bounds say', () => {
  const world = new World();
  const server = world.server({ halfOpen: { perSource: 3, total: 10 }, cookieThreshold: { perSource: 2, total: 6 } });
  const client = world.end('192.0.2.5');
  client.connect();
  world.run(5);
  const message = client.all('send')[0]!.bytes;
  for (let i = 0; i < 200; i++) {
    const bytes = message.slice();
    bytes[7] = i;
    const from = { address: i < 100 ? `198.18.0.${i}` : '198.18.1.1', port: 500 };
    world.network.inject({ from, to: { address: SERVER, port: 500 }, bytes });
  }
  world.run(3000);
  assert.ok(server.endpoint.population.halfOpen <= 7);
  // Nobody is sent more than came.
  const received = 201 * message.length;
  const sent = server.all('send').reduce((sum, { bytes }) => sum + bytes.length, 0);
  assert.ok(sent < received);
  assert.equal(client.established.length, 1, 'who brings a cookie comes through');
  world.run(60_000);
  assert.equal(server.endpoint.population.halfOpen, 0);
});

test('the wrong guess of a group costs one more round and no more', () => {
  const world = new World();
  const server = world.server({ profile: profileOf(['aes128gcm16-prfsha256-ecp256']) });
  const client = world.end('192.0.2.5', { profile: profileOf(['aes128gcm16-prfsha256-x25519-ecp256']) });
  client.connect();
  world.run(3000);
  assert.ok(client.summaries.includes('in IKE_SA_INIT 0 response N(INVALID_KE_PAYLOAD)'));
  assert.match(client.one('ikeEstablished').algorithms, /ecp256/);
  assert.ok(sameChild(client.children[0]!, server.children[0]!));
});

test('a group that was not offered is not taken from whoever asks for it', () => {
  const world = new World();
  world.server();
  const client = world.end('192.0.2.5', { profile: profileOf(['aes128gcm16-prfsha256-x25519']) });
  world.network.tamper = (datagram) => {
    if (!isResponse(datagram.bytes) || exchangeOf(datagram.bytes) !== 34) return datagram;
    // N(INVALID_KE_PAYLOAD) for modp1024, in the name of the server.
    const bytes = Uint8Array.of(
      ...datagram.bytes.subarray(0, 8),
      ...new Uint8Array(8),
      41,
      0x20,
      34,
      0x20,
      0,
      0,
      0,
      0,
      0,
      0,
      0,
      38,
      0,
      0,
      0,
      10,
      0,
      0,
      0,
      17,
      0,
      2,
    );
    return { ...datagram, bytes };
  };
  client.connect();
  world.run(30_000);
  assert.equal(client.one('ikeClosed').reason.code, 'no-proposal-chosen');
  assert.equal(client.all('ask').length, 1);
});

test('a refusal that somebody slips in does not stop who is answered properly', () => {
  const world = new World();
  const server = world.server();
  const client = world.end('192.0.2.5');
  client.connect();
  world.run(2);
  const [spi] = [client.all('send')[0]!.bytes.slice(0, 8)];
  const bytes = Uint8Array.of(
    ...spi!,
    ...new Uint8Array(8),
    41,
    0x20,
    34,
    0x20,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    36,
    0,
    0,
    0,
    8,
    0,
    0,
    0,
    14,
  );
  world.network.inject({ from: { address: SERVER, port: 500 }, to: { address: '192.0.2.5', port: 500 }, bytes });
  world.run(3000);
  assert.ok(sameChild(client.children[0]!, server.children[0]!));
});

test('a first exchange that somebody has weakened on the way is noticed in AUTH', () => {
  const world = new World();
  const offered = ['aes256gcm16-prfsha384-x25519', 'aes128gcm16-prfsha256-x25519'];
  const server = world.server({ profile: profileOf(offered) });
  const client = world.end('192.0.2.5', { profile: profileOf(offered) });
  world.network.tamper = (datagram) => {
    const request = exchangeOf(datagram.bytes) === 34 && !isResponse(datagram.bytes);
    if (!request) return datagram;
    // The key length 256 of the first proposal becomes one that nobody has.
    const bytes = datagram.bytes.slice();
    for (let i = 28; i < bytes.length - 4; i++) {
      if (bytes[i] === 0x80 && bytes[i + 1] === 14 && bytes[i + 2] === 1 && bytes[i + 3] === 0) {
        bytes[i + 3] = 1;
        break;
      }
    }
    return { ...datagram, bytes };
  };
  client.connect();
  world.run(30_000);
  assert.equal(server.one('ikeClosed').reason.code, 'psk-mismatch');
  assert.equal(client.established.length, 0);
});

test('nothing but IKE_SA_INIT and IKE_AUTH comes before authentication', () => {
  const world = new World();
  const server = world.server();
  const client = world.end('192.0.2.5');
  world.network.tamper = (datagram) => {
    if (exchangeOf(datagram.bytes) !== 35 || isResponse(datagram.bytes)) return datagram;
    const bytes = datagram.bytes.slice();
    bytes[18] = 36 + (world.network.count % 2);
    return { ...datagram, bytes };
  };
  client.connect();
  world.run(40_000);
  assert.deepEqual([...new Set(server.dropped)], ['out-of-state']);
  assert.equal(server.established.length, 0);
  assert.equal(server.one('ikeClosed').reason.code, 'half-open-timeout');
});

test('a request that comes again is answered again and acted on once; old and early ids are not', () => {
  const { world, server, client } = connected();
  const requests = client.all('send').map(({ bytes }) => bytes);
  const auth = requests.find((bytes) => exchangeOf(bytes) === 35)!;
  const from = { address: '192.0.2.5', port: 4500 };
  const inject = (bytes: Uint8Array) => {
    world.network.inject({ from, to: { address: SERVER, port: 4500 }, bytes });
    world.run(200);
  };
  world.run(500);
  const sent = server.all('send').length;
  inject(auth);
  assert.equal(server.all('send').length, sent + 1);
  assert.ok(server.summaries.at(-1)!.endsWith('(to a duplicate)'));
  const changed = auth.slice();
  changed[changed.length - 1]! ^= 1;
  inject(changed);
  assert.equal(server.dropped.at(-1), 'bad-integrity');
  const early = auth.slice();
  early[23] = 9;
  inject(early);
  assert.equal(server.dropped.at(-1), 'invalid-message-id');
  assert.equal(server.established.length, 1);
  assert.equal(server.all('send').length, sent + 1);
});

test('a message of ours that is thrown back at us is refused', () => {
  const { world, client } = connected();
  const request = client.all('send').at(-1)!.bytes;
  world.network.inject({
    from: { address: SERVER, port: 4500 },
    to: { address: '192.0.2.5', port: 4500 },
    bytes: request,
  });
  world.run(100);
  assert.ok(['reflected', 'unknown-spi'].includes(client.dropped.at(-1)!));
});

test('a peer that was started anew is found out by its word in the clear, which alone ends nothing', () => {
  const { world, server, client } = connected();
  // Forged: the peer shows that it lives.
  const head = { initiatorSpi: new Uint8Array(8).fill(9), responderSpi: new Uint8Array(8), messageId: 0 };
  const about = { exchange: 37, fromInitiator: true, response: false };
  const spi = client.children[0]!.outboundSpi;
  const data = Uint8Array.of(spi >>> 24, spi >>> 16, spi >>> 8, spi);
  const exact = encodeMessage({ ...head, ...about }, [notify(NotifyType.INVALID_SPI, data)]);
  world.network.inject({ from: { address: SERVER, port: 500 }, to: { address: '192.0.2.5', port: 500 }, bytes: exact });
  world.run(10_000);
  assert.deepEqual(client.all('ikeClosed'), []);
  assert.ok(
    client.summaries.some((line) => /^out INFORMATIONAL \d+ request/.test(line)),
    'it was asked',
  );
  // True: the server has forgotten all.
  server.restart();
  world.network.inject({ from: { address: SERVER, port: 500 }, to: { address: '192.0.2.5', port: 500 }, bytes: exact });
  world.run(10_000);
  assert.equal(client.one('ikeClosed').reason.code, 'peer-dead');
});

test('a message of a later version is told ours', () => {
  const { world, server, client } = connected();
  const bytes = client.all('send')[0]!.bytes.slice();
  bytes[17] = 0x30;
  world.network.inject({ from: { address: '192.0.2.77', port: 500 }, to: { address: SERVER, port: 500 }, bytes });
  world.run(100);
  assert.equal(server.dropped.at(-1), 'version-not-served');
  const answer = server.all('send').at(-1)!;
  assert.deepEqual([answer.remote.address, answer.bytes[17], answer.bytes[35]], ['192.0.2.77', 0x20, 5]);
});

test('a peer that is started anew says INITIAL_CONTACT, and its earlier IKE SA goes', () => {
  const { world, server, client } = connected();
  client.restart().connect();
  world.run(3000);
  assert.equal(server.one('ikeClosed').reason.code, 'initial-contact');
  assert.equal(server.endpoint.population.ikeSas, 1);
});

test('property: no bytes make an endpoint throw, or answer with more than came', () => {
  const { client, server } = connected();
  const real = [...client.all('send'), ...server.all('send')].map(({ bytes }) => bytes);
  const mutated = fc
    .tuple(fc.constantFrom(...real), fc.array(fc.tuple(fc.nat(400), fc.nat(255)), { maxLength: 6 }), fc.nat(60))
    .map(([bytes, changes, cut]) => {
      const copy = bytes.slice(0, Math.max(0, bytes.length - (cut > 40 ? cut : 0)));
      for (const [at, value] of changes) if (at < copy.length) copy[at] = value;
      return copy;
    });
  fc.assert(
    fc.property(fc.oneof(mutated, fc.uint8Array({ maxLength: 200 })), (bytes) => {
      const endpoint = new IkeV2Endpoint({
        config: { secrets: oneSecret(), profile: profileOf() },
        crypto: nodeCrypto,
        environment: seededEnvironment(7),
      });
      const remote = { address: '192.0.2.5', port: 500 };
      const outputs = endpoint.receive({ local: { address: SERVER, port: 500 }, remote, bytes }, 0);
      const sent = outputs.reduce((sum, output) => sum + (output.type === 'send' ? output.bytes.length : 0), 0);
      assert.ok(sent <= bytes.length);
      assert.ok(!outputs.some((output) => output.type === 'dropped' && output.code === 'internal-error'));
    }),
    { numRuns: 400, seed: 11 },
  );
});

test('property: whatever is done to the messages between two ends, nothing breaks inside', () => {
  for (let seed = 1; seed <= 12; seed++) {
    const world = new World(seed, { delay: 10, jitter: 80, drop: 0.2, duplicate: 0.2 });
    const server = world.server();
    const client = world.end('192.0.2.5');
    let n = seed;
    world.network.tamper = (datagram) => {
      n = (n * 1103515245 + 12345) & 0x7fffffff;
      if (n % 4 !== 0) return datagram;
      const bytes = datagram.bytes.slice();
      bytes[(n >> 3) % bytes.length]! ^= 1 << (n % 8);
      return { ...datagram, bytes };
    };
    client.connect();
    world.run(60_000);
    for (const end of [client, server]) assert.ok(!end.dropped.includes('internal-error'), `seed ${seed}`);
  }
});

test('what goes wrong inside ends one IKE SA, which the peer is told, and no other', () => {
  const world = new World();
  let faulty = true;
  const server = world.server({
    children: ({ mode, local, remote }) => {
      if (faulty) throw new Error('a fault of the policy');
      return { mode, local, remote };
    },
  });
  const client = world.end('192.0.2.5');
  client.connect();
  world.run(3000);
  assert.equal(server.one('ikeClosed').reason.code, 'internal-error');
  assert.equal(client.one('ikeClosed').reason.code, 'peer-refused');
  faulty = false;
  client.connect();
  world.run(3000);
  assert.ok(sameChild(client.children[0]!, server.children[0]!));
});
