import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sameChild, udp, World } from './world.ts';

test('main mode and quick mode without NAT: native ESP on port 500', () => {
  const world = new World();
  const server = world.server();
  const client = world.end('192.0.2.5');
  const id = client.connect();
  assert.ok(world.run(1000, () => server.all('childConfirmed').length === 1));

  const [ike] = client.established;
  assert.equal(ike?.ikeSa, id);
  assert.equal(ike?.exchange, 'main');
  assert.equal(ike?.algorithms, 'aes-cbc-128/hmac-sha2-256/ecp256');
  assert.deepEqual(ike?.nat, { localBehindNat: false, remoteBehindNat: false });
  assert.deepEqual(ike?.remoteIdentity, { type: 'ipv4', value: '203.0.113.1' });
  assert.ok(ike?.vendorIds.includes('RFC 3947'));
  assert.deepEqual(server.established[0]?.remoteIdentity, { type: 'ipv4', value: '192.0.2.5' });
  assert.equal(server.established[0]?.initialContact, true);

  const [ours] = client.children;
  const [theirs] = server.children;
  assert.ok(ours && theirs && sameChild(ours, theirs));
  assert.equal(ours.udpEncapsulation, false);
  assert.equal(ours.mode, 'transport');
  assert.deepEqual(theirs.localSelector, udp('203.0.113.1'));
  assert.deepEqual(theirs.remoteSelector, udp('192.0.2.5'));
  assert.deepEqual(server.endpoint.population, { ikeSas: 1, halfOpen: 0, children: 1 });

  assert.deepEqual(
    client.summaries.map((line) => line.replace(/( VID)+/, ' VID')),
    [
      'out MAIN_MODE #1 SA VID',
      'in MAIN_MODE #2 SA VID',
      'out MAIN_MODE #3 KE NONCE NAT-D NAT-D',
      'in MAIN_MODE #4 KE NONCE NAT-D NAT-D',
      'out MAIN_MODE #5 ID HASH N(INITIAL_CONTACT)',
      'in MAIN_MODE #6 ID HASH',
      'out QUICK_MODE #1 HASH SA NONCE ID ID',
      'in QUICK_MODE #2 HASH SA NONCE ID ID',
      'out QUICK_MODE #3 HASH',
    ],
  );
  assert.deepEqual(
    server.all('milestone').map(({ name }) => name),
    [
      'ike first message',
      'ike proposal agreed',
      'no nat found',
      'ike keys agreed',
      'ike main mode done',
      'child keys agreed',
      'quick mode done',
    ],
  );
});

test('main mode through NAT floats to port 4500 and encapsulates in UDP', () => {
  const world = new World();
  const server = world.server();
  const client = world.end('10.0.0.2', {}, world.nat());
  client.connect();
  assert.ok(world.run(1000, () => server.all('childConfirmed').length === 1));
  assert.deepEqual(client.established[0]?.nat, { localBehindNat: true, remoteBehindNat: false });
  assert.deepEqual(server.established[0]?.nat, { localBehindNat: false, remoteBehindNat: true });
  assert.equal(client.established[0]?.local.port, 4500);
  assert.equal(server.established[0]?.local.port, 4500);
  // The NAT gave port 500 its first port and port 4500 the next.
  assert.deepEqual(server.established[0]?.remote, { address: '198.51.100.7', port: 20_001 });
  assert.equal(server.children[0]?.udpEncapsulation, true);
  assert.deepEqual(server.children[0]?.remoteSelector, udp('10.0.0.2'));
  assert.ok(sameChild(client.children[0]!, server.children[0]!));
  assert.ok(client.summaries.includes('out QUICK_MODE #1 HASH SA NONCE ID ID NAT-OA NAT-OA'));
});

