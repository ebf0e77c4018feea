/** What the machine code of AES-GCM is given, laid out in memory: keys, packets, constants. NIST SP 800-38D §7. */

export const BLOCK = 16;
/** Blocks of a turn, and the powers of H that they take. */
export const BLOCKS = 8;
export const TURN = BLOCKS * BLOCK;

/** What is kept for a key: round keys, then H^8·x to H·x, then the sum of the halves of each, twice. */
export const KeyBlock = { powers: 256, sums: 256 + TURN, bytes: 256 + 2 * TURN } as const;

/** A packet to be sealed or opened. Addresses, offset and length are of 8 bytes. */
export const Job = {
  key: 0,
  /** Where input and output lie: at an offset from these. */
  input: 8,
  output: 16,
  offset: 24,
  /** Bytes to be encrypted or decrypted; the tag stands behind them. */
  length: 32,
  /** Not 0: in place, and a turn's bytes behind the packet may be read, and written as they were. */
  hasRoom: 88,
  /** Nonce, and the counter 1 in network order. */
  counter: 40,
  /** At most 16 bytes that are authenticated, filled up with zeros. */
  header: 56,
  /** Bits of both, each as 8 bytes in network order. */
  lengths: 72,
  bytes: 96,
} as const;

/** Constants, and room for the end of a packet: one for a thread. */
export const Room = {
  reverse: 0,
  firstCounters: 32,
  nextCounters: 64,
  polynomial: 96,
  /** What H·x is reduced by. */
  carry: 128,
  encryptedCounter: 144,
  zeros: 160,
  tail: 160 + TURN,
  out: 160 + 2 * TURN + BLOCK,
  /** As many bytes of ones as a turn has, then of zeros. */
  masks: 160 + 3 * TURN + BLOCK,
  bytes: 160 + 5 * TURN + BLOCK,
} as const;

/** Fills in what never changes. */
export function writeConstants(room: Uint8Array): void {
  const view = new DataView(room.buffer, room.byteOffset, room.byteLength);
  for (const half of [0, BLOCK]) {
    for (let i = 0; i < BLOCK; i++) room[Room.reverse + half + i] = BLOCK - 1 - i;
    view.setUint32(Room.firstCounters + half, half === 0 ? 1 : 2, true);
    view.setUint32(Room.nextCounters + half, 2, true);
    view.setUint32(Room.polynomial + half, 1, true);
    view.setUint32(Room.polynomial + half + 12, 0xc200_0000, true);
  }
  room.fill(0xff, Room.masks, Room.masks + TURN);
  view.setUint32(Room.carry, 1, true);
  view.setUint32(Room.carry + 8, 1, true);
  view.setUint32(Room.carry + 12, 0xc200_0000, true);
}

export const roundsOf = (keyBits: 128 | 256) => keyBits / 32 + 6;
