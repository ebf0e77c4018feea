import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseIdentity } from '../../../../src/ike/identity.ts';
import { profiles } from '../../../../src/ike/policy.ts';
import { secretTable } from '../../../../src/ike/v1/index.ts';
import { utf8 } from '../../../../src/wire/index.ts';
import { oneSecret, profileOf, World } from './world.ts';

test('a wrong pre-shared key fails within 15 s on both sides, with the reason', () => {
  const world = new World();
  const server = world.server();
  const client = world.end('192.0.2.5', { secrets: oneSecret('another') });
  client.connect();
  world.run(15_000);
  const ours = client.one('ikeClosed');
  assert.equal(ours.reason.code, 'psk-mismatch');
  assert.match(ours.reason.remedy ?? '', /same pre-shared key/);
  assert.equal(ours.established, false);
  assert.equal(server.one('ikeFailed').failure.code, 'psk-mismatch');
  assert.equal(server.one('ikeClosed').reason.code, 'psk-mismatch');
  assert.ok(server.summaries.includes('out INFORMATIONAL N(PAYLOAD_MALFORMED) in the clear'));
  assert.equal(server.endpoint.population.ikeSas, 0);
  assert.equal(client.endpoint.population.ikeSas, 0);
});

test('a wrong pre-shared key against a silent server fails within 15 s all the same', () => {
  const world = new World();
  const server = world.server();
  const client = world.end('192.0.2.5', { secrets: oneSecret('another') });
  world.network.tamper = (datagram) => (datagram.bytes[18] === 5 ? undefined : datagram);
  client.connect();
  world.run(15_000);
  assert.equal(client.one('ikeClosed').reason.code, 'psk-mismatch');
  assert.equal(server.all('ikeFailed').length, 1);
});

test('an encrypted refusal that cannot be read is taken for a wrong pre-shared key', () => {
  const world = new World();
  world.server();
  const client = world.end('192.0.2.5', { secrets: oneSecret('another') });
  world.network.tamper = (datagram) => {
    const { from, to, bytes } = datagram;
    const encrypted = bytes[18] === 2 && (bytes[19]! & 1) === 1;
    if (!encrypted || from.address !== client.address) return datagram;
    const refusal = bytes.slice();
    refusal[16] = 8;
    refusal[18] = 5;
    world.network.inject({ from: to, to: from, bytes: refusal });
    return undefined;
  };
  client.connect();
  world.run(5000);
  assert.equal(client.one('ikeClosed').reason.code, 'psk-mismatch');
});

test('a forged message 5 does not end the exchange of the true one', () => {
  const world = new World();
  const server = world.server();
  const client = world.end('192.0.2.5');
  let forged = false;
  world.network.tamper = (datagram) => {
    const encrypted = datagram.bytes[18] === 2 && (datagram.bytes[19]! & 1) === 1;
    if (encrypted && datagram.from.address === client.address && !forged) {
      forged = true;
      const bytes = datagram.bytes.slice();
      bytes[40]! ^= 0xff;
      world.network.inject({ ...datagram, bytes });
    }
    return datagram;
  };
  client.connect();
  assert.ok(world.run(3000, () => server.all('childConfirmed').length === 1));
  assert.equal(server.one('ikeFailed').failure.code, 'psk-mismatch');
});

test('no common IKE proposal: both lists and the profile that would match', () => {
  const world = new World();
  const server = world.server({ profile: profiles.compatible });
  const client = world.end('192.0.2.5', { profile: profileOf(['3des-sha1-modp1024']) });
  client.connect();
  world.run(15_000);
  const theirs = server.one('ikeClosed').reason;
  assert.equal(theirs.code, 'no-proposal-chosen');
  assert.match(theirs.reason, /3des-cbc\/hmac-sha1\/modp1024/);
  assert.match(theirs.reason, /accepted are aes-cbc-256.*modp2048/);
  assert.match(theirs.remedy ?? '', /'legacy'/);
  const ours = client.one('ikeClosed');
  assert.equal(ours.reason.code, 'no-proposal-chosen');
  assert.match(ours.reason.reason, /3des-cbc\/hmac-sha1\/modp1024/);
  assert.equal(server.endpoint.population.ikeSas, 0);
  assert.equal(server.all('send').length, 1);
});

test('nobody there: peer-not-responding within 15 s', () => {
  const world = new World();
  const client = world.end('192.0.2.5');
  client.connect();
  world.run(15_000);
  assert.equal(client.one('ikeClosed').reason.code, 'peer-not-responding');
  assert.equal(client.all('send').length, 6);
  assert.equal(client.endpoint.deadline, undefined);
});

