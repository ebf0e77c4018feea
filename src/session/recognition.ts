/** What kind of client a peer is, by the signs that each layer gives of it. */

import { type ClientSigns, fingerprint } from '../ike/fingerprint.ts';
import type { SessionRecord } from './record.ts';

export class Recognition {
  readonly #record: SessionRecord;
  #signs: ClientSigns = {};

  constructor(record: SessionRecord) {
    this.#record = record;
  }

  /** Each layer tells more. */
  add(signs: ClientSigns): void {
    this.#signs = { ...this.#signs, ...signs };
    const found = fingerprint(this.#signs);
    if (found !== undefined) this.#record.client = found.client;
  }
}
