/** New IKE SAs from other ports of an address where the same identity stands: the same client, or another one beside it. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ClientConfig } from '../../src/client/index.ts';
import { profiles } from '../../src/ike/index.ts';
import { secretTable } from '../../src/ike/v1/index.ts';
import type { SimulatedNat, SimulatedNetwork } from '../sim/network.ts';
import { ClientEnd, GatewayEnd } from '../sim/stack.ts';
import {
  clientConfig,
  connected,
  exchange,
  gatewayConfig,
  logText,
  PSK,
  SECOND,
  SERVER,
  sends,
  USERS,
  world,
} from './world.ts';

const NEVER = { interval: 0, timeout: 1 };
const SAME = { type: 'ipv4', value: '192.168.1.2' } as const;
const quiet = { secrets: secretTable([{ secret: PSK }]), deadPeerDetection: NEVER, keepaliveInterval: 0 };

/** A client that asks nothing of itself, so that its next Main Mode is the first that it says after the NAT forgot. */
function quietClient(network: SimulatedNetwork, nat: SimulatedNat, seed = 2, ike: Partial<ClientConfig['ike']> = {}) {
  const lifetimes = { ...profiles.compatible.offer, ike: { ...profiles.compatible.offer.ike, lifetimeSeconds: 1000 } };
  const profile = { ...profiles.compatible, offer: lifetimes };
  const config = clientConfig({
    ike: { ...quiet, profile, ...ike },
    l2tp: { helloInterval: 86_400_000 },
    ppp: { credentials: { user: 'ann', password: USERS.ann }, timers: { echoInterval: 86_400_000 } },
  });
  return new ClientEnd(network, '10.0.0.2', config, seed, nat);
}

function quietGateway(network: SimulatedNetwork): GatewayEnd {
  const config = gatewayConfig({
    ike: quiet,
    l2tp: { hostName: 'gateway', helloInterval: 86_400_000 },
    ppp: { timers: { echoInterval: 86_400_000 } },
  });
  return new GatewayEnd(network, SERVER, config, USERS);
}

test('a Main Mode that comes from a rebound port before anything else adopts the ESP SAs, on proof', () => {
  const network = world();
  const gateway = quietGateway(network);
  const nat = network.nat('203.0.113.77');
  const client = quietClient(network, nat);
  connected(network, gateway, client);
  exchange(network, gateway, client, 'before');
  const [before] = gateway.gateway.sessions();
  network.run(network.now + 700 * SECOND);
  nat.flush();
  // The client renews its IKE SA at 81 to 85 % of 1000 s.
  network.run(network.now + 200 * SECOND);
  const [after, ...more] = gateway.gateway.sessions();
  assert.deepEqual(more, [], logText(gateway, client));
  assert.equal(after?.id, before?.id);
  assert.notEqual(after?.peer.port, before?.peer.port);
  exchange(network, gateway, client, 'after');
  // The old IKE SA goes; the renewals of the ESP SAs and of the next IKE SA find the connection.
  network.run(network.now + 4000 * SECOND);
  exchange(network, gateway, client, 'later');
  assert.equal(gateway.gateway.sessions()[0]?.id, before?.id);
  assert.equal(client.closed, undefined);
});

test('two clients of the same identity behind one NAT stay two, whether they say INITIAL-CONTACT or not', () => {
  for (const initialContact of [true, false]) {
    const network = world();
    const gateway = quietGateway(network);
    const nat = network.nat('203.0.113.77');
    const ike = { localIdentity: SAME, initialContact };
    const clients = [2, 3].map((seed) => quietClient(network, nat, seed, ike));
    const [first, second] = clients as [ClientEnd, ClientEnd];
    connected(network, gateway, first);
    network.run(network.now + 100 * SECOND);
    const at = network.now;
    second.connect();
    network.run(at + 30 * SECOND, () => second.up !== undefined);
    assert.ok(network.now - at < 3 * SECOND, `the second is up after ${network.now - at} ms`);
    network.run(network.now + 30 * SECOND);
    assert.equal(gateway.gateway.sessions().length, 2);
    for (const client of clients) exchange(network, gateway, client, 'alone');
  }
});

test('a client that knows no DPD lives by its ESP: another one of its identity does not wait for long', () => {
  const network = world();
  const gateway = quietGateway(network);
  const nat = network.nat('203.0.113.77');
  const ike = { localIdentity: SAME, initialContact: false };
  const [first, second] = [quietClient(network, nat, 2, ike), quietClient(network, nat, 3, ike)];
  connected(network, gateway, first);
  // Its answers to questions are lost, as if it gave none.
  const isIke = (bytes: Uint8Array) => bytes.length > 4 && bytes.subarray(0, 4).every((byte) => byte === 0);
  const mapped = gateway.gateway.sessions()[0]!.peer.port;
  network.tamper = (sent) => (sent.from.port === mapped && isIke(sent.bytes) ? undefined : sent);
  const at = network.now;
  second.connect();
  while (second.up === undefined && network.now - at < 10 * SECOND) {
    assert.ok(sends(network, gateway, first, 'busy') || second.up !== undefined);
  }
  assert.ok(network.now - at <= 3 * SECOND, `the second is up after ${network.now - at} ms`);
  network.run(network.now + SECOND);
  assert.equal(gateway.gateway.sessions().length, 2);
});

test('a client that restarted behind its NAT without a word of it waits 3 s, and its ghost keeps nothing of it', () => {
  const network = world();
  const gateway = quietGateway(network);
  const nat = network.nat('203.0.113.77');
  const ghost = quietClient(network, nat, 2, { localIdentity: SAME, initialContact: false });
  connected(network, gateway, ghost);
  const [old] = gateway.gateway.sessions();
  ghost.powerOff();
  nat.flush();
  const again = quietClient(network, nat, 5, { localIdentity: SAME, initialContact: false });
  const at = network.now;
  again.connect();
  network.run(at + 30 * SECOND, () => again.up !== undefined);
  assert.ok(again.up !== undefined && network.now - at < 6 * SECOND, `after ${network.now - at} ms`);
  network.run(network.now + SECOND);
  const sessions = gateway.gateway.sessions();
  assert.deepEqual(
    sessions.map(({ id }) => id === old?.id),
    [true, false],
    'silence proves nothing: the new one is a session of its own',
  );
  exchange(network, gateway, again, 'again');
});

test('a client that restarted behind its NAT and says INITIAL-CONTACT takes its ghost at the other port with it', () => {
  const network = world();
  const gateway = quietGateway(network);
  const nat = network.nat('203.0.113.77');
  const ghost = quietClient(network, nat, 2, { localIdentity: SAME });
  connected(network, gateway, ghost);
  ghost.powerOff();
  nat.flush();
  const again = quietClient(network, nat, 5, { localIdentity: SAME });
  connected(network, gateway, again);
  network.run(network.now + 10 * SECOND);
  assert.equal(gateway.gateway.sessions().length, 1);
  exchange(network, gateway, again, 'alone');
});
