/** RFC 7296 §2.25.1: what collides about child SAs, through whole gateways and clients, with traffic all the time. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CREATE_CHILD_SA, INFORMATIONAL, Pair } from './ikev2World.ts';

/** Without a key exchange, with one, and with a further one that takes an exchange of its own (RFC 9370). */
const EXCHANGES: Readonly<Record<string, readonly string[]>> = {
  'no key exchange': ['aes128gcm16-none'],
  'a key exchange': ['aes128gcm16-x25519'],
  'a hybrid key exchange': ['aes128gcm16-x25519-ke1_mlkem768'],
};
/** One way takes 10 ms, public-key work 1 ms. */
const GAPS = [0, 3, 10, 13, 15, 22, 30, 45];

for (const [name, esp] of Object.entries(EXCHANGES)) {
  test(`child rekey crosses child rekey, with ${name}: one child SA stays, and no packet is lost`, () => {
    for (const [i, gap] of GAPS.entries()) {
      const first = i % 2 === 0 ? 'client' : 'gateway';
      const tunnel = i % 3 === 0 ? 'l2tp' : 'native';
      for (const seed of [1, 2]) {
        const pair = new Pair({ seed, tunnel, esp }).connect();
        pair.renewChildren(pair[first]);
        pair.run(gap);
        pair.renewChildren(first === 'client' ? pair.gateway : pair.client);
        pair.inStep(`${first} first, ${gap} ms, ${tunnel}, seed ${seed}`);
        assert.ok(pair.count(pair.client, /CREATE_CHILD_SA \d+ request/) >= 1);
        if (gap === 45) pair.leavesNothing(name);
      }
    }
  });

  for (const what of ['request', 'answer'] as const) {
    for (const from of ['client', 'gateway'] as const) {
      test(`child rekey crosses child rekey, with ${name}: the first ${what} of the ${from} is lost`, () => {
        for (const gap of [0, 12]) {
          const pair = new Pair({ esp }).connect();
          const lost = pair.lose(
            (message) =>
              lost.count === 0 &&
              message.from === from &&
              message.exchange === CREATE_CHILD_SA &&
              message.isResponse === (what === 'answer'),
          );
          pair.renewChildren(pair.client);
          pair.run(gap);
          pair.renewChildren(pair.gateway);
          pair.inStep(`${gap} ms`, 40_000);
          assert.ok(lost.count === 1 || gap > 0);
        }
      });
    }
  }
}

test('child rekey crosses child rekey, and our own successor stands when it loses: no packet is lost', () => {
  for (const [seed, gap] of [
    [2, 11],
    [2, 12],
    [3, 12],
  ] as const) {
    const pair = new Pair({ seed, esp: ['aes128gcm16-x25519'], step: 1 }).connect();
    pair.renewChildren(pair.client);
    pair.run(gap);
    pair.renewChildren(pair.gateway);
    pair.inStep(`seed ${seed}, ${gap} ms`);
  }
});

test('child rekey crosses child rekey where every second message of IKE is lost', () => {
  for (let seed = 1; seed <= 6; seed++) {
    const pair = new Pair({ seed }).connect();
    let number = 0;
    pair.lose(({ isResponse }) => number++ % 2 === (isResponse ? 1 : 0) && number < 14);
    pair.renewChildren(pair.client);
    pair.renewChildren(pair.gateway);
    pair.inStep(`seed ${seed}`, 60_000);
  }
});

test('child rekey crosses the delete of the child: TEMPORARY_FAILURE, and nothing is left', () => {
  for (const tunnel of ['native', 'l2tp'] as const) {
    for (const closing of ['client', 'gateway'] as const) {
      for (const gap of [0, 5, 11, 13, 25]) {
        for (const closesFirst of [false, true]) {
          const pair = new Pair({ tunnel }).connect();
          const other = closing === 'client' ? pair.gateway : pair.client;
          const close = () => pair.closeChildren(pair[closing]);
          if (closesFirst) close();
          else pair.renewChildren(other);
          pair.run(gap);
          if (closesFirst) pair.renewChildren(other);
          else close();
          pair.leavesNothing(`${tunnel}, ${closing} closes, ${gap} ms`);
        }
      }
    }
  }
});

test('child delete crosses child delete: nothing is left', () => {
  for (const gap of [0, 5, 11, 25]) {
    const pair = new Pair().connect();
    pair.closeChildren(pair.client);
    pair.run(gap);
    pair.closeChildren(pair.gateway);
    pair.leavesNothing(`${gap} ms`);
  }
});

test('child rekey, the answer to the delete of the old child is lost: no packet is', () => {
  for (const isResponse of [false, true]) {
    const pair = new Pair().connect();
    const lost = pair.lose(
      (message) => message.exchange === INFORMATIONAL && message.isResponse === isResponse && lost.count < 2,
    );
    pair.renewChildren(pair.client);
    pair.inStep(`lost ${isResponse ? 'answers' : 'requests'}`, 60_000);
    assert.equal(lost.count, 2);
  }
});

test('CHILD_SA_NOT_FOUND: the request comes late, when the peer has renewed the child and deleted it', () => {
  for (const tunnel of ['native', 'l2tp'] as const) {
    const pair = new Pair({ tunnel }).connect();
    const lost = pair.lose(
      ({ from, exchange, isResponse }) =>
        lost.count === 0 && from === 'client' && exchange === CREATE_CHILD_SA && !isResponse,
    );
    pair.renewChildren(pair.client);
    pair.renewChildren(pair.gateway);
    pair.inStep(tunnel);
    assert.equal(pair.count(pair.gateway, /CREATE_CHILD_SA \d+ response N\(CHILD_SA_NOT_FOUND\)/), 1);
    pair.leavesNothing(tunnel);
  }
});
