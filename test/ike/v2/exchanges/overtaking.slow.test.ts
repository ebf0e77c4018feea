/** Collisions of RFC 7296 §2.25 where messages overtake each other and keys take their time. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type End, profileOf, SERVER, sameChildren, World } from './world.ts';

const CREATE_CHILD_SA = 36;

/** Both ends begin to rekey the IKE SA at 90 s. */
function rekeyingTogether(seed: number, ike?: readonly string[]) {
  const world = new World(seed);
  const profile = profileOf(ike, undefined, { ike: 100 });
  const server = world.server({ profile, renewAt: 0.8, renewJitter: 0 });
  const client = world.end('192.0.2.5', { profile, renewAt: 0.9, renewJitter: 0 });
  client.connect();
  world.run(80_000);
  return { world, server, client };
}

/** One IKE SA and its child stand at both ends, and each end hears the other. */
function isInStep(world: World, ends: readonly [End, End], what: string): void {
  const [one, other] = ends;
  for (const end of ends) {
    assert.deepEqual(end.all('ikeClosed'), [], what);
    assert.deepEqual(end.endpoint.population, { ikeSas: 1, halfOpen: 0, children: 1 }, what);
  }
  assert.ok(sameChildren(one, other), what);
  for (const [asks, hears] of [
    [one, other],
    [other, one],
  ] as const) {
    const before = hears.all('trace').length;
    asks.command({ type: 'probe', ikeSa: asks.established[0]!.ikeSa, within: 3000 });
    world.run(4000);
    assert.ok(hears.all('trace').length > before, what);
    assert.deepEqual(asks.all('ikeClosed'), [], what);
  }
}

const KEY_EXCHANGES = {
  'a key exchange': undefined,
  'a hybrid key exchange': ['aes128gcm16-prfsha256-x25519-ke1_mlkem768'],
};

interface Said {
  readonly from: 'client' | 'server';
  readonly exchange: number;
  readonly isResponse: boolean;
}

/**
 * Delays messages that `delayOf` names, by so many milliseconds.
 * @returns how many were
 */
function delay(world: World, delayOf: (said: Said) => number): { readonly count: number } {
  const { network } = world;
  const delayed = { count: 0 };
  let released: object | undefined;
  network.tamper = (datagram) => {
    if (datagram === released) return datagram;
    const at = datagram.bytes[0] === 0 && datagram.bytes[3] === 0 ? 4 : 0;
    const header = datagram.bytes.subarray(at);
    const from = datagram.from.address === SERVER ? 'server' : 'client';
    const wait = delayOf({ from, exchange: header[18]!, isResponse: (header[19]! & 0x20) !== 0 });
    if (wait === 0) return datagram;
    delayed.count++;
    network.schedule(network.now + wait, () => {
      released = datagram;
      network.inject(datagram);
    });
    return undefined;
  };
  return delayed;
}

for (const [name, ike] of Object.entries(KEY_EXCHANGES)) {
  for (const later of [1, 2, 3, 30]) {
    test(`RFC 7296 §2.8.2: both rekey the IKE SA with ${name}, and what is said of it comes in another order, ${later} ms late`, () => {
      for (let seed = 1; seed <= 6; seed++) {
        for (const slow of ['client', 'server'] as const) {
          const { world, server, client } = rekeyingTogether(seed, ike);
          const delayed = delay(world, ({ from, exchange, isResponse }) => {
            if (exchange !== CREATE_CHILD_SA) return 0;
            // Its request comes with its answer, and the answer to it after the Deletes.
            return from === slow ? (isResponse ? 0 : later) : isResponse ? 40 : 0;
          });
          world.run(30_000);
          assert.ok(delayed.count >= 2);
          isInStep(world, [client, server], `the ${slow} is slow, seed ${seed}`);
        }
      }
    });
  }
}

for (const [name, esp] of Object.entries({
  'no key exchange': 'aes128gcm16-none',
  'a key exchange': 'aes128gcm16-x25519',
})) {
  test(`RFC 7296 §2.8.1: both rekey a child SA with ${name}, and an answer comes when the other successor has been renewed`, () => {
    for (let seed = 1; seed <= 8; seed++) {
      const world = new World(seed);
      const profile = profileOf(undefined, [esp]);
      const server = world.server({ profile });
      const client = world.end('192.0.2.5', { profile });
      client.connect();
      world.run(1000);
      const late = delay(world, ({ from, exchange, isResponse }) =>
        from === 'server' && exchange === CREATE_CHILD_SA && isResponse ? 4000 : 0,
      );
      client.renewChild(client.livingChildren.at(-1)!.child);
      for (let times = 0; times < 3; times++) {
        server.renewChild(server.livingChildren.at(-1)!.child);
        world.run(1000);
      }
      world.run(20_000);
      assert.ok(late.count > 0);
      isInStep(world, [client, server], `seed ${seed}`);
    }
  });
}

