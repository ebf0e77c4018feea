/** NATs that forget, and peers that move: the connection goes where the peer's authenticated packets come from. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { secretTable } from '../../src/ike/v1/index.ts';
import { MOST_MOVES, MOVES_SPAN } from '../../src/session/peerMoves.ts';
import { utf8 } from '../../src/wire/index.ts';
import { ipv4Packet } from '../sim/packets.ts';
import { ClientEnd, GatewayEnd } from '../sim/stack.ts';
import {
  clientConfig,
  connected,
  exchange,
  gatewayConfig,
  PSK,
  receives,
  SECOND,
  SERVER,
  sends,
  USERS,
  world,
} from './world.ts';

const peerPort = (gateway: GatewayEnd) => gateway.gateway.sessions()[0]?.peer.port;

test('a NAT that forgets its mappings does not end the connection: ESP from the new port moves the peer', () => {
  const network = world();
  const gateway = new GatewayEnd(network, SERVER, gatewayConfig(), USERS);
  const nat = network.nat('203.0.113.77');
  const client = new ClientEnd(network, '10.0.0.2', clientConfig(), 2, nat);
  connected(network, gateway, client);
  exchange(network, gateway, client, 'before');
  const before = peerPort(gateway);
  nat.flush();
  exchange(network, gateway, client, 'after');
  const [session] = gateway.gateway.sessions();
  assert.notEqual(session?.peer.port, before, 'the record has the new port');
  assert.ok(session?.timeline.some(({ name }) => name === 'peer moved'));
  assert.equal(session?.client, 'Sallyport');
  // IKE goes the new way too: our own Delete reaches the client.
  const reason = { code: 'administrator', reason: 'Goodbye.' };
  gateway.perform((now) => gateway.gateway.command({ type: 'disconnect', who: 'ann', reason }, now));
  network.run(network.now + 10 * SECOND, () => client.closed !== undefined);
  assert.equal(client.closed?.reason.code, 'peer-terminated');
});

test('an idle client behind a NAT that forgot is followed by its keepalive’s successor, the DPD of IKE', () => {
  const network = world();
  const gateway = new GatewayEnd(network, SERVER, gatewayConfig(), USERS);
  const nat = network.nat('203.0.113.77');
  const client = new ClientEnd(network, '10.0.0.2', clientConfig(), 2, nat);
  connected(network, gateway, client);
  nat.flush();
  network.run(network.now + 60 * SECOND);
  assert.ok(receives(network, gateway, client, 'from outside'), 'traffic to the client goes the new way');
  network.run(network.now + 300 * SECOND);
  assert.equal(client.closed, undefined);
  exchange(network, gateway, client, 'still there');
});

test('a client that only receives asks when the stream stops, so that a NAT that forgot loses it 2 s at most', () => {
  const network = world();
  const gateway = new GatewayEnd(network, SERVER, gatewayConfig(), USERS);
  const nat = network.nat('203.0.113.77');
  const client = new ClientEnd(network, '10.0.0.2', clientConfig(), 2, nat);
  connected(network, gateway, client);
  const packet = ipv4Packet('203.0.113.9', client.up!.network.localAddress, utf8('a frame of a film'));
  const stream = (seconds: number, until: () => boolean) => {
    for (let i = 0; i < seconds * 50 && !until(); i++) {
      gateway.plane.fromTun(packet);
      network.run(network.now + 20);
    }
  };
  stream(40, () => false);
  const asked = () => client.log.filter(({ text }) => text.includes('R_U_THERE')).length;
  const before = asked();
  nat.flush();
  client.packets.length = 0;
  const at = network.now;
  stream(10, () => client.packets.length > 0);
  assert.ok(network.now - at <= 2 * SECOND, `again after ${network.now - at} ms`);
  assert.ok(asked() > before);
  // The end of a stream costs a question, and no more.
  stream(5, () => false);
  network.run(network.now + 8 * SECOND);
  const quiet = asked();
  assert.ok(quiet <= before + 6, `${quiet - before} questions and answers`);
  exchange(network, gateway, client, 'still there');
});

test('IKE SAs that are renewed after the NAT forgot still adopt the ESP SAs', () => {
  const network = world();
  const gateway = new GatewayEnd(network, SERVER, gatewayConfig(), USERS);
  const nat = network.nat('203.0.113.77');
  const client = new ClientEnd(network, '10.0.0.2', clientConfig(), 2, nat);
  connected(network, gateway, client);
  nat.flush();
  exchange(network, gateway, client, 'moved');
  for (let hour = 0; hour < 9; hour++) {
    network.run(network.now + 3600 * SECOND);
    exchange(network, gateway, client, `hour ${hour}`);
  }
  assert.equal(gateway.gateway.sessions().length, 1);
});

test('without network.follow_peers a moved peer is not followed, and the log says so', () => {
  const network = world();
  const config = gatewayConfig();
  const gateway = new GatewayEnd(
    network,
    SERVER,
    { ...config, network: { ...config.network, followPeers: false } },
    USERS,
  );
  const nat = network.nat('203.0.113.77');
  const client = new ClientEnd(network, '10.0.0.2', clientConfig(), 2, nat);
  connected(network, gateway, client);
  const before = peerPort(gateway);
  nat.flush();
  assert.ok(sends(network, gateway, client, 'out'), 'what is authentic is taken');
  assert.ok(!receives(network, gateway, client, 'back'), 'but not answered there');
  assert.equal(peerPort(gateway), before);
  assert.ok(gateway.log.some(({ event }) => event === 'peer-not-followed'));
});

test('moves are bounded in rate, and the last place counts in the end', () => {
  const network = world();
  const gateway = new GatewayEnd(network, SERVER, gatewayConfig(), USERS);
  const nat = network.nat('203.0.113.77');
  const client = new ClientEnd(network, '10.0.0.2', clientConfig(), 2, nat);
  connected(network, gateway, client);
  const moves = () => gateway.gateway.sessions()[0]!.timeline.filter(({ name }) => name === 'peer moved').length;
  for (let i = 0; i < 3 * MOST_MOVES; i++) {
    nat.flush();
    client.plane.fromTun(new Uint8Array([...ipv4(client.up!.network.localAddress)]));
    network.run(network.now + 50);
  }
  assert.equal(moves(), MOST_MOVES);
  network.run(network.now + MOVES_SPAN);
  assert.equal(moves(), MOST_MOVES + 1);
  exchange(network, gateway, client, 'in the end');
});

test('a packet that is not authentic moves nobody', () => {
  const network = world();
  const gateway = new GatewayEnd(network, SERVER, gatewayConfig(), USERS);
  const client = new ClientEnd(network, '10.0.0.2', clientConfig(), 2, network.nat('203.0.113.77'));
  connected(network, gateway, client);
  const before = peerPort(gateway);
  const last = network.carried.findLast(({ to }) => to.address === SERVER && to.port === 4500)!;
  const forged = last.bytes.slice();
  forged[forged.length - 1]! ^= 1;
  for (const bytes of [forged, last.bytes]) {
    network.inject({ from: { address: '192.0.2.66', port: 4500 }, to: last.to, bytes });
  }
  network.run(network.now + SECOND);
  assert.equal(peerPort(gateway), before);
  exchange(network, gateway, client, 'unmoved');
});

test('a client without NAT that has another address now is followed over native ESP', () => {
  const network = world();
  const gateway = new GatewayEnd(network, SERVER, gatewayConfig(), USERS);
  const client = new ClientEnd(network, '192.0.2.2', clientConfig(), 2);
  connected(network, gateway, client);
  network.tamper = (sent) => {
    if (sent.from.address === '192.0.2.2') return { ...sent, from: { ...sent.from, address: '192.0.2.99' } };
    if (sent.to.address === '192.0.2.99') return { ...sent, to: { ...sent.to, address: '192.0.2.2' } };
    return sent;
  };
  exchange(network, gateway, client, 'elsewhere');
  assert.equal(gateway.gateway.sessions()[0]?.peer.address, '192.0.2.99');
});

test('traffic proves the peer alive to dead peer detection, which then does not ask', () => {
  const network = world();
  const ike = { secrets: secretTable([{ secret: PSK }]), deadPeerDetection: { interval: 20_000, timeout: 30_000 } };
  const gateway = new GatewayEnd(network, SERVER, gatewayConfig({ ike }), USERS);
  const quiet = { ...ike, deadPeerDetection: { interval: 0, timeout: 30_000 } };
  const client = new ClientEnd(network, '10.0.0.2', clientConfig({ ike: quiet }), 2, network.nat('203.0.113.77'));
  connected(network, gateway, client);
  const asked = () => gateway.log.filter(({ text }) => text.includes('R_U_THERE')).length;
  for (let i = 0; i < 20; i++) {
    network.run(network.now + 9 * SECOND);
    assert.ok(sends(network, gateway, client, `packet ${i}`));
  }
  assert.equal(asked(), 0);
  network.run(network.now + 60 * SECOND);
  assert.ok(asked() > 0, 'a silent one is asked');
});

/** A minimal inner packet. */
function ipv4(source: string): number[] {
  const bytes = [0x45, 0, 0, 20, 0, 0, 0, 0, 64, 17, 0, 0, ...source.split('.').map(Number), 203, 0, 113, 9];
  return bytes;
}
