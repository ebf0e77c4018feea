import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after, before, describe, it } from 'node:test';
import {
  type ControlServer,
  type GatewayStatus,
  type RedirectWish,
  startControlServer,
} from '../../src/admin/index.ts';
import { statusText } from '../../src/cli/status.ts';
import type { SessionView } from '../../src/session/record.ts';
import { inProcess } from './run.ts';

const folder = mkdtempSync(join(tmpdir(), 'sallyport-control-'));
after(() => rmSync(folder, { recursive: true }));

const STATUS: GatewayStatus = {
  version: '1.2.3',
  pid: 4711,
  since: '2026-03-01T07:30:05.000Z',
  addresses: ['192.0.2.1', '2001:db8::1'],
  sessions: 1,
  users: 2,
  refused: { malformed: 3, 'unknown-spi': 1 },
};

const ANN: SessionView = {
  id: '00c0ffee',
  role: 'gateway',
  phase: 'up',
  user: 'ann',
  peer: { address: '198.51.100.7', port: 31_337 },
  local: { address: '192.0.2.1', port: 4500 },
  nat: { localBehindNat: false, remoteBehindNat: true },
  client: 'Android',
  innerAddress: '10.87.0.2',
  ike: 'aes-cbc-256/hmac-sha2-256/modp2048',
  esp: 'aes-cbc-256/hmac-sha1-96',
  encapsulation: 'udp',
  bytesFromPeer: 1_234_567,
  bytesToPeer: 999,
  packetsFromPeer: 1000,
  packetsToPeer: 10,
  since: '2026-03-01T07:30:05.000Z',
  timeline: [{ at: 1_772_350_205, since: 0, name: 'ike' }],
};
const NEW: SessionView = {
  id: '00000002',
  role: 'gateway',
  phase: 'ike',
  peer: { address: '2001:db8::7', port: 500 },
  local: { address: '2001:db8::1', port: 500 },
  bytesFromPeer: 0,
  bytesToPeer: 0,
  packetsFromPeer: 0,
  packetsToPeer: 0,
  since: '2026-03-01T07:31:00.000Z',
  timeline: [],
};
const ENDED: SessionView = {
  ...NEW,
  phase: 'closed',
  ended: { code: 'psk-mismatch', reason: 'The pre-shared keys differ.', remedy: 'Compare them.' },
};

