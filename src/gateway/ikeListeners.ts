/** One IKE endpoint per local address that has rules of its own, and one for all others, behind one face. */

import { earliest, type Instant } from '../core/index.ts';
import type { IkeCommand, IkeDatagram, IkeOutput } from '../ike/output.ts';
import type { IkeCore, IkePopulation } from '../session/connectionParts.ts';

export class IkeListeners implements IkeCore {
  readonly #endpoints: readonly IkeCore[];
  readonly #byAddress: ReadonlyMap<string, number>;
  readonly #spis: Set<number>;

  /**
   * @param byAddress canonical local address → endpoint; `others` serves every other address
   * @param spis is kept: the inbound SPIs of all endpoints, so that none takes another's
   */
  constructor(others: IkeCore, byAddress: ReadonlyMap<string, IkeCore>, spis: Set<number> = new Set()) {
    this.#spis = spis;
    this.#endpoints = [others, ...byAddress.values()];
    this.#byAddress = new Map([...byAddress.keys()].map((address, i) => [address, i + 1]));
  }

  get deadline(): Instant | undefined {
    return earliest(this.#endpoints.map(({ deadline }) => deadline));
  }

  get population(): IkePopulation {
    const sum = { ikeSas: 0, halfOpen: 0, children: 0 };
    for (const { population } of this.#endpoints) {
      sum.ikeSas += population.ikeSas;
      sum.halfOpen += population.halfOpen;
      sum.children += population.children;
    }
    return sum;
  }

  get owesGoodbye(): boolean {
    return this.#endpoints.some((endpoint) => endpoint.owesGoodbye === true);
  }

  receive(datagram: IkeDatagram, now: Instant): readonly IkeOutput[] {
    const index = this.#byAddress.get(datagram.local.address) ?? 0;
    return this.#outward(this.#endpoints[index]!.receive(datagram, now), index);
  }

  command(command: IkeCommand, now: Instant): readonly IkeOutput[] {
    const { index, inner } = this.#inward(command);
    return this.#outward(this.#endpoints[index]!.command(inner, now), index);
  }

  expire(now: Instant): readonly IkeOutput[] {
    return this.#endpoints.flatMap((endpoint, index) => this.#outward(endpoint.expire(now), index));
  }

  /** Ids of endpoint `index` are those ≡ index modulo the number of endpoints. */
  #outward(outputs: readonly IkeOutput[], index: number): readonly IkeOutput[] {
    for (const output of outputs) {
      if (output.type === 'childEstablished') this.#spis.add(output.inboundSpi);
      else if (output.type === 'childClosed') this.#spis.delete(output.inboundSpi);
    }
    if (this.#endpoints.length === 1) return outputs;
    const widen = (id: number) => id * this.#endpoints.length + index;
    return outputs.map((output) => {
      const wide: Record<string, unknown> = { ...output };
      for (const name of ID_FIELDS) if (typeof wide[name] === 'number') wide[name] = widen(wide[name]);
      if (output.type === 'trace' && typeof output.fields?.ikeSa === 'number') {
        wide.fields = { ...output.fields, ikeSa: widen(output.fields.ikeSa) };
      }
      return wide as unknown as IkeOutput;
    });
  }

  #inward(command: IkeCommand): { index: number; inner: IkeCommand } {
    const count = this.#endpoints.length;
    if (count === 1) return { index: 0, inner: command };
    if (command.type === 'unknownSpi')
      return { index: this.#byAddress.get(command.local.address) ?? 0, inner: command };
    if (command.type === 'connect') {
      const index = this.#byAddress.get(command.local.address) ?? 0;
      return { index, inner: { ...command, ikeSa: Math.floor(command.ikeSa / count) } };
    }
    const narrow: Record<string, unknown> = { ...command };
    let index = 0;
    for (const name of ID_FIELDS) {
      const id = narrow[name];
      if (typeof id !== 'number') continue;
      index = id % count;
      narrow[name] = Math.floor(id / count);
    }
    return { index, inner: narrow as unknown as IkeCommand };
  }
}

/** The fields of outputs and commands that hold an id of the endpoint's own counting. */
const ID_FIELDS = ['ikeSa', 'child', 'adopts', 'replaces', 'id'] as const;
