/** NT hashes of users that logged in lately: unsealing one costs more than all else that a login does with it. */

import { sameBytes } from '../wire/index.ts';
import type { StoredUser } from './store.ts';
import { unsealUser } from './userSecrets.ts';

/** Users whose hash is kept; the one that was used longest ago goes. */
const MOST_KEPT = 10_000;

interface Kept {
  /** What the hash was unsealed from: a new password is sealed anew, so it is never judged by an old hash. */
  readonly sealed: Uint8Array;
  readonly ntHash: Uint8Array;
}

export class NtHashes {
  readonly #kept = new Map<string, Kept>();

  /** @throws Error when the key file is not the one that sealed the user */
  of(key: Uint8Array, user: StoredUser): Uint8Array {
    const known = this.#kept.get(user.name);
    this.#kept.delete(user.name);
    const kept =
      known !== undefined && sameBytes(known.sealed, user.sealedSecrets)
        ? known
        : { sealed: user.sealedSecrets, ntHash: unsealUser(key, user).ntHash };
    this.#kept.set(user.name, kept);
    if (this.#kept.size > MOST_KEPT) this.#kept.delete(this.#kept.keys().next().value!);
    return kept.ntHash;
  }
}
