import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toHex } from '../../../../src/wire/index.ts';
import { AUTHORITY, credential, oneSecret, profileOf, sameChild, World } from './world.ts';

test('two ends with one pre-shared key come to an IKE SA and a child SA in four messages', () => {
  const world = new World();
  const server = world.server();
  const client = world.end('192.0.2.5');
  client.connect();
  assert.ok(
    world.run(2000, () => server.all('childConfirmed').length === 1 && client.all('childConfirmed').length === 1),
  );
  assert.deepEqual(
    client.summaries.map((line) => line.split(' ').slice(0, 4).join(' ')),
    ['out IKE_SA_INIT 0 request', 'in IKE_SA_INIT 0 response', 'out IKE_AUTH 1 request', 'in IKE_AUTH 1 response'],
  );
  assert.ok(sameChild(client.children[0]!, server.children[0]!));
  assert.equal(server.children[0]!.mode, 'transport');
  assert.equal(server.one('ikeEstablished').version, 2);
  assert.deepEqual(server.one('ikeEstablished').authentication, { local: 'pre-shared-key', remote: 'pre-shared-key' });
});

test('another pre-shared key is refused on both sides with a code', () => {
  const world = new World();
  const server = world.server();
  const client = world.end('192.0.2.5', { secrets: oneSecret('another secret') });
  client.connect();
  world.run(30_000);
  assert.equal(server.one('ikeClosed').reason.code, 'psk-mismatch');
  assert.equal(client.one('ikeClosed').reason.code, 'authentication-failed');
  assert.deepEqual(server.endpoint.population, { ikeSas: 0, halfOpen: 0, children: 0 });
});

test('behind a NAT both float to port 4500 and encapsulate', () => {
  const world = new World();
  const server = world.server();
  const client = world.end('10.0.0.2', {}, world.nat());
  client.connect();
  assert.ok(world.run(2000, () => client.all('childConfirmed').length === 1));
  assert.ok(server.children[0]!.udpEncapsulation && sameChild(client.children[0]!, server.children[0]!));
  assert.equal(server.children[0]!.local.port, 4500);
  assert.equal(server.children[0]!.remoteSelector.address, '198.51.100.7');
  assert.equal(client.children[0]!.localSelector.address, '10.0.0.2');
});

test('nothing in common: both sides hear what was offered and what is accepted', () => {
  const world = new World();
  const server = world.server({ profile: profileOf(['aes256gcm16-prfsha384-ecp384']) });
  const client = world.end('192.0.2.5');
  client.connect();
  world.run(5000);
  assert.equal(server.one('ikeClosed').reason.code, 'no-proposal-chosen');
  assert.match(server.one('ikeClosed').reason.reason, /aes-gcm-16-128.*curve25519.*accepted.*ecp384/);
  assert.equal(client.one('ikeClosed').reason.code, 'no-proposal-chosen');
});

test('a list of authorities that would outgrow the question: first a cookie, then the list', () => {
  const world = new World();
  const server = world.server({ credentials: [credential('gate')], trustAnchors: [AUTHORITY] });
  const client = world.end('192.0.2.5', { credentials: [credential('ann')], trustAnchors: [AUTHORITY] });
  client.connect();
  assert.ok(world.run(2000, () => client.all('childConfirmed').length === 1));
  const answers = server.summaries.filter((line) => line.startsWith('out IKE_SA_INIT'));
  assert.match(answers[0]!, /N\(COOKIE\)$/);
  assert.match(answers[1]!, /CERTREQ/);
  assert.equal(answers.length, 2);
});

test('where nobody reads traces none are made, and the same is sent', () => {
  const sent = [false, true].map((untraced) => {
    const world = new World();
    world.untraced = untraced;
    const ends = [world.server(), world.end('192.0.2.5')] as const;
    const [server, client] = ends;
    client.connect();
    world.run(2000);
    client.renewChild(client.children[0]!.child);
    world.run(2000);
    client.close(client.established[0]!.ikeSa);
    world.run(30_000);
    assert.equal(server.all('trace').length + client.all('trace').length > 0, !untraced);
    // But for the keys, which are drawn outside.
    return ends.map((end) => end.all('send').map(({ bytes }) => toHex(bytes.subarray(16, 28))));
  });
  assert.ok(sent[0]![0]!.length > 4);
  assert.deepEqual(sent[1], sent[0]);
});
