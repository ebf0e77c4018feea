/** A working day with each real client's habits: nothing drops, all is renewed, nothing is left. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { leftOf } from '../../src/gateway/index.ts';
import { utf8 } from '../../src/wire/index.ts';
import { habits } from './foreign/habits.ts';
import { world } from './foreign/world.ts';
import { ipv4Packet } from './packets.ts';

const MINUTE = 60_000;
const HOURS = 9;

for (const given of habits) {
  for (const quality of [{}, { drop: 0.02, jitter: 30, duplicate: 0.02 }]) {
    const weather = quality.drop === undefined ? 'calm' : 'with loss';
    test(`${given.name} (${weather})`, () => {
      const { network, gateway, client } = world(given, quality);
      client.connect();
      assert.ok(
        network.run(60_000, () => client.up !== undefined),
        'it connects',
      );
      let delivered = 0;
      gateway.onPacket = (packet) => {
        delivered++;
        gateway.plane.fromTun(ipv4Packet('203.0.113.9', packet.subarray(12, 16).join('.'), packet.subarray(20)));
      };
      let returned = 0;
      client.onPacket = () => returned++;
      let sent = 0;
      for (let at = 17 * MINUTE; at < HOURS * 60 * MINUTE; at += 17 * MINUTE) {
        network.run(at);
        client.plane.fromTun(ipv4Packet(client.up!.network.localAddress, '203.0.113.9', utf8(`packet ${++sent}`)));
      }
      network.run(network.now + MINUTE);
      assert.equal(client.closed, undefined, `not closed: ${client.closed?.reason.code}`);
      assert.ok(delivered >= sent * 0.85 && returned >= sent * 0.75, `${returned} of ${sent} returned`);
      const done = gateway.log.filter(({ text }) => text.startsWith('ike main mode done')).length;
      const renewed = Math.floor((HOURS * 3600) / (given.ikeLifetime * given.renewAt));
      assert.ok(done >= renewed && done <= renewed + 2, `${done} Main Modes, ${renewed} renewals expected`);
      client.disconnect();
      network.run(network.now + 5 * MINUTE);
      assert.equal(leftOf(gateway.gateway.population), undefined);
      assert.equal(gateway.installed.left, undefined);
      assert.equal(gateway.deadline, undefined);
    });
  }

  test(`${given.name}: vanishes`, () => {
    const { network, gateway, client } = world(given);
    client.connect();
    assert.ok(network.run(60_000, () => client.up !== undefined));
    network.run(network.now + MINUTE);
    client.powerOff();
    network.run(network.now + 10 * MINUTE);
    assert.equal(leftOf(gateway.gateway.population), undefined);
    assert.equal(gateway.installed.left, undefined);
    assert.equal(gateway.deadline, undefined);
  });
}
