/** Users of a gateway: addresses of their own that come and go while it runs, and logins that fail too often. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ClientConfig } from '../../src/client/index.ts';
import type { GatewayConfig } from '../../src/gateway/index.ts';
import { Leases } from '../../src/gateway/leases.ts';
import { secretTable } from '../../src/ike/index.ts';
import { AddressPool } from '../../src/net/index.ts';
import type { PppSession } from '../../src/session/pppSession.ts';
import { PERFECT, SimulatedNetwork } from '../sim/network.ts';
import { ClientEnd, GatewayEnd } from '../sim/stack.ts';

const SERVER = '198.51.100.1';
const SECOND = 1000;

/** A pool of `.2` and `.3`. */
function leases(reserved: Readonly<Record<string, string>> = {}): Leases {
  const pool = new AddressPool({ ranges: ['10.9.0.1-10.9.0.3'], exclude: ['10.9.0.1'] });
  return new Leases(pool, new Map(Object.entries(reserved)));
}

/** A session is a key here, nothing more. */
const session = () => ({}) as PppSession;

test('an address that a user was accepted with is given to nobody else, even when its user is away', () => {
  const held = leases();
  const ann = session();
  held.accepted('ann', '10.9.0.2');
  assert.ok(held.take(ann, 'ann', '10.9.0.2'));
  held.release(ann);
  assert.equal(held.fromPool(session(), 'bob'), '10.9.0.3');
  assert.equal(held.fromPool(session(), 'cid'), undefined);
  assert.ok(held.take(session(), 'ann', '10.9.0.2'));
});

test('an address that another holds from the pool becomes its owner’s as soon as it is given back', () => {
  const held = leases();
  const bob = session();
  assert.equal(held.fromPool(bob, 'bob'), '10.9.0.2');
  held.accepted('ann', '10.9.0.2');
  assert.equal(held.take(session(), 'ann', '10.9.0.2'), false);
  held.release(bob);
  assert.equal(held.fromPool(session(), 'bob'), '10.9.0.3', 'not the one that bob had last');
  assert.ok(held.take(session(), 'ann', '10.9.0.2'));
});

test('a user who is accepted with another address, or with none, gives the former back', () => {
  const held = leases();
  held.accepted('ann', '10.9.0.2');
  held.accepted('ann', '10.9.0.3');
  assert.equal(held.fromPool(session(), 'bob'), '10.9.0.2');
  assert.equal(held.fromPool(session(), 'cid'), undefined);
  held.accepted('ann', undefined);
  assert.equal(held.fromPool(session(), 'cid'), '10.9.0.3');
});

test('an address that is given to another user is that user’s', () => {
  const held = leases({ ann: '10.9.0.2' });
  held.accepted('bob', '10.9.0.2');
  assert.ok(held.take(session(), 'bob', '10.9.0.2'));
  assert.equal(held.fromPool(session(), 'ann'), '10.9.0.3');
});

test('what is reserved from the start stays, whether the user is accepted with it or without', () => {
  const held = leases({ ann: '10.9.0.2' });
  held.accepted('ann', undefined);
  assert.equal(held.fromPool(session(), 'bob'), '10.9.0.3');
  assert.equal(held.fromPool(session(), 'ann'), '10.9.0.2');
});

const gatewayConfig: GatewayConfig = {
  ike: { secrets: secretTable([]) },
  network: { pool: ['10.9.0.0/24'], localAddress: '10.9.0.1' },
  plainL2tp: 'all',
  mostFailedLogins: 3,
};

function login(network: SimulatedNetwork, user: string, password: string, seed: number): ClientEnd {
  const config: Omit<ClientConfig, 'local'> = {
    remote: { address: SERVER, port: 1701 },
    ppp: { credentials: { user, password } },
  };
  const client = new ClientEnd(network, `10.0.0.${seed}`, config, seed, network.nat('203.0.113.77'));
  client.connect();
  network.run(network.now + 8 * SECOND, () => client.up !== undefined || client.closed !== undefined);
  return client;
}

test('a user who failed too often is refused at once, with the right password too; another behind the NAT is not', () => {
  const network = new SimulatedNetwork(3, PERFECT);
  const gateway = new GatewayEnd(network, SERVER, gatewayConfig, { ann: 'right', bob: 'his own' });
  for (let seed = 2; seed < 5; seed++) login(network, 'ann', 'wrong', seed);
  assert.equal(login(network, 'ann', 'right', 5).up, undefined);
  assert.ok(login(network, 'bob', 'his own', 6).up, 'bob');
  const refusals = gateway.log.filter(({ event }) => event === 'authentication-failed');
  assert.deepEqual(
    refusals.map(({ fields }) => fields?.code),
    ['wrong-password', 'wrong-password', 'wrong-password', 'too-many-failed-logins'],
  );
  for (const { text, fields } of refusals) {
    assert.match(text, /^Authentication failed from 203\.0\.113\.77 for user "ann": /);
    assert.match(JSON.stringify(fields?.remote), /^{"address":"203\.0\.113\.77"/);
  }
  network.run(network.now + 30 * SECOND);
  assert.ok(login(network, 'ann', 'right', 7).up, 'later');
});

test('a user for whom no address is left has not failed to log in', () => {
  const network = new SimulatedNetwork(4, PERFECT);
  const pool = { ...gatewayConfig.network, pool: ['10.9.0.2-10.9.0.2'] };
  const gateway = new GatewayEnd(network, SERVER, { ...gatewayConfig, network: pool }, { ann: 'a', bob: 'b' });
  assert.ok(login(network, 'bob', 'b', 2).up);
  for (let seed = 3; seed < 7; seed++) assert.equal(login(network, 'ann', 'a', seed).up, undefined);
  const refused = gateway.log.filter(({ layer, level }) => layer === 'ppp' && level === 'warn');
  assert.deepEqual(
    [...new Set(refused.map(({ event, fields }) => `${event} ${fields?.code}`))],
    ['user-refused no-address'],
  );
});
