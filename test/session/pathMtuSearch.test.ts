/** The search for a path's MTU against modelled paths on a virtual clock: that it ends, where, and how fast. RFC 8899. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  CONFIRM_INTERVAL,
  CONFIRM_SLACK,
  GRANULARITY,
  MOST_PROBES,
  PATH_MTU_FLOOR,
  PathMtuSearch,
  PROBE_TIMEOUT,
  RAISE_INTERVAL,
} from '../../src/session/pathMtuSearch.ts';

interface ModelPath {
  mtu: number;
  /** Whether routers tell. */
  icmp: boolean;
  /** Whether the peer answers probes. */
  answers: boolean;
  /** Probes have whole blocks of so many bytes. Default 1. */
  block?: number;
  /** Of the n-th probe. */
  lost?: (n: number) => boolean;
}

const FLOOR = PATH_MTU_FLOOR;
const RTT = 40;

class World {
  now = 0;
  probes = 0;
  used = true;
  readonly path: ModelPath;
  readonly search: PathMtuSearch;
  readonly mtus = new Set<number>();
  #coming: { at: number; size: number; big: boolean }[] = [];

  constructor(path: ModelPath, most = 1500) {
    this.path = path;
    this.search = new PathMtuSearch({ floor: FLOOR, most }, 0);
  }

  /** Runs until `until`, or while `going` holds. */
  run(until: number, going: () => boolean = () => true): void {
    for (let steps = 0; going(); steps++) {
      assert.ok(steps < 10_000, 'the clock stands still');
      const next = Math.min(this.search.deadline ?? Infinity, ...this.#coming.map(({ at }) => at));
      if (next > until) {
        this.now = Math.max(this.now, until);
        return;
      }
      this.now = Math.max(this.now, next);
      for (const { size, big } of this.#coming.filter(({ at }) => at <= this.now)) {
        if (big) this.search.tooBig(this.path.mtu, this.now);
        else this.search.answered(size, this.now, this.#proved(size));
      }
      this.#coming = this.#coming.filter(({ at }) => at > this.now);
      const size = this.search.expire(this.now, this.used);
      if (size !== undefined) this.#send(size);
      this.mtus.add(this.search.mtu);
    }
  }

  #send(size: number): void {
    this.probes++;
    const { mtu, icmp, answers, lost } = this.path;
    const at = this.now + RTT;
    if (lost?.(this.probes)) return;
    if (this.#proved(size) > mtu) {
      if (icmp) this.#coming.push({ at, size, big: true });
    } else if (answers) this.#coming.push({ at, size, big: false });
  }

  /** What a probe for that size has. */
  #proved(size: number): number {
    const { block = 1 } = this.path;
    return size - ((size + 7) % block);
  }

  settle(): void {
    this.run(300_000, () => this.search.isSearching);
  }
}

/** Candidates between floor and most, and the two before them, each tried so often. */
const mostProbes = (most: number) => MOST_PROBES * (3 + Math.ceil(Math.log2((most - FLOOR + 1) / GRANULARITY)));

