import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TrustAnchor } from '../../../../src/ike/signature.ts';
import { type IkeV2Config, ikeV2Profiles } from '../../../../src/ike/v2/index.ts';
import { utf8 } from '../../../../src/wire/index.ts';
import { AUTHORITY, credential, type End, type OwnerHabits, oneSecret, profileOf, sameChild, World } from './world.ts';

const fqdn = (value: string) => ({ type: 'fqdn', value }) as const;

function meet(
  server: Partial<IkeV2Config>,
  client: Partial<IkeV2Config>,
  prepare: (ends: { server: End; client: End }) => void = () => {},
) {
  const world = new World();
  const ends = { server: world.server(server), client: world.end('192.0.2.5', client) };
  prepare(ends);
  ends.client.connect();
  world.run(25_000);
  return { world, ...ends };
}

const withCertificate = (name: string, key?: Parameters<typeof credential>[1]): Partial<IkeV2Config> => ({
  secrets: undefined as never,
  credentials: [credential(name, key)],
  trustAnchors: [AUTHORITY],
});

test('both prove themselves by certificates, with each kind of key', () => {
  for (const key of ['rsa', 'ecdsa-p256', 'ecdsa-p384', 'ecdsa-p521', 'ed25519', 'ed448'] as const) {
    const { server, client } = meet(withCertificate('vpn.example', key), {
      ...withCertificate('alice.example', key),
      remoteIdentity: fqdn('vpn.example'),
    });
    assert.deepEqual(server.one('ikeEstablished').authentication, { local: 'signature', remote: 'signature' });
    assert.deepEqual(server.one('ikeEstablished').remoteIdentity, fqdn('alice.example'));
    assert.deepEqual(client.one('ikeEstablished').remoteIdentity, fqdn('vpn.example'));
    assert.ok(sameChild(client.children[0]!, server.children[0]!));
    const asked = server.all('askSignature').find(({ ask }) => ask.kind === 'verify')!.ask;
    assert.equal(asked.kind === 'verify' && asked.purpose, 'client');
  }
});

test('of several certificates that is sent whose authority the peer names, else the first', () => {
  const other: TrustAnchor = { subject: utf8('CN=another CA'), keyHash: new Uint8Array(20).fill(9) };
  const under = (name: string, { keyHash }: TrustAnchor) => ({ ...credential(name), authorities: [keyHash] });
  const both = {
    ...withCertificate('first.example'),
    credentials: [under('first.example', AUTHORITY), under('second.example', other)],
    trustAnchors: [AUTHORITY, other],
  };
  const one = { ...withCertificate('only.example'), trustAnchors: [other] };
  const neither = { ...one, trustAnchors: [{ subject: utf8('CN=nobody'), keyHash: new Uint8Array(20).fill(1) }] };
  const shown = (end: End) => end.one('ikeEstablished').remoteIdentity;
  assert.deepEqual(shown(meet(both, one).client), fqdn('second.example'), 'by a server');
  assert.deepEqual(shown(meet(one, both).server), fqdn('second.example'), 'by a client');
  assert.deepEqual(shown(meet(both, neither).client), fqdn('first.example'));
  assert.deepEqual(shown(meet(neither, both).server), fqdn('first.example'));
});

test('the server shows the certificate that the client asks for', () => {
  const server = {
    ...withCertificate('first.example'),
    credentials: [credential('first.example'), credential('second.example')],
  };
  const { client } = meet(server, { ...withCertificate('alice.example'), remoteIdentity: fqdn('second.example') });
  assert.deepEqual(client.one('ikeEstablished').remoteIdentity, fqdn('second.example'));
});

