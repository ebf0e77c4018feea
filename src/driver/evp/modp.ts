/**
 * Diffie-Hellman in MODP groups by OpenSSL's arithmetic. Key pairs are the generator's powers, put together from a
 * table by a quarter of the multiplications; a secret is one power of what the peer sent. Neither takes another time
 * for another private value. RFC 2409 §6.2, RFC 3526 §3, RFC 7919 §5.2 (lengths of private values).
 */

import type { KeyPair } from '../../crypto/index.ts';
import { type Address, declare, Memory } from '../ffi.ts';
import { systemEnvironment } from '../random.ts';
import { CallList } from './callList.ts';
import { Gather, ROW } from './gather.ts';
import { mustBe, symbol } from './libcrypto.ts';

/**
 * A private value is the sum of `digit · 16^i` and of as many times 16^56, which every entry of the table contains: no
 * entry is a power so small that OpenSSL would be quicker with it. 228 bits of it are random: more than the 225 that
 * RFC 7919 wants of 2048-bit groups.
 */
const DIGITS = 57;
const DIGIT_BITS = 4;
const PRIVATE_BYTES = Math.ceil((DIGITS * DIGIT_BITS) / 8);
const OFFSET_DIGIT = DIGITS - 1;

export class ModpGroup {
  readonly #bytes: number;
  readonly #prime: Address;
  readonly #context: Address;
  readonly #montgomery: Address;
  /** Numbers to compute with; hold nothing between calls. */
  readonly #result: Address;
  readonly #base: Address;
  readonly #other: Address;
  /** Two numbers as bytes, and ones to overwrite with. */
  readonly #memory: Memory;
  readonly #at: { readonly first: Address; readonly second: Address; readonly ones: Address };
  readonly #generate: CallList;
  readonly #derive: CallList;
  readonly #table: Gather;

