/** EAP-TLS between real ends whose TLS is Node's: versions, fragments, loss, resumption, and certificates that are wrong. */

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { NodeTlsEngine, type TlsRole } from '../../src/driver/tls/index.ts';
import { TrustStore } from '../../src/driver/x509/index.ts';
import type { TlsVersion } from '../../src/eap/index.ts';
import { NOW } from '../driver/x509/authority.ts';
import {
  alice,
  authority,
  bare,
  expired,
  impostor,
  padded,
  roleOf,
  serverCertificate,
  stranger,
  wrongUse,
} from './certificates.ts';
import { EapPair, type PairOptions } from './sim.ts';

const engines: NodeTlsEngine[] = [];
after(() => {
  for (const engine of engines) engine.close();
});

function enginesOf(server: TlsRole, client: TlsRole) {
  const made = { server: new NodeTlsEngine({ server }), client: new NodeTlsEngine({ client }) };
  engines.push(made.server, made.client);
  return made;
}

const methods = ['eap-tls'] as const;
const credentials = { user: 'alice@example.org' };
const options = (more: PairOptions): PairOptions => ({
  ...more,
  server: { methods, ...more.server },
  peer: { methods, credentials, ...more.peer },
});
let seeds = 100;
/** Each with a seed of its own: it names the TLS session too. */
const ran = (more: PairOptions) => new EapPair(options({ seed: seeds++, ...more })).start().run();

function bothSucceed(pair: EapPair, user = 'alice@example.org') {
  const [atServer, atPeer] = [pair.last('server', 'success'), pair.last('peer', 'success')];
  assert.ok(atServer && atPeer, `${pair.traces('peer').join('\n')}\n${JSON.stringify(pair.last('server', 'failure'))}`);
  assert.equal(atServer.identity, user);
  assert.equal(atServer.msk!.length, 64);
  assert.deepEqual([atServer.msk, atServer.emsk], [atPeer.msk, atPeer.emsk]);
  assert.notDeepEqual(atServer.msk, atServer.emsk);
}

for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const satisfies readonly TlsVersion[]) {
  const good = () =>
    enginesOf(roleOf(serverCertificate, { maxVersion }), roleOf(alice, { serverName: 'vpn.example.org' }));

  test(`${maxVersion}: both certificates are good, and both ends have the same keys`, async () => {
    const tls = good();
    const pair = await ran({ tls });
    bothSucceed(pair);
    assert.ok(
      pair.traces('peer').some((line) => /length=\d{4} .* more$/.test(line)),
      'the server speaks in fragments',
    );
    bothSucceed(await ran({ tls }));
    assert.ok(tls.server.size <= 2, 'what is over is dropped, or soon will be');
  });

  test(`${maxVersion}: a session is resumed by its ticket, with keys of its own`, async () => {
    const tls = good();
    const [first, second] = [await ran({ tls }), await ran({ tls })];
    bothSucceed(second);
    assert.notDeepEqual(second.last('server', 'success')!.msk, first.last('server', 'success')!.msk);
    // Key shares of ML-KEM, which newer OpenSSLs send, make fragments too.
    const [whole, resumed] = [first, second].map((pair) => pair.traces('peer').length);
    assert.ok(resumed! < whole!, 'nobody sends certificates');
    const without = enginesOf(roleOf(serverCertificate, { maxVersion, resumption: false }), roleOf(alice));
    const rounds = [await ran({ tls: without }), await ran({ tls: without })];
    for (const pair of rounds) bothSucceed(pair);
    assert.equal(rounds[0]!.traces('peer').length, rounds[1]!.traces('peer').length);
  });

  test(`${maxVersion}: chains and packets of every size, over 15 % loss, duplicates and reordering`, async () => {
    for (const [seed, mostBytes] of [
      [1, 1020],
      [2, 300],
      [3, 100],
      [4, 1400],
    ] as const) {
      const tls = enginesOf({ ...padded(), maxVersion, resumption: false }, roleOf(alice));
      const server = { mostBytes: Math.max(mostBytes, 250), mostTransmissions: 30 };
      const pair = await ran({ tls, seed, server, peer: { mostBytes }, loss: 0.15, duplicates: 0.1, jitter: 150 });
      assert.ok(pair.last('server', 'success'), `seed ${seed}: ${pair.traces('server').slice(-20).join('\n')}`);
      const heard = pair.traces('peer').some((line) => line.startsWith('< EAP Success'));
      if (heard || maxVersion === 'TLSv1.3') bothSucceed(pair);
    }
  });

  const refusals = [
    ['of an unknown authority', stranger, 'certificate-unknown-ca'],
    ['that has expired', expired, 'certificate-expired'],
    ['for servers', wrongUse, 'certificate-wrong-use'],
  ] as const;
  for (const [what, certificate, code] of refusals) {
    test(`${maxVersion}: a client's certificate ${what} is refused`, async () => {
      const tls = enginesOf(roleOf(serverCertificate, { maxVersion }), roleOf(certificate));
      const pair = await ran({ tls });
      assert.equal(pair.last('server', 'failure')!.failure.code, code);
      assert.equal(pair.last('peer', 'success'), undefined);
      assert.ok(pair.last('peer', 'failure'));
    });
  }

  test(`${maxVersion}: a client without a certificate is refused`, async () => {
    const tls = enginesOf(roleOf(serverCertificate, { maxVersion }), bare());
    assert.equal((await ran({ tls })).last('server', 'failure')!.failure.code, 'certificate-missing');
  });

  test(`${maxVersion}: an impostor, or a server of another name, gets no success out of the peer`, async () => {
    const tls = enginesOf(roleOf(impostor, { maxVersion }), roleOf(alice));
    assert.equal((await ran({ tls })).last('peer', 'failure')!.failure.code, 'certificate-unknown-ca');
    const other = enginesOf(
      roleOf(serverCertificate, { maxVersion }),
      roleOf(alice, { serverName: 'other.example.org' }),
    );
    assert.equal((await ran({ tls: other })).last('peer', 'failure')!.failure.code, 'certificate-identity');
  });

  test(`${maxVersion}: who is refused when the certificate is good learns it before the end of the handshake`, async () => {
    const reason = { code: 'user-disabled', reason: 'User alice is disabled.' };
    const pair = await ran({ tls: good(), judge: () => ({ accepted: false, reason }) });
    assert.equal(pair.last('server', 'failure')!.failure.code, 'user-disabled');
    assert.equal(pair.last('peer', 'failure')!.by, 'peer');
  });

  test(`${maxVersion}: a validator of certificates takes the place of Node's own check`, async () => {
    const trust = new TrustStore({ anchors: [authority.certificate], crls: [], revocation: 'when-known' });
    const asked: string[] = [];
    const verifyChain: TlsRole['verifyChain'] = (chain, purpose, name) => {
      asked.push(`${purpose} ${name} ${chain.length > 0}`);
      const verdict = trust.verifyChain({ chain, purpose, now: NOW });
      return verdict.ok ? undefined : verdict.failure;
    };
    const tls = enginesOf(
      roleOf(serverCertificate, { maxVersion, verifyChain }),
      roleOf(alice, { verifyChain, serverName: 'vpn.example.org' }),
    );
    bothSucceed(await ran({ tls }));
    assert.deepEqual(asked.sort(), ['client undefined true', 'server vpn.example.org true']);
    bothSucceed(await ran({ tls }));
    assert.equal(asked.length, 4, 'a resumed session is judged too');
    const strange = enginesOf(roleOf(serverCertificate, { maxVersion, verifyChain }), roleOf(stranger));
    assert.equal((await ran({ tls: strange })).last('server', 'failure')!.failure.code, 'certificate-unknown-ca');
    trust.close();
  });
}