test('a certificate that is not believed ends it on both sides, with the reason where it was judged', () => {
  const revokedClient = meet(withCertificate('vpn.example'), withCertificate('alice.example'), ({ server }) => {
    server.habits = { revoked: ['alice.example'] };
  });
  assert.equal(revokedClient.server.one('ikeClosed').reason.code, 'certificate-revoked');
  assert.equal(revokedClient.client.one('ikeClosed').reason.code, 'authentication-failed');
  const revokedServer = meet(withCertificate('vpn.example'), withCertificate('alice.example'), ({ client }) => {
    client.habits = { revoked: ['vpn.example'] };
  });
  assert.equal(revokedServer.client.one('ikeClosed').reason.code, 'certificate-revoked');
  assert.equal(revokedServer.server.one('ikeClosed').reason.code, 'authentication-failed');
  const wrongName = meet(withCertificate('vpn.example'), {
    ...withCertificate('alice.example'),
    remoteIdentity: fqdn('other.example'),
  });
  assert.equal(wrongName.client.one('ikeClosed').reason.code, 'identity-mismatch');
  for (const { server, client } of [revokedClient, revokedServer, wrongName]) {
    for (const end of [server, client]) assert.equal(end.endpoint.population.halfOpen, 0);
    assert.equal(client.established.length, 0);
  }
});

test('a way to authenticate that is not taken', () => {
  const certificateNotTaken = meet({ secrets: oneSecret() }, withCertificate('alice.example'));
  assert.equal(certificateNotTaken.server.one('ikeClosed').reason.code, 'authentication-method-refused');
  const noEap = meet({ secrets: oneSecret() }, { initiate: { authenticate: 'eap' }, trustAnchors: [AUTHORITY] });
  assert.equal(noEap.server.one('ikeClosed').reason.code, 'authentication-method-refused');
  assert.equal(noEap.client.one('ikeClosed').reason.code, 'authentication-failed');
});

const eapServer: Partial<IkeV2Config> = { ...withCertificate('vpn.example'), accept: ['eap'] };
const eapClient: Partial<IkeV2Config> = {
  secrets: undefined as never,
  trustAnchors: [AUTHORITY],
  localIdentity: { type: 'user-fqdn', value: 'alice@example' },
  remoteIdentity: fqdn('vpn.example'),
  initiate: { authenticate: 'eap' },
};

test('EAP: the server by certificate, the client by password, both by the key of the method', () => {
  const { server, client } = meet(eapServer, eapClient);
  assert.equal(server.one('ikeEstablished').user, 'alice');
  assert.deepEqual(server.one('ikeEstablished').authentication, { local: 'signature', remote: 'eap' });
  assert.deepEqual(client.one('ikeEstablished').authentication, { local: 'eap', remote: 'signature' });
  assert.ok(sameChild(client.children[0]!, server.children[0]!));
  assert.equal(server.all('eap')[0]!.bytes.length, 0, 'the owner is told that EAP may begin');
  assert.equal(server.all('eap')[0]!.remoteIdentity.value, 'alice@example');
});

test('EAP with a wrong password', () => {
  const { server, client } = meet(eapServer, eapClient, ({ client: end }) => {
    end.habits = { password: 'wrong' };
  });
  assert.equal(server.one('ikeClosed').reason.code, 'bad-credentials');
  assert.equal(client.one('ikeClosed').reason.code, 'bad-credentials');
});

/** A second after EAP began both ends have ended, each with a code, and nothing waits for time but repeated messages. */
function endSoon(habits: OwnerHabits, config: Partial<IkeV2Config> = {}, password?: string) {
  const world = new World();
  const server = world.server(eapServer);
  const client = world.end('192.0.2.5', { ...eapClient, ...config });
  client.habits = habits;
  if (password !== undefined) server.habits = { password };
  client.connect();
  assert.ok(
    world.run(1000, () => [server, client].every((end) => end.all('ikeClosed').length === 1)),
    'both ends have ended',
  );
  world.run(25_000);
  for (const end of [server, client]) {
    assert.deepEqual(end.endpoint.population, { ikeSas: 0, halfOpen: 0, children: 0 });
  }
  return [client, server].map((end) => end.one('ikeClosed').reason.code);
}

