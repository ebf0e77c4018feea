import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseIdentity } from '../../../../src/ike/identity.ts';
import { type End, profileOf, sameChild, World } from './world.ts';

function connected(config = {}, behindNat = false): { world: World; server: End; client: End; id: number } {
  const world = new World();
  const server = world.server(config);
  const client = behindNat ? world.end('10.0.0.2', config, world.nat()) : world.end('192.0.2.5', config);
  const id = client.connect();
  assert.ok(world.run(2000, () => server.all('childConfirmed').length === 1));
  return { world, server, client, id };
}

const typesOf = (end: End) => end.outputs.map(({ output }) => output.type).filter((type) => /Closed$/.test(type));

test('closing from the client deletes the child, then the IKE SA, on both sides', () => {
  const { world, server, client, id } = connected();
  client.close(id);
  world.run(30_000);
  for (const end of [client, server]) {
    assert.deepEqual(typesOf(end), ['childClosed', 'ikeClosed']);
    assert.deepEqual(end.endpoint.population, { ikeSas: 0, halfOpen: 0, children: 0 });
    assert.equal(end.endpoint.deadline, undefined);
  }
  assert.equal(server.one('ikeClosed').reason.code, 'peer-deleted');
  assert.deepEqual(client.summaries.filter((line) => line.includes(' D(')).slice(0, 2), [
    'out INFORMATIONAL HASH D(ESP×1)',
    'out INFORMATIONAL HASH D(ISAKMP)',
  ]);
});

test('closing from the server', () => {
  const { world, server, client } = connected({}, true);
  server.close(server.established[0]!.ikeSa);
  world.run(30_000);
  assert.deepEqual(typesOf(client), ['childClosed', 'ikeClosed']);
  assert.equal(client.endpoint.population.ikeSas, 0);
});

test('a Delete that is lost is made up for', () => {
  const { world, server, client, id } = connected();
  let lost = 0;
  world.network.tamper = (datagram) => (lost++ < 2 ? undefined : datagram);
  client.close(id);
  world.run(30_000);
  assert.equal(server.endpoint.population.ikeSas, 0);
});

test('closing one child leaves the IKE SA', () => {
  const { world, server, client } = connected();
  client.closeChild(client.children[0]!.child);
  world.run(1000);
  assert.equal(server.one('childClosed').inboundSpi, client.children[0]?.outboundSpi);
  assert.equal(server.endpoint.population.ikeSas, 1);
  assert.equal(client.endpoint.population.ikeSas, 1);
});

test('re-authentication: the new IKE SA adopts the children, and the end of the old one leaves them', () => {
  for (const behindNat of [false, true]) {
    const { world, server, client } = connected(
      { profile: profileOf(undefined, ['aes128-sha256'], { ike: 1000, esp: 7200 }) },
      behindNat,
    );
    world.run(950_000);
    assert.equal(client.established.length, 2);
    assert.equal(client.established[1]?.adopts, client.established[0]?.ikeSa);
    assert.equal(server.established[1]?.adopts, server.established[0]?.ikeSa);
    assert.equal(server.established[1]?.initialContact, false);
    for (const end of [client, server]) {
      assert.equal(end.one('ikeClosed').ikeSa, end.established[0]?.ikeSa);
      assert.equal(end.all('childClosed').length, 0);
      assert.deepEqual(end.endpoint.population, { ikeSas: 1, halfOpen: 0, children: 1 });
    }
    // The child is now the successor's to delete.
    client.close(client.established[1]!.ikeSa);
    world.run(1000);
    assert.equal(server.one('childClosed').ikeSa, server.established[1]?.ikeSa);
  }
});

