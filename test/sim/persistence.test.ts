/** A client that is to stay connected is back within its bound after whatever happens to it, and nothing is left. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Instant, Milliseconds } from '../../src/core/index.ts';
import { leftOf } from '../../src/gateway/index.ts';
import { makeDeviceEnd, makeGatewayEnd } from './life/ends.ts';
import { type LifePlan, planLife } from './life/plan.ts';
import { PERFECT, SimulatedNetwork } from './network.ts';
import { ipv4Packet } from './packets.ts';
import { PersistentClient } from './persistentClient.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const ADDRESS = '192.168.1.2';
/** The longest wait between tries, and the time that a try takes. */
const AFTER_DARKNESS = 90 * SECOND;
const TIMES = {
  ...{ deadPeerInterval: 30 * SECOND, deadPeerTimeout: 60 * SECOND, helloInterval: 60 * SECOND },
  ...{ echoInterval: 30 * SECOND, keepaliveInterval: 20 * SECOND, ikeLifetime: 28_800, espLifetime: 3600 },
};

function world(seed: number) {
  const given = planLife(seed);
  const device = { ...given.devices[0]!, ...TIMES, number: 0, ikeV2: undefined };
  const plan: LifePlan = { ...given, devices: [device], gateway: { ...given.gateway, ...TIMES } };
  const network = new SimulatedNetwork(seed, PERFECT);
  network.recording = false;
  const nat = network.nat('203.0.113.77', undefined, 20_000, { timeout: 2 * MINUTE });
  const state = { gateway: makeGatewayEnd(network, plan, seed) };
  const client = new PersistentClient(network, ADDRESS, nat, (address, number, behind) =>
    makeDeviceEnd(network, seed, device, new Map(), { address, behind }, number),
  );
  const restart = (): void => {
    state.gateway = makeGatewayEnd(network, plan, seed + 500);
  };
  return { network, nat, state, client, restart };
}

/** A packet each second, as one who downloads sends acknowledgements. */
function keepSending(network: SimulatedNetwork, client: PersistentClient): void {
  network.schedule(network.now + SECOND, () => {
    if (client.isUp)
      client.end!.plane.fromTun(ipv4Packet(client.end!.up!.network.localAddress, '10.9.0.1', new Uint8Array(40)));
    keepSending(network, client);
  });
}

function backWithin(network: SimulatedNetwork, client: PersistentClient, since: Instant, bound: Milliseconds): void {
  const before = client.upAt.filter((at) => at < since).length;
  assert.ok(
    network.run(since + bound, () => client.isUp && client.upAt.length > before),
    `back ${bound / SECOND} s after it could be`,
  );
}

for (const seed of [1, 2, 3, 4]) {
  test(`the gateway is killed and started again while traffic flows: back within 30 s (seed ${seed})`, () => {
    const { network, state, client, restart } = world(seed);
    client.start();
    assert.ok(network.run(10 * SECOND, () => client.isUp));
    keepSending(network, client);
    network.run(network.now + 5 * MINUTE);
    state.gateway.powerOff();
    network.run(network.now + 2 * SECOND);
    restart();
    backWithin(network, client, network.now, 30 * SECOND);
  });

  test(`a partition of 40 minutes: back within ${AFTER_DARKNESS / SECOND} s of its end (seed ${seed})`, () => {
    const { network, client } = world(seed);
    client.start();
    assert.ok(network.run(10 * SECOND, () => client.isUp));
    keepSending(network, client);
    network.run(network.now + MINUTE);
    network.tamper = () => undefined;
    network.run(network.now + 40 * MINUTE);
    assert.equal(client.isUp, false, 'it has noticed');
    network.tamper = undefined;
    backWithin(network, client, network.now, AFTER_DARKNESS);
  });

  test(`the client’s address changes: back within 10 s, and its ghost is gone (seed ${seed})`, () => {
    const { network, state, client } = world(seed);
    client.start();
    assert.ok(network.run(10 * SECOND, () => client.isUp));
    keepSending(network, client);
    network.run(network.now + MINUTE);
    client.move('203.0.113.200');
    backWithin(network, client, network.now, 10 * SECOND);
    network.run(network.now + 10 * MINUTE);
    assert.equal(state.gateway.gateway.sessions().length, 1);
    client.end!.powerOff();
    network.run(network.now + 15 * MINUTE);
    assert.equal(leftOf(state.gateway.gateway.population), undefined);
  });
}
