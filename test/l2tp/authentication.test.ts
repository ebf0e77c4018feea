import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nodeCrypto } from '../../src/crypto/node/index.ts';
import { challengeResponse, encodeMessage, type L2tpSettings, verifyResponse } from '../../src/l2tp/index.ts';
import { concat, fromHex, toHex, utf8 } from '../../src/wire/index.ts';
import { lab, REASON } from './lab.ts';
import { names, REQUEST, ScriptedPeer } from './scriptedPeer.ts';

const secret = utf8('open sesame');

test('the response is MD5 over message type, secret and challenge (RFC 2661 §4.4.3, RFC 1994 §4.1)', () => {
  const challenge = fromHex('00112233445566778899aabbccddeeff');
  for (const [name, identifier] of [
    ['SCCRP', 2],
    ['SCCCN', 3],
  ] as const) {
    const response = challengeResponse(nodeCrypto, name, secret, challenge);
    assert.equal(toHex(response), toHex(nodeCrypto.hash('md5', concat(Uint8Array.of(identifier), secret, challenge))));
    assert.ok(verifyResponse(nodeCrypto, name, secret, challenge, response));
    assert.ok(!verifyResponse(nodeCrypto, name, secret, challenge, undefined));
    assert.ok(!verifyResponse(nodeCrypto, name, utf8('other'), challenge, response));
    assert.ok(!verifyResponse(nodeCrypto, name, secret, challenge, response.subarray(0, 15)));
  }
});

function outcome(lacSettings: Partial<L2tpSettings>, lnsSettings: Partial<L2tpSettings>) {
  const { network, lac, lns } = lab({ lac: lacSettings, lns: lnsSettings });
  lac.command({ type: 'connect' });
  network.run(100_000);
  const of = (end: typeof lac) =>
    end.all('sessionUp').length > 0 ? 'up' : (end.all('tunnelDown')[0]?.reason.code ?? 'nothing');
  return [of(lac), of(lns)];
}

test('tunnel authentication: required, optional, one-sided, wrong, missing', () => {
  const required = { secret, requireAuthentication: true };
  const wrong = { secret: utf8('guess'), requireAuthentication: true };
  assert.deepEqual(outcome(required, required), ['up', 'up']);
  assert.deepEqual(outcome({ secret }, required), ['up', 'up']);
  assert.deepEqual(outcome(required, { secret }), ['up', 'up']);
  assert.deepEqual(outcome({ ...required, hideAvps: true }, { ...required, hideAvps: true }), ['up', 'up']);
  assert.deepEqual(outcome(wrong, required), ['tunnel-authentication-failed', 'not-authorized']);
  assert.deepEqual(outcome({ secret: utf8('guess') }, required), ['not-authorized', 'tunnel-authentication-failed']);
  assert.deepEqual(outcome({}, required), ['no-tunnel-secret', 'not-authorized']);
  // The LNS refuses without leaving state, so it reports no tunnel.
  assert.deepEqual(outcome(required, {}), ['not-authorized', 'nothing']);
});

test('a failure names the remedy, and no secret, challenge or response is in any trace', () => {
  const { network, lac, lns } = lab({ lac: { secret, requireAuthentication: true }, lns: { secret: utf8('guess') } });
  lac.command({ type: 'connect' });
  network.run(100_000);
  assert.match(lac.the('tunnelDown').reason.remedy ?? '', /same tunnel secret/);
  const challenge = lac.all('send')[0]!.bytes.subarray(-16);
  const log = JSON.stringify([...lac.all('trace'), ...lns.all('trace'), lac.the('tunnelDown')]);
  assert.ok(!log.includes('open sesame') && !log.includes(toHex(challenge)) && log.includes('challenge=[16]'));
});

test('our own challenge sent back in a second tunnel is refused', () => {
  const peer = new ScriptedPeer({ secret, requireAuthentication: true });
  const [sccrp] = peer.say('SCCRQ', REQUEST);
  const { challenge } = sccrp!.message!.avps;
  const second = encodeMessage('SCCRQ', { ...REQUEST, assignedTunnelId: 0x55, challenge });
  assert.deepEqual(names(peer.raw(second, 0, 0, 0)), ['StopCCN']);
});

test('settings that cannot work are refused at once', () => {
  for (const settings of [
    { requireAuthentication: true },
    { hideAvps: true },
    { hostName: '' },
    { receiveWindow: 0 },
  ]) {
    assert.throws(() => lab({ lac: settings }), RangeError);
  }
});

const tieSettings = { acceptTunnels: true, tieBreaker: true };

test('both ends ask at once: the lower tie breaker keeps its tunnel, and the call is made in it', () => {
  const losers = new Set<string>();
  for (let seed = 1; seed <= 12; seed++) {
    const { network, lac, lns } = lab({ seed, lac: tieSettings, lns: tieSettings });
    lac.command({ type: 'connect' });
    lns.command({ type: 'connect' });
    network.run(20_000);
    assert.deepEqual([lac.all('tunnelUp').length, lns.all('tunnelUp').length], [1, 1], `seed ${seed}`);
    assert.deepEqual([lac.all('sessionUp').length, lns.all('sessionUp').length], [1, 1], `seed ${seed}`);
    for (const [name, end] of [
      ['lac', lac],
      ['lns', lns],
    ] as const) {
      if (end.all('milestone').some((milestone) => milestone.name === 'tie breaker lost')) losers.add(name);
    }
    lac.command({ type: 'close', tunnel: lac.the('tunnelUp').tunnel, reason: REASON });
    network.run(100_000);
    assert.ok(lac.socket.idle && lns.socket.idle, `seed ${seed}`);
  }
  assert.deepEqual([...losers].sort(), ['lac', 'lns']);
});

test('tie breakers: only one side has one, none has, both are equal', () => {
  const tunnels = (lacTie: boolean, lnsTie: boolean) => {
    const both = { acceptTunnels: true, emptyTunnelTimeout: 0 };
    const pair = lab({ lac: { ...both, tieBreaker: lacTie }, lns: { ...both, tieBreaker: lnsTie } });
    pair.lac.command({ type: 'connect' });
    pair.lns.command({ type: 'connect' });
    pair.network.run(20_000);
    return pair.lns.all('tunnelUp').length;
  };
  assert.deepEqual([tunnels(true, false), tunnels(false, true), tunnels(false, false)], [1, 1, 2]);

  const peer = new ScriptedPeer({ ...tieSettings, role: 'lac' });
  const [sccrq] = peer.command({ type: 'connect' });
  const { tieBreaker } = sccrq!.message!.avps;
  assert.deepEqual(peer.raw(encodeMessage('SCCRQ', { ...REQUEST, tieBreaker }), 0, 0, 0), []);
  assert.equal(peer.all('tunnelDown')[0]?.reason.code, 'tie-breaker-equal');
  assert.ok(peer.socket.idle);
});
