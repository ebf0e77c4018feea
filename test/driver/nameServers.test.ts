import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after } from 'node:test';
import { hostNameServers } from '../../src/driver/nameServers.ts';

const folder = mkdtempSync(join(tmpdir(), 'sallyport-resolv-'));
after(() => rmSync(folder, { recursive: true }));
let files = 0;

/** A resolv.conf; undefined stands for one that is not there. */
function file(text: string | undefined): string {
  const path = join(folder, String(files++));
  if (text !== undefined) writeFileSync(path, text);
  return path;
}

const found = (...texts: (string | undefined)[]) => hostNameServers(texts.map(file));

test('servers that clients reach are handed to them, two at most', () => {
  const text =
    '# comment\nsearch example.org\nnameserver 192.0.2.53\n  nameserver\t192.0.2.54 \nnameserver 192.0.2.55\n';
  assert.deepEqual(found(text), {
    forClients: ['192.0.2.53', '192.0.2.54'],
    upstream: ['192.0.2.53', '192.0.2.54', '192.0.2.55'],
  });
});

test('behind a loopback stub are the real servers', () => {
  assert.deepEqual(found('nameserver 127.0.0.53\noptions edns0\n', 'nameserver 192.0.2.53\n'), {
    forClients: ['192.0.2.53'],
    upstream: ['192.0.2.53'],
  });
});

test('servers that only this host reaches are for a forwarder', () => {
  assert.deepEqual(found('nameserver 127.0.0.11\n', undefined), { forClients: [], upstream: ['127.0.0.11'] });
  assert.deepEqual(found('nameserver 2001:DB8::53\nnameserver fe80::1%eth0\n'), {
    forClients: [],
    upstream: ['2001:db8::53', 'fe80::1%eth0'],
  });
  assert.deepEqual(found('nameserver 127.0.0.53\n', 'nameserver ::1\n').upstream, ['127.0.0.53']);
});

test('what is no server is passed over', () => {
  const none = { forClients: [], upstream: [] };
  assert.deepEqual(found('nameserver\nnameserver example.org\n;nameserver 192.0.2.1\nnameservers 192.0.2.1\n'), none);
  assert.deepEqual(found('nameserver 0.0.0.0\n').forClients, []);
  assert.deepEqual(found(undefined), none);
  assert.deepEqual(found(''), none);
});
