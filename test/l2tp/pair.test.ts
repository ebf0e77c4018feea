import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeData } from '../../src/l2tp/index.ts';
import { connected, lab, nameOfMessage, REASON } from './lab.ts';

const LOSSY = { delay: 20, jitter: 120, drop: 0.3, duplicate: 0.2 };

test('LAC and LNS set up a tunnel and a session, message by message (RFC 2661 appendix B.1)', () => {
  const { network, lac, lns } = connected();
  network.run(network.now + 1_000);
  assert.deepEqual(lac.sent, ['SCCRQ', 'SCCCN', 'ICRQ', 'ICCN']);
  // SCCCN and ICCN are acknowledged at once with a ZLB.
  assert.deepEqual(lns.sent, ['SCCRP', 'ZLB', 'ICRP', 'ZLB']);
  const traces = lac
    .all('trace')
    .map(({ direction, summary }) => `${direction} ${summary.split(' ').slice(0, 3).join(' ')}`);
  assert.deepEqual(traces, [
    'out SCCRQ Ns=0 Nr=0',
    'in SCCRP Ns=0 Nr=1',
    'out SCCCN Ns=1 Nr=1',
    'out ICRQ Ns=2 Nr=1',
    'in ZLB Ns=1 Nr=2',
    'in ICRP Ns=1 Nr=3',
    'out ICCN Ns=3 Nr=2',
    'in ZLB Ns=2 Nr=4',
  ]);
  const [atLac, atLns] = [lac.the('tunnelUp'), lns.the('tunnelUp')];
  assert.equal(atLac.peerTunnel, atLns.tunnel);
  assert.equal(atLns.peerTunnel, atLac.tunnel);
  assert.equal(atLns.peerHostName, 'lac.example');
  assert.equal(atLns.peerVendorName, 'Sallyport');
  assert.deepEqual([atLac.role, atLns.role], ['lac', 'lns']);
  assert.equal(lac.the('sessionUp').peerSession, lns.the('sessionUp').session);
  assert.equal(lac.the('sessionUp').callSerialNumber, lns.the('sessionUp').callSerialNumber);
  assert.match(lns.all('trace')[0]!.summary, /^SCCRQ Ns=0 Nr=0 .*hostName=lac\.example/);
  assert.ok(!lac.all('trace').some(({ summary }) => summary.includes('undefined')), 'absent AVPs are not told');
});

test('the ICCN leaves before the LAC is told that the session is up, for PPP begins then', () => {
  const { lac } = connected();
  const iccn = lac.outputs.findIndex((output) => output.type === 'send' && nameOfMessage(output.bytes) === 'ICCN');
  const up = lac.outputs.findIndex(({ type }) => type === 'sessionUp');
  assert.ok(iccn >= 0 && iccn < up, `ICCN at ${iccn}, session up at ${up}`);
});

test('30 % loss, duplicates and reordering: 30 seeds connect, carry frames and tear down', () => {
  for (let seed = 1; seed <= 30; seed++) {
    const { network, lac, lns } = connected({
      seed,
      quality: LOSSY,
      lac: { maximumRetransmissions: 12 },
      lns: { maximumRetransmissions: 12, setupTimeout: 120_000 },
    });
    assert.equal(lac.all('tunnelUp').length, 1, `seed ${seed}`);
    assert.equal(lns.all('tunnelUp').length, 1, `seed ${seed}`);
    const { tunnel } = lac.the('tunnelUp');
    lac.command({ type: 'close', tunnel, reason: REASON });
    network.run(network.now + 300_000);
    for (const end of [lac, lns]) {
      assert.equal(end.all('sessionDown').length, 1, `seed ${seed}`);
      assert.equal(end.all('tunnelDown').length, 1, `seed ${seed}`);
      assert.equal(end.socket.idle, true, `seed ${seed}`);
      assert.equal(end.socket.deadline, undefined, `seed ${seed}`);
    }
  }
});

test('the same seed gives the same bytes', () => {
  const run = () => connected({ seed: 7, quality: LOSSY }).network.carried.map(({ bytes }) => [...bytes]);
  assert.deepEqual(run(), run());
});