describe('the search for a path MTU', () => {
  it('takes one probe where the path carries the most', () => {
    const world = new World({ mtu: 1500, icmp: false, answers: true });
    world.settle();
    assert.deepEqual([world.search.mtu, world.search.state, world.probes], [1500, 'proved', 1]);
    assert.ok(world.now <= RTT);
  });

  it('takes two where a router tells', () => {
    const world = new World({ mtu: 1300, icmp: true, answers: true });
    world.settle();
    assert.deepEqual([world.search.mtu, world.search.state, world.probes], [1300, 'proved', 2]);
    assert.ok(world.now <= 2 * RTT);
  });

  it('ends near below what the path carries, in bounded probes and time, whoever tells or does not', () => {
    const modelled = fc.record({
      most: fc.integer({ min: FLOOR, max: 9000 }),
      mtu: fc.integer({ min: FLOOR, max: 9000 }),
      icmp: fc.boolean(),
    });
    fc.assert(
      fc.property(modelled, ({ most, mtu, icmp }) => {
        const world = new World({ mtu, icmp, answers: true }, most);
        world.settle();
        const best = Math.min(mtu, most);
        assert.equal(world.search.state, 'proved');
        assert.ok(world.search.mtu <= best && world.search.mtu > best - GRANULARITY, `${world.search.mtu} of ${best}`);
        assert.ok(world.probes <= mostProbes(most));
        assert.ok(world.now <= world.probes * PROBE_TIMEOUT);
        for (const size of world.mtus) assert.ok(size >= FLOOR && size <= most);
      }),
      { seed: 4, numRuns: 300 },
    );
  });

  it('ends less than two blocks below where probes come in blocks, and does not try for ever what they cannot have', () => {
    const modelled = fc.record({
      most: fc.integer({ min: FLOOR + 16, max: 9000 }),
      mtu: fc.integer({ min: FLOOR, max: 9000 }),
      block: fc.constantFrom(8, 16),
      icmp: fc.boolean(),
    });
    fc.assert(
      fc.property(modelled, ({ most, mtu, block, icmp }) => {
        const world = new World({ mtu, icmp, answers: true, block }, most);
        world.settle();
        const best = Math.min(mtu, most);
        assert.equal(world.search.state, 'proved');
        assert.ok(world.search.mtu <= best && world.search.mtu > best - 2 * block, `${world.search.mtu} of ${best}`);
        assert.ok(world.probes <= mostProbes(most));
        const { probes } = world;
        world.used = false;
        world.run(world.now + 10 * RAISE_INTERVAL);
        if (mtu >= most) assert.equal(world.probes, probes, 'nothing was too large');
        assert.ok(world.search.mtu <= best);
      }),
      { seed: 4, numRuns: 300 },
    );
  });

  it('proves no more than came through, whatever is lost, and never goes below the floor', () => {
    const modelled = fc.record({ mtu: fc.integer({ min: 600, max: 1600 }), icmp: fc.boolean(), loss: fc.nat(9) });
    fc.assert(
      fc.property(modelled, fc.infiniteStream(fc.nat(9)), ({ mtu, icmp, loss }, dice) => {
        const world = new World({ mtu, icmp, answers: true, lost: () => (dice.next().value as number) < loss });
        for (let minute = 1; minute <= 60; minute++) {
          world.run(minute * 60_000);
          if (world.search.state === 'proved') assert.ok(world.search.mtu <= mtu);
          assert.ok(world.search.mtu >= FLOOR);
        }
        assert.ok(world.probes < 60 * 2 * MOST_PROBES + 7 * mostProbes(1500));
      }),
      { seed: 4, numRuns: 100 },
    );
  });

  it('leaves packets to be fragmented where the peer answers no probe, and asks rarely', () => {
    const world = new World({ mtu: 1500, icmp: false, answers: false });
    world.settle();
    assert.deepEqual([world.search.mtu, world.search.state], [1500, 'unproved']);
    assert.equal(world.probes, 2 * MOST_PROBES);
    world.run(RAISE_INTERVAL - 1);
    assert.equal(world.probes, 2 * MOST_PROBES);
    world.path.answers = true;
    world.run(2 * RAISE_INTERVAL);
    assert.equal(world.search.state, 'proved');
  });

  it('leaves a black hole within a bound, and comes back when it is gone', () => {
    const world = new World({ mtu: 1500, icmp: false, answers: true });
    world.settle();
    world.path.mtu = 1400;
    const began = world.now;
    world.run(300_000, () => world.search.state === 'proved');
    assert.ok(world.now - began <= CONFIRM_INTERVAL + CONFIRM_SLACK + MOST_PROBES * PROBE_TIMEOUT);
    world.run(300_000, () => world.search.state !== 'proved');
    assert.equal(world.search.mtu, FLOOR, 'the floor is proved first');
    assert.ok(world.now - began <= CONFIRM_INTERVAL + CONFIRM_SLACK + MOST_PROBES * PROBE_TIMEOUT + RTT);
    world.settle();
    assert.ok(world.search.mtu > 1400 - GRANULARITY && world.search.mtu <= 1400);
    world.path.mtu = 1500;
    world.run(world.now + RAISE_INTERVAL + PROBE_TIMEOUT);
    assert.equal(world.search.mtu, 1500);
  });

  it('leaves an idle path alone', () => {
    const world = new World({ mtu: 1500, icmp: false, answers: true });
    world.used = false;
    world.run(3_600_000);
    assert.equal(world.probes, 1);
  });

  it('takes nothing from ICMP that raises, and fragments where a path is below the floor', () => {
    const search = new PathMtuSearch({ floor: FLOOR, most: 1500 }, 0);
    assert.equal(search.tooBig(9000, 0), false);
    assert.equal(search.expire(0, true), 1500);
    search.answered(1500, 10);
    assert.equal(search.tooBig(1500, 20), false);
    assert.equal(search.tooBig(1400, 20), true);
    assert.deepEqual([search.mtu, search.state], [1400, 'unproved'], 'until that is proved');
    search.answered(1400, 30);
    assert.deepEqual([search.mtu, search.state], [1400, 'proved']);
    assert.equal(search.tooBig(1450, 40), false);
    assert.equal(search.tooBig(600, 50), true);
    assert.equal(search.tooBig(576, 60), false);
    assert.deepEqual([search.mtu, search.state], [FLOOR, 'unproved']);
  });

  it('raises although it proves its size again and again', () => {
    const world = new World({ mtu: 1400, icmp: true, answers: true });
    world.settle();
    world.path.mtu = 1500;
    world.run(RAISE_INTERVAL + PROBE_TIMEOUT);
    assert.equal(world.search.mtu, 1500);
  });

  it('begins again on another path', () => {
    const world = new World({ mtu: 1300, icmp: true, answers: true });
    world.settle();
    world.path.mtu = 1500;
    world.search.restart(world.now);
    assert.deepEqual([world.search.mtu, world.search.state], [1500, 'unproved']);
    world.settle();
    assert.deepEqual([world.search.mtu, world.search.state], [1500, 'proved']);
  });
});