test('the user is whom the certificate names: e-mail, UPN or common name; nobody else; the first where EAP hides it', async () => {
  const tls = enginesOf(roleOf(serverCertificate), roleOf(alice));
  bothSucceed(await ran({ tls, peer: { credentials: { user: 'alice@corp.example' } } }), 'alice@corp.example');
  bothSucceed(await ran({ tls, peer: { credentials: { user: 'ALICE' } } }), 'alice');
  bothSucceed(await ran({ tls, peer: { identity: '@example.org' } }));
  bothSucceed(await ran({ tls, peer: { identity: 'anonymous' } }));
  const pair = await ran({ tls, peer: { credentials: { user: 'bob' } } });
  const { failure } = pair.last('server', 'failure')!;
  assert.equal(failure.code, 'certificate-identity');
  assert.match(failure.reason, /"alice@example.org".*"alice".*not for the EAP identity "bob"/);
});

test('versions without overlap: an alert goes over, and both ends say so', async () => {
  const tls = enginesOf(roleOf(serverCertificate, { minVersion: 'TLSv1.3' }), roleOf(alice, { maxVersion: 'TLSv1.2' }));
  const pair = await ran({ tls });
  assert.equal(pair.last('server', 'failure')!.failure.code, 'tls-failed');
  const atPeer = pair.last('peer', 'failure')!.failure;
  assert.match(`${atPeer.reason} ${atPeer.remedy}`, /version/);
});

test('without a certificate of ours, without room, and for noise: a failure, never an exception', async () => {
  const none = new NodeTlsEngine({});
  const ask = {
    session: 'x',
    role: 'server',
    export: { length: 128, labels: LABELS },
    input: new Uint8Array(9),
  } as const;
  assert.equal(codeOf(await none.advance(ask)), 'tls-not-configured');
  const full = new NodeTlsEngine({ server: roleOf(serverCertificate), mostSessions: 0 });
  assert.equal(codeOf(await full.advance(ask)), 'tls-busy');
  const engine = new NodeTlsEngine({ server: roleOf(serverCertificate) });
  const noise = await engine.advance({ ...ask, input: Uint8Array.from({ length: 500 }, (_, i) => (i * 37) & 255) });
  assert.equal(codeOf(noise), 'tls-failed');
  const much = { ...ask, session: 'y', input: Uint8Array.of(22, 3, 1, 64, 0, ...new Uint8Array(60_000)) };
  for (let i = 0; i < 3; i++) await engine.advance(much);
  assert.equal(engine.size, 0);
});

const LABELS = { 'TLSv1.2': { label: 'a' }, 'TLSv1.3': { label: 'b' } };
const codeOf = (progress: Awaited<ReturnType<NodeTlsEngine['advance']>>) =>
  progress.state === 'failed' ? progress.failure.code : progress.state;
