/** EAP on whole links: what LCP agrees on, EAP-MSCHAPv2 and EAP-TLS from the first frame to the network, and how they end. */

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { NodeTlsEngine } from '../../src/driver/tls/index.ts';
import { Protocol } from '../../src/ppp/index.ts';
import { toHex } from '../../src/wire/index.ts';
import { alice, roleOf, serverCertificate, stranger } from '../eap/certificates.ts';
import { optionsText, Peer } from './peer.ts';
import { judge, NETWORK, Pair } from './sim.ts';

const credentials = { user: 'User', password: 'clientPass' };
const server = new NodeTlsEngine({ server: roleOf(serverCertificate) });
const client = new NodeTlsEngine({ client: roleOf(alice) });
const strange = new NodeTlsEngine({ client: roleOf(stranger) });
after(() => {
  for (const engine of [server, client, strange]) engine.close();
});

let seeds = 200;
/** Each with a seed of its own: it names the TLS session too. */
const nextSeed = () => ({ seed: seeds++ });

const CERTIFIED = { accepted: true, network: NETWORK } as const;
const tlsEnds = (tls: NodeTlsEngine, user = 'alice') =>
  [
    { config: { credentials: { user, password: '' }, acceptFromPeer: ['eap-tls'] }, tls },
    { config: { requirePeer: ['eap-tls'] }, judge: () => CERTIFIED, tls: server },
  ] as const;

test('LCP asks for C227 and takes it, once for all methods of EAP', () => {
  const peer = new Peer({ requirePeer: ['eap-tls', 'eap-mschapv2', 'chap-md5'] });
  const [request] = peer.command({ type: 'up' });
  assert.match(optionsText(request!), /\b3:c227\b/);
  /* <-- Configure-Nak C223 05: CHAP with MD5 */
  const [second] = peer.send(Protocol.LCP, 3, request!.identifier, '0305c22305');
  assert.match(optionsText(second!), /\b3:c22305\b/);
  /* <-- Configure-Nak C227: EAP was refused already */
  peer.send(Protocol.LCP, 3, second!.identifier, '0304c227');
  assert.equal(peer.of('closed')[0]?.reason.code ?? 'no-common-authentication', 'no-common-authentication');
});

test('a client that may use EAP alone says so to a server that wants CHAP first', () => {
  const ends = [{ config: { credentials, acceptFromPeer: ['eap-mschapv2'] } }, { config: {}, judge }] as const;
  const pair = new Pair(...ends).start().run(3000);
  assert.equal(pair.last('server', 'authenticated')!.method, 'eap-mschapv2');
  assert.ok(pair.last('client', 'networkUp'));
  assert.ok(pair.traces('client').some((line) => /LCP ConfNak .*auth=eap/.test(line)));
});

test('EAP-MSCHAPv2 is judged like MS-CHAPv2, and its frames bear C227', () => {
  const config = { requirePeer: ['eap-mschapv2'] } as const;
  const pair = new Pair({ config: { credentials } }, { config, judge }).start().run(2000);
  assert.deepEqual(
    pair.of('server', 'ask').map(({ credentials: { method, user } }) => [method, user]),
    [['ms-chap-v2', 'User']],
  );
  const frames = pair.of('client', 'send').map(({ frame }) => toHex(frame));
  assert.ok(
    frames.some((frame) => /^ff03c22702..000901/.test(frame)),
    'the Identity',
  );
  assert.doesNotMatch(pair.traces('server').join(), /clientPass/);
  assert.ok(
    pair.traces('server').some((line) => /> EAP Request id=\d+ MSCHAPv2 Challenge name="sallyport"/.test(line)),
  );
});

test('EAP-GTC and EAP-MD5, where they are named', () => {
  for (const method of ['eap-gtc', 'eap-md5'] as const) {
    const ends = [
      { config: { credentials, acceptFromPeer: [method] } },
      { config: { requirePeer: [method] }, judge },
    ] as const;
    const pair = new Pair(...ends).start().run(2000);
    assert.equal(pair.last('client', 'authenticated')!.method, method);
    assert.ok(pair.last('client', 'networkUp'));
  }
});

test('a lost EAP-Success is made up for by the first packet of IPCP', () => {
  for (const method of ['eap-gtc', 'eap-mschapv2'] as const) {
    const ends = [
      { config: { credentials, acceptFromPeer: [method] } },
      { config: { requirePeer: [method] }, judge },
    ] as const;
    const pair = new Pair(...ends).start();
    while (pair.last('server', 'authenticated') === undefined) pair.run(1);
    pair.dropInFlight();
    pair.run(4000);
    assert.ok(pair.last('client', 'networkUp'), pair.traces('client').join('\n'));
    assert.ok(!pair.traces('client').some((line) => line.startsWith('< EAP Success')));
  }
});

test('the server asks again in time, and the user stays the same', () => {
  const config = { requirePeer: ['eap-mschapv2'], reauthenticateEvery: 5000 } as const;
  const pair = new Pair({ config: { credentials } }, { config, judge }).start().run(21_000);
  assert.equal(pair.of('server', 'ask').length, 5);
  assert.equal(pair.of('client', 'networkDown').length, 0);
  assert.equal(pair.last('client', 'closed'), undefined);
});

test('EAP-TLS: from LCP to the network, named by the certificate', async () => {
  const pair = await new Pair(...tlsEnds(client), nextSeed()).start().runTls(3000);
  assert.deepEqual(pair.last('server', 'authenticated'), {
    type: 'authenticated',
    user: 'alice',
    method: 'eap-tls',
    who: 'peer',
  });
  assert.ok(pair.last('client', 'networkUp'), pair.traces('client').join('\n'));
  const [asked] = pair.of('server', 'ask');
  assert.deepEqual(asked!.credentials, {
    method: 'certificate',
    user: 'alice',
    names: ['alice@example.org', 'alice@corp.example', 'alice'],
  });
});

test('EAP-TLS: 10 seeds of 10 % loss, duplicates and reordering', async () => {
  for (let seed = 1; seed <= 10; seed++) {
    const wire = { seed, loss: 0.1, duplicates: 0.1, jitter: 100 };
    const pair = await new Pair(...tlsEnds(client), wire).start().runTls(30_000);
    assert.ok(pair.last('client', 'networkUp'), `seed ${seed}: ${pair.traces('client').join('\n')}`);
  }
});

test('EAP-TLS: a certificate of an unknown authority, or of somebody else, ends the link with the reason', async () => {
  const unknown = await new Pair(...tlsEnds(strange), nextSeed()).start().runTls(5000);
  assert.equal(unknown.last('server', 'closed')!.reason.code, 'certificate-unknown-ca');
  assert.equal(unknown.last('client', 'closed')!.by, 'peer');
  const bob = await new Pair(...tlsEnds(client, 'bob'), nextSeed()).start().runTls(5000);
  assert.equal(bob.last('server', 'closed')!.reason.code, 'certificate-identity');
  assert.equal(bob.of('server', 'networkUp').length, 0);
});
