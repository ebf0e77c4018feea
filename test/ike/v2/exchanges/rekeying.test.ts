import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { IkeV2Config } from '../../../../src/ike/v2/index.ts';
import { type End, profileOf, sameChild, sameChildren, World } from './world.ts';

interface Pair {
  readonly world: World;
  readonly server: End;
  readonly client: End;
}

function connected(config: Partial<IkeV2Config> = {}, seed = 1): Pair {
  const world = new World(seed);
  const server = world.server(config);
  const client = world.end('192.0.2.5', config);
  client.connect();
  const both = () => [server, client].every((end) => end.all('childConfirmed').length === 1);
  assert.ok(world.run(2000, both));
  return { world, server, client };
}

const CREATE_CHILD_SA = 36;
const INFORMATIONAL = 37;
const exchangeOf = (bytes: Uint8Array) => bytes[18];
const isResponse = (bytes: Uint8Array) => (bytes[19]! & 0x20) !== 0;

/** All is quiet, and both ends know the same: one IKE SA, `children` child SAs with the same keys. */
function inStep({ world, server, client }: Pair, children = 1): void {
  world.run(20_000);
  assert.ok(sameChildren(client, server), 'the same child SAs on both sides');
  assert.equal(client.livingChildren.length, children);
  for (const end of [client, server]) {
    assert.deepEqual(end.endpoint.population, { ikeSas: 1, halfOpen: 0, children });
    assert.deepEqual(end.all('ikeClosed'), []);
    const confirmed = new Set(end.all('childConfirmed').map(({ child }) => child));
    for (const { child } of end.livingChildren) assert.ok(confirmed.has(child), 'what lives is sent on');
  }
}

/** The generation of the IKE SA in which the ends speak now is one and the same: a liveness check passes both ways. */
function stillSpeak(pair: Pair): void {
  const { world, server, client } = pair;
  for (const [one, other] of [
    [client, server],
    [server, client],
  ] as const) {
    const { ikeSa } = one.established[0]!;
    const before = other.all('trace').length;
    one.command({ type: 'probe', ikeSa, within: 3000 });
    world.run(4000);
    assert.ok(other.all('trace').length > before);
    assert.deepEqual(one.all('ikeClosed'), []);
  }
}

test('a child SA is renewed before it ends, and the old one goes when the new one stands', () => {
  for (const esp of [['aes128gcm16-x25519-none'], ['aes128gcm16-none'], ['aes256-sha256-ecp256']]) {
    const pair = connected({ profile: profileOf(undefined, esp, { esp: 100 }) });
    pair.world.run(95_000);
    const { client, server } = pair;
    assert.equal(client.children.length, 2);
    assert.equal(client.children[1]!.replaces, client.children[0]!.child);
    assert.equal(server.children[1]!.replaces, server.children[0]!.child);
    assert.equal(
      client.children[1]!.pfs,
      esp[0]!.includes('25519') ? 'curve25519' : esp[0]!.includes('ecp256') ? 'ecp256' : undefined,
    );
    assert.ok(
      client.one('childClosed').reason.code === 'replaced' && server.one('childClosed').reason.code === 'replaced',
    );
    // Make before break, on both ends.
    for (const end of [client, server]) {
      const types = end.outputs.map(({ output }) => output.type).filter((type) => type.startsWith('child'));
      assert.deepEqual(types.slice(2), ['childEstablished', 'childConfirmed', 'childClosed']);
    }
    inStep(pair);
  }
});

test('extended sequence numbers are agreed on where both want them, and stay in the successor', () => {
  const pair = connected({ profile: profileOf(undefined, ['aes128gcm16-x25519-none-esn-noesn'], { esp: 100 }) });
  pair.world.run(95_000);
  assert.deepEqual(
    pair.client.children.map(({ extendedSequence }) => extendedSequence),
    [true, true],
  );
  inStep(pair);
});

test('the responder renews too, where the initiator does not', () => {
  const world = new World();
  const server = world.server({ profile: profileOf(undefined, undefined, { esp: 100 }) });
  const client = world.end('192.0.2.5', { renewAt: 0 });
  client.connect();
  world.run(99_000);
  assert.equal(server.children[1]?.role, 'initiator');
  inStep({ world, server, client });
});

test('renewal by command', () => {
  const pair = connected();
  pair.server.renewChild(pair.server.children[0]!.child);
  pair.world.run(1000);
  assert.equal(pair.server.children.length, 2);
  inStep(pair);
});

test('the IKE SA is renewed under the same id, and the children stay', () => {
  const pair = connected({ profile: profileOf(undefined, undefined, { ike: 100 }) });
  const { world, client, server } = pair;
  world.run(95_000);
  assert.ok(client.all('milestone').some(({ name }) => name === 'ike rekeyed'));
  assert.ok(server.all('milestone').some(({ name }) => name === 'ike rekeyed'));
  assert.equal(client.children.length, 1);
  inStep(pair);
  stillSpeak(pair);
  world.run(300_000);
  assert.ok(client.all('milestone').filter(({ name }) => name === 'ike rekeyed').length >= 4);
  inStep(pair);
  client.close(client.established[0]!.ikeSa);
  world.run(30_000);
  assert.equal(server.endpoint.population.ikeSas, 0);
});

