import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ChildEstablished } from '../../../../src/ike/output.ts';
import { profiles } from '../../../../src/ike/policy.ts';
import { profileOf, sameChild, udp, World } from './world.ts';

const suites: [string, Partial<ChildEstablished['suite']>][] = [
  ['aes256gcm16', { encryption: 'aes-gcm-16', keyBits: 256 }],
  ['aes128gcm16', { encryption: 'aes-gcm-16', keyBits: 128 }],
  ['aes256-sha512', { keyBits: 256, integrity: 'hmac-sha2-512-256' }],
  ['aes192-sha384', { keyBits: 192, integrity: 'hmac-sha2-384-192' }],
  ['aes128-sha256', { keyBits: 128, integrity: 'hmac-sha2-256-128' }],
  ['aes128-sha1', { integrity: 'hmac-sha1-96' }],
  ['3des-sha1', { encryption: '3des-cbc' }],
  ['3des-md5', { integrity: 'hmac-md5-96' }],
];
for (const [suite, expected] of suites) {
  test(`quick mode agrees on ${suite}`, () => {
    const world = new World();
    const server = world.server({ profile: profiles.legacy });
    const client = world.end('192.0.2.5', { profile: profileOf(undefined, [suite]) });
    client.connect();
    assert.ok(world.run(1000, () => server.all('childConfirmed').length === 1));
    assert.ok(sameChild(client.children[0]!, server.children[0]!));
    for (const [name, value] of Object.entries(expected)) {
      assert.equal(server.children[0]?.suite[name as keyof ChildEstablished['suite']], value);
    }
  });
}

for (const proposal of [
  'aes256-sha512-modp2048',
  'aes192-sha384-ecp384',
  'aes128-sha1-ecp521',
  '3des-sha1-modp1024',
  '3des-md5-modp1536',
]) {
  test(`main mode agrees on ${proposal}`, () => {
    const world = new World();
    const server = world.server({ profile: profiles.legacy });
    const client = world.end('192.0.2.5', { profile: profileOf([proposal]) });
    client.connect();
    assert.ok(world.run(1000, () => server.all('childConfirmed').length === 1));
    assert.ok(sameChild(client.children[0]!, server.children[0]!));
  });
}

test('perfect forward secrecy where it is offered', () => {
  const world = new World();
  const server = world.server({ profile: profiles.compatible });
  const client = world.end('192.0.2.5', { profile: profileOf(undefined, ['aes128gcm16-ecp256']) });
  client.connect();
  assert.ok(world.run(1000, () => server.all('childConfirmed').length === 1));
  assert.equal(server.children[0]?.pfs, 'ecp256');
  assert.equal(client.children[0]?.pfs, 'ecp256');
  assert.ok(sameChild(client.children[0]!, server.children[0]!));
});

test('the responder follows its own preference among what was offered', () => {
  const world = new World();
  const server = world.server({ profile: profiles.strict });
  const client = world.end('192.0.2.5', { profile: profileOf(undefined, ['aes128-sha256', 'aes256gcm16']) });
  client.connect();
  assert.ok(world.run(1000, () => server.all('childConfirmed').length === 1));
  assert.equal(client.children[0]?.suite.encryption, 'aes-gcm-16');
});

