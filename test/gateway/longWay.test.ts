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
