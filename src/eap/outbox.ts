/** What an end of EAP says while it takes a step: the same for both ends. */

import { Malformed } from '../wire/index.ts';
import type { EapEnvironment } from './method.ts';
import type { EapOutput } from './output.ts';
import type { EapPacket } from './packet.ts';
import { eapText } from './packetText.ts';

export class Outbox {
  readonly #untraced: boolean;
  #outputs: EapOutput[] = [];

  constructor({ untraced = false }: Pick<EapEnvironment, 'untraced'>) {
    this.#untraced = untraced;
  }

  /** Takes a step, and returns all that was said. What is malformed is dropped. */
  during(step: () => void): readonly EapOutput[] {
    try {
      step();
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
      this.drop('malformed', error.message);
    }
    const outputs = this.#outputs;
    this.#outputs = [];
    return outputs;
  }

  add(output: EapOutput): void {
    this.#outputs.push(output);
  }

  send(bytes: Uint8Array): void {
    this.add({ type: 'send', bytes });
  }

  trace(direction: 'in' | 'out', packet: EapPacket): void {
    if (!this.#untraced) this.add({ type: 'trace', layer: 'eap', direction, summary: eapText(packet) });
  }

  drop(code: string, reason: string): void {
    this.add({ type: 'dropped', layer: 'eap', code, reason });
  }
}
