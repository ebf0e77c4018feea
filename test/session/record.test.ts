import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { failureText, logEntry, milestoneEntry } from '../../src/session/log.ts';
import { isoTime, SessionRecord } from '../../src/session/record.ts';
import { Slots } from '../../src/session/slots.ts';

const LOCAL = { address: '192.0.2.1', port: 4500 };
const PEER = { address: '198.51.100.7', port: 31_337 };
const BEGAN = Date.UTC(2026, 1, 28, 23, 59, 59, 250) / 1000;

const record = () => new SessionRecord('00c0ffee', 'gateway', LOCAL, PEER, 5_000, BEGAN);

test('ISO times are those of the calendar', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: Date.UTC(2399, 11, 31) }), (milliseconds) => {
      assert.equal(isoTime(milliseconds / 1000), new Date(milliseconds).toISOString());
    }),
    { seed: 3, numRuns: 2000 },
  );
  assert.equal(isoTime(BEGAN), '2026-02-28T23:59:59.250Z');
  assert.equal(isoTime(Date.UTC(2024, 1, 29) / 1000), '2024-02-29T00:00:00.000Z');
});

test('milestones carry wall-clock time and the time since the first message', () => {
  const r = record();
  r.stamp('ike', 5_000);
  r.stamp('ipsec', 5_123.46, 'aes-cbc-256');
  assert.deepEqual(r.timeline, [
    { at: BEGAN, since: 0, name: 'ike' },
    { at: Math.round((BEGAN + 0.12346) * 1000) / 1000, since: 123.5, name: 'ipsec', detail: 'aes-cbc-256' },
  ]);
});

test('an over-long life keeps its beginning and its end', () => {
  const r = record();
  for (let i = 0; i < 1000; i++) r.stamp(`m${i}`, 5_000 + i);
  assert.equal(r.timeline.length, 64);
  assert.equal(r.timeline[0]!.name, 'm0');
  assert.equal(r.timeline[31]!.name, 'm31');
  assert.equal(r.timeline.at(-1)!.name, 'm999');
});

test('a view holds what is known and no empty fields, and is JSON', () => {
  const r = record();
  const bare = r.view();
  assert.deepEqual(Object.keys(bare).sort(), [
    'bytesFromPeer',
    'bytesToPeer',
    'id',
    'local',
    'packetsFromPeer',
    'packetsToPeer',
    'peer',
    'phase',
    'role',
    'since',
    'timeline',
  ]);
  assert.equal(bare.since, '2026-02-28T23:59:59.250Z');
  r.user = 'ann';
  r.phase = 'up';
  r.setEsp({ encryption: 'aes-cbc', keyBits: 256, integrity: 'hmac-sha1-96' } as never);
  const traffic = { bytesFromPeer: 1, bytesToPeer: 2, packetsFromPeer: 3, packetsToPeer: 4 };
  const full = r.view(traffic);
  assert.equal(full.user, 'ann');
  assert.equal(full.esp, 'aes-cbc-256/hmac-sha1-96');
  assert.equal(full.packetsToPeer, 4);
  assert.deepEqual(JSON.parse(JSON.stringify(full)), full);
});

test('a further session has a new id and the same past, and from there a timeline of its own', () => {
  const r = record();
  r.ike = 'aes-cbc-256/hmac-sha1/modp2048';
  r.user = 'ann';
  r.stamp('ike', 5_000);
  const fork = r.fork('00000002');
  fork.stamp('session', 65_000);
  assert.equal(fork.id, '00000002');
  assert.equal(fork.ike, r.ike);
  assert.equal(fork.user, undefined, 'a session has its own user');
  assert.equal(fork.view().since, r.view().since);
  assert.deepEqual(
    fork.timeline.map(({ name, since }) => [name, since]),
    [
      ['ike', 0],
      ['session', 60_000],
    ],
  );
  assert.equal(fork.timeline[1]!.at, BEGAN + 60);
  assert.equal(r.timeline.length, 1);
});

test('a failure reads as a sentence with its remedy', () => {
  assert.equal(failureText({ code: 'x', reason: 'the port is taken' }), 'The port is taken.');
  assert.equal(failureText({ code: 'x', reason: 'Is it there?', remedy: 'Start it.' }), 'Is it there? Start it.');
  for (const reason of ['ike.psk is short.', 'vpn.example.org did not answer.', 'certificates.more[0].key: no file.'])
    assert.equal(failureText({ code: 'x', reason }), reason);
});

test('log entries of messages, refusals and milestones', () => {
  assert.deepEqual(
    logEntry({ type: 'trace', layer: 'l2tp', direction: 'in', summary: 'SCCRQ Ns=0 Nr=0', fields: { tunnel: 7 } }),
    {
      type: 'log',
      level: 'debug',
      layer: 'l2tp',
      event: 'message',
      text: 'SCCRQ Ns=0 Nr=0',
      fields: { direction: 'in', tunnel: 7 },
    },
  );
  assert.deepEqual(
    logEntry({ type: 'dropped', layer: 'esp', code: 'unknown-spi', reason: 'No such SPI.', remote: PEER }),
    {
      type: 'log',
      level: 'warn',
      layer: 'esp',
      event: 'dropped',
      text: 'No such SPI.',
      fields: { code: 'unknown-spi', remote: PEER },
    },
  );
  const r = record();
  const entry = milestoneEntry(r, 'tunnel', 5_500, 'peer host pc');
  assert.equal(entry.text, 'tunnel: peer host pc');
  assert.equal(entry.session, r.id);
  assert.equal(r.timeline.length, 1);
});

test('slots are handed out up to the bound, and again when they come back', () => {
  const slots = new Slots(3);
  assert.deepEqual([slots.take(), slots.take(), slots.take(), slots.take()], [0, 1, 2, undefined]);
  slots.release(1 as never);
  assert.equal(slots.take(), 1);
  assert.equal(slots.take(), undefined);
});
