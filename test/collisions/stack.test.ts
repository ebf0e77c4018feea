/** Ends that cross beginnings, through the whole stack: whoever hangs up, and whenever, nothing is left. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { secretTable } from '../../src/ike/v1/index.ts';
import { utf8 } from '../../src/wire/index.ts';
import { PERFECT, SimulatedNetwork } from '../sim/network.ts';
import { playCryptography } from '../sim/playCrypto.ts';
import { seededEnvironment } from '../sim/random.ts';
import { ClientEnd, GatewayEnd } from '../sim/stack.ts';

const SERVER = '198.51.100.1';
const SECRETS = secretTable([{ secret: utf8('a shared secret of some length') }]);
const REASON = { code: 'administrator', reason: 'Goodbye.' };

function world(seed: number) {
  const network = new SimulatedNetwork(seed, PERFECT);
  const cryptography = playCryptography(seededEnvironment(seed).random);
  const config = { ike: { secrets: SECRETS }, network: { pool: ['10.9.0.0/24'], localAddress: '10.9.0.1' } };
  const gateway = new GatewayEnd(network, SERVER, config, { ann: 'password' }, seed, {}, cryptography);
  const clientConfig = {
    remote: { address: SERVER, port: 500 },
    ike: { secrets: SECRETS },
    ppp: { credentials: { user: 'ann', password: 'password' } },
  };
  const nat = seed % 2 === 0 ? network.nat('203.0.113.77') : undefined;
  const client = new ClientEnd(network, '10.0.0.2', clientConfig, seed + 1, nat, cryptography);
  return { network, gateway, client };
}

function nothingLeft({ network, gateway, client }: ReturnType<typeof world>, when: string): void {
  network.run(network.now + 300_000);
  assert.deepEqual(gateway.gateway.sessions(), [], `${when}: no session`);
  assert.equal(gateway.installed.left, undefined, `${when}: the gateway's data plane is empty`);
  assert.equal(gateway.deadline, undefined, `${when}: the gateway waits for nothing`);
  assert.ok(client.closed !== undefined, `${when}: the client is closed`);
  assert.equal(client.installed.left, undefined, `${when}: the client's data plane is empty`);
  assert.equal(client.deadline, undefined, `${when}: the client waits for nothing`);
}

/** Of the way up, which takes about 0.6 s. */
const MOMENTS = Array.from({ length: 28 }, (_, i) => i * 23);

test('the client disconnects at every phase of connecting', () => {
  for (const after of MOMENTS) {
    const all = world(after);
    all.client.connect();
    all.network.run(after);
    all.client.disconnect();
    nothingLeft(all, `after ${after} ms`);
  }
});

test('the gateway drains at every phase of connecting', () => {
  for (const after of MOMENTS) {
    const all = world(after);
    all.client.connect();
    all.network.run(after);
    all.gateway.perform((now) => all.gateway.gateway.command({ type: 'drain', reason: REASON }, now));
    all.network.run(all.network.now + 60_000);
    assert.ok(all.gateway.drained, `drained, after ${after} ms`);
    all.client.disconnect();
    nothingLeft(all, `after ${after} ms`);
  }
});

test('both ends hang up at the same instant, at every phase', () => {
  for (const after of MOMENTS) {
    const all = world(after);
    all.client.connect();
    all.network.run(after);
    all.client.disconnect();
    all.gateway.perform((now) => all.gateway.gateway.command({ type: 'drain', reason: REASON }, now));
    nothingLeft(all, `after ${after} ms`);
  }
});

test('the administrator ends the session while the client hangs up', () => {
  const all = world(5);
  all.client.connect();
  all.network.run(5000);
  all.gateway.perform((now) => all.gateway.gateway.command({ type: 'disconnect', who: 'ann', reason: REASON }, now));
  all.client.disconnect();
  nothingLeft(all, 'both');
});

test('a client dials again while its goodbye is still on its way', () => {
  const { network, gateway, client } = world(6);
  client.connect();
  network.run(5000);
  client.disconnect();
  network.run(network.now + 5);
  client.powerOff();
  const { config, address, host } = client;
  const again = new ClientEnd(network, address, config, 99, host, playCryptography(seededEnvironment(99).random));
  again.connect();
  network.run(network.now + 10_000);
  assert.ok(again.up !== undefined && again.closed === undefined, 'it is connected');
  network.run(network.now + 60_000);
  assert.equal(gateway.gateway.sessions().length, 1);
});
