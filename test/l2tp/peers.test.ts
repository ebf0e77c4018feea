/** How peers of the field behave, and what they must meet with. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  decodeMessage,
  encodeData,
  encodeMessage,
  readControlMessage,
  writeControlMessage,
} from '../../src/l2tp/index.ts';
import { concat } from '../../src/wire/index.ts';
import { REASON } from './lab.ts';
import { rawAvp } from './rawAvp.ts';
import { names, PEER_TUNNEL, REPLY, REQUEST, ScriptedPeer } from './scriptedPeer.ts';

test('Android: window 1, goes on only at a bare ZLB, answers nothing by itself', () => {
  const peer = new ScriptedPeer();
  /* SCCRQ --> */
  const [sccrp] = peer.say('SCCRQ', { ...REQUEST, hostName: 'anonymous', receiveWindowSize: 1 });
  assert.deepEqual([sccrp?.name, sccrp?.tunnel, sccrp?.ns, sccrp?.nr], ['SCCRP', PEER_TUNNEL, 0, 1]);
  /* SCCCN --> */
  const acknowledged = peer.say('SCCCN', {});
  assert.deepEqual(
    acknowledged.map(({ name, ns, nr }) => [name, ns, nr]),
    [['ZLB', 1, 2]],
  );
  assert.equal(peer.all('tunnelUp')[0]?.peerReceiveWindow, 1);
  /* ICRQ --> */
  const [icrp] = peer.say('ICRQ', { assignedSessionId: 7, callSerialNumber: 1 });
  assert.deepEqual([icrp?.name, icrp?.session], ['ICRP', 7]);
  /* ICCN --> */
  const session = icrp!.message!.avps.assignedSessionId!;
  assert.deepEqual(names(peer.say('ICCN', { txConnectSpeed: 100_000_000, framingType: 3 }, session)), ['ZLB']);
  assert.equal(peer.all('sessionUp')[0]?.peerSession, 7);
  // It repeats ICCN every 2 s as long as the acknowledgement is lost: each time it gets one.
  peer.ns--;
  assert.deepEqual(names(peer.say('ICCN', { txConnectSpeed: 100_000_000, framingType: 3 }, session)), ['ZLB']);
  // Two messages for it: the second waits for the acknowledgement of the first.
  const { tunnel } = peer;
  const link = { type: 'setLinkInfo', tunnel, session, sendAccm: 0, receiveAccm: 0 } as const;
  assert.deepEqual(names([...peer.command(link), ...peer.command(link)]), ['SLI']);
  assert.deepEqual(names(peer.zlb()), ['SLI']);
});

test('Apple: a byte-swapped result code, and none of an error code', () => {
  const peer = new ScriptedPeer();
  peer.establish();
  const session = peer.callIn();
  const type = (number: number) => rawAvp(0x8000, 0, 0, Uint8Array.of(0, number));
  const cdn = concat(type(14), rawAvp(0x8000, 0, 1, Uint8Array.of(3, 0)), rawAvp(0x8000, 0, 14, Uint8Array.of(0, 7)));
  assert.deepEqual(names(peer.sayBody(cdn, session)), ['ZLB']);
  assert.equal(peer.all('sessionDown')[0]?.reason.code, 'administrative');
  const stop = concat(
    type(4),
    rawAvp(0x8000, 0, 9, Uint8Array.of(0, PEER_TUNNEL)),
    rawAvp(0x8000, 0, 1, Uint8Array.of(6, 0)),
  );
  assert.deepEqual(names(peer.sayBody(stop)), ['ZLB']);
  assert.equal(peer.all('tunnelDown')[0]?.reason.code, 'shutting-down');
  assert.equal(peer.all('tunnelDown')[0]?.by, 'peer');
});

test('CDN or StopCCN without a result code, or with nothing else, is an end all the same', () => {
  const peer = new ScriptedPeer();
  peer.establish();
  const session = peer.callIn();
  peer.sayBody(rawAvp(0x8000, 0, 0, Uint8Array.of(0, 14)), session);
  assert.equal(peer.all('sessionDown')[0]?.reason.code, 'no-result-code');
  peer.sayBody(rawAvp(0x8000, 0, 0, Uint8Array.of(0, 4)));
  assert.equal(peer.all('tunnelDown').length, 1);
});

