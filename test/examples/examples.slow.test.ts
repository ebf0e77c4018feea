import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Example } from './example.ts';

/** The examples take a pair of ports; runs at the same time have other pids. */
const PORT = 20_000 + 2 * (process.pid % 5_000);

let gateway: Example;

before(async () => {
  gateway = new Example('gateway.ts', String(PORT));
  await gateway.line(/The gateway listens/);
});

after(() => gateway?.kill());

test('the example client connects to the example gateway, gets its packet back and leaves', async () => {
  const client = new Example('client.ts', String(PORT));
  assert.equal(await client.ended, 0, client.text);
  assert.match(client.text, /^Connected: 10\.9\.0\.2 to 10\.9\.0\.1, IKEv1 aes-cbc-256.*aes-gcm-16-256/m);
  assert.match(client.text, /^Received: Hello through the tunnel!$/m);
  assert.match(client.text, /^Closed: All is said\.$/m);
  await gateway.line(/L2TP tunnel ended: .*All is said/);
});

test('the example gateway refuses a wrong password, and ends in order', async () => {
  const client = new Example('client.ts', String(PORT), 'guessed');
  assert.equal(await client.ended, 0, client.text);
  assert.match(client.text, /^Closed: .*password/m);
  assert.doesNotMatch(client.text, /Connected/);
  gateway.interrupt();
  assert.equal(await gateway.ended, 0, gateway.text);
});
