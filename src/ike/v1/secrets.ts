/** Which pre-shared key belongs to a peer: by its identity, its address or prefix, or the default. RFC 2409 §5.4. */

import { addressBytes } from '../address.ts';
import { sameIdentity } from '../identity.ts';
import type { Identity } from '../output.ts';

export interface SecretQuery {
  readonly localIdentity?: Identity;
  /** Absent while it is not known: in Main Mode until message 5. */
  readonly remoteIdentity?: Identity;
  readonly remoteAddress: string;
}

export interface Secrets {
  /** The secret for a peer; undefined where none is configured. */
  secretFor(query: SecretQuery): Uint8Array | undefined;
  /**
   * All secrets, tried in turn on a peer of Main Mode whose address's secret does not fit: its identity, which may
   * have one of its own, is encrypted under it. The endpoint bounds how many it tries.
   */
  all?(): Iterable<Uint8Array>;
}

export interface SecretEntry {
  readonly secret: Uint8Array;
  /** For the peer of this identity alone. */
  readonly remoteIdentity?: Identity;
  /** For peers at this address, or in this `address/prefix length`. */
  readonly remoteAddress?: string;
}

interface Prefix {
  readonly bytes: Uint8Array;
  readonly bits: number;
}

/**
 * A table of secrets. An entry for the identity counts before one for the address, a longer prefix before a shorter
 * one, and an entry with neither is the default.
 * @throws RangeError for an entry whose address is none
 */
export function secretTable(entries: readonly SecretEntry[]): Secrets {
  const rows = entries.map((entry) => ({ ...entry, prefix: prefixOf(entry.remoteAddress) }));
  return {
    secretFor({ remoteIdentity, remoteAddress }) {
      const address = addressBytes(remoteAddress);
      let best: { readonly secret: Uint8Array; readonly rank: number } | undefined;
      for (const row of rows) {
        const identityFits = remoteIdentity !== undefined && row.remoteIdentity !== undefined;
        if (row.remoteIdentity !== undefined && !(identityFits && sameIdentity(row.remoteIdentity, remoteIdentity))) {
          continue;
        }
        if (row.prefix !== undefined && !(address !== undefined && contains(row.prefix, address))) continue;
        const rank =
          (row.remoteIdentity === undefined ? 0 : 1000) + (row.prefix === undefined ? 0 : row.prefix.bits + 1);
        if (best === undefined || rank > best.rank) best = { secret: row.secret, rank };
      }
      return best?.secret;
    },
    all: () => rows.map(({ secret }) => secret),
  };
}

function prefixOf(text: string | undefined): Prefix | undefined {
  if (text === undefined) return undefined;
  const [host = '', length] = text.split('/');
  const bytes = addressBytes(host);
  const bits = length === undefined ? (bytes?.length ?? 0) * 8 : Number(length);
  if (bytes === undefined || !Number.isInteger(bits) || bits < 0 || bits > bytes.length * 8) {
    throw new RangeError(`'${text}' is no IP address or prefix`);
  }
  return { bytes, bits };
}

function contains({ bytes, bits }: Prefix, address: Uint8Array): boolean {
  if (bytes.length !== address.length) return false;
  for (let i = 0; i * 8 < bits; i++) {
    const mask = 0xff << Math.max(0, 8 * (i + 1) - bits);
    if (((bytes[i]! ^ address[i]!) & mask & 0xff) !== 0) return false;
  }
  return true;
}