test('a client that gives EAP up says so, and the server ends at once: with a last packet, without one, against one that goes on', () => {
  assert.deepEqual(endSoon({ givesUp: 'without a word' }), ['no-method', 'eap-given-up']);
  assert.deepEqual(endSoon({ givesUp: 'with a packet', password: 'none' }), ['no-method', 'bad-credentials']);
  assert.deepEqual(endSoon({ givesUp: 'with a packet', password: 'x' }, {}, 'x'), ['no-method', 'eap-given-up']);
});

test('a client that does not believe the server says so before EAP begins, and the server ends at once', () => {
  assert.deepEqual(endSoon({ revoked: ['vpn.example'] }), ['certificate-revoked', 'eap-given-up']);
  const elsewhere = { remoteIdentity: fqdn('other.example') };
  assert.deepEqual(endSoon({}, elsewhere), ['identity-mismatch', 'eap-given-up']);
});

test('a server that is told nothing more has its own end, and a client that is told nothing keeps its own reason', () => {
  const world = new World();
  const server = world.server(eapServer);
  const client = world.end('192.0.2.5', eapClient);
  client.habits = { givesUp: 'with a packet' };
  world.network.tamper = (datagram) => (client.all('eap').length > 0 ? undefined : datagram);
  client.connect();
  world.run(20_000);
  assert.equal(client.one('ikeClosed').reason.code, 'no-method');
  world.run(110_000);
  assert.equal(server.one('ikeClosed').reason.code, 'half-open-timeout');
});

test('EAP whose two ends made different keys is not believed', () => {
  const { server, client } = meet(eapServer, eapClient, (ends) => {
    ends.server.habits = { password: 'one', eapRounds: 0 };
    ends.client.habits = { password: 'two' };
  });
  assert.equal(server.one('ikeClosed').reason.code, 'authentication-failed');
  assert.equal(client.established.length, 0);
});

test('EAP without a key: refused, and taken where that is allowed and the server has a certificate', () => {
  const keyless = ({ server, client }: { server: End; client: End }) => {
    server.habits = { eapWithoutKey: true };
    client.habits = { eapWithoutKey: true };
  };
  const refused = meet(eapServer, eapClient, keyless);
  assert.equal(refused.server.one('ikeClosed').reason.code, 'eap-without-key');
  assert.equal(refused.client.established.length, 0);
  const taken = meet({ ...eapServer, eapWithoutKey: true }, { ...eapClient, eapWithoutKey: true }, keyless);
  assert.ok(sameChild(taken.client.children[0]!, taken.server.children[0]!));
});

test('EAP alone proves both where both want it (RFC 5998)', () => {
  const server: Partial<IkeV2Config> = {
    secrets: undefined as never,
    accept: ['eap'],
    localIdentity: fqdn('vpn.example'),
  };
  const { server: gateway, client } = meet(server, { ...eapClient, initiate: { authenticate: 'eap', eapOnly: true } });
  assert.deepEqual(client.one('ikeEstablished').authentication, { local: 'eap', remote: 'eap' });
  assert.ok(sameChild(client.children[0]!, gateway.children[0]!));
  const unwilling = meet(server, eapClient);
  assert.equal(unwilling.server.one('ikeClosed').reason.code, 'no-credential');
});

test('EAP alone where the responder has a certificate too: for peers that offer it, and for no others', () => {
  const server = { ...eapServer, eapOnly: true };
  const offered = meet(server, { ...eapClient, initiate: { authenticate: 'eap', eapOnly: true } });
  assert.deepEqual(offered.client.one('ikeEstablished').authentication, { local: 'eap', remote: 'eap' });
  const other = meet(server, eapClient);
  assert.deepEqual(other.client.one('ikeEstablished').authentication, { local: 'eap', remote: 'signature' });
  const keyless = meet(
    { ...server, eapWithoutKey: true },
    { ...eapClient, eapWithoutKey: true, initiate: { authenticate: 'eap', eapOnly: true } },
    (ends) => {
      ends.server.habits = { eapWithoutKey: true };
      ends.client.habits = { eapWithoutKey: true };
    },
  );
  assert.equal(keyless.server.one('ikeClosed').reason.code, 'eap-without-key');
});

