/** Main Mode by certificates, both roles, with OpenSSL as the judge of both ends. RFC 2409 §5.1, RFC 4754. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ffiAvailable } from '../../../../src/driver/index.ts';
import {
  authoritiesAbove,
  type Certificate,
  judge,
  type LoadedCredential,
  readCertificate,
  signWith,
  TrustStore,
} from '../../../../src/driver/x509/index.ts';
import { parseIdentity } from '../../../../src/ike/identity.ts';
import type { Identity, IkeAnswer, SignatureAsk } from '../../../../src/ike/output.ts';
import { type IkeV1Config, secretTable } from '../../../../src/ike/v1/index.ts';
import { toHex } from '../../../../src/wire/index.ts';
import { keyOf, type Made, make, makeCrl, NOW, YEAR } from '../../../driver/x509/authority.ts';
import { PERFECT } from '../../../sim/network.ts';
import { type End, oneSecret, profileOf, sameChild, World } from './world.ts';

const options = { skip: ffiAvailable() ? false : 'this platform has no FFI' };
const root = make({ name: 'root', ca: true });
const GATE = 'vpn.example.org';
const SERVER_USE = 'serverAuth,1.3.6.1.5.5.8.2.2';
const rsaServer = make({ name: 'gate', by: root, key: keyOf('rsa2048', 0), names: `DNS:${GATE}`, uses: SERVER_USE });
const rsaClient = make({ name: 'ann', by: root, key: keyOf('rsa2048', 1), names: 'email:ann@example.org' });

interface Papers {
  readonly own?: readonly Made[];
  /** Further certificates, each for itself. */
  readonly also?: readonly Made[];
  readonly trust?: readonly Made[];
  readonly crls?: readonly Uint8Array[];
}

/** What an end is told of its certificates, and who answers its questions. */
function papers({ own = [], also = [], trust = [root], crls = [] }: Papers) {
  const store = new TrustStore({
    anchors: trust.map(({ certificate }) => certificate),
    crls,
    revocation: 'when-known',
  });
  const chains = [own, ...also.map((one) => [one])].filter(({ length }) => length > 0);
  const loaded = chains.map((chain, i): LoadedCredential => {
    const certificates = chain.map(({ certificate }) => readCertificate(certificate));
    const [first, ...others] = certificates;
    const [name, ders] = [i === 0 ? 'own' : `also ${i}`, certificates.map(({ der }) => der)];
    const above = authoritiesAbove(certificates, store.anchors);
    const credential = { name, chain: ders, key: first!.keyType!, identities: [subjectOf(first!)], ...above };
    return { credential, key: chain[0]!.key, certificates: [first!, ...others], authorities: [] };
  });
  const answer = (ask: SignatureAsk['ask']): IkeAnswer =>
    ask.kind === 'sign'
      ? { kind: 'sign', signature: signWith(loaded, ask) }
      : { kind: 'verify', failure: judge(ask, { trust: store, commonName: false, now: NOW }).failure };
  const config = {
    credentials: loaded.map(({ credential }) => credential),
    trustAnchors: store.trustAnchors,
    accept: ['signature'],
  } satisfies Partial<IkeV1Config>;
  return { config, answer };
}

const subjectOf = ({ subjectDer }: Certificate): Identity => ({ type: 'der-asn1-dn', value: toHex(subjectDer) });

function pair(server: Papers, client: Papers, configs: { server?: object; client?: object } = {}, world = new World()) {
  const [ours, theirs] = [papers(server), papers(client)];
  const gate = world.server({ ...ours.config, ...configs.server });
  const ann = world.end('192.0.2.5', { ...theirs.config, ...configs.client });
  gate.answerSignature = ours.answer;
  ann.answerSignature = theirs.answer;
  return { world, gate, ann };
}

