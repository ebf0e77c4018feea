/**
 * A NAT forgets a client that only receives and asks nothing, as stock clients do: its keepalive from a new port is no
 * proof, but shows the gateway where to ask. RFC 3948 §4.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SimulatedNat, SimulatedNetwork } from '../sim/network.ts';
import { ClientEnd, GatewayEnd } from '../sim/stack.ts';
import { eapClient, V2Client, V2Gateway, v2GatewayConfig } from './ikev2World.ts';
import {
  clientConfig,
  connected,
  exchange,
  gatewayConfig,
  logText,
  receives,
  SECOND,
  SERVER,
  USERS,
  world,
} from './world.ts';

const NEVER = { interval: 0, timeout: 1 };
const LONG = 86_400_000;
const KEEPALIVE = 20 * SECOND;
const NAT = '203.0.113.77';

/** Neither end asks anything of itself; the client sends keepalives. */
const quiet = {
  l2tp: {
    gateway: (network: SimulatedNetwork) => {
      const { ike } = gatewayConfig();
      const config = gatewayConfig({
        ike: { ...ike!, deadPeerDetection: NEVER },
        l2tp: { helloInterval: LONG },
        ppp: { timers: { echoInterval: LONG } },
      });
      return new GatewayEnd(network, SERVER, config, USERS);
    },
    client: (network: SimulatedNetwork, nat: SimulatedNat, user: 'ann' | 'bob' = 'ann') => {
      const { ike, ppp } = clientConfig({}, user);
      const config = clientConfig({
        ike: { ...ike, deadPeerDetection: NEVER },
        l2tp: { helloInterval: LONG },
        ppp: { ...ppp, timers: { echoInterval: LONG } },
      });
      return new ClientEnd(network, '10.0.0.2', config, user === 'ann' ? 2 : 3, nat);
    },
  },
  'IKEv2’s tunnel mode': {
    gateway: (network: SimulatedNetwork) =>
      new V2Gateway(network, SERVER, v2GatewayConfig({}, { deadPeerDetection: NEVER }), USERS),
    client: (network: SimulatedNetwork, nat: SimulatedNat, user: 'ann' | 'bob' = 'ann') =>
      new V2Client(network, '10.0.0.2', eapClient(user, {}, { deadPeerDetection: NEVER }), user === 'ann' ? 2 : 3, nat),
  },
};

const portOf = (gateway: GatewayEnd, user: string) =>
  gateway.gateway.sessions().find((session) => session.user === user)?.peer.port;

for (const [name, { gateway: makeGateway, client: makeClient }] of Object.entries(quiet)) {
  test(`${name}: a paced download goes on after the client’s next keepalive`, () => {
    const network = world();
    const gateway = makeGateway(network);
    const nat = network.nat(NAT);
    const client = makeClient(network, nat);
    connected(network, gateway, client);
    exchange(network, gateway, client, 'before');
    network.run(network.now + 100 * SECOND);
    const before = portOf(gateway, 'ann');
    nat.flush();
    const at = network.now;
    let lost = 0;
    while (!receives(network, gateway, client, `frame ${lost}`)) {
      lost++;
      assert.ok(network.now - at <= KEEPALIVE + 3 * SECOND, logText(gateway));
    }
    assert.ok(lost > 0);
    assert.notEqual(portOf(gateway, 'ann'), before);
    exchange(network, gateway, client, 'after');
    assert.equal(client.closed, undefined);
  });

  test(`${name}: two clients behind one NAT are each found where they are`, () => {
    const network = world();
    const gateway = makeGateway(network);
    const nat = network.nat(NAT);
    const clients = [makeClient(network, nat), makeClient(network, nat, 'bob')];
    for (const client of clients) connected(network, gateway, client);
    network.run(network.now + 60 * SECOND);
    nat.flush();
    network.run(network.now + 2 * KEEPALIVE + 10 * SECOND);
    for (const client of clients) assert.ok(receives(network, gateway, client, 'found'), logText(gateway));
    assert.notEqual(portOf(gateway, 'ann'), portOf(gateway, 'bob'));
    for (const client of clients) exchange(network, gateway, client, 'after');
  });

  test(`${name}: a neighbor behind the NAT that sends keepalives moves nobody, and is sent little`, () => {
    const network = world();
    const gateway = makeGateway(network);
    const nat = network.nat(NAT);
    const client = makeClient(network, nat);
    connected(network, gateway, client);
    network.run(network.now + 60 * SECOND);
    const before = portOf(gateway, 'ann');
    let got = 0;
    const neighbor = network.host('10.0.0.9', () => void got++, nat);
    for (let i = 0; i < 600; i++) {
      neighbor.send(1024 + i, { address: SERVER, port: 4500 }, Uint8Array.of(0xff));
      network.run(network.now + 50);
    }
    // Half a minute, 32 in ten seconds at most.
    assert.ok(got > 0 && got <= 4 * 32, `${got}`);
    assert.equal(portOf(gateway, 'ann'), before);
    exchange(network, gateway, client, 'as ever');
  });

  test(`${name}: nobody is asked for keepalives from where they are known to be`, () => {
    const network = world();
    const gateway = makeGateway(network);
    const client = makeClient(network, network.nat(NAT));
    connected(network, gateway, client);
    network.run(network.now + 60 * SECOND);
    const sent: number[] = [];
    const send = gateway.host.send.bind(gateway.host);
    gateway.host.send = (port, to, bytes) => {
      sent.push(bytes.length);
      send(port, to, bytes);
    };
    network.run(network.now + 200 * SECOND);
    assert.deepEqual(sent, []);
  });
}
