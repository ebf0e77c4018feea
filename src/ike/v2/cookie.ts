/** Stateless cookies for first messages under load: nothing is kept of who has not come back with one. RFC 7296 §2.6. */

import type { Instant, Milliseconds } from '../../core/index.ts';
import type { Crypto } from '../../crypto/index.ts';
import { concat, utf8 } from '../../wire/index.ts';

/** How long a secret makes cookies; they are believed for as long again. */
export const COOKIE_SECRET_LIFETIME: Milliseconds = 60_000;

/** What a cookie is for. */
export interface CookieSubject {
  readonly address: string;
  readonly port: number;
  readonly initiatorSpi: Uint8Array;
  /** Body of the initiator's nonce payload. */
  readonly nonce: Uint8Array;
}

const SECRET_BYTES = 32;
/** RFC 7296 §2.6 allows 1 to 64 bytes. */
const COOKIE_BYTES = 1 + 32;

interface Secret {
  readonly version: number;
  readonly key: Uint8Array;
}

/** Cookie = version of the secret | HMAC-SHA2-256(secret, Ni | IPi | port | SPIi). Two secrets are known at a time. */
export class CookieJar {
  readonly #crypto: Crypto;
  readonly #random: (length: number) => Uint8Array;
  #current: Secret | undefined;
  #before: Secret | undefined;
  #renewAt: Instant = 0;

  constructor(crypto: Crypto, random: (length: number) => Uint8Array) {
    this.#crypto = crypto;
    this.#random = random;
  }

  make(subject: CookieSubject, now: Instant): Uint8Array {
    return this.#of(this.#secret(now), subject);
  }

  /** Whether the cookie is one that was made for this subject, not long ago. */
  isValid(cookie: Uint8Array, subject: CookieSubject, now: Instant): boolean {
    if (cookie.length !== COOKIE_BYTES) return false;
    this.#secret(now);
    const secret = [this.#current, this.#before].find((known) => known?.version === cookie[0]);
    return secret !== undefined && this.#crypto.equal(this.#of(secret, subject), cookie);
  }

  #secret(now: Instant): Secret {
    if (this.#current === undefined || now >= this.#renewAt) {
      const stale = this.#current === undefined || now >= this.#renewAt + COOKIE_SECRET_LIFETIME;
      const version = ((this.#current?.version ?? 0) + 1) & 255;
      this.#before = stale ? undefined : this.#current;
      this.#current = { version, key: this.#random(SECRET_BYTES) };
      this.#renewAt = now + COOKIE_SECRET_LIFETIME;
    }
    return this.#current;
  }

  #of({ version, key }: Secret, { address, port, initiatorSpi, nonce }: CookieSubject): Uint8Array {
    // Each part is of fixed length or the last one, so that no two subjects give the same bytes.
    const subject = concat(initiatorSpi, Uint8Array.of(port >>> 8, port, nonce.length >>> 8, nonce.length), nonce);
    return concat(Uint8Array.of(version), this.#crypto.hmac('sha256', key, subject, utf8(address)));
  }
}
