/** Rates of single users against the gateway's own. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { GatewayOutput } from '../../src/gateway/index.ts';
import { userRates } from '../../src/gateway/userRates.ts';
import type { SessionRates } from '../../src/session/userSession.ts';
import { ipv4Packet } from '../sim/packets.ts';
import { ClientEnd, GatewayEnd } from '../sim/stack.ts';
import { clientConfig, connected, gatewayConfig, SECOND, SERVER, USERS, world } from './world.ts';

const own: SessionRates = {
  limitToPeer: { bitsPerSecond: 1e6, burstBytes: 3000 },
  limitFromPeer: { bitsPerSecond: 2e6 },
};

test('what is said of the user goes before what the gateway says, 0 is without bound, and the burst stays', () => {
  assert.deepEqual(userRates(own), own);
  assert.deepEqual(userRates({}), {});
  assert.deepEqual(userRates(own, { limitToPeer: { bitsPerSecond: 5e6 } }), {
    ...own,
    limitToPeer: { bitsPerSecond: 5e6, burstBytes: 3000 },
  });
  assert.deepEqual(userRates(own, { limitToPeer: { bitsPerSecond: 0 } }), { limitFromPeer: own.limitFromPeer });
  assert.deepEqual(userRates({}, { limitFromPeer: { bitsPerSecond: 9, burstBytes: 1 } }), {
    limitFromPeer: { bitsPerSecond: 9, burstBytes: 1 },
  });
});

class RatedGateway extends GatewayEnd {
  readonly rates: Record<string, SessionRates> = {};

  protected override take(output: GatewayOutput): void {
    if (output.type !== 'askUser') {
      super.take(output);
      return;
    }
    const { id, credentials } = output;
    const rates = this.rates[credentials.user];
    const answer = { accepted: true, ...(rates === undefined ? {} : { rates }) } as const;
    this.perform((now) => this.gateway.command({ type: 'userAnswer', id, answer }, now));
  }
}

test('a login brings the rates of its user', () => {
  const network = world(21);
  const sessionRates = { limitFromPeer: { bitsPerSecond: 80_000, burstBytes: 2000 } };
  const gateway = new RatedGateway(
    network,
    SERVER,
    gatewayConfig({ sessionRates, ppp: { requirePeer: ['pap'] } }),
    USERS,
  );
  gateway.rates.bob = { limitFromPeer: { bitsPerSecond: 0 } };
  const passed = (user: 'ann' | 'bob', address: string) => {
    const client = new ClientEnd(network, address, clientConfig({}, user), user === 'ann' ? 2 : 3);
    connected(network, gateway, client);
    network.run(network.now + SECOND);
    gateway.packets.length = 0;
    const packet = ipv4Packet(client.up!.network.localAddress, '203.0.113.9', new Uint8Array(980));
    for (let i = 0; i < 10; i++) client.plane.fromTun(packet);
    network.run(network.now + 50);
    return gateway.packets.length;
  };
  assert.deepEqual([passed('ann', '192.0.2.2'), passed('bob', '192.0.2.3')], [2, 10]);
});