test('StopCCN is acknowledged again and again for 31 s, then forgotten', () => {
  const peer = new ScriptedPeer();
  peer.establish();
  const stop = encodeMessage('StopCCN', { assignedTunnelId: PEER_TUNNEL, resultCode: { result: 1 } });
  const number = peer.ns;
  for (const at of [0, 1_000, 3_000, 7_000, 15_000, 23_000]) {
    peer.now = at;
    assert.deepEqual(names(peer.raw(stop, number, 0)), ['ZLB']);
  }
  assert.equal(peer.all('tunnelDown').length, 1);
  peer.waitUntil(60_000);
  assert.ok(peer.socket.idle);
  // One more is acknowledged without any state.
  const [late] = peer.raw(stop, number, 0);
  assert.deepEqual([late?.name, late?.tunnel, late?.nr], ['ZLB', PEER_TUNNEL, number + 1]);
  assert.ok(peer.socket.idle);
});

test('StopCCN with Tunnel ID 0 finds the tunnel by the Assigned Tunnel ID', () => {
  const peer = new ScriptedPeer();
  peer.say('SCCRQ', REQUEST);
  const stop = encodeMessage('StopCCN', { assignedTunnelId: PEER_TUNNEL, resultCode: { result: 1 } });
  assert.deepEqual(names(peer.raw(stop, peer.ns, 0, 0)), ['ZLB']);
  assert.equal(peer.all('tunnelDown')[0]?.by, 'peer');
});

test('D-Link: SCCCN with Tunnel ID 0 is taken where the quirk is on, refused where it is not', () => {
  for (const acceptTunnelIdZero of [true, false]) {
    const peer = new ScriptedPeer({ acceptTunnelIdZero });
    peer.say('SCCRQ', REQUEST);
    peer.raw(encodeMessage('SCCCN', {}), peer.ns, 0, 0);
    assert.equal(peer.all('tunnelUp').length, acceptTunnelIdZero ? 1 : 0);
  }
});

test('ICCN that comes before its ICRQ is kept and delivered in order', () => {
  const peer = new ScriptedPeer();
  peer.establish();
  const request = encodeMessage('ICRQ', { assignedSessionId: 7, callSerialNumber: 1 });
  const second = encodeMessage('ICRQ', { assignedSessionId: 8, callSerialNumber: 2 });
  const first = peer.ns;
  assert.deepEqual(names(peer.raw(second, first + 1, 0)), ['ZLB']);
  assert.equal(peer.all('milestone').filter(({ name }) => name === 'ICRQ received').length, 0);
  const answers = peer.raw(request, first, 0);
  assert.equal(answers[0]?.nr, first + 2);
  assert.deepEqual(peer.all('milestone').filter(({ name }) => name === 'ICRQ received').length, 2);
});

test('vendor AVPs and messages without the M bit are ignored', () => {
  const peer = new ScriptedPeer();
  peer.establish();
  const session = peer.callIn();
  const before = peer.outputs.length;
  const hello = concat(rawAvp(0x8000, 0, 0, Uint8Array.of(0, 6)), rawAvp(0, 9, 1, Uint8Array.of(1)));
  assert.deepEqual(names(peer.sayBody(hello)), ['ZLB']);
  assert.deepEqual(names(peer.sayBody(rawAvp(0, 0, 0, Uint8Array.of(0, 99)), session)), ['ZLB']);
  assert.ok(peer.outputs.slice(before).every(({ type }) => type === 'send' || type === 'trace' || type === 'dropped'));
});

test('an unknown AVP with the M bit ends the tunnel or only the session; permissive forgives', () => {
  const strange = rawAvp(0x8000, 311, 5, Uint8Array.of(1));
  const hello = concat(rawAvp(0x8000, 0, 0, Uint8Array.of(0, 6)), strange);
  const icrq = concat(encodeMessage('ICRQ', { assignedSessionId: 9, callSerialNumber: 1 }), strange);

  const strict = new ScriptedPeer();
  strict.establish();
  const [cdn] = strict.sayBody(icrq);
  assert.deepEqual(
    [cdn?.name, cdn?.session, cdn?.message?.avps.resultCode?.result, cdn?.message?.avps.resultCode?.error],
    ['CDN', 9, 2, 8],
  );
  strict.zlb();
  const [stop] = strict.sayBody(hello);
  const { resultCode } = stop!.message!.avps;
  assert.deepEqual([stop?.name, resultCode?.result, resultCode?.error], ['StopCCN', 2, 8]);
  assert.match(resultCode?.message ?? '', /AVP 5 of vendor 311/);
  assert.equal(strict.all('tunnelDown').length, 0);
  strict.zlb();
  assert.equal(strict.all('tunnelDown')[0]?.reason.code, 'unknown-mandatory-avp');

  const permissive = new ScriptedPeer({ permissive: true });
  permissive.establish();
  assert.deepEqual(names(permissive.sayBody(icrq)), ['ICRP']);
  assert.deepEqual(names(permissive.sayBody(hello)), ['ZLB']);
});

