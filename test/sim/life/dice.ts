/** What a seed decides: every choice of a life comes from one stream of numbers. */

import { seededNumbers } from '../random.ts';

export class Dice {
  readonly #number: () => number;

  constructor(seed: number) {
    this.#number = seededNumbers(seed);
  }

  chance(probability: number): boolean {
    return this.#number() < probability;
  }

  /** Uniform, least and most included. */
  integer(least: number, most: number): number {
    return least + Math.floor(this.#number() * (most - least + 1));
  }

  between(least: number, most: number): number {
    return least + this.#number() * (most - least);
  }

  /** Seconds and hours alike: uniform in the logarithm. */
  scale(least: number, most: number): number {
    return Math.round(least * (most / least) ** this.#number());
  }

  pick<Item>(items: readonly Item[]): Item {
    return items[Math.floor(this.#number() * items.length)]!;
  }

  /** Instants of a process that happens every `mean` on average. */
  times(until: number, mean: number): number[] {
    const times: number[] = [];
    for (let at = 0; ; ) {
      at += -Math.log(1 - this.#number()) * mean;
      if (at >= until) return times;
      times.push(Math.round(at));
    }
  }
}
