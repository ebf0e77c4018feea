/**
 * RFC 7296 §2.8, §2.25: both ends renew the IKE SA and its child SAs at random and again and again, over ways that lose,
 * double and reorder. There is a child SA at every moment, and one alone when all is quiet.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type End, profileOf, sameChildren, World } from '../ike/v2/exchanges/world.ts';
import { Dice } from '../sim/life/dice.ts';

/** Of each batch. */
const SEEDS = 50;
const NEVER = 100_000;

for (const batch of [0, 1]) {
  test(`random renewals by both ends come to one child SA and never to none, seeds from ${1 + batch * SEEDS}`, () => {
    for (let seed = 1 + batch * SEEDS; seed <= (batch + 1) * SEEDS; seed++) renewAtRandom(seed);
  });
}

function renewAtRandom(seed: number): void {
  const dice = new Dice(seed);
  const profile = profileOf(
    dice.chance(0.4) ? ['aes128gcm16-prfsha256-x25519-ke1_mlkem768'] : undefined,
    [dice.pick(['aes128gcm16-none', 'aes128gcm16-x25519-none', 'aes128gcm16-x25519-ke1_mlkem768-ke1_none'])],
    { ike: dice.pick([30, 100, NEVER]), esp: dice.pick([20, 30, NEVER]) },
  );
  const renewJitter = dice.pick([0, 0.0005, 0.01]);
  const world = new World(seed);
  const server = world.server({ profile, renewAt: 0.6, renewJitter });
  const client = world.end('192.0.2.5', { profile, renewAt: 0.8, renewJitter });
  const ends = [client, server] as const;
  client.connect();
  assert.ok(world.run(5000, () => ends.every((end) => end.all('childConfirmed').length === 1)));
  world.publicKeyDelay = dice.pick([0.1, 1, 3, 10]);
  const calm = world.network.quality;
  const delay = dice.pick([1, 10, 50]);
  const jitter = dice.pick([0, 2, delay, 3 * delay]);
  world.network.quality = { delay, jitter, drop: dice.pick([0, 0, 0.02, 0.1, 0.2]), duplicate: dice.pick([0, 0.1]) };
  for (let times = 0; times < 30; times++) {
    world.run(dice.pick([dice.between(0, 30), dice.between(0, 3 * delay + 5), dice.between(0, 3000)]));
    for (const end of dice.pick([[client], [server], [client, server], [server, client]])) {
      const newest = end.livingChildren.at(-1);
      if (newest !== undefined) end.renewChild(newest.child);
      if (dice.chance(0.5)) world.run(dice.pick([0, 1, delay, 2 * delay, dice.between(0, 20)]));
    }
  }
  world.network.quality = calm;
  world.run(75_000);
  const isQuiet = () => sameChildren(client, server) && client.livingChildren.length === 1;
  // They go on renewing, so it is quiet now and then.
  for (let second = 0; second < 40 && !isQuiet(); second++) world.run(1000);
  assert.ok(isQuiet(), `seed ${seed}: ${ends.map((end) => end.livingChildren.length)} child SAs`);
  for (const end of ends) {
    assert.deepEqual(end.all('ikeClosed'), [], `seed ${seed}`);
    neverWithout(end, `seed ${seed}`);
  }
}

function neverWithout(end: End, what: string): void {
  const living = new Set<number>();
  for (const { at, output } of end.outputs) {
    if (output.type === 'childEstablished') living.add(output.child);
    if (output.type !== 'childClosed') continue;
    living.delete(output.child);
    assert.ok(living.size > 0, `${what}: no child SA at ${at} (${output.reason.code})`);
  }
}