test('the child SA is there before the peer can use it, on both sides', () => {
  const world = new World();
  const server = world.server();
  const client = world.end('192.0.2.5');
  client.connect();
  world.run(1000);
  for (const end of [server, client]) {
    const order = end.outputs.map(({ output }) =>
      output.type === 'trace' ? `${output.direction} ${output.summary}` : output.type,
    );
    const established = order.indexOf('childEstablished');
    const opening = order.findIndex((line) => /^out QUICK_MODE #[23]/.test(line));
    assert.ok(established >= 0 && established < opening);
    assert.ok(order.indexOf('childConfirmed') > established);
  }
});

test('the smaller lifetime counts, and a responder that shortens it says so', () => {
  const world = new World();
  const server = world.server({ profile: profileOf(undefined, undefined, { ike: 3600, esp: 600 }) });
  const client = world.end('192.0.2.5', { profile: profileOf(undefined, undefined, { ike: 7200, esp: 3600 }) });
  client.connect();
  world.run(1000);
  assert.ok(server.summaries.includes('out QUICK_MODE #2 HASH SA NONCE ID ID N(RESPONDER_LIFETIME)'));
  assert.ok(server.summaries.includes('out MAIN_MODE #6 ID HASH N(RESPONDER_LIFETIME)'));
  assert.equal(server.children[0]?.lifetimeSeconds, 600);
  assert.equal(client.children[0]?.lifetimeSeconds, 600);
});

test('no common ESP proposal is said on both sides, and the IKE SA stays', () => {
  const world = new World();
  const server = world.server({ profile: profiles.compatible });
  const client = world.end('192.0.2.5', { profile: profileOf(undefined, ['3des-sha1']) });
  client.connect();
  world.run(1000);
  const refused = server.one('ikeFailed').failure;
  assert.equal(refused.code, 'no-proposal-chosen');
  assert.match(refused.reason, /3des-cbc\/hmac-sha1-96/);
  assert.match(refused.remedy ?? '', /'legacy'/);
  assert.equal(client.one('ikeFailed').failure.code, 'no-proposal-chosen');
  assert.equal(server.children.length, 0);
  assert.equal(server.endpoint.population.ikeSas, 1);
});

test('selectors that are not L2TP are refused with INVALID-ID-INFORMATION', () => {
  const world = new World();
  const server = world.server();
  const client = world.end('192.0.2.5');
  const command = {
    type: 'connect',
    ikeSa: 7,
    local: { address: client.address, port: 500 },
    remote: { address: server.address, port: 500 },
    localSelector: udp(client.address, 0),
    remoteSelector: udp(server.address, 53),
  } as const;
  client.perform(client.endpoint.command(command, world.network.now));
  world.run(1000);
  assert.equal(server.one('ikeFailed').failure.code, 'invalid-selectors');
  assert.ok(server.summaries.includes('out INFORMATIONAL HASH N(INVALID_ID_INFORMATION)'));
  assert.equal(client.one('ikeFailed').failure.code, 'peer-refused');
});

test('any source port and port 0 are accepted, as Apple and Android ask', () => {
  for (const [localPort, remotePort] of [
    [1701, 0],
    [0, 1701],
    [49_152, 1701],
  ] as const) {
    const world = new World();
    const server = world.server();
    const client = world.end('10.0.0.2', {}, world.nat());
    const command = {
      type: 'connect',
      ikeSa: 1,
      local: { address: client.address, port: 500 },
      remote: { address: server.address, port: 500 },
      localSelector: udp(client.address, localPort),
      remoteSelector: udp(server.address, remotePort),
    } as const;
    client.perform(client.endpoint.command(command, world.network.now));
    assert.ok(world.run(1000, () => server.all('childConfirmed').length === 1));
    assert.equal(server.children[0]?.remoteSelector.port, localPort);
    assert.equal(server.children[0]?.localSelector.port, remotePort);
  }
});

test('an initiator renews a child SA before it expires, and deletes the old one', () => {
  const world = new World();
  const server = world.server();
  const client = world.end('192.0.2.5', { profile: profileOf(undefined, undefined, { esp: 1000 }) });
  client.connect();
  world.run(900_000);
  assert.equal(client.children.length, 2);
  assert.equal(client.children[1]?.replaces, client.children[0]?.child);
  assert.equal(server.children[1]?.replaces, server.children[0]?.child);
  assert.equal(client.one('childClosed').reason.code, 'replaced');
  assert.equal(server.one('childClosed').reason.code, 'peer-deleted');
  assert.equal(server.one('childClosed').child, server.children[0]?.child);
});

test('a lost last message is made up for: the responder repeats message 2 until message 3 has come', () => {
  const world = new World();
  const server = world.server();
  const client = world.end('192.0.2.5');
  let lost = 0;
  world.network.tamper = (datagram) => {
    // Exchange type 32, and the third message is the shortest.
    const third = datagram.bytes[18] === 32 && datagram.from.address === client.address && datagram.bytes.length < 100;
    return third && lost++ < 2 ? undefined : datagram;
  };
  client.connect();
  world.run(10_000);
  assert.equal(server.all('childConfirmed').length, 1);
  assert.equal(client.children.length, 1);
  assert.ok(server.summaries.some((line) => line.startsWith('out QUICK_MODE #2') && line.endsWith('(sending 3)')));
});