/** What both ends have of child SAs, never none. */
function neverWithout(end: End, what: string): void {
  const living = new Set<number>();
  for (const { output } of end.outputs) {
    if (output.type === 'childEstablished') living.add(output.child);
    if (output.type !== 'childClosed') continue;
    living.delete(output.child);
    assert.ok(living.size > 0, `${what}: ${output.reason.code}`);
  }
}

test('RFC 7296 §2.8: a successor that the peer may not have yet is not renewed, and not given up', () => {
  for (const slow of ['client', 'server'] as const) {
    for (let seed = 1; seed <= 6; seed++) {
      const world = new World(seed);
      const [server, client] = [world.server(), world.end('192.0.2.5')];
      client.connect();
      world.run(1000);
      // Its own request is answered so late that the other end has long begun to use what it made.
      delay(world, ({ from, exchange, isResponse }) =>
        from !== slow && exchange === CREATE_CHILD_SA && isResponse ? 9000 : 0,
      );
      const [asks, other] = slow === 'client' ? [client, server] : [server, client];
      asks.renewChild(asks.livingChildren.at(-1)!.child);
      if (seed % 2 === 0) other.renewChild(other.livingChildren.at(-1)!.child);
      world.run(6500);
      other.renewChild(other.livingChildren.at(-1)!.child);
      world.run(60_000);
      for (const end of [client, server]) {
        neverWithout(end, `seed ${seed}`);
        assert.ok(end.all('childClosed').every(({ reason }) => reason.code !== 'child-not-found'));
      }
      isInStep(world, [client, server], `${slow}, seed ${seed}`);
    }
  }
});

test('RFC 7296 §2.8.1: of two successors the one that has lost is not renewed', () => {
  for (let seed = 1; seed <= 8; seed++) {
    const world = new World(seed);
    const [server, client] = [world.server(), world.end('192.0.2.5')];
    client.connect();
    world.run(1000);
    // Its request comes with its answer: at the server its own successor stands, and the other one shortly after.
    delay(world, ({ from, exchange, isResponse }) =>
      from === 'client' && exchange === CREATE_CHILD_SA && !isResponse ? 2 : 0,
    );
    server.renewChild(server.livingChildren[0]!.child);
    world.run(10);
    client.renewChild(client.livingChildren[0]!.child);
    for (let times = 0; times < 30; times++) {
      world.run(1);
      for (const { child } of client.livingChildren) client.renewChild(child);
    }
    world.run(60_000);
    isInStep(world, [client, server], `seed ${seed}`);
  }
});

test('RFC 7296 §2.8.1: of two successors the one that loses is being renewed when the other one comes', () => {
  for (let seed = 1; seed <= 6; seed++) {
    for (const at of [24, 26, 28]) {
      const world = new World(seed);
      const [server, client] = [world.server(), world.end('192.0.2.5')];
      client.connect();
      world.run(1000);
      // Keys take longer than messages.
      world.publicKeyDelay = 10;
      world.network.quality = { ...world.network.quality, delay: 1 };
      client.renewChild(client.livingChildren[0]!.child);
      world.run(20);
      server.renewChild(server.livingChildren[0]!.child);
      world.run(at);
      client.renewChild(client.livingChildren.at(-1)!.child);
      world.run(60_000);
      isInStep(world, [client, server], `seed ${seed}, ${at} ms`);
    }
  }
});

test('RFC 7296 §2.25: what is put off minutes apart, and needed no more, does not make a peer that is never ready', () => {
  for (let seed = 1; seed <= 3; seed++) {
    const world = new World(seed);
    const [server, client] = [world.server(), world.end('192.0.2.5')];
    client.connect();
    world.run(1000);
    const putOff = () => server.summaries.filter((line) => /^out .*TEMPORARY_FAILURE/.test(line)).length;
    // Its answer overtakes its request.
    delay(world, ({ from, exchange, isResponse }) =>
      from === 'client' && exchange === CREATE_CHILD_SA && !isResponse ? 5 : 0,
    );
    server.renewChild(server.livingChildren[0]!.child);
    world.run(12);
    client.renewChild(client.livingChildren[0]!.child);
    world.run(240_000);
    assert.equal(putOff(), 1);
    client.renewChild(client.livingChildren[0]!.child);
    server.closeChild(server.livingChildren[0]!.child);
    world.run(5000);
    assert.equal(putOff(), 2);
    for (const end of [client, server]) assert.deepEqual(end.all('ikeClosed'), []);
  }
});