test('re-authentication in the other order: the old IKE SA is deleted before the new one stands', () => {
  const { world, server, client, id } = connected();
  // The client forgets the old SA with a bare IKE Delete, as some do, and connects anew.
  let children = 0;
  world.network.tamper = (datagram) => (datagram.bytes[18] === 5 && children++ === 0 ? undefined : datagram);
  client.close(id);
  world.run(3000);
  assert.equal(server.all('ikeClosed').length, 0, 'its children wait for a successor');
  const again = world.end('192.0.2.5', { initialContact: false });
  again.connect();
  world.run(3000);
  assert.equal(server.established[1]?.adopts, server.established[0]?.ikeSa);
  assert.equal(server.one('ikeClosed').reason.code, 'peer-deleted');
  assert.equal(server.all('childClosed').length, 0);
  assert.equal(server.children[1]?.replaces, server.children[0]?.child);
});

test('an IKE SA that is deleted for good takes its children after a while', () => {
  const { world, server, client, id } = connected();
  let children = 0;
  world.network.tamper = (datagram) => (datagram.bytes[18] === 5 && children++ === 0 ? undefined : datagram);
  client.close(id);
  world.run(15_000);
  assert.deepEqual(typesOf(server), ['childClosed', 'ikeClosed']);
});

test('INITIAL-CONTACT drops the SAs of the same peer alone, not those behind the same NAT', () => {
  const world = new World();
  const server = world.server();
  const outer = world.nat();
  const inner = [1, 2].map((i) => world.nat(`100.64.0.${i}`, outer));
  const first = world.end('192.168.1.2', {}, inner[0]);
  const other = world.end('192.168.1.2', {}, inner[1]);
  first.connect();
  other.connect();
  world.run(2000);
  assert.equal(server.established.length, 2);
  const before = server.established.find(({ remote }) => remote.port === 20_002 || remote.port === 20_003)!;
  // The first client is restarted: it knows nothing, and comes from the same ports.
  const restarted = first.restart();
  restarted.connect();
  world.run(2000);
  assert.equal(server.established.length, 3);
  assert.equal(server.established[2]?.initialContact, true);
  const gone = server.one('ikeClosed');
  assert.equal(gone.reason.code, 'initial-contact');
  assert.equal(server.all('childClosed').length, 1);
  assert.deepEqual(gone.remote, server.established[2]?.remote);
  assert.ok(before);
  assert.equal(server.endpoint.population.ikeSas, 2);
});

test('a second connection on the same IKE SA replaces the child of the same selectors', () => {
  const { world, server, client } = connected({ profile: profileOf(undefined, undefined, { esp: 600 }) });
  world.run(530_000);
  assert.equal(server.children[1]?.replaces, server.children[0]?.child);
  assert.ok(sameChild(client.children[1]!, server.children[1]!));
});

test('a silent peer is asked, and given up when it does not answer', () => {
  const { world, server } = connected({ deadPeerDetection: { interval: 30_000, timeout: 20_000 } });
  world.network.tamper = () => undefined;
  world.run(60_000);
  assert.equal(server.one('ikeClosed').reason.code, 'peer-dead');
  assert.deepEqual(typesOf(server), ['childClosed', 'ikeClosed']);
  assert.ok(server.summaries.includes('out INFORMATIONAL HASH N(R_U_THERE)'));
});

test('times with fractions of milliseconds do not make the question due for ever', () => {
  for (const delay of [0.1, 0.7, 3.3, 10.1, 33.3]) {
    const { world, server } = connected({ deadPeerDetection: { interval: 30_000, timeout: 20_000 } });
    world.network.quality = { ...world.network.quality, delay };
    world.run(300_000);
    const asked = server.summaries.filter((line) => line.includes('out') && line.endsWith('N(R_U_THERE)')).length;
    assert.ok(asked <= 10, `asked ${asked} times in 300 s, with a delay of ${delay} ms`);
    assert.equal(server.all('ikeClosed').length, 0);
  }
});

test('a peer that answers is alive, and traffic spares the question', () => {
  const { world, server, client } = connected({ deadPeerDetection: { interval: 30_000, timeout: 20_000 } });
  world.run(300_000);
  assert.equal(server.all('ikeClosed').length, 0);
  const asked = (end: End) =>
    end.summaries.filter((line) => line.includes('out') && line.endsWith('N(R_U_THERE)')).length;
  const before = asked(server) + asked(client);
  assert.ok(before > 5);
  for (let i = 0; i < 30; i++) {
    for (const end of [server, client]) {
      const { ikeSa } = end.established[0]!;
      end.perform(end.endpoint.command({ type: 'alive', ikeSa }, world.network.now));
    }
    world.run(10_000);
  }
  assert.equal(asked(server) + asked(client), before);
});

