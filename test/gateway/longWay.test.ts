/** Connections over ways on which an answer takes longer than the patience of whoever asks again. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ClientEnd, GatewayEnd } from '../sim/stack.ts';
import { clientConfig, connected, exchange, gatewayConfig, SERVER, USERS, world } from './world.ts';

for (const delay of [25, 200, 500]) {
  test(`a client comes up once, and stays up, where each way takes ${delay} ms`, () => {
    const network = world(7, { delay });
    const gateway = new GatewayEnd(network, SERVER, gatewayConfig(), USERS);
    const client = new ClientEnd(network, '198.51.100.7', clientConfig());
    connected(network, gateway, client);
    const names = client.client.view().timeline.map(({ name }) => name);
    for (const once of ['LCP opened', 'IPCP opened', 'connected']) {
      assert.equal(names.filter((name) => name === once).length, 1, once);
    }
    network.run(network.now + 5000);
    if (delay < 500) exchange(network, gateway, client, 'far away');
    assert.equal(client.client.view().phase, 'up');
  });
}

test('a client is connected after the eleven round trips that the protocols need', () => {
  const network = world(7, { delay: 100 });
  const { pool, localAddress } = gatewayConfig().network!;
  const gateway = new GatewayEnd(
    network,
    SERVER,
    gatewayConfig({ network: { pool: pool!, localAddress: localAddress!, dns: ['10.9.0.1'] } }),
    USERS,
  );
  const client = new ClientEnd(network, '198.51.100.7', clientConfig());
  connected(network, gateway, client);
  const { since } = client.client.view().timeline.find(({ name }) => name === 'connected')!;
  // Main Mode 3, Quick Mode 1, L2TP 2, LCP 2 (the Challenge follows its acknowledgement), Response 1, IPCP 2.
  assert.ok(since < 11.2 * 200, `${since} ms`);
  assert.deepEqual(client.up!.network.dns, ['10.9.0.1']);
});
