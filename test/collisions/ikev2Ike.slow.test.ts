/** RFC 7296 §2.25.2: what collides about the IKE SA, through whole gateways and clients, with traffic all the time. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CREATE_CHILD_SA, INFORMATIONAL, Pair, type Situation } from './ikev2World.ts';

const HYBRID = ['aes128gcm16-prfsha256-x25519-ke1_mlkem768'];
const LIFETIME = 400_000;
/** When the client renews. */
const RENEW = 0.9 * LIFETIME;

/**
 * The client renews the IKE SA at nine tenths of its lifetime, the gateway `later` ms after it: the responder renews half-way between its own
 * time and the end.
 */
function renewingTogether(later: number, situation: Situation = {}): Pair {
  const renewAt = 0.8 + (2 * later) / LIFETIME;
  return new Pair({
    lifetimes: { ike: LIFETIME / 1000 },
    quietFor: RENEW - 2000,
    ...situation,
    gateway: { renewAt, renewJitter: 0, ...situation.gateway },
    client: { renewAt: 0.9, renewJitter: 0, ...situation.client },
  }).connect();
}

const rekeyed = (pair: Pair, end: 'client' | 'gateway') => pair.count(pair[end], /ike rekeyed/);

/** Gap 0 is where the clocks of both are at the same time; the gateway's began one way later. */
const GAPS = [-40, -20, -12, -10, -5, 0, 5, 10, 12, 20, 40];

for (const [name, ike] of Object.entries({ 'a key exchange': undefined, 'a hybrid key exchange': HYBRID })) {
  test(`IKE rekey crosses IKE rekey, with ${name}: one generation stays, the child lives, and no packet is lost`, () => {
    for (const gap of GAPS) {
      for (const seed of [1, 2]) {
        const pair = renewingTogether(gap, { seed, ...(ike === undefined ? {} : { ike }) });
        pair.run(RENEW - 5000);
        pair.inStep(`${gap} ms, seed ${seed}`, 20_000);
        assert.equal(rekeyed(pair, 'client'), 1);
        assert.equal(rekeyed(pair, 'gateway'), 1);
        pair.leavesNothing(`${gap} ms, seed ${seed}`);
      }
    }
  });

  for (const what of ['request', 'answer'] as const) {
    for (const from of ['client', 'gateway'] as const) {
      test(`IKE rekey crosses IKE rekey, with ${name}: the first ${what} of the ${from} is lost`, () => {
        // Whose exchange is hit begins in time to cross the other.
        const gap = (what === 'request') === (from === 'client') ? 5 : -5;
        const pair = renewingTogether(gap, ike === undefined ? {} : { ike });
        const lost = pair.lose(
          (message) =>
            lost.count === 0 &&
            message.from === from &&
            message.exchange === CREATE_CHILD_SA &&
            message.isResponse === (what === 'answer'),
        );
        pair.run(RENEW - 5000);
        pair.inStep(`${what} of the ${from}`, 20_000);
        assert.equal(lost.count, 1);
        pair.leavesNothing(`${what} of the ${from}`);
      });
    }
  }
}

for (const [first, other] of [
  ['client', 'gateway'],
  ['gateway', 'client'],
] as const) {
  test(`a child SA is renewed by the ${other} while the ${first} renews the IKE SA: TEMPORARY_FAILURE, and again later`, () => {
    let temporary = 0;
    for (const gap of [-20, -12, -10, -5, 0, 1, 5, 12, 20]) {
      // The other end does not renew the IKE SA by itself.
      const late = { renewAt: 0.999 };
      const situation = first === 'client' ? { gateway: late } : { client: late };
      const pair = renewingTogether(0, situation);
      const began = pair.established;
      pair.network.run(began[first] + RENEW + gap);
      pair.renewChildren(pair[other]);
      pair.inStep(`${gap} ms`, 25_000 - gap);
      temporary += pair.count(pair[other], /TEMPORARY_FAILURE/) + pair.count(pair[first], /TEMPORARY_FAILURE/);
      assert.equal(rekeyed(pair, 'client'), 1, `${gap} ms`);
      assert.ok(pair.count(pair[other], /ESP SA rekeyed/) >= 1, `${gap} ms: the child is renewed`);
      pair.leavesNothing(`${gap} ms`);
    }
    assert.ok(temporary > 0);
  });

  test(`the ${other} ends the connection while the ${first} renews the IKE SA: nothing is left`, () => {
    for (const gap of [-20, -12, -10, -5, 0, 1, 5, 11, 12, 20, 25]) {
      const late = { renewAt: 0.999 };
      const pair = renewingTogether(0, first === 'client' ? { gateway: late } : { client: late });
      pair.network.run(pair.established[first] + RENEW + gap);
      pair.hangUp(other);
      pair.leavesNothing(`${gap} ms`);
    }
  });
}

test('both renew the IKE SA and one end hangs up, then both: nothing is left', () => {
  for (const who of [['client'], ['gateway'], ['client', 'gateway']] as const) {
    for (const gap of [-5, 5, 15, 25, 35]) {
      const pair = renewingTogether(-10);
      pair.network.run(pair.established.client + RENEW + gap);
      for (const end of who) pair.hangUp(end);
      pair.leavesNothing(`${who}, ${gap} ms`);
    }
  }
});

test('IKE delete crosses IKE delete, with answers lost: nothing is left', () => {
  for (const lossy of [false, true]) {
    for (const gap of [0, 5, 11, 25]) {
      const pair = new Pair().connect();
      if (lossy) pair.lose(({ exchange, isResponse }) => exchange === INFORMATIONAL && isResponse);
      pair.hangUp('client');
      pair.run(gap);
      pair.hangUp('gateway');
      pair.leavesNothing(`${gap} ms`);
    }
  }
});

test('the IKE SA and its child are renewed by both ends at one moment, again and again: no packet is lost', () => {
  for (let seed = 1; seed <= 3; seed++) {
    for (const ike of [undefined, HYBRID]) {
      const lifetimes = { ike: 400, esp: 400 };
      const pair = renewingTogether([-10, 0, 5][seed % 3]!, {
        seed,
        lifetimes,
        quietFor: 0,
        step: 97,
        ...(ike === undefined ? {} : { ike }),
      });
      pair.run(4.2 * RENEW);
      pair.inStep(`seed ${seed}`);
      assert.ok(rekeyed(pair, 'client') >= 4);
      assert.ok(pair.count(pair.client, /ESP SA rekeyed/) >= 4);
      pair.leavesNothing(`seed ${seed}`);
    }
  }
});

test('a tenth of all messages of IKE is lost through many renewals of everything: no packet is', () => {
  for (let seed = 1; seed <= 4; seed++) {
    const pair = renewingTogether(-10, { seed, lifetimes: { ike: 100, esp: 60 }, quietFor: 0, step: 97 });
    let number = seed;
    pair.lose(() => number++ % 10 === 0);
    pair.run(400_000);
    pair.network.tamper = undefined;
    pair.inStep(`seed ${seed}`, 40_000);
    pair.leavesNothing(`seed ${seed}`);
  }
});