test('large certificates travel in fragments', () => {
  const large = {
    ...credential('vpn.example', 'rsa'),
    chain: [utf8('certificate of vpn.example'), ...Array.from({ length: 3 }, () => new Uint8Array(1500))],
  };
  const { server, client } = meet(
    { ...withCertificate('vpn.example'), credentials: [large] },
    withCertificate('alice.example'),
  );
  assert.ok(sameChild(client.children[0]!, server.children[0]!));
  const biggest = Math.max(...server.all('send').map(({ bytes }) => bytes.length));
  assert.ok(biggest <= 1280);
  assert.ok(server.all('trace').some(({ fields }) => Number(fields?.fragments) >= 4));
});

test('hybrid key exchange: ML-KEM in IKE_INTERMEDIATE, covered by AUTH', () => {
  const profile = profileOf(['aes256gcm16-prfsha384-x25519-ke1_mlkem768-ke2_mlkem1024']);
  const { server, client } = meet({ profile }, { profile });
  assert.ok(sameChild(client.children[0]!, server.children[0]!));
  assert.equal(
    client.one('ikeEstablished').algorithms,
    'aes-gcm-16-256/prf-sha384/curve25519/ke1-mlkem768/ke2-mlkem1024',
  );
  assert.equal(client.summaries.filter((line) => line.startsWith('out IKE_INTERMEDIATE')).length, 2);
  const eap = meet({ ...eapServer, profile }, { ...eapClient, profile });
  assert.ok(sameChild(eap.client.children[0]!, eap.server.children[0]!));
});

test('the default profiles come to a hybrid exchange, and to a classic one with peers that have none', () => {
  const both = meet({ profile: ikeV2Profiles.compatible }, { profile: ikeV2Profiles.compatible });
  assert.match(both.client.one('ikeEstablished').algorithms, /mlkem768/);
  const classic = profileOf(['aes256-sha256-modp2048']);
  const old = meet({ profile: ikeV2Profiles.compatible }, { profile: classic });
  assert.equal(old.client.one('ikeEstablished').algorithms, 'aes-cbc-256/hmac-sha2-256-128/prf-sha256/modp2048');
  const oldServer = meet({ profile: classic }, { profile: ikeV2Profiles.compatible });
  assert.equal(oldServer.client.one('ikeEstablished').algorithms, 'aes-cbc-256/hmac-sha2-256-128/prf-sha256/modp2048');
});

const ppk = (key: string | undefined, required = false) => ({
  postquantumKeys: {
    id: 'ppk-1',
    keyFor: (id: string) => (id === 'ppk-1' && key !== undefined ? utf8(key) : undefined),
    required,
  },
});

test('post-quantum pre-shared keys: used where both have one, done without where one has none, refused where it must be', () => {
  const both = meet(ppk('quantum'), ppk('quantum', true));
  assert.ok(sameChild(both.client.children[0]!, both.server.children[0]!));
  const eap = meet({ ...eapServer, ...ppk('quantum', true) }, { ...eapClient, ...ppk('quantum') });
  assert.ok(sameChild(eap.client.children[0]!, eap.server.children[0]!));
  const oneOnly = meet(ppk(undefined), ppk('quantum'));
  assert.ok(sameChild(oneOnly.client.children[0]!, oneOnly.server.children[0]!));
  assert.equal(meet({}, ppk('quantum', true)).client.one('ikeClosed').reason.code, 'ppk-required');
  assert.equal(meet(ppk('quantum', true), {}).server.one('ikeClosed').reason.code, 'ppk-required');
  assert.equal(meet(ppk(undefined, true), ppk('quantum')).server.one('ikeClosed').reason.code, 'ppk-unknown');
  assert.equal(meet(ppk('another'), ppk('quantum', true)).server.one('ikeClosed').reason.code, 'psk-mismatch');
});