test('a malformed body ends the tunnel, messages out of sequence too', () => {
  const malformed = new ScriptedPeer();
  malformed.establish();
  const [stop] = malformed.sayBody(Uint8Array.of(0x80, 3, 0, 0, 0, 0));
  assert.deepEqual([stop?.name, stop?.message?.avps.resultCode?.error], ['StopCCN', 2]);

  const early = new ScriptedPeer();
  early.say('SCCRQ', REQUEST);
  const [refused] = early.say('ICRQ', { assignedSessionId: 7, callSerialNumber: 1 });
  // SCCRP is acknowledged by the ICRQ, so StopCCN may follow.
  assert.deepEqual([refused?.name, refused?.message?.avps.resultCode?.result], ['StopCCN', 7]);

  const twice = new ScriptedPeer();
  twice.establish();
  assert.deepEqual(names(twice.say('SCCCN', {})), ['StopCCN']);
});

test('call messages in the wrong state end the session alone', () => {
  const peer = new ScriptedPeer();
  peer.establish();
  const session = peer.callIn();
  const [cdn] = peer.say('ICRP', { assignedSessionId: 7 }, session);
  assert.deepEqual([cdn?.name, cdn?.session], ['CDN', 7]);
  peer.zlb();
  assert.equal(peer.all('sessionDown')[0]?.reason.code, 'finite-state-machine');
  // For a session that is not there, an LNS answers ICRP with CDN and ignores ICCN.
  assert.deepEqual(names(peer.say('ICRP', { assignedSessionId: 8 }, 0x7777)), ['CDN']);
  peer.zlb();
  assert.deepEqual(names(peer.say('ICCN', { txConnectSpeed: 1, framingType: 1 }, 0x7777)), ['ZLB']);
  assert.equal(peer.all('tunnelDown').length, 0);
});

test('session ids 0 and in use are refused, and so is a session too many', () => {
  const peer = new ScriptedPeer({ maximumSessions: 1 });
  peer.establish();
  const [zero] = peer.say('ICRQ', { assignedSessionId: 0, callSerialNumber: 1 });
  assert.deepEqual([zero?.name, zero?.message?.avps.resultCode?.error], ['CDN', 5]);
  peer.callIn(7);
  const [second] = peer.say('ICRQ', { assignedSessionId: 8, callSerialNumber: 1 });
  assert.deepEqual([second?.name, second?.session, second?.message?.avps.resultCode?.result], ['CDN', 8, 4]);
});

test('HELLO only after an interval of complete silence; data counts as life', () => {
  const peer = new ScriptedPeer();
  peer.establish();
  const session = peer.callIn();
  peer.now = 50_000;
  peer.command({ type: 'alive' });
  assert.deepEqual(peer.waitUntil(109_999), []);
  peer.take(peer.socket.receive(encodeData({ tunnel: peer.tunnel, session, frame: Uint8Array.of(1) }), peer.now));
  assert.deepEqual(peer.waitUntil(169_998), []);
  assert.deepEqual(names(peer.waitUntil(169_999)), ['HELLO']);
  assert.deepEqual(peer.zlb(), []);
  assert.deepEqual(names(peer.waitUntil(229_999)), ['HELLO']);
});

