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
    const known = this.#signs;
    // Written out, so that the objects of all sessions are of one kind.
    this.#signs = {
      vendorIds: signs.vendorIds ?? known.vendorIds,
      offers: signs.offers ?? known.offers,
      l2tpVendor: signs.l2tpVendor ?? known.l2tpVendor,
      hostName: signs.hostName ?? known.hostName,
    };
    const found = fingerprint(this.#signs);
    if (found !== undefined) this.#record.client = found.client;
  }
}
