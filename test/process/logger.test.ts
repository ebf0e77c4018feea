import assert from 'node:assert/strict';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after } from 'node:test';
import { type Log, type LogFormat, type LogLevel, makeLog } from '../../src/process/logger.ts';

const folder = mkdtempSync(join(tmpdir(), 'sallyport-log-'));
after(() => rmSync(folder, { recursive: true }));
let files = 0;

/** What a log of this format and level writes. */
function written(format: LogFormat, level: LogLevel, use: (log: Log) => void): string[] {
  const file = join(folder, String(files++));
  const fd = openSync(file, 'w');
  const log = makeLog(format, level, fd);
  use(log);
  log.flush();
  closeSync(fd);
  return readFileSync(file, 'utf8').split('\n').filter(Boolean);
}

const everything = (log: Log) => {
  log.info('ready', 'The gateway is ready.', { pid: 7 });
  log.entry({
    type: 'log',
    level: 'debug',
    layer: 'l2tp',
    event: 'message',
    text: 'SCCRQ Ns=0 Nr=0',
    session: '00c0ffee',
    fields: { direction: 'in', tunnel: 3 },
  });
  log.entry({
    type: 'log',
    level: 'info',
    layer: 'session',
    event: 'milestone',
    text: 'tunnel: peer pc',
    session: '00c0ffee',
    fields: { at: 1_772_000_000.5, since: 12.5, name: 'tunnel', detail: 'peer pc' },
  });
  log.warn('no-dns', 'This host has no name server.');
  log.error('failed', 'It failed.', { code: 'x' });
};

test('a JSON line for each event, with the fields that machines look for', () => {
  const lines = written('json', 'debug', everything).map((line) => JSON.parse(line));
  assert.equal(lines.length, 5);
  for (const line of lines) {
    assert.match(line.time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    assert.ok(!('hostname' in line));
  }
  const [ready, message, milestone, warning, error] = lines.map(({ time: _, ...rest }) => rest);
  assert.deepEqual(ready, { level: 'info', layer: 'gateway', event: 'ready', pid: 7, msg: 'The gateway is ready.' });
  assert.deepEqual(message, {
    level: 'debug',
    layer: 'l2tp',
    event: 'message',
    session: '00c0ffee',
    direction: 'in',
    tunnel: 3,
    msg: 'SCCRQ Ns=0 Nr=0',
  });
  assert.deepEqual(milestone, {
    level: 'info',
    layer: 'session',
    event: 'milestone',
    session: '00c0ffee',
    at: 1_772_000_000.5,
    since: 12.5,
    name: 'tunnel',
    detail: 'peer pc',
    msg: 'tunnel: peer pc',
  });
  assert.equal(warning.level, 'warn');
  assert.equal(error.code, 'x');
});

test('a line for people for each event', () => {
  const lines = written('pretty', 'debug', everything).map((line) => line.replace(/^\[\d\d:\d\d:\d\d\.\d{3}\] /, ''));
  assert.deepEqual(lines, [
    'INFO: gateway The gateway is ready.',
    'DEBUG: 00c0ffee l2tp    <- SCCRQ Ns=0 Nr=0',
    'INFO: 00c0ffee session tunnel: peer pc (+12.5 ms)',
    'WARN: gateway This host has no name server.',
    'ERROR: gateway It failed. [x]',
  ]);
});

test('what is below the level is not written', () => {
  for (const format of ['json', 'pretty'] as const) {
    assert.equal(written(format, 'info', everything).length, 4);
    assert.equal(written(format, 'error', everything).length, 1);
  }
});

test('a secret that finds its way to the log is not written', () => {
  const user = { name: 'ann', password: 'hunter2', ntHash: 'hunter2', sealedSecrets: 'hunter2' };
  for (const format of ['json', 'pretty'] as const) {
    const [line] = written(format, 'info', (log) =>
      log.info('user', 'A user.', { user, psk: 'hunter2', secret: 'hunter2', password: 'hunter2' }),
    );
    assert.doesNotMatch(line!, /hunter2/);
    if (format === 'json') assert.equal(JSON.parse(line!).user.name, 'ann');
  }
});

test('text of a peer cannot begin a line of its own', () => {
  const [line, ...more] = written('json', 'info', (log) => log.info('x', 'a\nb', { name: 'c\r\nd' }));
  assert.equal(more.length, 0);
  assert.equal(JSON.parse(line!).msg, 'a\nb');
});
