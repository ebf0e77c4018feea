/** What the stock client and the stock server have in common. */

import type { Guest } from '../guest/guest.ts';
import type { Machine, Result } from '../process.ts';
import { describeIpsec, leftovers, terminateIpsec } from './ipsec.ts';
import { stopL2tp } from './l2tp.ts';

export class StockPeer implements Machine {
  readonly guest: Guest;

  constructor(guest: Guest) {
    this.guest = guest;
  }

  get name(): string {
    return this.guest.name;
  }

  get lab(): string {
    return this.guest.lab;
  }

  get address(): string {
    return this.guest.address;
  }

  run(script: string, seconds?: number): Promise<Result> {
    return this.guest.run(script, seconds);
  }

  /** What is left of connections after waiting up to `seconds` for them to go, one line each. */
  leftovers(seconds = 5): Promise<string[]> {
    return leftovers(this.guest, seconds);
  }

  /** Drops everything without ceremony, so that the next case starts clean. */
  async reset(): Promise<void> {
    await stopL2tp(this.guest);
    await terminateIpsec(this.guest);
    await this.guest.run('ip xfrm state flush; for log in /run/lab/*.log; do : > $log; done');
    this.guest.forgetEvents();
  }

  /** What strongSwan says of its SAs. */
  describe(): Promise<string> {
    return describeIpsec(this.guest);
  }

  /** The logs of all daemons since the last reset, a section each. */
  async logs(): Promise<string> {
    const { output } = await this.guest.run('ip xfrm state; tail -n +1 /run/lab/*.log /run/lab/charon.out');
    return `==> console <==\n${this.guest.console()}\n==> kernel SAs <==\n${output}`;
  }
}
