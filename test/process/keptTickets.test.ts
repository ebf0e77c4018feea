/** The tickets of a client: in memory as long as it goes on, in a file where one is named, and never another's. */

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { ClientSchema } from '../../src/config/clientSchema.ts';
import { systemClock } from '../../src/driver/clock.ts';
import type { KeptTicket } from '../../src/ike/v2/index.ts';
import { keptTickets } from '../../src/process/keptTickets.ts';
import type { Log } from '../../src/process/logger.ts';

const folder = mkdtempSync(join(tmpdir(), 'sallyport-tickets-'));
after(() => rmSync(folder, { recursive: true }));

const warnings: string[] = [];
const log = { warn: (event: string, text: string) => void warnings.push(`${event}: ${text}`) } as unknown as Log;
const tickets = (more: object) =>
  keptTickets(ClientSchema.parse({ server: 'vpn.example.org', user: 'ann', ...more }), log);

const kept = (): KeptTicket => ({
  ticket: Uint8Array.of(1, 2, 3),
  expiresAt: systemClock.now() + 3_600_000,
  proposal: { encryption: 'aes-gcm-16', keyBits: 256, prf: 'sha256', group: 'curve25519', additional: ['mlkem768'] },
  skD: new Uint8Array(32).fill(0xaa),
  localIdentity: { type: 'user-fqdn', value: 'ann@example.org' },
  usesPostquantumKey: true,
  unanswered: 1,
});

test('they are kept where there will be another connection', () => {
  assert.equal(tickets({}), undefined);
  assert.equal(tickets({ persist: true, resumption: false }), undefined);
  assert.equal(tickets({ persist: true })?.size, 0);
});

test('a file brings them to the next program, as they were, and to nobody else', () => {
  const file = join(folder, 'tickets');
  const first = tickets({ ticket_file: file })!;
  const ticket = kept();
  first.set('192.0.2.1', ticket);
  first.set('192.0.2.2', ticket);
  first.delete('192.0.2.2');
  assert.equal(statSync(file).mode & 0o777, 0o600);
  const second = tickets({ ticket_file: file })!;
  assert.deepEqual([...second.keys()], ['192.0.2.1']);
  const { expiresAt, ...rest } = second.get('192.0.2.1')!;
  const { expiresAt: before, ...same } = ticket;
  assert.deepEqual(rest, same);
  assert.ok(Math.abs(expiresAt - before) < 5000);
  assert.equal(tickets({ ticket_file: file, user: 'bob' })!.size, 0);
  assert.equal(tickets({ ticket_file: file, server: 'other.example.org' })!.size, 0);
  assert.deepEqual(warnings, []);
});

test('a file that cannot be read or written is told, and the client logs in anew', () => {
  const file = join(folder, 'damaged');
  writeFileSync(file, '{"connection":', { mode: 0o600 });
  assert.equal(tickets({ ticket_file: file })!.size, 0);
  assert.match(warnings.pop()!, /^ticket-file: .*damaged cannot be read/);
  const nowhere = tickets({ ticket_file: join(folder, 'no', 'where') })!;
  nowhere.set('192.0.2.1', kept());
  assert.equal(nowhere.size, 1);
  assert.match(warnings.pop()!, /^ticket-file: .* cannot be written/);
  assert.doesNotMatch(readFileSync(file, 'utf8'), /aaaa/);
});
