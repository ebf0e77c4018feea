/** Post-quantum pre-shared keys between two ends: whose they are, what is told of them, and what fails for them. RFC 8784. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { IkeV2Config, PostquantumKeys } from '../../../../src/ike/v2/index.ts';
import { utf8 } from '../../../../src/wire/index.ts';
import { AUTHORITY, credential, type End, sameChild, World } from './world.ts';

const fqdn = (value: string) => ({ type: 'fqdn', value }) as const;

function meet(server: Partial<IkeV2Config>, client: Partial<IkeV2Config>, seed = 1) {
  const world = new World(seed);
  const ends = { server: world.server(server), client: world.end('192.0.2.5', client) };
  ends.client.connect();
  world.run(40_000);
  return { world, ...ends };
}

const keys = (key: string | undefined, more: Partial<PostquantumKeys> = {}) => ({
  postquantumKeys: {
    id: 'ppk-1',
    keyFor: (id: string) => (id === 'ppk-1' && key !== undefined ? utf8(key) : undefined),
    ...more,
  },
});
const required = { required: true };

const signing = (name: string): Partial<IkeV2Config> => ({
  secrets: undefined as never,
  credentials: [credential(name)],
  trustAnchors: [AUTHORITY],
});
const eapServer: Partial<IkeV2Config> = { ...signing('vpn.example'), accept: ['eap'] };
const eapClient: Partial<IkeV2Config> = {
  secrets: undefined as never,
  trustAnchors: [AUTHORITY],
  remoteIdentity: fqdn('vpn.example'),
  initiate: { authenticate: 'eap' },
};

const milestones = (end: End) => end.all('milestone').map(({ name, detail }) => `${name}: ${detail}`);
const reason = (end: End) => end.one('ikeClosed').reason.code;

const ways: Record<string, readonly [Partial<IkeV2Config>, Partial<IkeV2Config>]> = {
  'a pre-shared key': [{}, {}],
  certificates: [signing('vpn.example'), signing('alice.example')],
  EAP: [eapServer, eapClient],
};

for (const [way, [server, client]] of Object.entries(ways)) {
  test(`with ${way}: both say that the key was used, and no child SA has keys without it`, () => {
    const both = meet({ ...server, ...keys('quantum', required) }, { ...client, ...keys('quantum', required) });
    for (const end of [both.server, both.client]) {
      assert.match(end.one('ikeEstablished').algorithms, /\/curve25519\/ppk$/);
      assert.ok(milestones(end).includes('ppk used: "ppk-1"'), milestones(end).join(', '));
    }
    assert.ok(sameChild(both.client.children[0]!, both.server.children[0]!));
    // All randomness is that of the seed: the same exchange with another key comes to other keys.
    const other = meet({ ...server, ...keys('other') }, { ...client, ...keys('other') });
    assert.ok(sameChild(other.client.children[0]!, other.server.children[0]!));
    assert.notDeepEqual(other.client.children[0]!.inboundKeys, both.client.children[0]!.inboundKeys);
  });

  test(`with ${way}: another key of the same id is told from another proof`, () => {
    const { server: theirs, client: ours } = meet({ ...server, ...keys('one') }, { ...client, ...keys('another') });
    assert.equal(reason(theirs), 'ppk-mismatch');
    assert.equal(reason(ours), 'authentication-failed');
    assert.match(ours.one('ikeClosed').reason.remedy!, /post-quantum/);
  });

  test(`with ${way}: an unknown id is done without where both may, and it is said`, () => {
    const { server: theirs, client: ours } = meet({ ...server, ...keys(undefined) }, { ...client, ...keys('quantum') });
    assert.ok(sameChild(ours.children[0]!, theirs.children[0]!));
    assert.doesNotMatch(ours.one('ikeEstablished').algorithms, /ppk/);
    assert.ok(milestones(theirs).some((line) => /^ppk not used: .*"ppk-1"/.test(line)));
    assert.ok(milestones(ours).some((line) => line.startsWith('ppk not used')));
  });
}

test('a client that requires the key says nothing of itself to a gateway that has none', () => {
  const { server, client } = meet({}, keys('quantum', required));
  assert.equal(reason(client), 'ppk-required');
  assert.deepEqual(
    client.summaries.filter((line) => line.startsWith('out IKE_AUTH')),
    [],
  );
  assert.equal(server.established.length, 0);
});

test('a gateway that requires the key refuses who has none before EAP asks for a password', () => {
  const { server, client } = meet({ ...eapServer, ...keys('quantum', required) }, eapClient);
  assert.equal(reason(server), 'ppk-required');
  assert.equal(reason(client), 'authentication-failed');
  assert.deepEqual([...server.all('eap'), ...client.all('eap')], []);
});

test('an unknown id where the key is required, and what an id may hold', () => {
  const odd = { id: 'a\n"b', ...required };
  const { server } = meet(
    { ...keys(undefined, required) },
    { ...keys(undefined), postquantumKeys: { ...odd, keyFor: () => utf8('k') } },
  );
  assert.equal(reason(server), 'ppk-unknown');
  assert.match(server.one('ikeClosed').reason.reason, /a\\x0a"b/);
});

test('the key of one peer is not known to another', () => {
  const asked: string[] = [];
  const ofAlice: PostquantumKeys['keyFor'] = (id, peer) => {
    asked.push(`${id} ${peer?.value}`);
    return id === 'ppk-1' && peer?.value === 'alice.example' ? utf8('quantum') : undefined;
  };
  const server = { postquantumKeys: { keyFor: ofAlice, ...required } };
  const alice = meet(server, { ...keys('quantum'), localIdentity: fqdn('alice.example') });
  assert.ok(sameChild(alice.client.children[0]!, alice.server.children[0]!));
  const mallory = meet(server, { ...keys('quantum'), localIdentity: fqdn('mallory.example') });
  assert.equal(reason(mallory.server), 'ppk-unknown');
  assert.deepEqual(asked, ['ppk-1 alice.example', 'ppk-1 mallory.example']);
});

test('a USE_PPK that is lost on the way, by somebody’s hand, does not go unnoticed', () => {
  const world = new World();
  const server = world.server(keys('quantum'));
  const client = world.end('192.0.2.5', keys('quantum'));
  // N(USE_PPK) = 16435 becomes a notification that nobody knows.
  world.network.tamper = (datagram) => {
    const at = datagram.bytes.findIndex((byte, i) => byte === 0x40 && datagram.bytes[i + 1] === 0x33);
    if (datagram.from.address !== '192.0.2.5' || at < 0 || datagram.bytes[18] !== 34) return datagram;
    const bytes = datagram.bytes.slice();
    bytes[at + 1] = 0xff;
    return { ...datagram, bytes };
  };
  client.connect();
  world.run(40_000);
  assert.deepEqual([...server.established, ...client.established], []);
});
