/** Packet ciphers to which several packets can be given at a time, on any machine. */

import assert from 'node:assert/strict';
import { BATCH_PACKETS, type NewPacketCipher } from '../../src/esp/index.ts';
import { newCipher as slow } from './fixtures.ts';

/** The slow ciphers with a batch that keeps what is added until it is done. */
export const batched: NewPacketCipher = (suite, keys, geometry) => {
  const cipher = slow(suite, keys, geometry);
  type Added = Parameters<typeof cipher.seal>;
  let [toSeal, toOpen]: [Added[], Added[]] = [[], []];
  const limited = (added: Added[], packet: Added) => {
    added.push(packet);
    assert.ok(added.length <= BATCH_PACKETS);
  };
  return Object.assign(cipher, {
    batch: {
      addToSeal: (...packet: Added) => limited(toSeal, packet),
      sealAdded: () => {
        for (const packet of toSeal) cipher.seal(...packet);
        toSeal = [];
      },
      addToOpen: (...packet: Added) => limited(toOpen, packet),
      openAdded: () => {
        const added = toOpen;
        toOpen = [];
        const refused = added.findIndex(([bytes, at, length, high]) => {
          if (cipher.open(bytes, at, length, bytes, at + geometry.prefixBytes, high)) return false;
          // As of ciphers that decrypt before they have seen the tag.
          bytes.fill(0xee, at + geometry.prefixBytes, at + length);
          return true;
        });
        return refused < 0 ? added.length : refused;
      },
      discardAdded: () => {
        [toSeal, toOpen] = [[], []];
      },
    },
  });
};
