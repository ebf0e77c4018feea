/** What crosses on the wire between two L2TP ends. RFC 2661 §7. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connected, type End, type Lab, lab, REASON } from '../l2tp/lab.ts';

const MINUTE = 60_000;

function over({ network, lac, lns }: Lab): void {
  network.run(network.now + 2 * MINUTE);
  for (const end of [lac, lns]) {
    assert.ok(end.socket.idle, 'no tunnel is left');
    assert.equal(end.socket.deadline, undefined, 'nothing waits');
  }
}

const ends = (end: End) => ({ tunnels: end.all('tunnelDown').length, sessions: end.all('sessionDown').length });

test('StopCCN crosses StopCCN', () => {
  const pair = connected();
  for (const end of [pair.lac, pair.lns]) {
    end.command({ type: 'close', tunnel: end.the('tunnelUp').tunnel, reason: REASON });
  }
  over(pair);
  for (const end of [pair.lac, pair.lns]) assert.deepEqual(ends(end), { tunnels: 1, sessions: 1 }, 'each is told once');
});

test('CDN crosses CDN: the tunnel stays', () => {
  const pair = connected();
  for (const end of [pair.lac, pair.lns]) {
    const { tunnel, session } = end.the('sessionUp');
    end.command({ type: 'disconnect', tunnel, session, reason: REASON });
  }
  pair.network.run(pair.network.now + 5000);
  for (const end of [pair.lac, pair.lns]) assert.deepEqual(ends(end), { tunnels: 0, sessions: 1 });
});

test('CDN crosses StopCCN', () => {
  const pair = connected();
  const { tunnel, session } = pair.lac.the('sessionUp');
  pair.lac.command({ type: 'disconnect', tunnel, session, reason: REASON });
  pair.lns.command({ type: 'close', tunnel: pair.lns.the('tunnelUp').tunnel, reason: REASON });
  over(pair);
  for (const end of [pair.lac, pair.lns]) assert.deepEqual(ends(end), { tunnels: 1, sessions: 1 });
});

for (const awaited of ['SCCRQ', 'SCCCN', 'ICRQ', 'ICCN']) {
  test(`StopCCN of the LAC crosses ${awaited}'s answer`, () => {
    const pair = lab();
    pair.lac.command({ type: 'connect' });
    pair.network.run(30_000, () => pair.lac.sent.includes(awaited));
    const up = pair.lac.all('tunnelUp')[0];
    // Before the tunnel stands its owner knows no id: closing then is silence, and the LNS finds out.
    if (up === undefined) pair.lac.cut = true;
    else pair.lac.command({ type: 'close', tunnel: up.tunnel, reason: REASON });
    pair.network.run(pair.network.now + 2 * MINUTE);
    assert.ok(pair.lns.socket.idle, 'the LNS has no tunnel');
    assert.equal(pair.lns.socket.deadline, undefined);
    if (up !== undefined) assert.ok(pair.lac.socket.idle);
  });
}

test('CDN of the LNS crosses ICCN of the LAC', () => {
  const pair = lab();
  pair.lac.command({ type: 'connect' });
  pair.network.run(30_000, () => pair.lac.sent.includes('ICCN'));
  // The LNS has answered ICRQ and not seen ICCN yet.
  const tunnel = pair.lns.the('tunnelUp').tunnel;
  assert.equal(pair.lns.all('sessionUp').length, 0);
  pair.lns.command({ type: 'close', tunnel, reason: REASON });
  over(pair);
  assert.equal(pair.lac.all('sessionDown').length, pair.lac.all('sessionUp').length);
});

test('SCCRQ crosses SCCRQ with tie breakers: one tunnel wins', () => {
  const both = { acceptTunnels: true, acceptIncomingCalls: true, tieBreaker: true } as const;
  const pair = lab({ lac: both, lns: { ...both, role: 'lac' } });
  for (const end of [pair.lac, pair.lns]) end.command({ type: 'connect' });
  pair.network.run(10_000);
  for (const end of [pair.lac, pair.lns]) assert.equal(end.all('tunnelUp').length, 1, 'one tunnel');
});

test('HELLO crosses StopCCN', () => {
  const pair = connected({ lac: { helloInterval: 10_000 }, lns: { helloInterval: 10_000 } });
  pair.network.run(pair.network.now + 60_000, () => pair.lac.sent.includes('HELLO'));
  pair.lns.command({ type: 'close', tunnel: pair.lns.the('tunnelUp').tunnel, reason: REASON });
  over(pair);
});

test('a further call crosses the end of the tunnel', () => {
  const pair = connected();
  pair.lac.command({ type: 'call', tunnel: pair.lac.the('tunnelUp').tunnel });
  pair.lns.command({ type: 'close', tunnel: pair.lns.the('tunnelUp').tunnel, reason: REASON });
  over(pair);
});