test('an unanswered HELLO does not end a tunnel whose data flows, silence does', () => {
  const peer = new ScriptedPeer();
  peer.establish();
  peer.callIn();
  peer.waitUntil(60_000);
  for (let at = 65_000; at <= 600_000; at += 5_000) {
    peer.waitUntil(at);
    peer.command({ type: 'alive' });
  }
  assert.equal(peer.all('tunnelDown').length, 0);
  peer.waitUntil(700_000);
  assert.equal(peer.all('tunnelDown')[0]?.by, 'timeout');
  assert.equal(peer.all('tunnelDown')[0]?.reason.code, 'peer-unresponsive');
  assert.deepEqual([peer.all('sessionDown').length, peer.socket.idle, peer.socket.deadline], [1, true, undefined]);

  const silent = new ScriptedPeer();
  silent.establish();
  silent.callIn();
  silent.waitUntil(60_000 + 30_999);
  assert.equal(silent.all('tunnelDown').length, 0);
  silent.waitUntil(60_000 + 31_000);
  assert.equal(silent.all('tunnelDown')[0]?.by, 'timeout');
});

test('a peer that comes back with the same tunnel id replaces its tunnel; a repeated SCCRQ does not', () => {
  const peer = new ScriptedPeer();
  peer.establish();
  peer.callIn();
  const old = peer.tunnel;
  // The SCCRQ of this tunnel, late on the way.
  assert.deepEqual(names(peer.raw(encodeMessage('SCCRQ', REQUEST), 0, 0, 0)), ['ZLB']);
  assert.equal(peer.all('tunnelDown').length, 0);
  Object.assign(peer, { ns: 0, nr: 0, tunnel: 0, now: 40_000 });
  peer.establish();
  assert.equal(peer.all('tunnelDown')[0]?.reason.code, 'peer-restarted');
  assert.equal(peer.all('sessionDown').length, 1);
  assert.equal(peer.all('tunnelUp').length, 2);
  assert.notEqual(peer.tunnel, old);
});

test('messages for a tunnel that is not there: StopCCN at most once a second, never for a ZLB', () => {
  const peer = new ScriptedPeer();
  const hello = encodeMessage('HELLO', {});
  const [stop] = peer.raw(hello, 5, 0, 0x3333);
  assert.deepEqual([stop?.name, stop?.nr, stop?.message?.avps.assignedTunnelId], ['StopCCN', 6, 0x3333]);
  assert.deepEqual(peer.raw(hello, 5, 0, 0x3333), []);
  peer.now = 2_000;
  assert.deepEqual(peer.raw(new Uint8Array(0), 5, 0, 0x3333), []);
  assert.deepEqual(names(peer.raw(hello, 5, 0, 0x3333)), ['StopCCN']);
  assert.ok(peer.socket.idle);
});

test('a version that is not 1 and a request that is not wanted are refused without state', () => {
  const peer = new ScriptedPeer();
  const [stop] = peer.say('SCCRQ', { ...REQUEST, protocolVersion: { version: 2, revision: 0 } });
  assert.deepEqual(
    [stop?.name, stop?.tunnel, stop?.message?.avps.resultCode?.result, stop?.message?.avps.resultCode?.error],
    ['StopCCN', PEER_TUNNEL, 5, 1],
  );
  assert.ok(peer.socket.idle);
  const lac = new ScriptedPeer({ role: 'lac' });
  assert.equal(lac.say('SCCRQ', REQUEST)[0]?.message?.avps.resultCode?.result, 4);
});

test('a flood of requests is bounded', () => {
  const peer = new ScriptedPeer({ maximumHalfOpenTunnels: 3 });
  const answers = Array.from({ length: 10 }, (_, i) =>
    peer.raw(encodeMessage('SCCRQ', { ...REQUEST, assignedTunnelId: i + 1 }), 0, 0, 0),
  ).flat();
  assert.equal(answers.filter(({ name }) => name === 'SCCRP').length, 3);
  assert.equal(answers.filter(({ name }) => name === 'StopCCN').length, 7);
  peer.waitUntil(200_000);
  assert.ok(peer.socket.idle);
});

