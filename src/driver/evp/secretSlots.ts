/**
 * Secret bytes of many SAs in few blocks of memory that OpenSSL can read: an ArrayBuffer for each would weigh ten times
 * what a key does.
 */

import { type Address, Memory } from '../ffi.ts';

const BLOCK_BYTES = 16_384;

/** A place in a `SecretSlots`. */
export type SecretSlot = number;

export class SecretSlots {
  readonly #slotBytes: number;
  readonly #slotsPerBlock: number;
  readonly #blocks: Memory[] = [];
  readonly #free: SecretSlot[] = [];
  #taken = 0;

  /** @param slotBytes what each slot holds at most */
  constructor(slotBytes: number) {
    this.#slotBytes = Math.ceil(slotBytes / ALIGNMENT) * ALIGNMENT;
    this.#slotsPerBlock = Math.max(1, Math.floor(BLOCK_BYTES / this.#slotBytes));
  }

  /** A slot of zeros. */
  take(): SecretSlot {
    const slot = this.#free.pop() ?? this.#taken++;
    if (slot >= this.#blocks.length * this.#slotsPerBlock) {
      this.#blocks.push(new Memory(this.#slotBytes * this.#slotsPerBlock));
    }
    return slot;
  }

  /** Overwrites the slot, which is another's then. */
  release(slot: SecretSlot): void {
    this.bytes(slot).fill(0);
    this.#free.push(slot);
  }

  /** Where the slot lies for native code. */
  address(slot: SecretSlot): Address {
    return this.#block(slot).base + this.#offset(slot);
  }

  /** The slot itself, not a copy. */
  bytes(slot: SecretSlot): Uint8Array {
    const at = this.#offset(slot);
    return this.#block(slot).bytes.subarray(at, at + this.#slotBytes);
  }

  #block(slot: SecretSlot): Memory {
    return this.#blocks[Math.floor(slot / this.#slotsPerBlock)]!;
  }

  #offset(slot: SecretSlot): number {
    return (slot % this.#slotsPerBlock) * this.#slotBytes;
  }
}

const ALIGNMENT = 8;
