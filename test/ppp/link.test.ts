/** Two real ends over a wire that loses, doubles and reorders: every method in both directions, and every way to end. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { authenticationMethods, type PppConfig } from '../../src/ppp/index.ts';
import { type EndOptions, judge, NETWORK, Pair, type WireOptions } from './sim.ts';

const credentials = { user: 'User', password: 'clientPass' };
const CLOSE = { type: 'close', reason: { code: 'user-request', reason: 'The user hung up.' } } as const;

const server = (config: PppConfig = {}, more: Partial<EndOptions> = {}): EndOptions => ({ config, judge, ...more });
const client = (config: PppConfig = {}): EndOptions => ({ config: { credentials, ...config } });

function networkStands(pair: Pair) {
  const { type: _, family: __, ...atServer } = pair.last('server', 'networkUp')!;
  assert.deepEqual(atServer, NETWORK);
  const atClient = pair.last('client', 'networkUp')!;
  assert.equal(atClient.localAddress, NETWORK.peerAddress);
  assert.equal(atClient.peerAddress, NETWORK.localAddress);
  assert.deepEqual(atClient.dns, NETWORK.dns);
}

for (const method of authenticationMethods) {
  test(`${method}: the peer proves itself to the server`, () => {
    const pair = new Pair(client(), server({ requirePeer: [method] })).start().run(2000);
    networkStands(pair);
    assert.deepEqual(pair.of('server', 'authenticated'), [
      { type: 'authenticated', user: 'User', method, who: 'peer' },
    ]);
    assert.deepEqual(pair.of('client', 'authenticated'), [
      { type: 'authenticated', user: 'User', method, who: 'local' },
    ]);
    assert.equal(pair.last('server', 'lcpUp')!.authentication, method.startsWith('eap-') ? 'eap' : method);
    const names = pair.of('server', 'milestone').map(({ name }) => name);
    assert.deepEqual(names, ['LCP opened', 'authenticated', 'IPCP opened']);
  });

  test(`${method}: both prove themselves at once`, () => {
    const both: PppConfig = { credentials, requirePeer: [method] };
    const withoutAddresses: EndOptions['judge'] = (presented) => {
      const answer = judge(presented);
      if (!answer.accepted) return answer;
      const { network: _, ...accepted } = answer;
      return accepted;
    };
    const pair = new Pair({ config: both, judge: withoutAddresses }, { config: { ...both, network: NETWORK }, judge })
      .start()
      .run(2000);
    for (const name of ['client', 'server'] as const) {
      assert.deepEqual(
        pair
          .of(name, 'authenticated')
          .map(({ who }) => who)
          .sort(),
        ['local', 'peer'],
      );
    }
    assert.ok(pair.last('server', 'networkUp'));
  });

  test(`${method}: 20 seeds of 20 % loss, duplicates and reordering end with the network up`, () => {
    for (let seed = 1; seed <= 20; seed++) {
      const wire: WireOptions = { seed, loss: 0.2, duplicates: 0.1, jitter: 200 };
      const timers = { maxConfigure: 30 };
      const ends = [client({ timers }), server({ requirePeer: [method], timers }, { judgingTakes: 300 })] as const;
      const pair = new Pair(...ends, wire).start().run(60_000);
      assert.ok(pair.last('client', 'networkUp'), `seed ${seed}: ${pair.traces('client').join('\n')}`);
      networkStands(pair);
      pair.command('client', CLOSE);
      pair.run(20_000);
      assert.ok(pair.last('client', 'closed') && pair.links.client.deadline === undefined, `seed ${seed}`);
    }
  });

  test(`${method}: a wrong password fails on both sides with the reason, and nothing is left`, () => {
    const wrong = client({ credentials: { user: 'User', password: 'wrong' } });
    const pair = new Pair(wrong, server({ requirePeer: [method] })).start().run(15_000);
    const atServer = pair.last('server', 'closed')!;
    assert.equal(atServer.reason.code, 'authentication-failed');
    assert.equal(atServer.by, 'local');
    const atClient = pair.last('client', 'closed')!;
    assert.equal(atClient.reason.code, 'authentication-failed');
    assert.equal(atClient.by, 'peer');
    assert.match(atClient.reason.remedy!, /password/);
    for (const name of ['client', 'server'] as const) {
      assert.equal(pair.links[name].deadline, undefined);
      assert.equal(pair.of(name, 'networkUp').length, 0);
    }
    assert.doesNotMatch(JSON.stringify([...pair.traces('client'), ...pair.traces('server')]), /wrong"|clientPass/);
  });
}

test('the server wants MS-CHAPv2 first, the client can PAP alone: they meet at PAP', () => {
  const pair = new Pair(client({ acceptFromPeer: ['pap'] }), server()).start().run(3000);
  networkStands(pair);
  assert.equal(pair.last('server', 'authenticated')!.method, 'pap');
});

test('no common method ends at once and says what is allowed', () => {
  const ends = [client({ acceptFromPeer: ['pap'] }), server({ requirePeer: ['ms-chap-v2', 'chap-md5'] })] as const;
  const pair = new Pair(...ends).start().run(1500);
  const { reason, by } = pair.last('server', 'closed')!;
  assert.equal(reason.code, 'no-common-authentication');
  assert.match(reason.reason, /ms-chap-v2, chap-md5/);
  assert.equal(by, 'local');
  assert.equal(pair.last('client', 'closed')!.by, 'peer');
});

test('a peer without credentials rejects authentication: refused', () => {
  const pair = new Pair({ config: { requirePeer: [], network: {} } }, server()).start().run(1000);
  assert.equal(pair.last('server', 'closed')!.reason.code, 'authentication-refused');
});

test('the client refuses a server that cannot prove that it knows the password', () => {
  const forged = { accepted: true, network: NETWORK, authenticatorResponse: `S=${'0'.repeat(40)}` } as const;
  const pair = new Pair(client(), server({}, { judge: () => forged })).start().run(5000);
  const closed = pair.last('client', 'closed')!;
  assert.equal(closed.reason.code, 'server-authentication-failed');
  assert.equal(closed.by, 'local');
  assert.equal(pair.of('client', 'networkUp').length, 0);
});

test('an answer without the authenticator response is a failure, not a success', () => {
  const pair = new Pair(client(), server({}, { judge: () => ({ accepted: true, network: NETWORK }) }))
    .start()
    .run(5000);
  assert.equal(pair.last('server', 'closed')!.reason.code, 'internal');
});

test('without authentication the configured network is given', () => {
  const open = { config: { requirePeer: [], network: NETWORK } };
  const pair = new Pair({ config: { requirePeer: [], network: { requestNbns: true } } }, open).start().run(1000);
  networkStands(pair);
  assert.deepEqual(pair.last('client', 'networkUp')!.nbns, NETWORK.nbns);
});

test('an answer without addresses waits for configureNetwork, and IPCP of the peer is not lost meanwhile', () => {
  const { network: _, ...bare } = judge({
    method: 'pap',
    user: 'User',
    password: new TextEncoder().encode('clientPass'),
  }) as {
    accepted: true;
    network?: unknown;
  };
  const pair = new Pair(client(), server({ requirePeer: ['pap'] }, { judge: () => bare })).start().run(500);
  assert.equal(pair.of('server', 'networkUp').length, 0);
  pair.command('server', { type: 'configureNetwork', network: NETWORK });
  pair.run(100);
  networkStands(pair);
});

test('slow judging costs no Restart timer: retransmitted responses are ignored, IPCP is quick after it', () => {
  const pair = new Pair(client(), server({}, { judgingTakes: 9000 })).start().run(9200);
  networkStands(pair);
  assert.equal(pair.of('server', 'ask').length, 1);
});

test('clean termination from either side, acknowledged and with the right word on each', () => {
  for (const [near, far] of [
    ['client', 'server'],
    ['server', 'client'],
  ] as const) {
    const pair = new Pair(client(), server()).start().run(1000);
    pair.command(near, CLOSE);
    pair.run(50);
    assert.deepEqual(pair.last(near, 'closed'), { type: 'closed', by: 'local', reason: CLOSE.reason });
    pair.run(2000);
    const closed = pair.last(far, 'closed')!;
    assert.equal(closed.by, 'peer');
    assert.equal(closed.reason.code, 'peer-terminated');
    for (const name of [near, far]) {
      assert.equal(pair.of(name, 'networkDown').length, 1);
      assert.equal(pair.links[name].deadline, undefined);
    }
    const order = pair.outputs[near].filter(({ type }) => type === 'networkDown' || type === 'closed');
    assert.deepEqual(
      order.map(({ type }) => type),
      ['networkDown', 'closed'],
    );
    assert.ok(pair.of(near, 'milestone').some(({ name }) => name === 'LCP terminate sent'));
    assert.ok(pair.of(far, 'milestone').some(({ name }) => name === 'LCP terminate received'));
  }
});

test('both hang up at once', () => {
  const pair = new Pair(client(), server()).start().run(1000);
  pair.command('client', CLOSE);
  pair.command('server', CLOSE);
  pair.run(3000);
  assert.equal(pair.last('client', 'closed')!.by, 'local');
  assert.equal(pair.last('server', 'closed')!.by, 'local');
});

test('down closes at once, and nothing is said any more', () => {
  const pair = new Pair(client(), server()).start().run(1000);
  const before = pair.of('server', 'send').length;
  pair.command('server', { type: 'down', reason: { code: 'tunnel-down', reason: 'The tunnel is gone.' } });
  assert.equal(pair.last('server', 'closed')!.reason.code, 'tunnel-down');
  assert.equal(pair.of('server', 'networkDown').length, 1);
  assert.equal(pair.of('server', 'send').length, before);
  assert.deepEqual(pair.links.server.command(CLOSE, pair.now), []);
  assert.deepEqual(pair.links.server.receive(Uint8Array.of(0xc0, 0x21, 9, 1, 0, 8, 0, 0, 0, 0), pair.now), []);
});

test('a peer that vanishes: echo-timeout, and no deadline is left', () => {
  const timers = { echoInterval: 10_000, echoFailures: 3 };
  const pair = new Pair(client({ timers }), server({ timers })).start().run(1000);
  pair.cut = true;
  pair.run(60_000);
  for (const name of ['client', 'server'] as const) {
    const closed = pair.last(name, 'closed')!;
    assert.deepEqual([closed.by, closed.reason.code], ['timeout', 'echo-timeout']);
    assert.equal(pair.links[name].deadline, undefined);
  }
});

test('vanishing at any moment of the establishment leaves no state', () => {
  for (let at = 5; at < 150; at += 10) {
    const pair = new Pair(client(), server({}, { judgingTakes: 20 })).start().run(at);
    pair.cut = true;
    pair.run(300_000);
    for (const name of ['client', 'server'] as const) {
      assert.ok(pair.last(name, 'closed'), `cut at ${at}, ${name}`);
      assert.equal(pair.links[name].deadline, undefined);
    }
  }
});

test('traffic of the peer on the data plane spares the echoes', () => {
  const timers = { echoInterval: 10_000 };
  const quiet = { echoInterval: 0 };
  const pair = new Pair(client({ timers: quiet }), server({ timers })).start().run(1000);
  const echoes = () => pair.traces('server').filter((line) => line.startsWith('> LCP EchoReq')).length;
  for (let i = 0; i < 12; i++) {
    pair.command('server', { type: 'alive' });
    pair.run(5000);
  }
  assert.equal(echoes(), 0);
  pair.run(24_000);
  assert.equal(echoes(), 2, 'silence is probed, and the answers count as life');
  assert.equal(pair.of('server', 'closed').length, 0);
});

test('an unanswered start gives up with lcp-timeout after 10 requests, the first ones soon after each other', () => {
  const pair = new Pair(client(), server());
  pair.cut = true;
  pair.start().run(2500);
  assert.equal(pair.of('server', 'send').length, 4);
  pair.run(30_000);
  assert.equal(pair.of('server', 'send').length, 10);
  assert.equal(pair.last('server', 'closed')!.reason.code, 'lcp-timeout');
});

test('the first request is lost, as at peers whose pppd is not up yet: 0.3 s, not three', () => {
  const pair = new Pair(client(), server());
  pair.cut = true;
  pair.command('server', { type: 'up' });
  pair.run(250);
  pair.cut = false;
  // A peer that waits, as Android does, is asked again.
  pair.run(100);
  assert.equal(pair.of('server', 'send').length, 2);
  pair.command('client', { type: 'up' });
  pair.run(1100);
  networkStands(pair);
});

test('the peer is challenged again and again when that is wanted, and traffic goes on', () => {
  for (const method of ['chap-md5', 'ms-chap-v2'] as const) {
    const pair = new Pair(client(), server({ requirePeer: [method], reauthenticateEvery: 5000 })).start().run(21_000);
    assert.equal(pair.of('server', 'ask').length, 5);
    assert.equal(pair.of('server', 'authenticated').length, 1);
    assert.equal(pair.of('server', 'networkUp').length, 1);
    assert.equal(pair.of('client', 'closed').length, 0);
  }
});

test('a password that is withdrawn is found out at the next challenge', () => {
  let asked = 0;
  const once: EndOptions['judge'] = (presented) =>
    ++asked === 1
      ? judge(presented)
      : { accepted: false, reason: { code: 'account-disabled', reason: 'The account is disabled.' } };
  const pair = new Pair(client(), server({ reauthenticateEvery: 5000 }, { judge: once })).start().run(10_000);
  assert.equal(pair.last('server', 'closed')!.reason.code, 'account-disabled');
  assert.match(pair.last('client', 'closed')!.reason.reason, /disabled/);
});

test('a peer that demands what we may not use and then leaves: both ends say no-common-authentication', () => {
  const pair = new Pair(client({ acceptFromPeer: ['ms-chap-v2'] }), server({ requirePeer: ['pap'] }))
    .start()
    .run(10_000);
  for (const end of ['client', 'server'] as const) {
    assert.equal(pair.last(end, 'closed')!.reason.code, 'no-common-authentication');
  }
  assert.match(pair.last('client', 'closed')!.reason.reason, /demands authentication by pap/);
});