describe('commands to a running gateway', { concurrency: false }, () => {
  let server: ControlServer;
  let sessions: SessionView[] = [];
  const disconnected: string[] = [];
  const wishes: RedirectWish[] = [];
  const run = (...words: string[]) => inProcess(...words, '--state', folder);

  before(async () => {
    server = await startControlServer(join(folder, 'control.sock'), {
      status: () => STATUS,
      sessions: () => sessions,
      endedSessions: () => [ENDED],
      disconnect: (who) => {
        disconnected.push(who);
        return who === 'ann' ? 2 : who === '00c0ffee' ? 1 : 0;
      },
      redirect: (wish) => {
        wishes.push(wish);
        if (wish.to === undefined && wish.who === 'ann') return { known: false, sent: 0, staying: 0 };
        return { known: true, sent: wish.who === 'nobody' ? 0 : 2, staying: wish.who === undefined ? 1 : 0 };
      },
    });
  });
  after(() => server.close());

  it('the control socket is its owner’s alone', () => {
    assert.equal(statSync(join(folder, 'control.sock')).mode & 0o777, 0o600);
  });

  it('status for machines and for people', async () => {
    assert.deepEqual(JSON.parse((await run('status', '--json')).out), STATUS);
    const { out } = await run('status');
    assert.match(out, /^Gateway +sallyport 1\.2\.3, process 4711, since 2026-/);
    assert.match(out, /^Addresses +192\.0\.2\.1, 2001:db8::1$/m);
    assert.match(out, /^Refused +malformed 3, unknown-spi 1$/m);
    assert.doesNotMatch(out, /Redirects/);
    assert.match(statusText({ ...STATUS, redirecting: ['gw2', 'gw3'] }), /^Redirects +all clients, to gw2, gw3$/m);
  });

  it('sessions as a table', async () => {
    sessions = [];
    assert.equal((await run('sessions')).out, 'Nobody is connected.\n');
    sessions = [ANN, NEW];
    const lines = (await run('sessions')).out.trimEnd().split('\n');
    assert.equal(lines.length, 3);
    assert.deepEqual(lines[0]!.split(/ {2,}/), [
      ...['ID', 'USER', 'PEER', 'NAT', 'INNER ADDRESS', 'CLIENT', 'PHASE', 'IKE', 'ESP', 'UP', 'DOWN', 'SINCE'],
    ]);
    assert.deepEqual(lines[1]!.split(/ {2,}/).slice(0, 11), [
      ...[
        '00c0ffee',
        'ann',
        '198.51.100.7:31337',
        'peer',
        '10.87.0.2',
        'Android',
        'up',
        'aes-cbc-256/hmac-sha2-256/modp2048',
      ],
      ...['aes-cbc-256/hmac-sha1-96 in UDP', '1.2 MB', '999 B'],
    ]);
    assert.deepEqual(lines[2]!.split(/ {2,}/).slice(0, 10), [
      ...['00000002', '-', '[2001:db8::7]:500', '-', '-', '-', 'ike', '-', '-', '0 B'],
    ]);
  });

  it('sessions as JSON, as the gateway gives them', async () => {
    sessions = [ANN, NEW];
    assert.deepEqual(JSON.parse((await run('sessions', '--json')).out), [ANN, NEW]);
    sessions = [];
    assert.deepEqual(JSON.parse((await run('sessions', '--json')).out), []);
  });

  it('ended sessions with their reason', async () => {
    assert.match((await run('sessions', '--ended')).out, /psk-mismatch: The pre-shared keys differ\.\n$/);
    assert.deepEqual(JSON.parse((await run('sessions', '--ended', '--json')).out), [ENDED]);
  });

  it('disconnects a user, a session, and nobody', async () => {
    assert.equal((await run('disconnect', 'ann')).out, 'Ending 2 sessions.\n');
    assert.equal((await run('disconnect', '00c0ffee')).out, 'Ending one session.\n');
    assert.deepEqual(JSON.parse((await run('disconnect', 'ann', '--json')).out), { disconnected: 2 });
    const { err, code } = await run('disconnect', 'OFFICE\\zoë/../x?');
    assert.equal(code, 1);
    assert.match(err, /^Error: No session has the id or user .*sallyport sessions/);
    assert.deepEqual(disconnected, ['ann', '00c0ffee', 'ann', 'OFFICE\\zoë/../x?']);
  });

  it('sends one user, everybody, and nobody any more to another gateway', async () => {
    wishes.length = 0;
    const there = ['--to', 'gw2.example.org'];
    const one = await run('redirect', 'ann', ...there);
    assert.equal(one.out, 'Sending the clients of 2 connections to the other gateway.\n');
    const all = await run('redirect', '--all', ...there);
    assert.match(all.out, /of 2 connections .* The clients of one connection cannot be sent, and stay\.\n$/);
    assert.deepEqual(JSON.parse((await run('redirect', '--all', '--json')).out), { known: true, sent: 2, staying: 1 });
    assert.match((await run('redirect', '--stop')).out, /^Clients are taken again/);
    assert.match((await run('redirect', 'nobody', ...there)).err, /^Error: No session has the id or user "nobody"/);
    assert.match((await run('redirect', 'ann')).err, /^Error: Name the other gateway with --to/);
    const to = 'gw2.example.org';
    const expected = [{ who: 'ann', to }, { to }, {}, { stop: true }, { who: 'nobody', to }, { who: 'ann' }];
    assert.deepEqual(wishes, expected);
    for (const words of [[], ['ann', '--all'], ['--all', '--stop']]) {
      assert.match((await run('redirect', ...words)).err, /one of the three/);
    }
    assert.match((await run('redirect', '--all', '--to', 'not a name')).err, /neither a name nor an address/);
    assert.equal(wishes.length, expected.length, 'none of these came to the gateway');
  });
});

test('where no gateway runs, that is said with the remedy', async () => {
  const nowhere = join(folder, 'nowhere');
  for (const words of [['status'], ['sessions', '--json'], ['disconnect', 'ann'], ['redirect', '--stop']]) {
    const { out, err, code } = await inProcess(...words, '--state', nowhere);
    assert.equal(out, '');
    assert.equal(code, 1);
    assert.match(err, /^Error: No gateway runs with this state directory .*sallyport serve.*--state/);
  }
});

test('a socket that a killed gateway left does not answer', async () => {
  const left = mkdtempSync(join(folder, 'left-'));
  writeFileSync(join(left, 'control.sock'), '');
  const { err, code } = await inProcess('status', '--state', left);
  assert.equal(code, 1);
  assert.match(err, /^Error: The gateway of .*control\.sock does not answer/);
});

test('what is no answer of a gateway is told, not thrown', async (t) => {
  const odd = mkdtempSync(join(folder, 'odd-'));
  const server = createServer((_request, response) => response.writeHead(500).end('broken'));
  await new Promise<void>((resolve) => server.listen(join(odd, 'control.sock'), resolve));
  t.after(() => server.close());
  const { err, code } = await inProcess('status', '--state', odd);
  assert.equal(code, 1);
  assert.equal(err, 'Error: The gateway answered 500: broken');
});
