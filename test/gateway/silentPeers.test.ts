/** Peers that do not announce DPD are judged by ESP, L2TP and PPP together; those that vanish go within a bound. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { secretTable } from '../../src/ike/v1/index.ts';
import type { CarriedDatagram } from '../sim/network.ts';
import { ClientEnd, GatewayEnd } from '../sim/stack.ts';
import { clientConfig, connected, exchange, gatewayConfig, PSK, SECOND, SERVER, sends, USERS, world } from './world.ts';

const withoutDpd = { secrets: secretTable([{ secret: PSK }]), deadPeerDetection: { interval: 0, timeout: 1 } };

test('a peer without DPD that vanishes is gone within 121 s of its last packet, and the close', () => {
  const network = world();
  const gateway = new GatewayEnd(network, SERVER, gatewayConfig({ ike: withoutDpd }), USERS);
  const client = new ClientEnd(network, '10.0.0.2', clientConfig(), 2, network.nat('203.0.113.77'));
  connected(network, gateway, client);
  exchange(network, gateway, client, 'alive');
  client.powerOff();
  const at = network.now;
  network.run(at + 300 * SECOND, () => gateway.gateway.sessions().length === 0);
  assert.ok(network.now - at <= 125 * SECOND, `after ${(network.now - at) / 1000} s`);
  network.run(network.now + 60 * SECOND);
  assert.equal(gateway.deadline, undefined);
});

test('dead peer detection counts from the last packet of the peer, not from when it looked', () => {
  const network = world();
  const ike = { secrets: secretTable([{ secret: PSK }]), deadPeerDetection: { interval: 20_000, timeout: 10_000 } };
  const gateway = new GatewayEnd(network, SERVER, gatewayConfig({ ike }), USERS);
  const client = new ClientEnd(network, '10.0.0.2', clientConfig(), 2, network.nat('203.0.113.77'));
  connected(network, gateway, client);
  const asked = () => gateway.log.filter(({ text }) => text.includes('R_U_THERE')).length;
  for (let second = 0; second < 25; second++) assert.ok(sends(network, gateway, client, `packet ${second}`));
  client.powerOff();
  const at = network.now;
  const before = asked();
  network.run(at + 60 * SECOND, () => asked() > before);
  assert.ok(network.now - at <= 20 * SECOND, `asked after ${(network.now - at) / 1000} s`);
  network.run(at + 60 * SECOND, () => gateway.gateway.sessions().length === 0);
  assert.ok(network.now - at <= 30.1 * SECOND, `gone after ${(network.now - at) / 1000} s`);
});

test('HELLO and echoes count from the last packet, too: a peer without DPD is gone within 92 s of it', () => {
  const network = world();
  const gateway = new GatewayEnd(network, SERVER, gatewayConfig({ ike: withoutDpd }), USERS);
  const client = new ClientEnd(network, '10.0.0.2', clientConfig(), 2, network.nat('203.0.113.77'));
  connected(network, gateway, client);
  for (let second = 0; second < 75; second++) assert.ok(sends(network, gateway, client, `packet ${second}`));
  client.powerOff();
  const at = network.now;
  network.run(at + 300 * SECOND, () => gateway.gateway.sessions().length === 0);
  assert.ok(network.now - at <= 92 * SECOND, `after ${(network.now - at) / 1000} s`);
});

/** L2TP without IPsec, whose messages the network can tell apart. */
function plainPair() {
  const network = world();
  const gateway = new GatewayEnd(network, SERVER, gatewayConfig({ plainL2tp: 'all' }), USERS);
  const { ike: _, ...plain } = clientConfig();
  const config = { ...plain, remote: { address: SERVER, port: 1701 } };
  const client = new ClientEnd(network, '192.0.2.2', config, 2);
  connected(network, gateway, client);
  return { network, gateway, client };
}

const fromClient = ({ from }: CarriedDatagram) => from.address === '192.0.2.2';
const isControl = ({ bytes }: CarriedDatagram) => (bytes[0]! & 0x80) !== 0;

test('HELLOs that stay unanswered end nothing while data comes in', () => {
  const { network, gateway, client } = plainPair();
  network.tamper = (sent) => (fromClient(sent) && isControl(sent) ? undefined : sent);
  for (let i = 0; i < 60; i++) {
    network.run(network.now + 9 * SECOND);
    assert.ok(sends(network, gateway, client, `packet ${i}`), `after ${i * 10} s`);
  }
  assert.equal(gateway.gateway.sessions().length, 1);
});

test('echoes that stay unanswered end nothing while data comes in', () => {
  const { network, gateway, client } = plainPair();
  // LCP (C021) of the client is lost; its packets (0021 or 21) are not.
  const isLcp = ({ bytes }: CarriedDatagram) => Buffer.from(bytes).includes(Buffer.from([0xc0, 0x21]));
  network.tamper = (sent) => (fromClient(sent) && !isControl(sent) && isLcp(sent) ? undefined : sent);
  for (let i = 0; i < 30; i++) {
    network.run(network.now + 20 * SECOND);
    exchange(network, gateway, client, `packet ${i}`);
  }
  assert.equal(gateway.gateway.sessions().length, 1);
});