const connects = ({ world, gate, ann }: { world: World; gate: End; ann: End }) => {
  ann.connect();
  return world.run(15_000, () => gate.all('childConfirmed').length === 1 || ann.all('ikeClosed').length > 0)
    ? (ann.all('ikeClosed')[0]?.reason.code ?? gate.all('ikeFailed')[0]?.failure.code ?? 'connected')
    : 'nothing';
};

test('RSA signatures in both directions', options, () => {
  const { world, gate, ann } = pair({ own: [rsaServer] }, { own: [rsaClient] });
  assert.equal(connects({ world, gate, ann }), 'connected');
  assert.deepEqual(ann.established[0]?.authentication, { local: 'signature', remote: 'signature' });
  assert.deepEqual(ann.established[0]?.remoteIdentity, subjectOf(readCertificate(rsaServer.certificate)));
  assert.deepEqual(gate.established[0]?.remoteIdentity, subjectOf(readCertificate(rsaClient.certificate)));
  assert.ok(sameChild(ann.children[0]!, gate.children[0]!));
  assert.deepEqual(
    ann.summaries.filter((line) => /MAIN_MODE #[3-6]/.test(line)),
    [
      'out MAIN_MODE #3 KE NONCE NAT-D NAT-D',
      'in MAIN_MODE #4 KE NONCE NAT-D NAT-D CR',
      'out MAIN_MODE #5 ID CERT SIG CR N(INITIAL_CONTACT)',
      'in MAIN_MODE #6 ID CERT SIG',
    ],
  );
  assert.ok(ann.all('milestone').some(({ name }) => name === 'certificate verified'));
});

test('ECDSA on each curve', options, () => {
  for (const kind of ['p256', 'p384', 'p521'] as const) {
    const server = make({ name: 'gate', by: root, key: keyOf(kind, 1), names: `DNS:${GATE}` });
    const client = make({ name: 'bob', by: root, key: keyOf(kind, 2) });
    assert.equal(connects(pair({ own: [server] }, { own: [client] })), 'connected', kind);
  }
});

test('keys of different kinds have no method in common', options, () => {
  const client = make({ name: 'bob', by: root, key: keyOf('p256', 2) });
  const { world, gate, ann } = pair({ own: [rsaServer] }, { own: [client] });
  assert.equal(connects({ world, gate, ann }), 'no-proposal-chosen');
  const { reason } = gate.all('ikeClosed')[0]!;
  assert.match(reason.reason, /ecdsa-256.*none is authenticated by rsa-signatures/);
  assert.match(reason.remedy ?? '', /certificates/);
});

test('of several certificates that is sent whose authority the peer asks for, else the first', options, () => {
  const elsewhere = make({ name: 'another root', ca: true });
  const stranger = make({ name: 'a root that nobody has', ca: true });
  const second = (name: string, number: number) =>
    make({ name, by: elsewhere, key: keyOf('rsa2048', number), names: `DNS:${GATE}` });
  const [server, client] = [second('gate of another root', 0), second('ann of another root', 1)];
  const both = { trust: [root, elsewhere] };
  const subject = ({ certificate }: Made) => subjectOf(readCertificate(certificate));
  const servers = pair({ own: [rsaServer], also: [server], ...both }, { own: [rsaClient], trust: [elsewhere] });
  assert.equal(connects(servers), 'connected');
  assert.deepEqual(servers.ann.established[0]?.remoteIdentity, subject(server));
  const clients = pair({ own: [rsaServer], trust: [elsewhere] }, { own: [rsaClient], also: [client], ...both });
  assert.equal(connects(clients), 'connected');
  assert.deepEqual(clients.gate.established[0]?.remoteIdentity, subject(client));
  // Nobody asks for the authority of any: the first, which the other end may know all the same.
  const neither = pair({ own: [rsaServer], also: [server], ...both }, { own: [rsaClient], trust: [stranger] });
  assert.equal(connects(neither), 'certificate-unknown-ca');
  assert.match(neither.ann.one('ikeClosed').reason.reason, /CN=gate, /);
});

test('identities that the certificate holds, and one that it does not', options, () => {
  const as = (certificateIdentity: Identity) =>
    connects(pair({ own: [rsaServer] }, { own: [rsaClient] }, { client: { certificateIdentity } }));
  assert.equal(as(parseIdentity('ann@example.org')), 'connected');
  assert.equal(as(parseIdentity('bob@example.org')), 'certificate-refused');
  const { world, gate, ann } = pair(
    { own: [rsaServer] },
    { own: [rsaClient] },
    { client: { certificateIdentity: parseIdentity('192.0.2.5') } },
  );
  connects({ world, gate, ann });
  assert.equal(gate.one('ikeFailed').failure.code, 'certificate-identity');
  assert.match(gate.one('ikeFailed').failure.reason, /not for ipv4 192\.0\.2\.5: it has subject CN=ann.*e-mail ann@/);
});

test('the server must be the one that was meant, whatever identity it states', options, () => {
  const to = (name: string) =>
    connects(pair({ own: [rsaServer] }, { own: [rsaClient] }, { client: { remoteIdentity: parseIdentity(name) } }));
  assert.equal(to(GATE), 'connected');
  assert.equal(to('other.example.org'), 'certificate-identity');
  // A client of the same authority cannot pass for the server.
  const mallory = make({ name: 'gate', by: root, key: keyOf('rsa2048', 2), names: `DNS:${GATE}`, uses: 'clientAuth' });
  assert.equal(connects(pair({ own: [mallory] }, { own: [rsaClient] })), 'certificate-wrong-use');
});

test('intermediate certificates travel with ours, and in fragments through a narrow path', options, () => {
  const upper = make({ name: 'upper', ca: true, by: root, key: keyOf('rsa2048', 2) });
  const lower = make({ name: 'lower', ca: true, by: upper, key: keyOf('rsa2048', 2) });
  const server = make({ name: 'gate', by: lower, key: keyOf('rsa2048', 0), names: `DNS:${GATE}` });
  const world = new World(1, { ...PERFECT, largest: 1400 });
  const ends = pair({ own: [server, upper, lower] }, { own: [rsaClient] }, {}, world);
  assert.equal(connects(ends), 'connected');
  assert.ok(ends.ann.summaries.some((line) => /CERT CERT CERT/.test(line)));
  assert.equal(connects(pair({ own: [server, upper] }, { own: [rsaClient] })), 'certificate-unknown-ca');
});

test('a certificate that does not pass: the code here, the Notify there, the exchange ended', options, () => {
  const key = keyOf('rsa2048', 1);
  const other = make({ name: 'other', ca: true });
  const revoked = make({ name: 'gone', by: root, key });
  const cases: readonly (readonly [Made, Papers, string, string])[] = [
    [make({ by: root, key, to: NOW - 60 }), {}, 'certificate-expired', 'INVALID_CERTIFICATE'],
    [make({ by: root, key, from: NOW + YEAR / 2 }), {}, 'certificate-not-yet-valid', 'INVALID_CERTIFICATE'],
    [make({ by: other, key }), {}, 'certificate-unknown-ca', 'INVALID_CERT_AUTHORITY'],
    [make({ key }), {}, 'certificate-self-signed', 'INVALID_CERT_AUTHORITY'],
    [revoked, { crls: [makeCrl(root, [revoked])] }, 'certificate-revoked', 'INVALID_CERTIFICATE'],
    [make({ by: root, key, uses: 'codeSigning' }), {}, 'certificate-wrong-use', 'INVALID_CERTIFICATE'],
  ];
  for (const [client, server, code, notify] of cases) {
    const { world, gate, ann } = pair({ own: [rsaServer], ...server }, { own: [client] });
    assert.equal(connects({ world, gate, ann }), 'certificate-refused');
    assert.equal(gate.one('ikeFailed').failure.code, code);
    assert.match(ann.one('ikeClosed').reason.reason, new RegExp(notify));
    world.run(30_000);
    assert.equal(gate.one('ikeClosed').reason.code, code);
    assert.deepEqual(gate.endpoint.population, { ikeSas: 0, halfOpen: 0, children: 0 });
    assert.equal(gate.established.length, 0);
  }
});

test('a signature of another key, and octets that were altered on the way', options, () => {
  const { world, gate, ann } = pair({ own: [rsaServer] }, { own: [{ ...rsaClient, key: keyOf('rsa2048', 2) }] });
  assert.equal(connects({ world, gate, ann }), 'certificate-refused');
  assert.equal(gate.one('ikeFailed').failure.code, 'signature-mismatch');

  // One altered message 5 does not end the exchange of the true one.
  const ends = pair({ own: [rsaServer] }, { own: [rsaClient] });
  let altered = 0;
  ends.world.network.tamper = (datagram) => {
    const encrypted = datagram.bytes[18] === 2 && (datagram.bytes[19]! & 1) === 1;
    if (!encrypted || datagram.from.address !== ends.ann.address || altered++ > 0) return datagram;
    const bytes = datagram.bytes.slice();
    bytes[400]! ^= 1;
    return { ...datagram, bytes };
  };
  ends.ann.connect();
  assert.ok(ends.world.run(15_000, () => ends.gate.all('childConfirmed').length === 1));
});

test('one listener takes secrets and certificates, by what the peer offers', options, () => {
  const world = new World();
  const server = papers({ own: [rsaServer] });
  const gate = world.server({ ...server.config, secrets: oneSecret(), accept: ['signature', 'pre-shared-key'] });
  gate.answerSignature = server.answer;
  const client = papers({ own: [rsaClient] });
  const ann = world.end('192.0.2.5', client.config);
  ann.answerSignature = client.answer;
  const bob = world.end('192.0.2.6', { secrets: oneSecret() });
  // Offers both, and both ends prefer certificates.
  const carol = world.end('192.0.2.7', { ...client.config, accept: ['signature', 'pre-shared-key'] });
  carol.answerSignature = client.answer;
  for (const end of [ann, bob, carol]) end.connect();
  assert.ok(world.run(5000, () => gate.all('childConfirmed').length === 3));
  const by = (end: End) => end.established[0]?.authentication?.local ?? 'secret';
  assert.deepEqual([ann, bob, carol].map(by), ['signature', 'secret', 'signature']);
});

test('a listener without certificates refuses them in words', options, () => {
  const world = new World();
  const gate = world.server();
  const client = papers({ own: [rsaClient] });
  const ann = world.end('192.0.2.5', client.config);
  ann.answerSignature = client.answer;
  ann.connect();
  world.run(15_000);
  assert.match(gate.one('ikeClosed').reason.reason, /none is authenticated by pre-shared-key/);
  const none = world.end('192.0.2.8', { secrets: secretTable([]), accept: ['signature'] });
  none.connect();
  assert.equal(none.one('ikeClosed').reason.code, 'no-credential');
});

test('the IKE SA is renewed by certificate too', options, () => {
  const short = { profile: profileOf(undefined, undefined, { ike: 600 }) };
  const { world, gate, ann } = pair({ own: [rsaServer] }, { own: [rsaClient] }, { server: short, client: short });
  assert.equal(connects({ world, gate, ann }), 'connected');
  assert.ok(world.run(700_000, () => gate.established.length === 2));
  assert.equal(gate.established[1]?.adopts, gate.established[0]?.ikeSa);
  assert.equal(gate.all('childClosed').length, 0);
});

test('lost and doubled messages: both ends come through', options, () => {
  for (let seed = 1; seed <= 6; seed++) {
    const world = new World(seed, { delay: 20, jitter: 30, drop: 0.1, duplicate: 0.1 });
    const ends = pair({ own: [rsaServer] }, { own: [rsaClient] }, {}, world);
    ends.ann.connect();
    assert.ok(
      world.run(60_000, () => ends.gate.all('childConfirmed').length >= 1),
      `seed ${seed}`,
    );
  }
});
