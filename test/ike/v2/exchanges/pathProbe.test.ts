/** Probes of the path by INFORMATIONAL requests that go whole: their sizes, what an answer proves, and that nothing waits for them. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { IkeV2Config } from '../../../../src/ike/v2/index.ts';
import { type End, profileOf, World } from './world.ts';

const CLIENT = '192.0.2.2';
const RTT = 20;
const IPV4_AND_UDP = 28;
const MARKER = 4;

function ends(config: Partial<IkeV2Config> = {}) {
  const world = new World(11);
  const server = world.server(config);
  const client = world.end(CLIENT, config);
  const ikeSa = client.connect(server);
  assert.ok(world.run(5000, () => client.children.length > 0 && server.children.length > 0));
  world.run(1000);
  const { child } = client.children[0]!;
  const serverSa = server.established[0]!.ikeSa;
  for (const end of [client, server]) end.outputs.length = 0;
  return { world, server, client, ikeSa, serverSa, child };
}

/** From now on nothing of that end that is longer comes through, in fragments or whole. */
function narrow({ host }: End, mtu: number): void {
  const send = Object.getPrototypeOf(host).send.bind(host) as typeof host.send;
  host.send = (port, to, bytes) => {
    if (bytes.length + IPV4_AND_UDP + (port === 4500 ? MARKER : 0) <= mtu) send(port, to, bytes);
  };
}

const probe = (end: End, ikeSa: number, size: number) => end.command({ type: 'probePath', ikeSa, size });

/** The outer packets that went whole or not at all. */
const probes = (end: End) =>
  end
    .all('send')
    .filter(({ dontFragment }) => dontFragment === true)
    .map(({ local, bytes }) => bytes.length + IPV4_AND_UDP + (local.port === 4500 ? MARKER : 0));

const proved = (end: End) => end.all('pathProbed').map(({ size, proved: bytes }) => [size, bytes]);

const suites: Readonly<Record<string, number>> = {
  'aes256gcm16-prfsha384-x25519': 1,
  'chacha20poly1305-prfsha256-x25519': 1,
  'aes256-sha256-x25519': 16,
  'aes128-sha1-x25519': 16,
  '3des-sha1-x25519': 8,
};

for (const [suite, block] of Object.entries(suites)) {
  for (const mobike of [true, false]) {
    test(`${suite}${mobike ? '' : ' on port 500'}: a probe has the size that is asked for, or is less than a block smaller`, () => {
      const { world, client, server, ikeSa } = ends({ profile: profileOf([suite]), mobike });
      for (const size of [1280, 1281, 1400, 1499, 1500]) {
        probe(client, ikeSa, size);
        const bytes = probes(client).at(-1)!;
        assert.ok(bytes <= size && bytes > size - block, `${bytes} for ${size}`);
        world.run(RTT);
        assert.deepEqual(proved(client).at(-1), [size, bytes]);
      }
      const answers = server.all('trace').filter(({ direction }) => direction === 'out');
      assert.ok(answers.every(({ summary }) => /^INFORMATIONAL \d+ response$/.test(summary)));
      assert.deepEqual([client.all('ikeClosed'), server.all('ikeClosed')], [[], []]);
    });
  }
}

test('both roles probe, each its own way', () => {
  const { world, server, client, ikeSa, serverSa } = ends();
  narrow(client, 1300);
  probe(server, serverSa, 1500);
  world.run(RTT);
  assert.deepEqual(proved(server), [[1500, 1500]]);
  probe(client, ikeSa, 1500);
  world.run(RTT);
  assert.deepEqual(proved(client), []);
});

test('a size that does not come through gives way to the next one, under the same message id', () => {
  const { world, client, ikeSa } = ends();
  narrow(client, 1300);
  for (const size of [1500, 1500, 1400, 1300]) {
    probe(client, ikeSa, size);
    world.run(1000);
  }
  assert.deepEqual(probes(client), [1500, 1500, 1400, 1300]);
  assert.deepEqual(proved(client), [[1300, 1300]]);
  const ids = client.summaries.filter((text) => text.includes('PATH_MTU_PROBE')).map((text) => text.split(' ')[2]);
  assert.equal(new Set(ids).size, 1);
});

test('an answer proves the smallest of the sizes that had its message id', () => {
  const { world, server, client, ikeSa } = ends();
  narrow(server, 0);
  probe(client, ikeSa, 1300);
  world.run(1000);
  narrow(server, 1500);
  narrow(client, 1400);
  probe(client, ikeSa, 1500);
  world.run(1000);
  assert.deepEqual(proved(client), [], 'the larger one was lost, and duplicates alone are answered again');
  probe(client, ikeSa, 1350);
  world.run(1000);
  assert.deepEqual(proved(client), [[1300, 1300]]);
});

test('what else is to be asked waits one round trip, not for the probe', () => {
  const { world, client, server, ikeSa, child } = ends();
  narrow(client, 1280);
  probe(client, ikeSa, 1500);
  world.run(100);
  client.renewChild(child);
  world.run(4 * RTT);
  assert.equal(client.children.length, 1, 'renewed');
  assert.deepEqual(proved(client), []);
  probe(client, ikeSa, 1280);
  world.run(10 * RTT);
  assert.deepEqual(proved(client), [[1280, 1280]]);
  assert.deepEqual([client.all('ikeClosed'), server.all('ikeClosed')], [[], []]);
});

test('a probe waits its turn, and asks for what is wanted by then', () => {
  const { world, client, server, ikeSa, child } = ends();
  narrow(server, 0);
  client.renewChild(child);
  probe(client, ikeSa, 1500);
  probe(client, ikeSa, 1400);
  assert.deepEqual(probes(client), []);
  narrow(server, 1500);
  world.run(5000);
  assert.deepEqual(proved(client), [[1400, 1400]]);
});

test('a probe that waits goes over to the next generation of the IKE SA', () => {
  const deadPeerDetection = { interval: 0, timeout: 150_000 };
  const { world, client, server, ikeSa } = ends({
    profile: profileOf(undefined, undefined, { ike: 100 }),
    deadPeerDetection,
  });
  const renewals = () =>
    client.summaries.filter((text) => /^out CREATE_CHILD_SA \d+ request SA Nonce KE$/.test(text)).length;
  narrow(server, 0);
  assert.ok(
    world.run(100_000, () => renewals() > 0),
    client.summaries.join(),
  );
  probe(client, ikeSa, 1500);
  narrow(server, 1500);
  assert.ok(world.run(10_000, () => client.summaries.some((text) => text.includes('PATH_MTU_PROBE'))));
  world.run(RTT);
  assert.deepEqual(proved(client), [[1500, 1500]]);
  assert.deepEqual([client.all('ikeClosed'), server.all('ikeClosed')], [[], []]);
});

test('the IKE SA lives on where probes are lost and nobody probes on', () => {
  const { world, client, server, ikeSa } = ends();
  narrow(client, 1000);
  narrow(server, 1000);
  probe(client, ikeSa, 1280);
  world.run(600_000);
  assert.deepEqual(proved(client), []);
  assert.deepEqual([client.all('ikeClosed'), server.all('ikeClosed')], [[], []]);
  client.close(ikeSa);
  world.run(1000);
  assert.equal(server.all('ikeClosed').length, 1);
});

test('nothing is asked of an IKE SA that does not stand', () => {
  const world = new World(3);
  const client = world.end(CLIENT);
  const ikeSa = client.connect();
  probe(client, ikeSa, 1500);
  probe(client, 99, 1500);
  assert.deepEqual(probes(client), []);
});