test('50 sessions in one tunnel, through loss and a peer window of 1', () => {
  const settings = { maximumRetransmissions: 20, setupTimeout: 600_000 };
  const { network, lac, lns } = connected({
    seed: 3,
    quality: { ...LOSSY, drop: 0.1 },
    lac: settings,
    lns: { ...settings, receiveWindow: 1 },
  });
  const { tunnel } = lac.the('tunnelUp');
  for (let call = 1; call < 50; call++) lac.command({ type: 'call', tunnel });
  assert.ok(
    network.run(network.now + 600_000, () => lns.all('sessionUp').length === 50 && lac.all('sessionUp').length === 50),
  );
  assert.equal(new Set(lns.all('sessionUp').map(({ session }) => session)).size, 50);
  lns.command({ type: 'close', tunnel: lns.the('tunnelUp').tunnel, reason: REASON });
  network.run(network.now + 600_000);
  assert.equal(lac.all('sessionDown').length, 50);
  assert.equal(lns.all('sessionDown').length, 50);
  assert.ok(lac.socket.idle && lns.socket.idle);
});

test('a peer window of 1 is never exceeded', () => {
  const { network, lac, lns } = connected({ lns: { receiveWindow: 1 } });
  const { tunnel } = lac.the('tunnelUp');
  for (let call = 1; call < 10; call++) lac.command({ type: 'call', tunnel });
  network.run(network.now + 20_000);
  assert.equal(lns.all('sessionUp').length, 10);
  let outstanding = 0;
  for (const { direction, summary } of lac.all('trace')) {
    const nr = Number(/Nr=(\d+)/.exec(summary)![1]);
    const ns = Number(/Ns=(\d+)/.exec(summary)![1]);
    if (direction === 'in') outstanding = nr;
    else if (!summary.startsWith('ZLB')) assert.ok(ns - outstanding < 1, summary);
  }
});

test('orderly close by either side: CDN acknowledged, then StopCCN acknowledged', () => {
  for (const by of ['lac', 'lns'] as const) {
    const pair = connected();
    const [closer, other] = by === 'lac' ? [pair.lac, pair.lns] : [pair.lns, pair.lac];
    pair.network.run(pair.network.now + 1_000);
    const before = closer.outputs.length;
    closer.command({ type: 'close', tunnel: closer.the('tunnelUp').tunnel, reason: REASON });
    pair.network.run(pair.network.now + 1_000);
    const events = closer.outputs
      .slice(before)
      .map((output) => (output.type === 'milestone' ? output.name : output.type));
    assert.deepEqual(
      events.filter((event) => event !== 'trace' && event !== 'send'),
      ['CDN sent', 'sessionDown', 'StopCCN sent', 'StopCCN acknowledged', 'tunnelDown'],
    );
    assert.equal(closer.the('tunnelDown').by, 'local');
    assert.equal(closer.the('sessionDown').by, 'local');
    assert.equal(other.the('sessionDown').by, 'peer');
    assert.equal(other.the('tunnelDown').by, 'peer');
    assert.match(other.the('sessionDown').reason.reason, /The test ends it/);
    // Both still acknowledge repetitions, then forget.
    assert.ok(!closer.socket.idle && !other.socket.idle);
    pair.network.run(pair.network.now + 32_000);
    assert.ok(closer.socket.idle && other.socket.idle);
    assert.equal(closer.socket.deadline ?? other.socket.deadline, undefined);
  }
});

test('StopCCN without CDN ends the sessions, then the tunnel', () => {
  const { network, lac, lns } = connected({ lns: { permissive: false } });
  network.run(network.now + 1_000);
  // A message of unknown type with the M bit makes the LNS stop the tunnel at once.
  const up = lns.the('tunnelUp');
  lac.send(control(up.tunnel, 4, 2, Uint8Array.of(0x80, 8, 0, 0, 0, 0, 0, 99)));
  network.run(network.now + 1_000);
  assert.equal(lns.the('tunnelDown').reason.code, 'unknown-mandatory-message');
  const ends = lac.outputs
    .filter(({ type }) => type === 'sessionDown' || type === 'tunnelDown')
    .map(({ type }) => type);
  assert.deepEqual(ends, ['sessionDown', 'tunnelDown']);
  assert.equal(lac.the('tunnelDown').reason.code, 'unknown-mandatory-avp');
});

