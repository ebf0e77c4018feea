/** What crosses on the wire between two IKE ends: every collision ends in one IKE SA with one child, or in nothing. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type End, profileOf, sameChild, World } from '../ike/v1/exchanges/world.ts';

const NOTHING = { ikeSas: 0, halfOpen: 0, children: 0 };

function connected(lifetimes: { ike?: number; esp?: number } = {}, config = {}) {
  const world = new World(3);
  const profile = profileOf(undefined, undefined, lifetimes);
  const server = world.server({ profile, ...config });
  const client = world.end('192.0.2.5', { profile, ...config });
  const id = client.connect();
  assert.ok(world.run(2000, () => server.all('childConfirmed').length === 1));
  return { world, server, client, id };
}

/** The youngest child that both ends still have, the same at both. */
function agree(client: End, server: End): void {
  const living = (end: End) => {
    const closed = new Set(end.all('childClosed').map(({ child }) => child));
    return end.children.filter(({ child }) => !closed.has(child));
  };
  const [ours, theirs] = [living(client), living(server)];
  assert.equal(ours.length, 1, 'one child at the client');
  assert.equal(theirs.length, 1, 'one child at the server');
  assert.ok(sameChild(ours[0]!, theirs[0]!), 'it is the same');
}

/** Both ends begin at the same instant, so that each is the initiator of an IKE SA, of a child, and of its renewal. */
function bothInitiators(lifetimes: { ike?: number; esp?: number }) {
  const world = new World(3);
  const profile = profileOf(undefined, undefined, lifetimes);
  // Two that both say INITIAL-CONTACT have each forgotten the other's SA: that is what they ask for.
  const server = world.server({ profile, initialContact: false });
  const client = world.end('192.0.2.5', { profile, initialContact: false });
  client.connect();
  server.connect(client);
  assert.ok(world.run(5000, () => client.established.length === 2 && server.established.length === 2));
  return { world, server, client };
}

test('IKE rekey crosses IKE rekey: both ends begin a Main Mode at once', () => {
  const { world, server, client } = connected();
  client.connect(server);
  server.connect(client);
  assert.ok(world.run(5000, () => client.established.length === 3 && server.established.length === 3));
  world.run(150_000);
  for (const end of [client, server]) {
    assert.deepEqual(end.endpoint.population, { ikeSas: 1, halfOpen: 0, children: 1 });
    assert.equal(end.all('childClosed').length, 0);
  }
  agree(client, server);
});

test('first contact crosses first contact, then ESP rekey crosses ESP rekey at the same instants', () => {
  const { world, server, client } = bothInitiators({ esp: 1000 });
  world.run(1_900_000);
  for (const end of [client, server]) {
    const { children, ikeSas } = end.endpoint.population;
    assert.equal(ikeSas, 1);
    assert.ok(children >= 1 && children <= 4, `${children} children`);
    assert.ok(end.children.length >= 4, 'they were renewed');
  }
  // Each end sends on what the other receives on.
  for (const [from, to] of [
    [client, server],
    [server, client],
  ] as const) {
    const closed = new Set(to.all('childClosed').map(({ child }) => child));
    const receives = new Set(to.children.filter(({ child }) => !closed.has(child)).map((child) => child.inboundSpi));
    const newest = from.all('childConfirmed').at(-1)!.child;
    assert.ok(receives.has(from.children.find(({ child }) => child === newest)!.outboundSpi));
  }
});

test('IKE rekey crosses the delete of the old IKE SA: the child lives under the new one', () => {
  const { world, server, client } = connected({ ike: 1000 });
  world.run(849_000);
  // The server deletes its side in the very moment in which the client's Main Mode is under way.
  const old = server.established[0]!.ikeSa;
  world.run(5000, () => client.summaries.filter((line) => line.startsWith('out IDENT_PROT #5')).length > 1);
  server.close(old);
  world.run(30_000);
  // A close from above ends the child with it: both ends agree on that, whatever crossed it.
  assert.equal(client.endpoint.population.children, server.endpoint.population.children);
  assert.equal(client.endpoint.population.halfOpen + server.endpoint.population.halfOpen, 0);
});

test('ESP rekey crosses the delete of the old child: traffic has a child throughout', () => {
  const { world, server, client } = connected({ esp: 1000 });
  world.run(849_990);
  const old = server.children[0]!;
  world.run(5000, () => client.children.length === 2);
  server.closeChild(old.child);
  world.run(30_000);
  agree(client, server);
  assert.equal(client.endpoint.population.ikeSas, 1);
});