test('on an unprotected path no answer is longer than the request, and SCCRP is not repeated unasked', () => {
  const peer = new ScriptedPeer({ protectedPath: false, hostName: 'a-rather-long-host-name.example.net' });
  const request = encodeMessage('SCCRQ', REQUEST);
  const [sccrp] = peer.raw(request, 0, 0, 0);
  assert.equal(sccrp?.name, 'SCCRP');
  assert.ok(sccrp!.length <= request.length + 12);
  peer.nr = 0;
  assert.deepEqual(
    peer.raw(request, 0, 0, 0).map(({ name }) => name),
    ['SCCRP'],
  );
  assert.deepEqual(
    peer.waitUntil(100_000).filter(({ name }) => name === 'SCCRP'),
    [],
  );
  assert.ok(peer.socket.idle);
  // Refusals, garbage and unknown tunnels.
  const refusing = new ScriptedPeer({ protectedPath: false, acceptTunnels: false });
  const [stop] = refusing.raw(request, 0, 0, 0);
  assert.ok(stop!.name === 'StopCCN' && stop!.length <= request.length + 12);
  assert.deepEqual(refusing.raw(encodeMessage('HELLO', {}), 0, 0, 0x3333), []);
  // A request too short for the challenge that is required gets no answer.
  const demanding = new ScriptedPeer({ protectedPath: false, secret: Uint8Array.of(1), requireAuthentication: true });
  assert.deepEqual(demanding.raw(request, 0, 0, 0), []);
  assert.ok(demanding.socket.idle);
});

test('a session that is not connected in time is ended with result 10; the tunnel stays', () => {
  const peer = new ScriptedPeer({ emptyTunnelTimeout: 0 });
  peer.establish();
  peer.say('ICRQ', { assignedSessionId: 7, callSerialNumber: 1 });
  peer.zlb();
  const answers = peer.waitUntil(30_000);
  assert.deepEqual([answers[0]?.name, answers[0]?.message?.avps.resultCode?.result], ['CDN', 10]);
  peer.zlb();
  assert.deepEqual([peer.all('sessionDown')[0]?.by, peer.all('tunnelDown').length], ['timeout', 0]);
});

test('a tunnel whose SCCCN never comes is stopped', () => {
  const peer = new ScriptedPeer();
  peer.say('SCCRQ', REQUEST);
  peer.zlb();
  assert.deepEqual(names(peer.waitUntil(30_000)), ['StopCCN']);
  peer.zlb();
  assert.equal(peer.all('tunnelDown')[0]?.reason.code, 'setup-timeout');
  assert.equal(peer.all('tunnelDown')[0]?.by, 'timeout');
});

test('commands for what is not there do nothing', () => {
  const peer = new ScriptedPeer();
  peer.establish();
  const { tunnel } = peer;
  assert.deepEqual(peer.command({ type: 'close', tunnel: tunnel ^ 1, reason: REASON }), []);
  assert.deepEqual(peer.command({ type: 'disconnect', tunnel, session: 1, reason: REASON }), []);
  assert.deepEqual(peer.command({ type: 'setLinkInfo', tunnel, session: 1, sendAccm: 0, receiveAccm: 0 }), []);
  assert.deepEqual(peer.socket.expire(0), []);
  assert.equal(peer.socket.encapsulate(tunnel, 1, Uint8Array.of(1)), undefined);
});

test('SCCRP that comes when the call was given up is answered with StopCCN to the id that it states', () => {
  const peer = new ScriptedPeer({ role: 'lac' });
  const [sccrq] = peer.command({ type: 'connect' });
  peer.command({ type: 'close', tunnel: sccrq!.message!.avps.assignedTunnelId!, reason: REASON });
  assert.equal(peer.all('tunnelDown')[0]?.by, 'local');
  const [stop] = peer.say('SCCRP', REPLY);
  assert.deepEqual([stop?.name, stop?.tunnel], ['StopCCN', PEER_TUNNEL]);
  assert.ok(peer.socket.idle);
});

test('a peer whose tunnel we have forgotten is told so under the id by which it finds the tunnel', () => {
  const before = new ScriptedPeer();
  before.establish();
  const tunnel = before.tunnel;
  // Another socket: the same peer after our restart.
  const { socket } = new ScriptedPeer();
  const body = encodeMessage('HELLO', {});
  const hello = writeControlMessage({ tunnel, session: 0, ns: 7, nr: 4, body });
  const [stop] = socket.receive(hello, 1_000_000).flatMap((output) => (output.type === 'send' ? [output.bytes] : []));
  const header = readControlMessage(stop!);
  assert.equal(header.tunnel, PEER_TUNNEL, 'the header has the id that the peer assigned');
  assert.deepEqual([header.ns, header.nr], [4, 8], 'and the numbers that it expects');
  assert.equal(decodeMessage(header.body, undefined).name, 'StopCCN');
});
