/** Ends that restart and have forgotten everything: the other end learns it at once, and ghosts go. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeMessage as decodeIkeMessage } from '../../src/ike/index.ts';
import { decodeMessage, encodeMessage, readControlMessage, writeControlMessage } from '../../src/l2tp/index.ts';
import { utf8 } from '../../src/wire/index.ts';
import type { SimulatedNetwork } from '../sim/network.ts';
import { ipv4Packet } from '../sim/packets.ts';
import { ClientEnd, GatewayEnd } from '../sim/stack.ts';
import {
  clientConfig,
  connected,
  exchange,
  gatewayConfig,
  logText,
  receives,
  SECOND,
  SERVER,
  sends,
  USERS,
  world,
} from './world.ts';

const RESTARTED_SEED = 99;

function restarted(network: SimulatedNetwork, old: GatewayEnd): GatewayEnd {
  old.powerOff();
  return new GatewayEnd(network, SERVER, gatewayConfig(), USERS, RESTARTED_SEED);
}

const outPacket = (client: ClientEnd) => ipv4Packet(client.up!.network.localAddress, '203.0.113.9', utf8('anybody?'));

for (const behindNat of [true, false]) {
  test(`a client whose gateway restarted knows it seconds after its next packet (${behindNat ? 'NAT' : 'no NAT'})`, () => {
    const network = world();
    const first = new GatewayEnd(network, SERVER, gatewayConfig(), USERS);
    const nat = behindNat ? network.nat('203.0.113.77') : undefined;
    const client = new ClientEnd(network, '10.0.0.2', clientConfig(), 2, nat);
    connected(network, first, client);
    const gateway = restarted(network, first);
    const at = network.now;
    client.plane.fromTun(outPacket(client));
    network.run(at + 60 * SECOND, () => client.closed !== undefined);
    assert.equal(client.closed?.reason.code, 'peer-dead');
    assert.ok(network.now - at < 8 * SECOND, `after ${network.now - at} ms`);
    const again = new ClientEnd(network, '10.0.0.2', clientConfig(), 5, nat);
    connected(network, gateway, again);
    exchange(network, gateway, again, 'again');
  });
}

test('hints that come again and again do not put off the end of a probe', () => {
  const network = world();
  const first = new GatewayEnd(network, SERVER, gatewayConfig(), USERS);
  const client = new ClientEnd(network, '10.0.0.2', clientConfig(), 2, network.nat('203.0.113.77'));
  connected(network, first, client);
  restarted(network, first);
  const at = network.now;
  while (client.closed === undefined && network.now - at < 60 * SECOND) {
    client.plane.fromTun(outPacket(client));
    network.run(network.now + SECOND / 2);
  }
  assert.equal(client.closed?.reason.code, 'peer-dead');
  assert.ok(network.now - at < 8 * SECOND, `after ${network.now - at} ms`);
});

test('strangers’ ESP is answered seldom, with no more bytes than it has, and not at all where it is short', () => {
  const network = world();
  const gateway = new GatewayEnd(network, SERVER, gatewayConfig(), USERS);
  const got: Uint8Array[] = [];
  network.host('192.0.2.66', ({ bytes }) => got.push(bytes));
  const send = (length: number) => {
    const bytes = new Uint8Array(length).fill(7);
    network.inject({ from: { address: '192.0.2.66', port: 4500 }, to: { address: SERVER, port: 4500 }, bytes });
    network.run(network.now + 100);
    gateway.plane.tick(network.now);
  };
  send(47);
  assert.equal(got.length, 0);
  network.run(network.now + 2 * SECOND);
  for (let i = 0; i < 30; i++) send(48);
  assert.ok(got.length >= 2 && got.length <= 4, `${got.length} answers in 3 s`);
  for (const bytes of got) assert.ok(bytes.length <= 48);
  const { payloads } = decodeIkeMessage(got[0]!.subarray(4));
  assert.deepEqual(
    payloads.map((payload) => payload.kind === 'N' && [payload.notifyType, [...payload.spi]]),
    [[11, [7, 7, 7, 7]]],
  );
});

test('a hint in the clear alone ends nothing: the peer that answers stays', () => {
  const network = world();
  const gateway = new GatewayEnd(network, SERVER, gatewayConfig(), USERS);
  const client = new ClientEnd(network, '192.0.2.2', clientConfig(), 2);
  connected(network, gateway, client);
  assert.ok(sends(network, gateway, client, 'a packet that names the SPI'));
  const { bytes: esp } = network.carried.findLast(({ to }) => to.port === 0)!;
  const hint = new Uint8Array(44);
  hint.set(utf8('whatever'), 0);
  hint.set([11, 0x10, 5, 0, 0, 0, 0, 1, 0, 0, 0, 44], 16);
  hint.set([0, 0, 0, 16, 0, 0, 0, 1, 3, 4, 0, 11], 28);
  hint.set(esp.subarray(0, 4), 40);
  const from = { address: SERVER, port: 500 };
  const to = { address: '192.0.2.2', port: 500 };
  const asked = () => client.log.filter(({ text }) => text.includes('R_U_THERE')).length;
  const before = asked();
  network.inject({ from, to, bytes: hint });
  network.run(network.now + 10 * SECOND);
  assert.ok(asked() > before, 'the client asked');
  assert.equal(client.closed, undefined);
  exchange(network, gateway, client, 'still there');
});

test('a client that restarted takes its ghost with it: INITIAL-CONTACT from the same address', () => {
  const network = world();
  const gateway = new GatewayEnd(network, SERVER, gatewayConfig(), USERS);
  const ghost = new ClientEnd(network, '192.0.2.2', clientConfig(), 2);
  connected(network, gateway, ghost);
  ghost.powerOff();
  const again = new ClientEnd(network, '192.0.2.2', clientConfig(), 6);
  connected(network, gateway, again);
  network.run(network.now + 15 * SECOND);
  assert.equal(gateway.gateway.sessions().length, 1);
  exchange(network, gateway, again, 'alone');
});

test('the server of a client sends on an SA that the client no longer has: it is told under the keys of IKE', () => {
  const network = world();
  const gateway = new GatewayEnd(network, SERVER, gatewayConfig(), USERS);
  const client = new ClientEnd(network, '192.0.2.2', clientConfig(), 2);
  connected(network, gateway, client);
  exchange(network, gateway, client, 'before');
  // The client's data plane alone loses its SA: the server goes on to send on it.
  const [inboundSpi] = client.installed.sas.keys();
  client.plane.post({ type: 'removeSa', inboundSpi: inboundSpi! });
  assert.ok(!receives(network, gateway, client, 'on an SA that is gone'));
  network.run(network.now + 5 * SECOND);
  assert.ok(
    gateway.log.some(({ text }) => text.includes('INVALID_SPI')),
    logText(client, gateway),
  );
  assert.ok(client.log.some(({ text }) => text.includes('INVALID_SPI')));
});

test('ESP of strangers and of the SA that was just removed makes a client say nothing', () => {
  const network = world();
  const gateway = new GatewayEnd(network, SERVER, gatewayConfig(), USERS);
  const client = new ClientEnd(network, '192.0.2.2', clientConfig(), 2);
  connected(network, gateway, client);
  const { length } = network.carried;
  const bytes = new Uint8Array(100).fill(7);
  network.inject({ from: { address: '192.0.2.66', port: 0 }, to: { address: '192.0.2.2', port: 0 }, bytes });
  network.run(network.now + SECOND);
  assert.ok(!network.carried.slice(length).some(({ to }) => to.address === '192.0.2.66'));
});

function plainGateway(network: SimulatedNetwork, seed?: number): GatewayEnd {
  return new GatewayEnd(network, SERVER, gatewayConfig({ plainL2tp: 'all' }), USERS, seed);
}

test('a client without IPsec whose gateway restarted is told so by StopCCN when it asks', () => {
  const network = world();
  const first = plainGateway(network);
  const { ike: _, ...plain } = clientConfig();
  const client = new ClientEnd(network, '192.0.2.2', { ...plain, remote: { address: SERVER, port: 1701 } }, 2);
  connected(network, first, client);
  first.powerOff();
  const gateway = plainGateway(network, RESTARTED_SEED);
  const at = network.now;
  network.run(at + 300 * SECOND, () => client.closed !== undefined);
  assert.match(client.closed?.reason.reason ?? '', /control connection/i, logText(client, gateway));
  // The first HELLO after a minute of silence, and its repetition, which pays for the answer.
  assert.ok(network.now - at < 75 * SECOND, `after ${(network.now - at) / 1000} s`);
});

test('StopCCN for tunnels of a former life is sent seldom, with no more bytes than came, and to control messages alone', () => {
  const network = world();
  const gateway = plainGateway(network);
  const got: Uint8Array[] = [];
  network.host('192.0.2.66', ({ bytes }) => got.push(bytes));
  let sent = 0;
  const send = (bytes: Uint8Array) => {
    sent += bytes.length;
    network.inject({ from: { address: '192.0.2.66', port: 1701 }, to: { address: SERVER, port: 1701 }, bytes });
    network.run(network.now + 100);
    gateway.plane.tick(network.now);
  };
  const control = (tunnel: number, body: Uint8Array) => writeControlMessage({ tunnel, session: 0, ns: 3, nr: 5, body });
  const hello = encodeMessage('HELLO', {});
  send(control(9, new Uint8Array(0)));
  send(control(9, encodeMessage('StopCCN', { assignedTunnelId: 4, resultCode: { result: 1 } })));
  send(Uint8Array.of(0, 2, 0, 9, 0, 1, 0xff, 3, 0, 0x21, ...new Uint8Array(80)));
  assert.equal(got.length, 0, 'to no acknowledgement, no StopCCN, no data');
  sent = 0;
  for (let i = 0; i < 30; i++) send(control(9, hello));
  assert.ok(got.length >= 2 && got.length <= 4, `${got.length} answers in 3 s`);
  assert.ok(got.reduce((sum, { length }) => sum + length, 0) <= sent);
  const { tunnel, ns, nr, body } = readControlMessage(got[0]!);
  assert.deepEqual([tunnel, ns, nr], [0, 5, 4]);
  const { name, avps } = decodeMessage(body, undefined);
  assert.deepEqual(
    [name, avps.assignedTunnelId, avps.resultCode?.result, avps.resultCode?.error],
    ['StopCCN', 9, 2, 1],
  );
});