test('a session is resumed with a ticket, without public-key work and without another proof', () => {
  const { world, server, client } = meet({ ...eapServer, resumption: true }, { ...eapClient, resumption: true });
  client.close(client.established[0]!.ikeSa);
  world.run(25_000);
  const asks = client.all('ask').length + client.all('askSignature').length + client.all('eap').length;
  client.connect();
  world.run(5000);
  assert.equal(client.all('ask').length + client.all('askSignature').length + client.all('eap').length, asks);
  assert.equal(server.established[1]!.exchange, 'ike-session-resume');
  assert.equal(server.established[1]!.user, 'alice');
  assert.ok(sameChild(client.children[1]!, server.children[1]!));
  // The gateway is started anew and knows its ticket no more: all begins from the beginning.
  client.close(client.established[1]!.ikeSa);
  world.run(25_000);
  server.restart();
  client.connect();
  world.run(5000);
  assert.equal(server.established[2]!.exchange, 'ike-auth');
});

test('a redirect to another gateway, before anything is agreed on', () => {
  const { server, client } = meet({ redirect: () => 'gw2.example' }, {});
  assert.equal(client.one('redirected').gateway, 'gw2.example');
  assert.equal(client.one('ikeClosed').reason.code, 'redirected');
  assert.equal(server.endpoint.population.ikeSas, 0);
  const ignoring = meet({ redirect: () => 'gw2.example' }, { followRedirects: false });
  assert.equal(ignoring.client.established.length, 1);
});

test('where large packets do not pass, the fragments of a request become small', () => {
  const world = new World();
  const large = {
    ...credential('alice.example', 'rsa'),
    chain: [utf8('certificate of alice.example'), new Uint8Array(3000)],
  };
  const server = world.server(withCertificate('vpn.example'));
  const client = world.end('192.0.2.5', { ...withCertificate('alice.example'), credentials: [large] });
  world.network.quality = { delay: 10, jitter: 0, drop: 0, duplicate: 0, largest: 800 };
  client.connect();
  world.run(25_000);
  assert.ok(sameChild(client.children[0]!, server.children[0]!));
});

test('every way to authenticate gets through loss, doubling and reordering', () => {
  const large = {
    ...credential('vpn.example', 'rsa'),
    chain: [utf8('certificate of vpn.example'), new Uint8Array(2500)],
  };
  const hybrid = { profile: profileOf(['aes128gcm16-prfsha256-x25519-ke1_mlkem768']) };
  const ways: readonly (readonly [Partial<IkeV2Config>, Partial<IkeV2Config>])[] = [
    [{}, {}],
    [
      { ...withCertificate('vpn.example'), credentials: [large], ...hybrid },
      { ...withCertificate('alice.example'), ...hybrid },
    ],
    [{ ...eapServer, credentials: [large] }, eapClient],
  ];
  for (const [seed, [forServer, forClient]] of [...ways, ...ways].entries()) {
    const world = new World(seed + 1, { delay: 20, jitter: 60, drop: 0.1, duplicate: 0.2 });
    const server = world.server(forServer);
    const client = world.end('192.0.2.5', {
      ...forClient,
      retransmission: { initial: 500, factor: 1.5, cap: 2500, sends: 12 },
    });
    client.connect();
    world.run(60_000);
    assert.equal(
      client.established.length,
      1,
      `seed ${seed}: ${JSON.stringify(client.all('ikeClosed').map(({ reason }) => reason))}`,
    );
    assert.equal(server.established.length, 1);
    assert.ok(sameChild(client.children[0]!, server.children[0]!));
    for (const end of [client, server]) assert.ok(!end.dropped.includes('internal-error'));
  }
});