test('one session is disconnected, the tunnel stays until it has been empty for its time', () => {
  const { network, lac, lns } = connected({ lns: { emptyTunnelTimeout: 10_000 } });
  const { tunnel, session } = lac.the('sessionUp');
  lac.command({ type: 'disconnect', tunnel, session, reason: REASON });
  network.run(network.now + 5_000);
  assert.equal(lac.the('sessionDown').by, 'local');
  assert.equal(lns.the('sessionDown').reason.code, 'administrative');
  assert.equal(lns.all('tunnelDown').length, 0);
  network.run(network.now + 60_000);
  assert.equal(lns.the('tunnelDown').reason.code, 'tunnel-empty');
  assert.ok(lac.socket.idle && lns.socket.idle);
});

test('both ends close at once', () => {
  const { network, lac, lns } = connected();
  network.run(network.now + 1_000);
  for (const end of [lac, lns]) end.command({ type: 'close', tunnel: end.the('tunnelUp').tunnel, reason: REASON });
  network.run(network.now + 60_000);
  for (const end of [lac, lns]) {
    assert.equal(end.the('sessionDown').by, 'local');
    assert.equal(end.the('tunnelDown').by, 'local');
    assert.ok(end.socket.idle);
  }
});

test('a peer that vanishes at any message leaves no state and no deadline', () => {
  const whole = connected();
  whole.network.run(whole.network.now + 100);
  const count = whole.network.carried.length;
  for (let after = 0; after <= count; after++) {
    const { network, lac, lns } = lab();
    let seen = 0;
    network.tamper = (datagram) => (seen++ < after ? datagram : undefined);
    lac.command({ type: 'connect' });
    network.run(1_000_000);
    for (const end of [lac, lns]) {
      assert.ok(end.socket.idle, `${after} messages`);
      assert.equal(end.socket.deadline, undefined);
      assert.equal(end.all('sessionUp').length <= end.all('sessionDown').length, true, `${after} messages`);
      assert.equal(end.all('tunnelUp').length <= end.all('tunnelDown').length, true, `${after} messages`);
    }
    assert.equal(lac.the('tunnelDown').by, 'timeout', `${after} messages`);
    assert.ok(lac.sent.filter((name) => name === 'SCCRQ').length <= 6);
  }
});

test('closing towards a peer that vanished ends within the close time-out', () => {
  const { network, lac } = connected();
  network.run(network.now + 1_000);
  network.tamper = () => undefined;
  const start = network.now;
  lac.command({ type: 'close', tunnel: lac.the('tunnelUp').tunnel, reason: REASON });
  assert.ok(network.run(start + 60_000, () => lac.socket.idle));
  assert.equal(network.now - start, 5_000);
  assert.equal(lac.all('sessionDown').length, 1);
  assert.equal(lac.the('tunnelDown').by, 'local');
});

test('data before ICCN is kept and delivered behind sessionUp', () => {
  const { network, lac, lns } = lab();
  network.tamper = (datagram) => (datagram.from.address === '10.0.0.1' && iccn(datagram.bytes) ? undefined : datagram);
  lac.command({ type: 'connect' });
  network.run(500);
  const { peerTunnel: tunnel, peerSession: session } = lac.the('sessionUp');
  for (let i = 0; i < 20; i++) lac.send(encodeData({ tunnel, session, frame: Uint8Array.of(0xff, 3, i) }));
  network.run(700);
  assert.equal(lns.all('frame').length, 0);
  assert.equal(lns.all('dropped').filter(({ code }) => code === 'early-frame-limit').length, 4);
  network.tamper = undefined;
  network.run(5_000);
  const order = lns.outputs.filter(({ type }) => type === 'sessionUp' || type === 'frame').map(({ type }) => type);
  assert.deepEqual(order, ['sessionUp', ...Array(16).fill('frame')]);
  assert.deepEqual([...lns.all('frame')[15]!.frame], [0xff, 3, 15]);
});

test('data for an established session, for an unknown one, and with numbers', () => {
  const { network, lac, lns } = connected({ lac: { sequencing: true } });
  const { peerTunnel: tunnel, peerSession: session } = lac.the('sessionUp');
  assert.ok(lac.the('sessionUp').sequencing && lns.the('sessionUp').sequencing);
  const wrapped = lac.socket.encapsulate(lac.the('sessionUp').tunnel, lac.the('sessionUp').session, Uint8Array.of(1));
  assert.deepEqual([...wrapped!.subarray(0, 2)], [0x48, 0x02]);
  lac.send(wrapped!);
  lac.send(encodeData({ tunnel, session: session ^ 1, frame: Uint8Array.of(1) }));
  lac.send(encodeData({ tunnel, session, ns: 5, length: true, offset: 3, frame: Uint8Array.of(2) }));
  lac.send(encodeData({ tunnel, session, ns: 5, frame: Uint8Array.of(2) }));
  lac.send(encodeData({ tunnel, session, ns: 4, frame: Uint8Array.of(3) }));
  network.run(network.now + 100);
  assert.deepEqual(
    lns.all('frame').map(({ frame }) => [...frame]),
    [[1], [2], [3]],
  );
  assert.deepEqual(
    lns.all('dropped').map(({ code }) => code),
    ['unknown-session', 'repeated-data-message'],
  );
});

