/** ESP SAs end by bytes and by sequence numbers as well as by time; traffic goes on. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { profiles } from '../../src/ike/index.ts';
import { secretTable } from '../../src/ike/v1/index.ts';
import { utf8 } from '../../src/wire/index.ts';
import { ipv4Packet } from '../sim/packets.ts';
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
  USERS,
  world,
} from './world.ts';

const KILOBYTES = 1024;

/** Policies in which an ESP SA carries a mebibyte. */
function limited() {
  const { compatible } = profiles;
  const esp = { lifetimeKilobytes: KILOBYTES };
  const profile = {
    ...compatible,
    accept: { ...compatible.accept, esp: { ...compatible.accept.esp, ...esp } },
    offer: { ...compatible.offer, esp: { ...compatible.offer.esp, ...esp } },
  };
  return { secrets: secretTable([{ secret: PSK }]), profile };
}

const big = (source: string, destination: string) => ipv4Packet(source, destination, utf8('x'.repeat(1200)));

/** Packets of 1.2 kB each way until `bytes` have gone each way. @returns how many were lost */
function transfer(network: ReturnType<typeof world>, gateway: GatewayEnd, client: ClientEnd, bytes: number): number {
  const address = client.up!.network.localAddress;
  gateway.packets.length = 0;
  client.packets.length = 0;
  const count = Math.ceil(bytes / 1200);
  for (let i = 0; i < count; i++) {
    client.plane.fromTun(big(address, '203.0.113.9'));
    gateway.plane.fromTun(big('203.0.113.9', address));
    network.run(network.now + 20);
  }
  network.run(network.now + SECOND);
  return 2 * count - gateway.packets.length - client.packets.length;
}

const rekeys = (gateway: GatewayEnd) =>
  gateway.gateway.sessions()[0]!.timeline.filter(({ name }) => name === 'ESP SA rekeyed').length;

test('an initiator renews its ESP SAs before they have carried what was agreed, and nothing is lost', () => {
  const network = world();
  const gateway = new GatewayEnd(network, SERVER, gatewayConfig(), USERS);
  const client = new ClientEnd(network, '10.0.0.2', clientConfig({ ike: limited() }), 2, network.nat('203.0.113.77'));
  connected(network, gateway, client);
  assert.equal(transfer(network, gateway, client, 5 * KILOBYTES * 1024), 0);
  assert.ok(rekeys(gateway) >= 5, `${rekeys(gateway)} renewals`);
  assert.ok(!gateway.log.some(({ event }) => event === 'sa-used-up'), logText(gateway));
});

test('the smaller number of kilobytes counts: the gateway’s is told by RESPONDER-LIFETIME', () => {
  const network = world();
  const gateway = new GatewayEnd(network, SERVER, gatewayConfig({ ike: limited() }), USERS);
  const client = new ClientEnd(network, '10.0.0.2', clientConfig(), 2, network.nat('203.0.113.77'));
  connected(network, gateway, client);
  assert.equal(transfer(network, gateway, client, 2 * KILOBYTES * 1024), 0);
  assert.ok(rekeys(gateway) >= 2);
});

test('where the initiator does not renew, the responder does when all that was agreed has been carried', () => {
  const network = world();
  const gateway = new GatewayEnd(network, SERVER, gatewayConfig({ ike: limited() }), USERS);
  // A client that counts no bytes: its data plane tells nothing.
  const client = new ClientEnd(network, '192.0.2.2', clientConfig(), 2);
  const receive = client.client.receive.bind(client.client);
  client.client.receive = (event, now) => (event.type === 'saExpiring' ? [] : receive(event, now));
  connected(network, gateway, client);
  assert.equal(transfer(network, gateway, client, 3 * KILOBYTES * 1024), 0);
  assert.ok(rekeys(gateway) >= 1);
  exchange(network, gateway, client, 'on the new SA');
});

test('where nobody renews, the SA goes with a Delete when it has carried twice what was agreed, and the log says why', () => {
  const network = world();
  const gateway = new GatewayEnd(network, SERVER, gatewayConfig({ ike: limited() }), USERS);
  const client = new ClientEnd(network, '192.0.2.2', clientConfig(), 2);
  connected(network, gateway, client);
  for (const end of [gateway.gateway, client.client]) {
    const receive = end.receive.bind(end);
    end.receive = (event: never, now: number) => {
      const { type, why } = event as { type: string; why?: string };
      return type === 'saExpiring' && why === 'bytes' ? [] : (receive(event, now) as never);
    };
  }
  const receive = client.client.receive.bind(client.client);
  client.client.receive = (event, now) => (event.type === 'saExpiring' ? [] : receive(event, now));
  transfer(network, gateway, client, 2.2 * KILOBYTES * 1024);
  assert.ok(gateway.log.some(({ event }) => event === 'sa-used-up'));
  network.run(network.now + 30 * SECOND);
  assert.ok(client.closed !== undefined, 'the client was told');
  assert.deepEqual(gateway.gateway.sessions(), []);
});

test('when sequence numbers run out a successor is made in time', () => {
  const network = world();
  const gateway = new GatewayEnd(network, SERVER, gatewayConfig(), USERS);
  const client = new ClientEnd(network, '192.0.2.2', clientConfig(), 2);
  let spi = 0;
  const receive = client.client.receive.bind(client.client);
  client.client.receive = (event, now) => receive(event, now);
  const post = client.plane.post.bind(client.plane);
  client.plane.post = (command) => {
    if (command.type === 'installSa') spi = command.record.inboundSpi;
    post(command);
  };
  connected(network, gateway, client);
  const expiring = { type: 'saExpiring', channel: 1, inboundSpi: spi, why: 'sequence' } as const;
  client.perform((now) => client.client.receive(expiring, now));
  network.run(network.now + SECOND);
  assert.equal(rekeys(gateway), 1);
  client.perform((now) => client.client.receive(expiring, now));
  network.run(network.now + SECOND);
  assert.equal(rekeys(gateway), 1, 'once');
  exchange(network, gateway, client, 'after');
});
