/** The lab itself: a stock client connects to a stock server. When this fails, no other result means anything. */

import assert from 'node:assert/strict';
import type { Case } from '../case.ts';
import { SERVER_INNER_ADDRESS } from '../stock/server.ts';
import { ping, serveHttp, transfer } from '../traffic.ts';

export const cases: readonly Case[] = [
  {
    name: 'stock-to-stock nat',
    run: async (lab) => {
      await lab.topology.masquerade(true);
      const [server, client] = await Promise.all([lab.stockServer(), lab.stockClient(1)]);
      const method = 'mschapv2';
      await Promise.all([server.configure({ method }), client.configure({ method, server: server.address })]);
      const link = await client.connect();
      assert.equal(link.remote, SERVER_INNER_ADDRESS);
      await ping(client, link.remote);
      await serveHttp(server);
      await transfer(client, link.remote);
      await client.disconnect('l2tp');
      assert.deepEqual(await client.leftovers(), []);
      assert.deepEqual(await server.leftovers(), []);
    },
  },
];