test('an initiator behind NAT keeps its mapping alive, and nobody else does', () => {
  const world = new World();
  const server = world.server();
  const client = world.end('10.0.0.2', {}, world.nat());
  client.connect();
  world.run(61_000);
  assert.equal(client.all('keepalive').length, 3);
  assert.deepEqual(client.all('keepalive')[0]?.remote, { address: '203.0.113.1', port: 4500 });
  assert.equal(server.all('keepalive').length, 0);
});

test('a main mode that starts on port 4500 stays there', () => {
  const world = new World();
  const server = world.server();
  const client = world.end('10.0.0.2', {}, world.nat());
  client.connect(server, { localPort: 4500, remotePort: 4500 });
  assert.ok(world.run(1000, () => server.all('childConfirmed').length === 1));
  assert.ok(world.network.carried.every(({ to }) => to.port !== 500));
});

test('a server behind NAT is found and encapsulated to', () => {
  const world = new World();
  const nat = world.nat();
  const server = world.end('10.1.1.1', {}, nat);
  const client = world.end('192.0.2.5');
  // Static mappings of both ports, made by the server's own first datagrams.
  for (const port of [500, 4500]) server.host.send(port, { address: client.address, port }, Uint8Array.of(0xff));
  world.run(100);
  client.connect('198.51.100.7', { localPort: 4500, remotePort: 20_001 });
  world.run(2000);
  assert.deepEqual(client.established[0]?.nat, { localBehindNat: false, remoteBehindNat: true });
  assert.equal(client.established[0]?.remote.port, 20_001);
  assert.ok(sameChild(client.children[0]!, server.children[0]!));
});

test('forced encapsulation by either end claims a NAT', () => {
  for (const forcing of ['client', 'server']) {
    const world = new World();
    const server = world.server({ forceEncapsulation: forcing === 'server' });
    const client = world.end('192.0.2.5', { forceEncapsulation: forcing === 'client' });
    client.connect();
    assert.ok(
      world.run(1000, () => server.all('childConfirmed').length === 1),
      forcing,
    );
    assert.equal(client.children[0]?.udpEncapsulation, true);
    assert.equal(server.children[0]?.udpEncapsulation, true);
    assert.equal(server.children[0]?.remote.port, 4500);
  }
});

test('IPv6 outside', () => {
  const world = new World();
  const server = world.end('2001:db8::1');
  const client = world.end('2001:db8:1::2');
  client.connect(server);
  assert.ok(world.run(1000, () => server.all('childConfirmed').length === 1));
  assert.deepEqual(server.established[0]?.remoteIdentity, { type: 'ipv6', value: '2001:db8:1::2' });
  assert.equal(server.children[0]?.udpEncapsulation, false);
});

test('two clients behind one NAT with equal private addresses', () => {
  const world = new World();
  const server = world.server();
  const outer = world.nat();
  const clients = [1, 2].map((i) => world.end('192.168.1.2', {}, world.nat(`100.64.0.${i}`, outer)));
  for (const client of clients) client.connect();
  assert.ok(world.run(2000, () => server.all('childConfirmed').length === 2));
  assert.equal(server.all('ikeClosed').length, 0);
  assert.deepEqual(server.established[0]?.remoteIdentity, server.established[1]?.remoteIdentity);
  assert.notDeepEqual(server.established[0]?.remote, server.established[1]?.remote);
  assert.deepEqual(server.endpoint.population, { ikeSas: 2, halfOpen: 0, children: 2 });
});

test('the keys are logged where the owner asks for it, the same on both sides', () => {
  const world = new World();
  const server = world.server({ keyLog: true });
  const client = world.end('192.0.2.5', { keyLog: true });
  client.connect();
  world.run(1000);
  const lines = (end: typeof server) => end.all('keyLog').map(({ table, line }) => `${table} ${line}`);
  assert.match(lines(server)[0]!, /^ikev1_decryption_table [0-9a-f]{16},[0-9a-f]{32}$/);
  assert.deepEqual(lines(server).sort(), lines(client).sort());
  assert.equal(lines(server).length, 3);
});
