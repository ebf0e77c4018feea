import assert from 'node:assert/strict';
import test from 'node:test';
import { refusalOf } from '../../../src/process/load/target.ts';

test('load goes to this host, and to private addresses on the same link', () => {
  assert.equal(refusalOf('127.0.0.1', { local: true }), undefined);
  assert.equal(refusalOf('8.8.8.8', { local: true }), undefined);
  for (const address of ['10.1.2.3', '172.31.0.1', '192.168.0.1', '100.64.0.1', '198.18.0.1', '203.0.113.9']) {
    assert.equal(refusalOf(address, { local: false }), undefined, address);
  }
  for (const address of ['fd00::1', 'fe80::1', '2001:db8::1']) {
    assert.equal(refusalOf(address, { local: false }), undefined, address);
  }
});

test('load goes neither to public addresses nor through a router', () => {
  assert.match(refusalOf('8.8.8.8', { local: false })!, /public/);
  assert.match(refusalOf('172.32.0.1', { local: false })!, /public/);
  assert.match(refusalOf('2a00::1', { local: false })!, /public/);
  assert.match(refusalOf('10.1.2.3', { local: false, gateway: '192.168.0.1' })!, /router 192\.168\.0\.1/);
});
