/** Which SAs hold contexts: those in use, so many at most, and whoever has none makes one again without a difference. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type ActiveHolder, ActivePool, IDLE_MS } from '../../../src/driver/activePool.ts';
import { evpCiphers } from '../../../src/driver/evp/index.ts';
import { SecretSlots } from '../../../src/driver/evp/secretSlots.ts';
import { ffiAvailable } from '../../../src/driver/index.ts';
import { type EspSuite, espGeometry } from '../../../src/esp/index.ts';
import { toHex } from '../../../src/wire/index.ts';
import { keysFor, newCipher as slow } from '../../esp/fixtures.ts';

const options = { skip: ffiAvailable() ? false : 'this platform has no FFI' };

class Holder implements ActiveHolder {
  used = false;
  place = -1;
  holds = false;
  readonly #pool: ActivePool;

  constructor(pool: ActivePool) {
    this.#pool = pool;
  }

  use(): void {
    if (!this.holds) {
      this.#pool.makeRoom();
      this.#pool.add(this);
    }
    this.holds = this.used = true;
  }

  giveBack(): void {
    assert.ok(this.holds);
    this.holds = false;
  }

  close(): void {
    if (!this.holds) return;
    this.#pool.remove(this);
    this.giveBack();
  }
}

test('whoever is used keeps its context, and the others have given theirs back after twice the time', () => {
  let now = 0;
  const pool = new ActivePool(() => now);
  const holders = Array.from({ length: 1000 }, () => new Holder(pool));
  const busy = holders.slice(0, 10);
  for (const holder of holders) holder.use();
  assert.equal(pool.size, 1000);
  // Now and then somebody makes a context, which is when the pool looks.
  for (let step = 0; step < 60; step++) {
    now += IDLE_MS / 20;
    for (const holder of busy) holder.use();
    const passing = new Holder(pool);
    passing.use();
    passing.close();
    assert.ok(busy.every(({ holds }) => holds));
  }
  assert.deepEqual(
    holders.filter(({ holds }) => holds),
    busy,
  );
  assert.equal(pool.size, busy.length);
});

test('there are never more than the most, and the pool knows exactly who holds one', () => {
  const most = 7;
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(19), fc.boolean(), fc.nat(2 * IDLE_MS)), { maxLength: 200 }), (steps) => {
      let now = 0;
      const pool = new ActivePool(() => now, most);
      const holders = Array.from({ length: 20 }, () => new Holder(pool));
      for (const [i, closes, waits] of steps) {
        now += waits;
        if (closes) holders[i]!.close();
        else {
          holders[i]!.use();
          assert.ok(holders[i]!.holds, 'who uses one has it');
        }
        assert.ok(pool.size <= most);
        assert.equal(pool.size, holders.filter(({ holds }) => holds).length);
      }
      for (const holder of holders) holder.close();
      assert.equal(pool.size, 0);
    }),
    { seed: 7, numRuns: 200 },
  );
});

test('packets of many SAs over few contexts are those of the slow ciphers', options, () => {
  const pool = new ActivePool(undefined, 3);
  const ciphers = evpCiphers(slow, pool);
  assert.ok('newCipher' in ciphers);
  const { newCipher } = ciphers;
  const suites: EspSuite[] = [
    { encryption: 'aes-gcm-16', keyBits: 128 },
    { encryption: 'aes-gcm-16', keyBits: 256 },
    { encryption: 'chacha20-poly1305', keyBits: 256 },
    { encryption: 'aes-cbc', keyBits: 256, integrity: 'hmac-sha2-256-128' },
    { encryption: 'aes-cbc', keyBits: 128, integrity: 'hmac-sha2-512-256' },
  ];
  const sas = Array.from({ length: 15 }, (_, seed) => {
    const suite = suites[seed % suites.length]!;
    const geometry = espGeometry(suite);
    const keys = keysFor(suite, seed);
    return { geometry, fast: newCipher(suite, keys, geometry), slow: slow(suite, keys, geometry) };
  });
  const anyStep = fc.record({
    sa: fc.nat(sas.length - 1),
    opens: fc.boolean(),
    blocks: fc.integer({ min: 1, max: 9 }),
  });
  fc.assert(
    fc.property(fc.array(anyStep, { maxLength: 30 }), (steps) => {
      for (const { sa, opens, blocks } of steps) {
        const { geometry, fast, slow } = sas[sa]!;
        const length = geometry.prefixBytes + 16 * blocks;
        const plain = Uint8Array.from({ length: length + geometry.icvBytes }, (_, i) => i * sa);
        const [mine, twin] = [plain.slice(), plain.slice()];
        slow.seal(twin, 0, length);
        if (opens) {
          mine.set(twin);
          assert.ok(fast.open(mine, 0, length, mine, geometry.prefixBytes));
          assert.equal(toHex(mine.subarray(0, length)), toHex(plain.subarray(0, length)));
        } else {
          fast.seal(mine, 0, length);
          assert.equal(toHex(mine), toHex(twin));
        }
        assert.ok(pool.size <= 3);
      }
    }),
    { seed: 3602, numRuns: 100 },
  );
  for (const { fast } of sas) fast.close();
  assert.equal(pool.size, 0);
});

test('slots of secrets do not overlap, and hold nothing of who had them before', options, () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 432 }), fc.array(fc.nat(99), { maxLength: 150 }), (slotBytes, steps) => {
      const slots = new SecretSlots(slotBytes);
      const taken = new Map<number, number>();
      const addresses = new Set<number>();
      for (const [i, step] of steps.entries()) {
        const oldest = [...taken.keys()][0];
        if (step < 40 && oldest !== undefined) {
          taken.delete(oldest);
          slots.release(oldest);
          continue;
        }
        const slot = slots.take();
        assert.ok(!taken.has(slot));
        addresses.add(slots.address(slot));
        assert.ok(slots.bytes(slot).every((byte) => byte === 0));
        slots.bytes(slot).fill(i + 1);
        taken.set(slot, i + 1);
      }
      for (const [slot, value] of taken) assert.ok(slots.bytes(slot).every((byte) => byte === (value & 255)));
      const sorted = [...addresses].sort((a, b) => a - b);
      for (const [i, address] of sorted.slice(1).entries()) assert.ok(address - sorted[i]! >= slotBytes);
    }),
    { seed: 1, numRuns: 100 },
  );
});