  /**
   * @param prime a safe one, big-endian, of which the generator 2 or the like makes the large subgroup
   * @throws Error where OpenSSL cannot be called
   */
  constructor(prime: Uint8Array, generator: number) {
    const n = prime.length;
    this.#bytes = n;
    const c = declare(DECLARATIONS) as unknown as Libcrypto;
    const made = (address: Address) => mustBe(address, 'make a number');
    this.#context = made(c.BN_CTX_new());
    this.#montgomery = made(c.BN_MONT_CTX_new());
    this.#prime = made(c.BN_new());
    this.#result = made(c.BN_new());
    this.#base = made(c.BN_new());
    this.#other = made(c.BN_new());
    this.#memory = new Memory(3 * n);
    const { base, bytes } = this.#memory;
    this.#at = { first: base, second: base + n, ones: base + 2 * n };
    bytes.set(prime);
    bytes.fill(0xff, 2 * n);
    const ready = new CallList(2);
    ready.set(0, symbol('BN_bin2bn'), base, n, this.#prime);
    ready.set(1, symbol('BN_MONT_CTX_set'), this.#montgomery, this.#prime, this.#context);
    mustBe(ready.run(0, 2) ? 1 : 0, 'take a prime');
    this.#table = this.#makeTable(generator);
    this.#generate = this.#layOutGenerate(this.#table);
    this.#derive = this.#layOutDerive();
  }

  generateKey(): KeyPair {
    const table = this.#table;
    const random = systemEnvironment.random(PRIVATE_BYTES);
    const privateValue = new Uint8Array(PRIVATE_BYTES);
    for (let i = 0; i < DIGITS; i++) {
      const digit = (random[i >> 1]! >> (i % 2 === 0 ? 0 : DIGIT_BITS)) & (ROW - 1);
      table.digits[i] = digit;
      // The lowest digit stands last.
      privateValue[PRIVATE_BYTES - 1 - (i >> 1)]! += digit << (i % 2 === 0 ? 0 : DIGIT_BITS);
    }
    privateValue[0]! += DIGITS;
    random.fill(0);
    table.run();
    const done = this.#generate.run(0, GENERATE_CALLS);
    table.wipe();
    const { bytes } = this.#memory;
    const publicValue = bytes.slice(0, this.#bytes);
    mustBe(done ? 1 : 0, 'raise the generator');
    return { publicValue, privateValue };
  }

  /** @param peerPublicValue known to lie between 1 and the prime less 1, as long as the prime */
  deriveSecret(privateValue: Uint8Array, peerPublicValue: Uint8Array): Uint8Array {
    const { bytes } = this.#memory;
    const n = this.#bytes;
    if (privateValue.length > n || peerPublicValue.length !== n) throw new RangeError('longer than the prime');
    bytes.fill(0, n, 2 * n);
    bytes.set(peerPublicValue);
    bytes.set(privateValue, 2 * n - privateValue.length);
    const done = this.#derive.run(0, DERIVE_CALLS);
    const secret = bytes.slice(0, n);
    bytes.fill(0, 0, 2 * n);
    mustBe(done ? 1 : 0, 'raise a public value');
    return secret;
  }

  /** `row[i][digit]` = generator ^ (digit · 16^i + 16^56), times R as Montgomery's multiplication wants it. */
  #makeTable(generator: number): Gather {
    const n = this.#bytes;
    const table = new Gather(DIGITS, n);
    const { first } = this.#at;
    const [power, entry] = [this.#result, this.#other];
    const list = new CallList(2);
    const multiply = symbol('BN_mod_mul_montgomery');
    const run = (what: string, ...calls: readonly (readonly [Address, ...Address[]])[]) => {
      for (const [i, call] of calls.entries()) list.set(i, ...call);
      mustBe(list.run(0, calls.length) ? 1 : 0, what);
    };
    const square = () => run('square', [multiply, power, power, power, this.#montgomery, this.#context]);
    const base = () => {
      this.#memory.bytes.fill(0, 0, n);
      this.#memory.bytes[0] = generator;
      run(
        'take the generator',
        [symbol('BN_lebin2bn'), first, n, power],
        [symbol('BN_to_montgomery'), power, power, this.#montgomery, this.#context],
      );
    };
    base();
    for (let i = 0; i < OFFSET_DIGIT * DIGIT_BITS; i++) square();
    run('take the offset', [symbol('BN_bn2lebinpad'), power, first, n]);
    const offset = this.#memory.bytes.slice(0, n);
    base();
    for (let row = 0; row < DIGITS; row++) {
      this.#memory.bytes.set(offset);
      run('begin a row', [symbol('BN_lebin2bn'), first, n, entry]);
      for (let digit = 0; digit < ROW; digit++) {
        const at = (row * ROW + digit) * n;
        if (digit > 0) run('multiply', [multiply, entry, entry, power, this.#montgomery, this.#context]);
        run('keep an entry', [symbol('BN_bn2lebinpad'), entry, first, n]);
        table.table.set(this.#memory.bytes.subarray(0, n), at);
      }
      for (let i = 0; i < DIGIT_BITS; i++) square();
    }
    return table;
  }

  #layOutGenerate({ readAddress }: Gather): CallList {
    const n = this.#bytes;
    const [result, other, context] = [this.#result, this.#other, this.#context];
    const montgomery = this.#montgomery;
    const list = new CallList(GENERATE_CALLS);
    const take = symbol('BN_lebin2bn');
    let call = 0;
    list.set(call++, take, readAddress, n, result);
    for (let i = 1; i < DIGITS; i++) {
      list.set(call++, take, readAddress + i * n, n, other);
      list.set(call++, symbol('BN_mod_mul_montgomery'), result, result, other, montgomery, context);
    }
    list.set(call++, symbol('BN_from_montgomery'), result, result, montgomery, context);
    list.set(call++, symbol('BN_bn2binpad'), result, this.#at.first, n);
    list.set(call++, take, this.#at.ones, n, result);
    list.set(call++, take, this.#at.ones, n, other);
    return list;
  }

  #layOutDerive(): CallList {
    const n = this.#bytes;
    const { first, second, ones } = this.#at;
    const [result, base, exponent] = [this.#result, this.#base, this.#other];
    const list = new CallList(DERIVE_CALLS);
    list.set(0, symbol('BN_bin2bn'), first, n, base);
    list.set(1, symbol('BN_bin2bn'), second, n, exponent);
    const raise = symbol('BN_mod_exp_mont_consttime');
    list.set(2, raise, result, base, exponent, this.#prime, this.#context, this.#montgomery);
    list.set(3, symbol('BN_bn2binpad'), result, first, n);
    list.set(4, symbol('BN_lebin2bn'), ones, n, result);
    list.set(5, symbol('BN_lebin2bn'), ones, n, exponent);
    return list;
  }
}

const GENERATE_CALLS = 2 * DIGITS + 3;
const DERIVE_CALLS = 6;

interface Libcrypto {
  readonly BN_new: () => Address;
  readonly BN_CTX_new: () => Address;
  readonly BN_MONT_CTX_new: () => Address;
}

const DECLARATIONS = {
  BN_new: 'uintptr_t BN_new()',
  BN_CTX_new: 'uintptr_t BN_CTX_new()',
  BN_MONT_CTX_new: 'uintptr_t BN_MONT_CTX_new()',
} as const satisfies Record<keyof Libcrypto, string>;
