/** A client that stays connected: what decides when it tries again, with a whole stack for each try, on the network. */

import { Persistence, type PersistenceInput, type PersistenceOutput } from '../../src/client/persistence.ts';
import type { Instant, Milliseconds } from '../../src/core/index.ts';
import type { DeviceEnd } from './life/ends.ts';
import type { SimulatedNat, SimulatedNetwork } from './network.ts';
import { seededEnvironment } from './random.ts';

/** Makes the stack of a try. @param behind absent: the address is a public one */
export type MakeEnd = (address: string, seed: number, behind: SimulatedNat | undefined) => DeviceEnd;

export class PersistentClient {
  /** When it was up, one entry for each connection. */
  readonly upAt: Instant[] = [];
  end: DeviceEnd | undefined;
  address: string;
  behind: SimulatedNat | undefined;
  readonly #network: SimulatedNetwork;
  readonly #core: Persistence;
  readonly #make: MakeEnd;
  #tries = 0;

  constructor(network: SimulatedNetwork, address: string, behind: SimulatedNat | undefined, make: MakeEnd) {
    this.#network = network;
    this.address = address;
    this.behind = behind;
    this.#make = make;
    this.#core = new Persistence({ persist: true }, seededEnvironment(17));
  }

  get isUp(): boolean {
    return this.end?.up !== undefined && this.end.closed === undefined && !this.end.isOff;
  }

  start(): void {
    this.#tell({ type: 'start' });
  }

  /** The host is somewhere else now. */
  move(address: string, behind?: SimulatedNat): void {
    this.address = address;
    this.behind = behind;
    this.end?.powerOff();
    this.#tell({ type: 'networkChanged', way: 'gone' });
  }

  resume(slept: Milliseconds): void {
    this.#tell({ type: 'resumed', slept });
  }

  #tell(input: PersistenceInput): void {
    for (const output of this.#core.command(input, this.#network.now)) this.#take(output);
    this.#arm();
  }

  #take(output: PersistenceOutput): void {
    if (output.type === 'try') this.#try();
    else if (output.type === 'drop') this.#forget();
    else if (output.type === 'probe') {
      const { within } = output;
      this.end?.perform((now) => this.end!.client.command({ type: 'probe', within }, now));
    } else if (output.type === 'disconnect') this.end?.disconnect();
  }

  #try(): void {
    this.#forget();
    const end = this.#make(this.address, 1000 + ++this.#tries, this.behind);
    this.end = end;
    end.onOutput = (output) => {
      if (this.end !== end) return;
      if (output.type === 'up') {
        this.upAt.push(this.#network.now);
        this.#tell({ type: 'up' });
      }
      if (output.type === 'closed') this.#tell({ type: 'lost', reason: output.reason });
    };
    end.connect();
  }

  #forget(): void {
    this.end?.powerOff();
    this.end = undefined;
  }

  #arm(): void {
    const { deadline } = this.#core;
    if (deadline === undefined) return;
    this.#network.schedule(deadline, (now) => {
      if (this.#core.deadline !== deadline) return;
      for (const output of this.#core.expire(now)) this.#take(output);
      this.#arm();
    });
  }
}