test('hybrid key exchange in both rekeyings: IKE_FOLLOWUP_KE', () => {
  const profile = profileOf(
    ['aes128gcm16-prfsha256-x25519-ke1_mlkem768'],
    ['aes128gcm16-x25519-ke1_mlkem768-none-ke1_none'],
    {
      ike: 200,
      esp: 90,
    },
  );
  const pair = connected({ profile });
  const { client } = pair;
  assert.match(client.one('ikeEstablished').algorithms, /ke1-mlkem768/);
  pair.world.run(400_000);
  assert.ok(client.summaries.some((line) => line.startsWith('out IKE_FOLLOWUP_KE')));
  assert.ok(client.all('milestone').some(({ name, detail }) => name === 'ike rekeyed' && /ke1-mlkem768/.test(detail!)));
  inStep(pair);
  assert.deepEqual(client.all('ikeFailed'), []);
});

test('RFC 7296 §2.8.1: both rekey one child SA at once; the lowest nonce goes', () => {
  for (let seed = 1; seed <= 8; seed++) {
    const pair = connected({}, seed);
    pair.client.renewChild(pair.client.children[0]!.child);
    pair.server.renewChild(pair.server.children[0]!.child);
    inStep(pair);
    assert.equal(pair.client.children.length, 3, 'both exchanges were made');
    stillSpeak(pair);
  }
});

test('RFC 7296 §2.8.1: both rekey one child SA, and the first request of one is lost', () => {
  for (let seed = 1; seed <= 6; seed++) {
    const pair = connected({}, seed);
    let lost = 0;
    pair.world.network.tamper = (datagram) => {
      const fromClient = datagram.from.address === '192.0.2.5';
      const first = fromClient && exchangeOf(datagram.bytes) === CREATE_CHILD_SA && !isResponse(datagram.bytes);
      return first && lost++ === 0 ? undefined : datagram;
    };
    pair.client.renewChild(pair.client.children[0]!.child);
    pair.server.renewChild(pair.server.children[0]!.child);
    inStep(pair);
    assert.equal(lost > 0, true);
  }
});

test('RFC 7296 §2.8.1: where our own successor stands and loses, it is sent on until the other end has the one that stays', () => {
  const ONE_WAY = 10;
  let stood = 0;
  for (let seed = 1; seed <= 12; seed++) {
    const pair = connected({}, seed);
    const { world, client, server } = pair;
    client.renewChild(client.children[0]!.child);
    // The client's answer comes while the server works on the keys for the client's own request.
    world.run(12);
    server.renewChild(server.children[0]!.child);
    inStep(pair);
    for (const [one, other] of [
      [client, server],
      [server, client],
    ] as const) {
      for (const { at, output } of one.outputs) {
        if (output.type !== 'childConfirmed') continue;
        const child = one.children.find((candidate) => candidate.child === output.child)!;
        const there = other.outputs.find(
          (said) => said.output.type === 'childEstablished' && said.output.inboundSpi === child.outboundSpi,
        );
        assert.ok(there!.at <= at + ONE_WAY, `seed ${seed}: sent on at ${at}, there from ${there!.at} on`);
      }
      const [first, second] = one.children.filter(({ replaces }) => replaces === one.children[0]!.child);
      if (second !== undefined && first!.role === 'initiator' && second === one.livingChildren[0]) stood++;
    }
  }
  assert.ok(stood > 0, 'it came to that');
});

test('RFC 7296 §2.25.1: a child SA that is being closed cannot be rekeyed, and the other way round', () => {
  for (const [first, second] of [
    ['close', 'renew'],
    ['renew', 'close'],
  ]) {
    const pair = connected();
    const { client, server } = pair;
    const act = (end: End, what: string | undefined) =>
      what === 'close' ? end.closeChild(end.children[0]!.child) : end.renewChild(end.children[0]!.child);
    act(client, first);
    act(server, second);
    pair.world.run(40_000);
    assert.ok(sameChildren(client, server));
    assert.equal(client.livingChildren.length, 0);
    stillSpeak(pair);
  }
});

test('RFC 7296 §2.25.1: both close one child SA at once', () => {
  const pair = connected();
  pair.client.closeChild(pair.client.children[0]!.child);
  pair.server.closeChild(pair.server.children[0]!.child);
  inStep(pair, 0);
  // Neither answers with a Delete payload of its own.
  assert.ok(pair.client.summaries.includes('out INFORMATIONAL 2 request D(ESP×1)'));
  assert.ok(pair.client.summaries.includes('out INFORMATIONAL 0 response'));
});

