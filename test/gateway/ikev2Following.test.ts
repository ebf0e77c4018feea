/** Clients of IKEv2 without MOBIKE that come from elsewhere, with ESP that goes without UDP. RFC 7296 §2.23. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SimulatedNetwork } from '../sim/network.ts';
import { pskClient, V2Client, V2Gateway, v2GatewayConfig } from './ikev2World.ts';
import { logText, SERVER, USERS } from './world.ts';

const CLIENT = '192.0.2.2';
const ELSEWHERE = '203.0.113.77';
const SHIFT = 20_000;

function connected() {
  const network = new SimulatedNetwork(1);
  const gateway = new V2Gateway(network, SERVER, v2GatewayConfig({ remoteAccess: { preSharedKey: true } }), USERS);
  const client = new V2Client(network, CLIENT, pskClient({}, 'ann', { mobike: false }), 2);
  client.connect();
  network.run(5000, () => client.up !== undefined);
  assert.ok(client.up !== undefined, logText(client, gateway));
  return { network, gateway, client };
}

test('a gateway asks a client where its IKE comes from, at the port that it has there', () => {
  const { network, gateway, client } = connected();
  const port = (given: number, by: number) => (given === 0 ? 0 : given + by);
  network.tamper = ({ from, to, bytes }) => {
    // Nothing is at the old place any more.
    if (to.address === CLIENT) return undefined;
    if (to.address === ELSEWHERE) return { from, to: { address: CLIENT, port: port(to.port, -SHIFT) }, bytes };
    return { from: { address: ELSEWHERE, port: port(from.port, SHIFT) }, to, bytes };
  };
  network.run(network.now + 40_000);
  for (const [inboundSpi, channel] of [...gateway.installed.sas]) {
    const event = { type: 'saExpiring', channel, inboundSpi, why: 'bytes' } as const;
    gateway.perform((now) => gateway.gateway.receive(event, now));
  }
  network.run(network.now + 5000);
  assert.equal(client.log.filter(({ text }) => /ESP SA rekeyed/.test(text)).length, 1, logText(client, gateway));
  assert.equal(client.closed, undefined);
});

test('a client that knows of its new address connects anew: nobody would look for NATs on the way', () => {
  const { network, gateway, client } = connected();
  client.relocate('10.0.0.2', network.nat(ELSEWHERE, undefined, SHIFT));
  client.perform((now) => client.client.command({ type: 'moved', address: '10.0.0.2' }, now));
  network.run(network.now + 5000);
  assert.equal(client.closed?.reason.code, 'address-lost');
  assert.equal(gateway.gateway.sessions().filter(({ phase }) => phase !== 'closed').length, 0);
});
