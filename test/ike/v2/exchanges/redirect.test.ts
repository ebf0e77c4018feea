/** Clients that are sent to another gateway: at their first message, when they have proved themselves, and later. RFC 5685. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { IkeV2Config, KeptTicket, Newcomer } from '../../../../src/ike/v2/index.ts';
import { AUTHORITY, credential, World } from './world.ts';

const OTHER = 'gw2.example';

function meet(server: Partial<IkeV2Config> = {}, client: Partial<IkeV2Config> = {}) {
  const world = new World();
  const ends = { server: world.server(server), client: world.end('192.0.2.5', client) };
  ends.client.connect();
  world.run(5000);
  return { world, ...ends };
}

test('an answer with another nonce is not followed', () => {
  const world = new World();
  const server = world.server({ redirect: () => OTHER });
  const client = world.end('192.0.2.5');
  world.network.tamper = (datagram) => {
    if (datagram.from.address === '192.0.2.5') return datagram;
    const bytes = datagram.bytes.slice();
    bytes[bytes.length - 1]! ^= 1;
    return { ...datagram, bytes };
  };
  client.connect();
  world.run(30_000);
  assert.deepEqual(client.all('redirected'), []);
  assert.ok(server.dropped.includes('redirected'));
});

test('who has proved who they are is sent away with an AUTH, and gets no child SA', () => {
  const asked: Newcomer[] = [];
  const redirect = (newcomer: Newcomer) => {
    asked.push(newcomer);
    return newcomer.user === 'alice' ? OTHER : undefined;
  };
  const { world, server, client } = meet(
    { secrets: undefined as never, credentials: [credential('vpn.example')], accept: ['eap'], redirect },
    { secrets: undefined as never, trustAnchors: [AUTHORITY], initiate: { authenticate: 'eap' } },
  );
  assert.deepEqual(
    asked.map(({ identity, user }) => [identity?.value, user]),
    [
      [undefined, undefined],
      ['192.0.2.5', 'alice'],
    ],
  );
  assert.equal(client.one('redirected').gateway, OTHER);
  assert.deepEqual([...client.children, ...server.children], []);
  world.run(25_000);
  for (const end of [client, server]) {
    assert.equal(end.one('ikeClosed').reason.code, 'redirected');
    assert.equal(end.endpoint.population.ikeSas, 0, 'nothing stands');
  }
});

test('a client in the middle of its session leaves for the other gateway', () => {
  const { world, server, client } = meet();
  assert.equal(server.one('ikeEstablished').followsRedirects, true);
  assert.equal(client.one('ikeEstablished').followsRedirects, undefined);
  const { ikeSa } = server.established[0]!;
  server.command({ type: 'redirect', ikeSa, gateway: '203.0.113.9', within: 5000 });
  server.command({ type: 'redirect', ikeSa, gateway: '203.0.113.10', within: 5000 });
  world.run(1000);
  assert.equal(client.one('redirected').gateway, '203.0.113.9');
  for (const end of [client, server]) {
    assert.equal(end.one('ikeClosed').reason.code, 'redirected');
    assert.equal(end.livingChildren.length, 0);
  }
});

test('a client that says that it follows, and does not, is gone in time', () => {
  const { world, server, client } = meet();
  world.network.tamper = (datagram) => (datagram.from.address === '192.0.2.5' ? undefined : datagram);
  const { ikeSa } = server.established[0]!;
  server.command({ type: 'redirect', ikeSa, gateway: OTHER, within: 5000 });
  world.run(4000);
  assert.deepEqual(server.all('ikeClosed'), []);
  world.run(2000);
  assert.equal(server.one('ikeClosed').reason.code, 'redirected');
  void client;
});

test('a client that does not follow is let in, and stays', () => {
  const { world, server, client } = meet({ redirect: () => OTHER }, { followRedirects: false });
  const { ikeSa, followsRedirects } = server.established[0]!;
  assert.equal(followsRedirects, undefined);
  server.command({ type: 'redirect', ikeSa, gateway: OTHER, within: 1000 });
  world.run(10_000);
  assert.deepEqual([...client.all('redirected'), ...client.all('ikeClosed')], []);
});

test('only the end that was asked for the IKE SA sends the other one away', () => {
  const { world, server, client } = meet();
  client.command({ type: 'redirect', ikeSa: client.established[0]!.ikeSa, gateway: OTHER, within: 1000 });
  world.run(5000);
  assert.deepEqual([...server.all('redirected'), ...server.all('ikeClosed')], []);
});

test('the gateway that it was sent from is said to the next one, which follows the same rules', () => {
  const { client, server } = meet({}, { initiate: { redirectedFrom: '203.0.113.99' } });
  assert.ok(client.summaries.some((line) => line.includes('N(REDIRECTED_FROM)')));
  assert.equal(server.one('ikeEstablished').followsRedirects, true);
});

test('a session that would be resumed is sent away too, and its ticket is not lost', () => {
  const world = new World();
  let to: string | undefined;
  const keptTickets = new Map<string, KeptTicket>();
  const server = world.server({ resumption: true, redirect: () => to });
  const client = world.end('192.0.2.5', { resumption: true, keptTickets });
  client.connect();
  world.run(2000);
  client.close(client.established[0]!.ikeSa);
  world.run(25_000);
  to = OTHER;
  client.connect();
  world.run(2000);
  assert.equal(client.one('redirected').gateway, OTHER);
  to = undefined;
  client.connect();
  world.run(2000);
  assert.equal(server.established[1]!.exchange, 'ike-session-resume');
});