test('data that comes behind the end of its session or tunnel is dropped without a word, for a while', () => {
  for (const end of ['session', 'tunnel'] as const) {
    const { network, lac, lns } = connected();
    const { peerTunnel: tunnel, peerSession: session } = lac.the('sessionUp');
    const straggler = encodeData({ tunnel, session, frame: Uint8Array.of(1) });
    const reason = { code: 'administrative', reason: 'Goodbye.' };
    const { tunnel: ours, session: call } = lns.the('sessionUp');
    if (end === 'session') lns.command({ type: 'disconnect', tunnel: ours, session: call, reason });
    else lns.command({ type: 'close', tunnel: ours, reason });
    lac.send(straggler);
    network.run(network.now + 1000);
    assert.equal(lns.all('sessionDown').length, 1);
    lac.send(straggler);
    network.run(network.now + 1000);
    assert.deepEqual(lns.all('dropped'), [], end);
    network.run(network.now + 40_000);
    lac.send(straggler);
    network.run(network.now + 100);
    assert.equal(lns.all('dropped').length, 1, 'much later it is strange again');
  }
});

test('an outgoing call: OCRQ, OCRP, OCCN', () => {
  const { network, lac, lns } = connected({ lac: { acceptOutgoingCalls: true } });
  lns.command({ type: 'outgoingCall', tunnel: lns.the('tunnelUp').tunnel, calledNumber: '5551234' });
  network.run(network.now + 1_000);
  assert.deepEqual(lns.sent.slice(-3), ['OCRQ', 'ZLB', 'ZLB']);
  assert.deepEqual(lac.sent.slice(-2), ['OCRP', 'OCCN']);
  const [atLac, atLns] = [lac.all('sessionUp')[1]!, lns.all('sessionUp')[1]!];
  assert.deepEqual([atLac.role, atLac.calledNumber, atLns.role], ['lac', '5551234', 'lns']);
  assert.equal(atLac.callSerialNumber, atLns.callSerialNumber);
});

test('a LAC that cannot dial: no OCRQ is sent to it', () => {
  const { lns } = connected();
  lns.command({ type: 'outgoingCall', tunnel: lns.the('tunnelUp').tunnel, calledNumber: '1' });
  assert.equal(lns.all('dropped')[0]!.code, 'no-bearer');
});

test('SLI and WEN travel and are told', () => {
  const { network, lac, lns } = connected();
  const [down, up] = [lns.the('sessionUp'), lac.the('sessionUp')];
  lns.command({
    type: 'setLinkInfo',
    tunnel: down.tunnel,
    session: down.session,
    sendAccm: 0,
    receiveAccm: 0xffffffff,
  });
  const errors = {
    crcErrors: 1,
    framingErrors: 2,
    hardwareOverruns: 0,
    bufferOverruns: 0,
    timeoutErrors: 0,
    alignmentErrors: 0,
  };
  lac.command({ type: 'reportErrors', tunnel: up.tunnel, session: up.session, errors });
  network.run(network.now + 1_000);
  assert.ok(lac.all('milestone').some(({ name }) => name === 'SLI received'));
  assert.ok(lns.all('milestone').some(({ name }) => name === 'WEN received'));
  assert.match(
    lns.all('trace').find(({ summary }) => summary.startsWith('WEN'))!.summary,
    /crcErrors:1,framingErrors:2/,
  );
});

function control(tunnel: number, ns: number, nr: number, body: Uint8Array): Uint8Array {
  const words = [0xc802, 12 + body.length, tunnel, 0, ns, nr].flatMap((word) => [word >> 8, word & 0xff]);
  return Uint8Array.of(...words, ...body);
}

/** Whether a control message is an ICCN: type 12 in its Message Type AVP. */
const iccn = (bytes: Uint8Array) => (bytes[0]! & 0x80) !== 0 && bytes[19] === 12;