test('child delete crosses child delete', () => {
  const { world, server, client } = connected();
  server.closeChild(server.children[0]!.child);
  client.closeChild(client.children[0]!.child);
  world.run(5000);
  for (const end of [client, server]) {
    assert.equal(end.all('childClosed').length, 1, 'told once');
    assert.deepEqual(end.endpoint.population, { ikeSas: 1, halfOpen: 0, children: 0 });
  }
});

test('IKE delete crosses IKE delete', () => {
  const { world, server, client, id } = connected();
  server.close(server.established[0]!.ikeSa);
  client.close(id);
  world.run(60_000);
  for (const end of [client, server]) {
    assert.equal(end.all('ikeClosed').length, 1, 'told once');
    assert.deepEqual(end.endpoint.population, NOTHING);
    assert.equal(end.endpoint.deadline, undefined);
  }
});

test('IKE delete crosses a Quick Mode', () => {
  const { world, server, client, id } = connected({ esp: 1000 });
  world.run(849_999, () => client.summaries.some((line) => line.startsWith('out QUICK_MODE #1 (again)')));
  world.run(2000, () => client.summaries.filter((line) => line.startsWith('out QUICK_MODE #1')).length === 2);
  server.close(server.established[0]!.ikeSa);
  client.close(id);
  world.run(60_000);
  for (const end of [client, server]) assert.deepEqual(end.endpoint.population, NOTHING);
});

test('Quick Mode during Main Mode: ESP is renewed while IKE is', () => {
  // 85 % of both lifetimes fall on the same instant.
  const { world, server, client } = connected({ ike: 1000, esp: 1000 });
  world.run(900_000);
  for (const end of [client, server]) assert.equal(end.established.length, 2);
  agree(client, server);
  for (const end of [client, server]) {
    assert.deepEqual(end.endpoint.population, { ikeSas: 1, halfOpen: 0, children: 1 });
  }
});

test('Quick Mode of a superseded IKE SA: the child belongs to the new one', () => {
  const { world, server, client } = connected({ ike: 1000, esp: 1001 });
  // The Quick Mode begins 0.85 s after the Main Mode; slow public-key work lets them overlap.
  world.publicKeyDelay = 600;
  world.run(900_000);
  agree(client, server);
  assert.equal(server.endpoint.population.ikeSas, 1);
});

test('Quick Mode crosses a Main Mode of a peer that then answers nothing on the old IKE SA: it begins anew on the new one', () => {
  const { world, server, client } = connected({ ike: 1000 });
  const old = server.established[0]!;
  world.run(849_000);
  // As strongSwan does it: from its new Main Mode on, Quick Modes of the old IKE SA are ignored.
  const first = world.network.carried.find(({ bytes }) => bytes[18] === 32)!;
  const oldCookies = Buffer.from(first.bytes.subarray(0, 16)).toString('hex');
  world.network.tamper = (datagram) => {
    const isOld = Buffer.from(datagram.bytes.subarray(0, 16)).toString('hex') === oldCookies;
    return isOld && datagram.bytes[18] === 32 ? undefined : datagram;
  };
  const renewChild = { type: 'renewChild', child: server.children[0]!.child } as const;
  server.perform(server.endpoint.command(renewChild, world.network.now));
  client.connect(server);
  assert.ok(world.run(4000, () => client.children.length === 2 && server.children.length === 2));
  assert.notEqual(server.children[1]!.ikeSa, old.ikeSa);
  assert.ok(sameChild(server.children[1]!, client.children[1]!));
  world.run(10_000);
  agree(client, server);
});

test('INITIAL-CONTACT crosses a rekey: the ghost goes, the new connection stays', () => {
  const { world, server, client } = connected({ ike: 1000 });
  world.run(849_999);
  client.restart();
  client.connect();
  world.run(5000);
  assert.deepEqual(server.endpoint.population, { ikeSas: 1, halfOpen: 0, children: 1 });
  assert.equal(server.all('ikeClosed')[0]?.reason.code, 'initial-contact');
  assert.equal(client.endpoint.population.children, 1);
});

test('dead peer detection crosses the delete', () => {
  const { world, server, client, id } = connected({}, { deadPeerDetection: { interval: 10_000, timeout: 20_000 } });
  world.run(5000, () => client.summaries.some((line) => line.includes('out INFORMATIONAL HASH N(R_U_THERE)')));
  client.close(id);
  world.run(60_000);
  for (const end of [client, server]) {
    assert.deepEqual(end.endpoint.population, NOTHING);
    assert.equal(end.endpoint.deadline, undefined);
  }
});
