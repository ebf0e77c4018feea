/** What will happen, as a heap: the earliest first, and of those at one instant what was added first. */

import type { Instant } from '../../src/core/index.ts';

export interface Happening {
  readonly at: Instant;
  readonly order: number;
  readonly run: (now: Instant) => void;
}

export class Happenings {
  readonly #heap: Happening[] = [];
  #order = 0;

  add(at: Instant, run: (now: Instant) => void): void {
    const heap = this.#heap;
    const added = { at, order: this.#order++, run };
    let index = heap.length;
    for (; index > 0; index = (index - 1) >> 1) {
      const above = heap[(index - 1) >> 1]!;
      if (above.at <= at) break;
      heap[index] = above;
    }
    heap[index] = added;
  }

  /** Takes off the first one. @returns undefined where there is none up to `until` */
  take(until: Instant): Happening | undefined {
    const heap = this.#heap;
    const first = heap[0];
    if (first === undefined || first.at > until) return undefined;
    const last = heap.pop()!;
    if (last !== first) this.#sink(last);
    return first;
  }

  #sink(happening: Happening): void {
    const heap = this.#heap;
    let index = 0;
    for (;;) {
      let below = 2 * index + 1;
      if (below >= heap.length) break;
      if (below + 1 < heap.length && isBefore(heap[below + 1]!, heap[below]!)) below++;
      if (!isBefore(heap[below]!, happening)) break;
      heap[index] = heap[below]!;
      index = below;
    }
    heap[index] = happening;
  }
}

const isBefore = (a: Happening, b: Happening) => a.at < b.at || (a.at === b.at && a.order < b.order);
