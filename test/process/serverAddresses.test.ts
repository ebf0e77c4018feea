import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StartError } from '../../src/driver/openPorts.ts';
import { ServerAddresses } from '../../src/process/serverAddresses.ts';

const unknown = new StartError({ code: 'unknown-server', reason: 'the name was not found' });

test('all addresses of a server have their turn, and one that answered keeps it', async () => {
  const addresses = new ServerAddresses('vpn.example', async () => ['192.0.2.1', '192.0.2.2', '192.0.2.3']);
  const tried: string[] = [];
  for (const same of [true, false, false, false, false]) tried.push(await addresses.next(same));
  assert.deepEqual(tried, ['192.0.2.1', '192.0.2.2', '192.0.2.3', '192.0.2.1', '192.0.2.2']);
  assert.equal(await addresses.next(true), '192.0.2.2');
});

test('the name is looked up each time, and what was known last serves where that fails', async () => {
  const answers = [['192.0.2.1'], ['192.0.2.7'], undefined];
  const addresses = new ServerAddresses('vpn.example', async () => {
    const answer = answers.shift();
    if (answer === undefined) throw unknown;
    return answer;
  });
  assert.equal(await addresses.next(true), '192.0.2.1');
  assert.equal(await addresses.next(true), '192.0.2.7', 'the server has moved');
  assert.equal(await addresses.next(true), '192.0.2.7');
  const never = new ServerAddresses('vpn.example', () => Promise.reject(unknown));
  await assert.rejects(never.next(true), unknown);
});

test('a server that sends us on is followed, but not without end', async () => {
  const asked: string[] = [];
  const addresses = new ServerAddresses('vpn.example', async (name) => {
    asked.push(name);
    return [`192.0.2.${asked.length}`];
  });
  await addresses.next(true);
  assert.ok(addresses.redirect('gw2.example'));
  assert.deepEqual([addresses.redirectedTo, addresses.redirectedFrom], ['gw2.example', '192.0.2.1']);
  assert.equal(await addresses.next(true), '192.0.2.2');
  assert.deepEqual(asked, ['vpn.example', 'gw2.example']);
  addresses.reached();
  const followed = Array.from({ length: 7 }, () => addresses.redirect('gw3.example'));
  assert.deepEqual(followed, [true, true, true, true, true, false, false]);
});