test('RFC 7296 §2.25.1: a child SA that does not exist: CHILD_SA_NOT_FOUND, and a new one from scratch', () => {
  const pair = connected();
  const { client, server, world } = pair;
  // The server's Delete for it never comes to the client, whose own clock then renews it.
  world.network.tamper = (datagram) => (exchangeOf(datagram.bytes) === INFORMATIONAL ? undefined : datagram);
  server.closeChild(server.children[0]!.child);
  world.run(100);
  world.network.tamper = undefined;
  // Still on its way: TEMPORARY_FAILURE, and later there is none.
  client.renewChild(client.children[0]!.child);
  world.run(60_000);
  assert.ok(server.summaries.some((line) => /TEMPORARY_FAILURE/.test(line)));
  assert.ok(sameChildren(client, server));
});

/** Both ends begin to rekey the IKE SA at 90 s: the initiator at its part of the lifetime, the responder later than its own. */
function rekeyingTogether(seed: number): Pair {
  const world = new World(seed);
  const profile = profileOf(undefined, undefined, { ike: 100 });
  const server = world.server({ profile, renewAt: 0.8, renewJitter: 0 });
  const client = world.end('192.0.2.5', { profile, renewAt: 0.9, renewJitter: 0 });
  client.connect();
  world.run(80_000);
  return { world, server, client };
}

const rekeyed = (end: End) => end.all('milestone').filter(({ name }) => name === 'ike rekeyed').length;

test('RFC 7296 §2.8.2: both rekey the IKE SA at once; the lowest nonce goes, the children stay', () => {
  for (let seed = 1; seed <= 12; seed++) {
    const pair = rekeyingTogether(seed);
    inStep(pair);
    assert.equal(rekeyed(pair.client), 1);
    assert.equal(rekeyed(pair.server), 1);
    assert.equal(
      pair.client.summaries.filter((line) => /^(in|out) CREATE_CHILD_SA \d+ request SA Nonce KE$/.test(line)).length,
      2,
    );
    assert.equal(pair.client.children.length, 1);
    stillSpeak(pair);
  }
});

test('RFC 7296 §2.8.2: both rekey the IKE SA, and one does not notice', () => {
  for (let seed = 1; seed <= 8; seed++) {
    const pair = rekeyingTogether(seed);
    let lost = 0;
    pair.world.network.tamper = (datagram) => {
      const fromClient = datagram.from.address === '192.0.2.5';
      const request = fromClient && exchangeOf(datagram.bytes) === CREATE_CHILD_SA && !isResponse(datagram.bytes);
      return request && lost++ === 0 ? undefined : datagram;
    };
    inStep(pair);
    assert.ok(lost > 0);
    stillSpeak(pair);
  }
});

test('RFC 7296 §2.25.2: a child SA is wanted while the IKE SA is rekeyed: TEMPORARY_FAILURE, and again later', () => {
  for (const first of ['child', 'ike'] as const) {
    const pair = rekeyingTogether(1);
    const { world, client, server } = pair;
    // One end renews the IKE SA, the other the child SA, in the same moment.
    const other = first === 'ike' ? server : client;
    world.network.tamper = (datagram) => {
      const own = datagram.from.address === other.address && exchangeOf(datagram.bytes) === CREATE_CHILD_SA;
      return own && world.network.now > 89_990 && world.network.now < 90_055 ? undefined : datagram;
    };
    world.run(9_990);
    other.renewChild(other.children[0]!.child);
    inStep(pair);
    world.run(60_000);
    assert.ok(
      [client, server].some((end) =>
        end.summaries.some((line) => /out CREATE_CHILD_SA \d+ response N\(TEMPORARY_FAILURE\)/.test(line)),
      ),
    );
    inStep(pair);
    stillSpeak(pair);
  }
});

test('RFC 7296 §2.25.2: the IKE SA is closed by one end while the other rekeys it, and by both at once', () => {
  for (const both of [false, true]) {
    const { world, client, server } = rekeyingTogether(2);
    world.run(both ? 1000 : 10_000 - 5);
    const [ours, theirs] = [client.established[0]!.ikeSa, server.established[0]!.ikeSa];
    world.run(both ? 0 : 5);
    server.close(theirs);
    if (both) client.close(ours);
    world.run(60_000);
    for (const end of [client, server]) {
      assert.deepEqual(end.endpoint.population, { ikeSas: 0, halfOpen: 0, children: 0 });
      assert.equal(end.all('ikeClosed').length, 1);
      assert.equal(end.endpoint.deadline, undefined);
    }
  }
});

test('lost and doubled messages keep the ends in step through many renewals', () => {
  for (let seed = 1; seed <= 4; seed++) {
    const pair = connected({ profile: profileOf(undefined, undefined, { ike: 150, esp: 60 }), renewJitter: 0.5 }, seed);
    const { world, client, server } = pair;
    world.network.quality = { delay: 20, jitter: 200, drop: 0.15, duplicate: 0.1 };
    world.run(500_000);
    world.network.quality = { delay: 10, jitter: 0, drop: 0, duplicate: 0 };
    world.run(30_000);
    assert.deepEqual(client.all('ikeClosed'), []);
    assert.ok(client.livingChildren.length >= 1 && sameChildren(client, server), `seed ${seed}`);
    assert.ok(client.children.length > 6);
    assert.ok(client.livingChildren.some((child) => sameChild(child, server.livingChildren.at(-1)!)));
    stillSpeak(pair);
  }
});
