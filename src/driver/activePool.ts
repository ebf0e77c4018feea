/**
 * Who holds something that is heavy and quickly made anew, as a context of OpenSSL (a kilobyte, two microseconds): those
 * that had packets lately. Ten thousand idle sessions then hold none, and an active one keeps its own.
 */

/** What nobody used for so long is given back, at the latest after twice the time. Milliseconds. */
export const IDLE_MS = 5000;
/** Holders at most; beyond that those go first that were not used lately. More than 16,000 sessions need at once. */
export const MOST_ACTIVE = 32_768;
/** Holders looked at whenever one is added, so that no packet waits for a look at all of them. */
const LOOKS = 64;

export interface ActiveHolder {
  /** Set by the holder with every packet. */
  used: boolean;
  /** The pool's own. */
  place: number;
  /** Frees what is held; the next packet makes it anew. */
  giveBack(): void;
}

export class ActivePool {
  readonly #holders: ActiveHolder[] = [];
  readonly #now: () => number;
  readonly #most: number;
  /** The next one of the round to be looked at, down to 0; -1 between rounds. */
  #next = -1;
  #roundBegan = Number.NEGATIVE_INFINITY;

  constructor(now: () => number = () => performance.now(), most = MOST_ACTIVE) {
    this.#now = now;
    this.#most = most;
  }

  /** How many hold something. */
  get size(): number {
    return this.#holders.length;
  }

  /** Called before something is made; others may give theirs back. */
  makeRoom(): void {
    this.#look();
    while (this.#holders.length >= this.#most) this.#evict();
  }

  /** The holder has made something. */
  add(holder: ActiveHolder): void {
    holder.place = this.#holders.push(holder) - 1;
  }

  /** The holder has given it back. */
  remove(holder: ActiveHolder): void {
    const holders = this.#holders;
    const last = holders.pop();
    if (last === undefined || last === holder) return;
    holders[holder.place] = last;
    last.place = holder.place;
  }

  /** Goes on with the round; a new one begins when the last began long enough ago. */
  #look(): void {
    if (this.#next < 0) {
      const now = this.#now();
      if (now - this.#roundBegan < IDLE_MS) return;
      this.#roundBegan = now;
      this.#next = this.#holders.length - 1;
    }
    for (let looks = 0; looks < LOOKS && this.#next >= 0; looks++) {
      const holder = this.#holders[this.#next--];
      if (holder === undefined) continue;
      if (holder.used) holder.used = false;
      else this.#release(holder);
    }
  }

  /** Whoever comes first among those that were not used since they were last looked at; else any. */
  #evict(): void {
    for (let looks = 0; looks < LOOKS; looks++) {
      if (this.#next < 0) this.#next = this.#holders.length - 1;
      const holder = this.#holders[this.#next--];
      if (holder === undefined) continue;
      if (holder.used && looks < LOOKS - 1) holder.used = false;
      else {
        this.#release(holder);
        return;
      }
    }
  }

  #release(holder: ActiveHolder): void {
    holder.giveBack();
    this.remove(holder);
  }
}
