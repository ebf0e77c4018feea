/** Users who connect again, and sessions that last or idle too long. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { GatewayConfig } from '../../src/gateway/index.ts';
import { ClientEnd, GatewayEnd } from '../sim/stack.ts';
import { clientConfig, connected, exchange, gatewayConfig, SECOND, SERVER, sends, USERS, world } from './world.ts';

const MINUTE = 60 * SECOND;

function twice(config: Partial<GatewayConfig>, addresses: Record<string, string> = {}) {
  const network = world();
  const gateway = new GatewayEnd(network, SERVER, gatewayConfig(config), USERS, 1, addresses);
  const first = new ClientEnd(network, '192.0.2.2', clientConfig(), 2);
  const second = new ClientEnd(network, '192.0.2.3', clientConfig(), 3);
  connected(network, gateway, first);
  second.connect();
  network.run(network.now + 20 * SECOND, () => second.up !== undefined || second.closed !== undefined);
  network.run(network.now + 20 * SECOND);
  return { network, gateway, first, second };
}

test('single_session: allow lets both sessions of a user stand, each with an address', () => {
  const { network, gateway, first, second } = twice({});
  exchange(network, gateway, first, 'first');
  exchange(network, gateway, second, 'second');
  assert.notEqual(first.up!.network.localAddress, second.up!.network.localAddress);
});

test('single_session: replace ends the former session in order', () => {
  const { network, gateway, first, second } = twice({ singleSession: 'replace' });
  assert.ok(first.closed !== undefined, 'the first was told');
  exchange(network, gateway, second, 'second');
  assert.equal(gateway.gateway.sessions().length, 1);
  assert.equal(gateway.gateway.endedSessions()[0]?.ended?.code, 'replaced');
});

test('single_session: deny refuses the second session until the first has ended', () => {
  const { network, gateway, first, second } = twice({ singleSession: 'deny' });
  assert.equal(second.up, undefined);
  assert.ok(gateway.log.some(({ fields }) => fields?.code === 'already-connected'));
  exchange(network, gateway, first, 'first');
  first.disconnect();
  network.run(network.now + 30 * SECOND);
  const third = new ClientEnd(network, '192.0.2.4', clientConfig(), 4);
  connected(network, gateway, third);
});

test('a static address goes to the newer session, whether both may stand or not; but not where that is denied', () => {
  for (const singleSession of ['allow', 'replace'] as const) {
    const { network, gateway, second } = twice({ singleSession }, { ann: '10.9.0.77' });
    assert.equal(second.up?.network.localAddress, '10.9.0.77');
    exchange(network, gateway, second, singleSession);
    assert.equal(gateway.gateway.sessions().length, 1);
  }
  const { network, gateway, first, second } = twice({ singleSession: 'deny' }, { ann: '10.9.0.77' });
  assert.equal(second.up, undefined);
  exchange(network, gateway, first, 'keeps it');
});

test('other users are not counted', () => {
  const network = world();
  const gateway = new GatewayEnd(network, SERVER, gatewayConfig({ singleSession: 'deny' }), USERS);
  connected(network, gateway, new ClientEnd(network, '192.0.2.2', clientConfig(), 2));
  connected(network, gateway, new ClientEnd(network, '192.0.2.3', clientConfig({}, 'bob'), 3));
});

test('session_timeout ends a session, busy or not, and PPP and L2TP tell the peer', () => {
  const network = world();
  const gateway = new GatewayEnd(
    network,
    SERVER,
    gatewayConfig({ sessionLimits: { sessionTimeout: 10 * MINUTE } }),
    USERS,
  );
  const client = new ClientEnd(network, '192.0.2.2', clientConfig(), 2);
  connected(network, gateway, client);
  const began = network.now;
  for (let i = 0; i < 9; i++) {
    network.run(network.now + MINUTE - SECOND);
    assert.ok(sends(network, gateway, client, `minute ${i}`));
  }
  network.run(began + 10 * MINUTE + 5 * SECOND, () => client.closed !== undefined);
  assert.equal(client.closed?.reason.code, 'peer-terminated');
  network.run(network.now + MINUTE);
  assert.equal(gateway.gateway.endedSessions()[0]?.ended?.code, 'session-timeout');
  assert.equal(gateway.deadline, undefined, 'nothing waits');
});

test('idle_timeout counts packets of the user alone, and comes at most an eighth late', () => {
  const network = world();
  const gateway = new GatewayEnd(network, SERVER, gatewayConfig({ sessionLimits: { idleTimeout: 8 * MINUTE } }), USERS);
  const client = new ClientEnd(network, '192.0.2.2', clientConfig(), 2);
  connected(network, gateway, client);
  for (let i = 0; i < 6; i++) {
    network.run(network.now + 5 * MINUTE);
    assert.ok(sends(network, gateway, client, `packet ${i}`));
  }
  const last = network.now;
  network.run(last + 7 * MINUTE);
  assert.equal(client.closed, undefined);
  // Echoes and HELLOs went on all the time.
  network.run(last + 9 * MINUTE + SECOND, () => client.closed !== undefined);
  assert.ok(client.closed !== undefined);
  network.run(network.now + MINUTE);
  assert.equal(gateway.gateway.endedSessions()[0]?.ended?.code, 'idle-timeout');
});