test('no pre-shared key for the server', () => {
  const world = new World();
  world.server();
  const client = world.end('192.0.2.5', { secrets: secretTable([]) });
  client.connect();
  world.run(1000);
  assert.equal(client.one('ikeClosed').reason.code, 'no-secret');
});

test('pre-shared keys by identity, by prefix and by default', () => {
  const secrets = secretTable([
    { secret: utf8('default') },
    { secret: utf8('office'), remoteAddress: '192.0.2.0/24' },
    { secret: utf8('alice'), remoteIdentity: parseIdentity('alice@example.org') },
  ]);
  const connects = (address: string, secret: string, identity?: string) => {
    const world = new World();
    const server = world.server({ secrets });
    const localIdentity = identity === undefined ? {} : { localIdentity: parseIdentity(identity) };
    const client = world.end(address, { secrets: oneSecret(secret), ...localIdentity });
    client.connect();
    world.run(15_000, () => server.established.length > 0 || client.all('ikeClosed').length > 0);
    return server.established.length === 1;
  };
  assert.equal(connects('192.0.2.5', 'office'), true);
  assert.equal(connects('198.18.0.5', 'default'), true);
  assert.equal(connects('198.18.0.5', 'office'), false);
  // Found by trying, as the identity is encrypted under it.
  assert.equal(connects('198.18.0.5', 'alice', 'alice@example.org'), true);
  assert.equal(connects('192.0.2.5', 'alice', 'alice@example.org'), true);
  // Nobody may pass for alice with another secret, nor use hers under another name.
  assert.equal(connects('198.18.0.5', 'default', 'alice@example.org'), false);
  assert.equal(connects('198.18.0.5', 'alice', 'bob@example.org'), false);
});

test('a server of another identity than the expected one is left', () => {
  const world = new World();
  const server = world.server({ localIdentity: parseIdentity('vpn.example.org') });
  const client = world.end('192.0.2.5', { remoteIdentity: parseIdentity('gate.example.org') });
  client.connect();
  world.run(1000);
  assert.equal(client.one('ikeClosed').reason.code, 'wrong-identity');
  assert.equal(server.children.length, 0);
});

test('aggressive mode is refused unless the config calls for it', () => {
  const world = new World();
  const server = world.server();
  const client = world.end('192.0.2.5', { aggressive: 'unsafe', initiate: 'aggressive' });
  client.connect();
  world.run(15_000);
  assert.equal(server.all('send').length, 0);
  assert.ok(server.dropped.every((code) => code === 'aggressive-mode-refused'));
  assert.equal(client.one('ikeClosed').reason.code, 'peer-not-responding');
  assert.throws(() => world.end('192.0.2.6', { initiate: 'aggressive' }), RangeError);
});

test('aggressive mode where both ends are unsafe, direct and through NAT', () => {
  for (const natted of [false, true]) {
    const world = new World();
    const config = { aggressive: 'unsafe', initiate: 'aggressive' } as const;
    const server = world.server(config);
    const group = { localIdentity: parseIdentity('key-id:group') };
    const client = world.end(
      natted ? '10.0.0.2' : '192.0.2.5',
      { ...config, ...group },
      natted ? world.nat() : undefined,
    );
    client.connect();
    assert.ok(world.run(2000, () => server.all('childConfirmed').length === 1));
    assert.equal(server.established[0]?.exchange, 'aggressive');
    assert.deepEqual(server.established[0]?.remoteIdentity, { type: 'key-id', value: 'group' });
    assert.deepEqual(server.established[0]?.nat, { localBehindNat: false, remoteBehindNat: natted });
    assert.equal(server.established[0]?.local.port, natted ? 4500 : 500);
    assert.equal(server.children[0]?.udpEncapsulation, natted);
    assert.equal(client.children[0]?.udpEncapsulation, natted);
  }
});

test('a wrong pre-shared key in aggressive mode', () => {
  const world = new World();
  const config = { aggressive: 'unsafe', initiate: 'aggressive' } as const;
  const server = world.server(config);
  const client = world.end('192.0.2.5', { ...config, secrets: oneSecret('another') });
  client.connect();
  world.run(40_000);
  assert.equal(client.one('ikeClosed').reason.code, 'psk-mismatch');
  assert.equal(server.established.length, 0);
  assert.equal(server.endpoint.population.ikeSas, 0);
});
