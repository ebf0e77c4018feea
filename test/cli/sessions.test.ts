import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sessionsText } from '../../src/cli/sessions.ts';
import { SessionRecord } from '../../src/session/record.ts';

function textOf(known: Partial<Pick<SessionRecord, 'user' | 'innerAddress' | 'innerPrefix'>>): string {
  const at = { address: '192.0.2.1', port: 4500 };
  return sessionsText([Object.assign(new SessionRecord('s1', 'gateway', at, at, 0, 0), known).view()]);
}

test('sessions show the IPv6 prefix or address of a user beside the IPv4 address, where there is one', () => {
  const ann = { user: 'ann', innerAddress: '10.87.0.2' };
  assert.match(textOf({ ...ann, innerPrefix: '2001:db8:0:1::/64' }), /10\.87\.0\.2, 2001:db8:0:1::\/64 /);
  assert.match(textOf({ ...ann, innerPrefix: '2001:db8::1/128' }), /10\.87\.0\.2, 2001:db8::1 /);
  assert.match(textOf({ user: 'ann', innerAddress: '2001:db8::1' }), / 2001:db8::1 /);
  assert.match(textOf(ann), / 10\.87\.0\.2 {2}/);
  assert.match(textOf({ user: 'ann' }), / ann +\S+ +- +- +- /);
});

test('as JSON they have both', () => {
  const at = { address: '192.0.2.1', port: 4500 };
  const known = { innerAddress: '10.87.0.2', innerPrefix: '2001:db8:0:1::/64' };
  const view = Object.assign(new SessionRecord('s1', 'gateway', at, at, 0, 0), known).view();
  assert.deepEqual([view.innerAddress, view.innerPrefix], ['10.87.0.2', '2001:db8:0:1::/64']);
});
