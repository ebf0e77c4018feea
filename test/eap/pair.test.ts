/** Two real ends over a wire that loses, doubles and reorders: methods with passwords, Naks, retries, every way to end. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type EapMethodName, type EapOutput, EapPeer } from '../../src/eap/index.ts';
import { toHex } from '../../src/wire/index.ts';
import { EapPair, environment, judge, type PairOptions } from './sim.ts';

const wrong = { user: 'User', password: 'wrong' };

async function ran(options: PairOptions): Promise<EapPair> {
  return new EapPair(options).start().run();
}

function bothSucceed(pair: EapPair, method: EapMethodName) {
  const [atServer, atPeer] = [pair.last('server', 'success'), pair.last('peer', 'success')];
  assert.ok(atServer && atPeer, pair.traces('peer').join('\n'));
  assert.deepEqual([atServer.identity, atServer.method], ['User', method]);
  assert.deepEqual([atPeer.identity, atPeer.method], ['User', method]);
  assert.deepEqual(atServer.msk, atPeer.msk);
  assert.equal(atServer.msk?.length, method === 'eap-mschapv2' ? 64 : undefined);
  assert.equal(pair.peer.deadline ?? pair.server.deadline, undefined, 'nothing waits any more');
}

for (const method of ['eap-mschapv2', 'eap-gtc', 'eap-md5'] as const) {
  const methods = [method];

  test(`${method}: identity, method, success, and the same key at both ends`, async () => {
    bothSucceed(await ran({ server: { methods }, peer: { methods } }), method);
  });

  test(`${method}: a wrong password fails at both ends, and no trace shows it`, async () => {
    const pair = await ran({ server: { methods }, peer: { methods, credentials: wrong } });
    assert.equal(pair.last('server', 'failure')!.failure.code, 'authentication-failed');
    const atPeer = pair.last('peer', 'failure')!;
    assert.deepEqual([atPeer.failure.code, atPeer.by], ['authentication-failed', 'peer']);
    assert.doesNotMatch([...pair.traces('peer'), ...pair.traces('server')].join(), /wrong$|clientPass/m);
  });

  test(`${method}: 40 seeds of 20 % loss, duplicates and reordering`, async () => {
    for (let seed = 1; seed <= 40; seed++) {
      const server = { methods, mostTransmissions: 30 };
      const pair = await ran({ server, peer: { methods }, seed, loss: 0.2, duplicates: 0.1, jitter: 200 });
      assert.ok(pair.last('server', 'success'), `seed ${seed}\n${pair.traces('server').join('\n')}`);
      // Success is said once; only where the method proves it may a peer do without. RFC 3748 §4.2.
      const lost = !pair.traces('peer').some((line) => line.startsWith('< EAP Success'));
      if (lost && method !== 'eap-mschapv2') assert.equal(pair.last('peer', 'failure')!.by, 'timeout');
      else bothSucceed(pair, method);
    }
  });
}

test('the layer below may say what a lost Success would have said', async () => {
  const pair = new EapPair({ server: { methods: ['eap-gtc'] }, peer: { methods: ['eap-gtc'] } });
  pair.take('peer', pair.peer.command({ type: 'lowerLayerSuccess' }, 0));
  pair.start();
  pair.take('peer', pair.peer.command({ type: 'lowerLayerSuccess' }, 0));
  assert.deepEqual(pair.outputs.peer, [], 'nothing is proved yet');
  await pair.run(45);
  assert.equal(pair.last('peer', 'success'), undefined);
  pair.take('peer', pair.peer.command({ type: 'lowerLayerSuccess' }, 45));
  assert.ok(pair.last('peer', 'success'));
});

test('the server prefers TLS, the peer knows GTC and MSCHAPv2: a Nak finds what the server likes better', async () => {
  const pair = await ran({
    server: { methods: ['eap-tls', 'eap-mschapv2', 'eap-gtc'] },
    peer: { methods: ['eap-gtc', 'eap-mschapv2'] },
  });
  bothSucceed(pair, 'eap-mschapv2');
  assert.deepEqual(
    pair.traces('peer').filter((line) => /Nak|TLS/.test(line)),
    ['< EAP Request id=189 TLS Start no data', '> EAP Response id=189 Nak wants GTC, MSCHAPv2'],
  );
});

test('no common method: both ends name what each would have taken', async () => {
  const pair = await ran({ server: { methods: ['eap-tls'] }, peer: { methods: ['eap-gtc'] } });
  const atServer = pair.last('server', 'failure')!.failure;
  assert.equal(atServer.code, 'no-common-authentication');
  assert.match(atServer.reason, /eap-tls.*GTC/);
  const atPeer = pair.last('peer', 'failure')!.failure;
  assert.equal(atPeer.code, 'no-common-authentication');
  assert.match(atPeer.reason, /TLS.*eap-gtc/);
});

test('E=691 R=1: another password is tried against the new challenge', async () => {
  for (const loss of [0, 0.3]) {
    const pair = await ran({
      server: { retries: 2, mostTransmissions: 30 },
      peer: { credentials: { ...wrong, otherPasswords: ['wronger', 'clientPass'] } },
      loss: loss / 10,
      seed: 5,
    });
    bothSucceed(pair, 'eap-mschapv2');
    assert.equal(pair.outputs.server.filter(({ type }) => type === 'retrying').length, 2);
  }
});

test('R=1 with nothing to try again: the peer says so at once', async () => {
  const pair = await ran({ server: { retries: 2 }, peer: { credentials: wrong } });
  assert.equal(pair.last('server', 'failure')!.by, 'local');
  assert.match(pair.last('peer', 'failure')!.failure.reason, /wrong password/);
});

test('retries are not without end', async () => {
  const otherPasswords = ['a', 'b', 'c', 'clientPass'];
  const pair = await ran({ server: { retries: 2 }, peer: { credentials: { ...wrong, otherPasswords } } });
  assert.ok(pair.last('server', 'failure') && pair.last('peer', 'failure'));
});

test('a server that cannot prove that it knows the password is not believed', async () => {
  const forged = { accepted: true, authenticatorResponse: `S=${'0'.repeat(40)}` } as const;
  const pair = await ran({ judge: () => forged });
  assert.equal(pair.last('peer', 'failure')!.failure.code, 'server-authentication-failed');
  assert.equal(pair.last('server', 'failure')!.by, 'peer');
});

test('an account that is disabled, in the words of RFC 2759 §6', async () => {
  const reason = { code: 'account-disabled', reason: 'The account is disabled.' };
  const pair = await ran({ judge: () => ({ accepted: false, reason }) });
  assert.match(pair.last('peer', 'failure')!.failure.reason, /the account is disabled/);
});

test('silence: the server gives up after its transmissions, the peer after its patience', async () => {
  const pair = await ran({ loss: 1 });
  assert.equal(pair.last('server', 'failure')!.by, 'timeout');
  assert.equal(pair.outputs.server.filter(({ type }) => type === 'send').length, 11, '10 requests and the Failure');
  assert.equal(pair.last('peer', 'failure')!.by, 'timeout');
});

test('without a restart timer nothing is repeated and nothing waits: the carrier does both', async () => {
  const pair = await ran({ server: { restart: [] }, peer: { methods: ['eap-mschapv2'] }, loss: 1 });
  assert.equal(pair.server.deadline, undefined);
  assert.equal(pair.outputs.server.filter(({ type }) => type === 'send').length, 1);
});

test('over a carrier that loses nothing a peer waits for the Success as long as it takes', async () => {
  const pair = new EapPair({ server: { restart: [] } });
  const peer = new EapPeer(
    { methods: ['eap-mschapv2'], credentials: { user: 'User', password: 'clientPass' } },
    environment(6),
  );
  peer.command({ type: 'start' }, 0);
  const { server } = pair;
  let packet = packetOf(server.command({ type: 'start' }, 0));
  for (let i = 0; i < 3; i++) {
    const outputs = server.receive(packetOf(peer.receive(packet!, 0))!, 0);
    const ask = outputs.find((output) => output.type === 'ask');
    packet = packetOf(
      ask === undefined ? outputs : server.command({ type: 'answer', id: ask.id, answer: judge(ask.credentials) }, 0),
    );
    assert.equal(peer.deadline ?? server.deadline, undefined);
  }
  assert.ok(peer.receive(packet!, 0).some(({ type }) => type === 'success'));
});

const packetOf = (outputs: readonly EapOutput[]) =>
  outputs.flatMap((output) => (output.type === 'send' ? [output.bytes] : []))[0];

test('an identity that the carrier knows is not asked for', async () => {
  const pair = await ran({ server: { identity: 'User' } });
  bothSucceed(pair, 'eap-mschapv2');
  assert.ok(!pair.traces('peer').some((line) => line.includes('Identity')));
});

test('who needs a key takes no method without one', async () => {
  const methods = ['eap-gtc'] as const;
  const pair = await ran({ server: { methods, needsKey: true }, peer: { methods } });
  assert.equal(pair.last('server', 'failure')!.failure.code, 'eap-no-key');
  const other = await ran({ server: { methods }, peer: { methods, needsKey: true } });
  assert.equal(other.last('peer', 'failure')!.failure.code, 'eap-no-key');
});

test('the same seed gives the same bytes', async () => {
  const said = async () =>
    (await ran({ seed: 9 })).outputs.peer.flatMap((one) => (one.type === 'send' ? [toHex(one.bytes)] : []));
  assert.deepEqual(await said(), await said());
});