test('a peer that is probed has seconds to answer, and one that answers stays', () => {
  const { world, server, client } = connected({ deadPeerDetection: { interval: 30_000, timeout: 20_000 } });
  const { ikeSa } = client.established[0]!;
  const probe = () =>
    client.perform(client.endpoint.command({ type: 'probe', ikeSa, within: 5000 }, world.network.now));
  probe();
  world.run(20_000);
  assert.equal(client.all('ikeClosed').length, 0);
  assert.ok(server.summaries.includes('out INFORMATIONAL HASH N(R_U_THERE_ACK)'));
  world.network.tamper = () => undefined;
  probe();
  world.run(4900);
  assert.equal(client.all('ikeClosed').length, 0);
  world.run(200);
  assert.equal(client.one('ikeClosed').reason.code, 'peer-dead');
});

test('the server follows a client whose NAT gives it another port', () => {
  const world = new World();
  const nat = world.nat();
  const server = world.server();
  const client = world.end('10.0.0.2', { deadPeerDetection: { interval: 20_000, timeout: 20_000 } }, nat);
  const id = client.connect();
  world.run(2000);
  nat.flush();
  world.run(60_000);
  client.close(id);
  world.run(2000);
  assert.equal(server.one('ikeClosed').remote.port, 20_002);
});

test('the lifetime of the IKE SA ends', () => {
  const { world, server, client } = connected({
    renewAt: 0,
    profile: profileOf(undefined, undefined, { ike: 600, esp: 300 }),
  });
  world.run(599_000);
  assert.equal(client.one('childClosed').reason.code, 'lifetime-expired');
  assert.equal(server.all('ikeClosed').length, 0);
  world.run(20_000);
  assert.equal(server.endpoint.population.ikeSas, 0);
  assert.equal(client.endpoint.population.ikeSas, 0);
});

test('a responder renews where the initiator does not: IKE and ESP SAs outlive their lifetimes', () => {
  for (const nat of [false, true]) {
    const world = new World();
    const server = world.server({ profile: profileOf(undefined, undefined, { ike: 600, esp: 300 }) });
    const client = world.end(nat ? '10.0.0.2' : '192.0.2.5', { renewAt: 0 }, nat ? world.nat() : undefined);
    client.connect();
    world.run(1_500_000);
    const roles = server.established.map(({ role, adopts }) => [role, adopts !== undefined]);
    assert.deepEqual(
      roles.slice(0, 2),
      [
        ['responder', false],
        ['initiator', true],
      ],
      `nat ${nat}`,
    );
    assert.ok(
      roles.slice(1).every(([, adopts]) => adopts),
      'each takes over the children of the one before',
    );
    assert.ok(server.children.length >= 5, `${server.children.length} child SAs`);
    assert.deepEqual(new Set(server.all('childClosed').map(({ reason }) => reason.code)), new Set(['replaced']));
    assert.ok(sameChild(server.children.at(-1)!, client.children.at(-1)!));
    assert.equal(server.endpoint.population.children, 1);
  }
});

test('another peer in the place of the one to whom a responder renews adopts nothing', () => {
  const world = new World();
  const server = world.server({ profile: profileOf(undefined, undefined, { ike: 600, esp: 3600 }) });
  world.end('192.0.2.5', { renewAt: 0 }).connect();
  world.run(560_000);
  world.end('192.0.2.5', { localIdentity: parseIdentity('another.example.org') });
  world.run(40_000);
  assert.equal(server.established.length, 2);
  assert.equal(server.established[1]!.role, 'initiator');
  assert.equal(server.established[1]!.remoteIdentity.value, 'another.example.org');
  assert.equal(server.established[1]!.adopts, undefined);
});
