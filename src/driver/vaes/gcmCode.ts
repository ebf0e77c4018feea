/**
 * AES-GCM of whole packets as machine code with 256-bit vectors (VAES, VPCLMULQDQ): eight blocks at a time, nothing that
 * depends on secrets but data, and no call between packets. NIST SP 800-38D, FIPS 197 §5.2; the product of GHASH is
 * computed on reflected bits with H·x in the place of H, and reduced by two more products (Gueron and Kounavis 2010).
 */

import { Assembler, type At, at, Condition, Gpr, type Vector, type Width, X, Y } from './assembler.ts';

const { rax, rcx, rdx, rbx, rbp, rsi, rdi, r8, r9, r10, r11 } = Gpr;
const BLOCK = 16;
/** Blocks of a turn, and the powers of H that they take. */
const BLOCKS = 8;
const TURN = BLOCKS * BLOCK;

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

/** Vector registers: eight blocks of key stream, eight of data, and those that live through a packet or a product. */
const STREAM: readonly Vector[] = [0, 1, 2, 3];
const DATA: readonly Vector[] = [4, 5, 6, 7];
const [REVERSE, COUNTERS, HASH, SPARE, LOW, MIDDLE, HIGH, OPERAND] = [8, 9, 10, 11, 12, 13, 14, 15] as const;

const roundsOf = (keyBits: 128 | 256) => keyBits / 32 + 6;

/**
 * `int (job *, int count, room *)`: seals or opens one packet after the other, and stops at one that does not verify.
 * @returns instructions; the function gives how many packets are not done
 */
export function packetCode(keyBits: 128 | 256, seals: boolean): Uint8Array {
  const code = new Assembler();
  const rounds = roundsOf(keyBits);
  code.entry();
  code.push(rbx);
  code.push(rbp);
  code.move(rbx, rdi);
  code.move(rbp, rsi);
  code.vectorLoad(Y, REVERSE, at(rdx, Room.reverse));

  code.label('packet');
  code.load(r8, at(rbx, Job.key));
  code.load(r9, at(rbx, Job.input));
  code.load(r10, at(rbx, Job.output));
  code.load(rax, at(rbx, Job.offset));
  code.add(r9, rax);
  code.add(r10, rax);
  code.load(r11, at(rbx, Job.length));
  beginCounters(code, rounds);
  hashHeader(code);

  if (seals) {
    // What one turn encrypts is hashed by the next, while it waits for its key stream.
    code.compareNumber(r11, TURN);
    code.jump('tail', Condition.below);
    keyStream(code, rounds);
    cryptTurn(code, true);
    code.label('turn');
    code.compareNumber(r11, TURN);
    code.jump('hash', Condition.below);
    keyStream(code, rounds, hashSteps(code, DATA));
    cryptTurn(code, true);
    code.jump('turn');
    code.label('hash');
    for (const step of hashSteps(code, DATA)) step();
  } else {
    code.label('turn');
    code.compareNumber(r11, TURN);
    code.jump('tail', Condition.below);
    for (const [i, data] of DATA.entries()) {
      code.vectorLoad(Y, data, at(r9, 32 * i));
      code.shuffleBytes(Y, data, data, REVERSE);
    }
    keyStream(code, rounds, hashSteps(code, DATA));
    cryptTurn(code, false);
    code.jump('turn');
  }

  code.label('tail');
  code.move(rax, r11);
  code.test(r11);
  code.jump('lengths', Condition.equal);
  keyStream(code, rounds);
  code.load(rax, at(rbx, Job.hasRoom));
  code.test(rax);
  code.jump('narrow', Condition.equal);
  maskTail(code, seals);
  code.jump('blocks');
  code.label('narrow');
  copyTail(code, seals);
  code.label('blocks');
  code.move(rax, r11);
  code.addNumber(rax, BLOCK - 1);
  code.andNumber(rax, -BLOCK);
  code.compareNumber(rax, TURN);
  code.jump('lengths', Condition.notEqual);
  // All eight blocks are taken: the lengths are hashed by themselves.
  code.address(rcx, at(rdx, Room.tail));
  hashTail(code);
  code.setNumber('rax', 0);

  // The lengths stand behind the last block, and zeros in front of the first: together eight blocks.
  code.label('lengths');
  code.move(rcx, rdx);
  code.add(rcx, rax);
  code.vectorLoad(X, SPARE, at(rbx, Job.lengths));
  code.vectorStore(X, at(rcx, Room.tail), SPARE);
  code.addNumber(rcx, Room.tail + BLOCK - TURN);
  hashTail(code);

  code.shuffleBytes(X, HASH, HASH, REVERSE);
  code.xor(X, HASH, HASH, at(rdx, Room.encryptedCounter));
  if (seals) {
    code.add(r10, r11);
    code.vectorStore(X, at(r10, 0), HASH);
  } else {
    code.add(r9, r11);
    code.xor(X, HASH, HASH, at(r9, 0));
    code.testZero(HASH);
    code.jump('end', Condition.notEqual);
  }
  code.addNumber(rbx, Job.bytes);
  code.subtractNumber(rbp, 1);
  code.jump('packet', Condition.notEqual);

  code.label('end');
  code.move(rax, rbp);
  code.clearVectors();
  code.pop(rbp);
  code.pop(rbx);
  code.ret();
  return code.finish();
}

/** `void (key block *, key *, room *)`: expands the key, and computes the powers of H. FIPS 197 §5.2. */
export function keyCode(keyBits: 128 | 256): Uint8Array {
  const code = new Assembler();
  const rounds = roundsOf(keyBits);
  const [even, odd, assist, shifted] = [0, 1, 2, 3] as const;
  const key = (i: number) => at(rdi, i * BLOCK);
  const mix = (into: Vector, order: number): void => {
    code.shuffleDwords(X, assist, assist, order);
    code.shiftBytesLeft(shifted, into, 4);
    for (let i = 0; i < 3; i++) {
      code.xor(X, into, into, shifted);
      if (i < 2) code.shiftBytesLeft(shifted, shifted, 4);
    }
    code.xor(X, into, into, assist);
  };
  code.entry();
  code.vectorLoad(X, even, at(rsi, 0));
  code.vectorStore(X, key(0), even);
  if (keyBits === 256) {
    code.vectorLoad(X, odd, at(rsi, BLOCK));
    code.vectorStore(X, key(1), odd);
  }
  let constant = 1;
  for (let i = keyBits / 128; i <= rounds; i++) {
    if (keyBits === 256 && i % 2 === 1) {
      code.aesKeyAssist(assist, even, 0);
      mix(odd, 0xaa);
      code.vectorStore(X, key(i), odd);
      continue;
    }
    code.aesKeyAssist(assist, keyBits === 256 ? odd : even, constant);
    constant = constant === 0x80 ? 0x1b : constant * 2;
    mix(even, 0xff);
    code.vectorStore(X, key(i), even);
  }

  // H is a block of zeros, encrypted; then its bits are moved up by one.
  code.vectorLoad(X, HASH, key(0));
  for (let i = 1; i < rounds; i++) code.aesRound(X, HASH, key(i));
  code.aesLastRound(X, HASH, key(rounds));
  code.shuffleBytes(X, HASH, HASH, at(rdx, Room.reverse));
  code.shuffleDwords(X, SPARE, HASH, 0xd3);
  code.signs(SPARE, SPARE);
  code.addQwords(X, HASH, HASH, HASH);
  code.and(X, SPARE, SPARE, at(rdx, Room.carry));
  code.xor(X, HASH, HASH, SPARE);
  for (let i = 1; i <= BLOCKS; i++) {
    const place = (BLOCKS - i) * BLOCK;
    code.vectorStore(X, at(rdi, KeyBlock.powers + place), HASH);
    code.shuffleDwords(X, SPARE, HASH, 0x4e);
    code.xor(X, SPARE, SPARE, HASH);
    code.vectorStore(X, at(rdi, KeyBlock.sums + place), SPARE);
    code.vectorLoad(X, OPERAND, at(rdi, KeyBlock.powers + TURN - BLOCK));
    product(code);
    reduce(code, X);
    code.vectorLoad(X, HASH, HIGH);
  }
  code.clearVectors();
  code.ret();
  return code.finish();
}

/** Counters 2 and 3 in reversed bytes; the first one encrypted is for the tag. */
function beginCounters(code: Assembler, rounds: number): void {
  const state = STREAM[0]!;
  code.vectorLoad(X, state, at(rbx, Job.counter));
  code.shuffleBytes(X, COUNTERS, state, REVERSE);
  code.setUpperHalf(COUNTERS, COUNTERS, COUNTERS);
  code.addDwords(Y, COUNTERS, COUNTERS, at(rdx, Room.firstCounters));
  code.xor(X, state, state, at(r8, 0));
  for (let i = 1; i < rounds; i++) code.aesRound(X, state, at(r8, i * BLOCK));
  code.aesLastRound(X, state, at(r8, rounds * BLOCK));
  code.vectorStore(X, at(rdx, Room.encryptedCounter), state);
}

function hashHeader(code: Assembler): void {
  code.vectorLoad(X, HASH, at(rbx, Job.header));
  code.shuffleBytes(X, HASH, HASH, REVERSE);
  code.vectorLoad(X, OPERAND, at(r8, KeyBlock.powers + TURN - BLOCK));
  product(code);
  reduce(code, X);
  code.vectorLoad(X, HASH, HIGH);
}

/** Eight blocks into `STREAM`. @param between what is done between rounds: neither waits for the other */
function keyStream(code: Assembler, rounds: number, between: readonly (() => void)[] = []): void {
  for (const state of STREAM) {
    code.shuffleBytes(Y, state, COUNTERS, REVERSE);
    code.addDwords(Y, COUNTERS, COUNTERS, at(rdx, Room.nextCounters));
  }
  for (let i = 0; i <= rounds; i++) {
    code.broadcast(OPERAND, at(r8, i * BLOCK));
    for (const state of STREAM) {
      if (i === 0) code.xor(Y, state, state, OPERAND);
      else if (i < rounds) code.aesRound(Y, state, OPERAND);
      else code.aesLastRound(Y, state, OPERAND);
    }
    between[i]?.();
  }
}

/** Eight blocks of data and key stream; what is sealed is left in `DATA`, its bytes reversed. */
function cryptTurn(code: Assembler, seals: boolean): void {
  for (const [i, state] of STREAM.entries()) {
    code.xor(Y, state, state, at(r9, 32 * i));
    code.vectorStore(Y, at(r10, 32 * i), state);
    if (seals) code.shuffleBytes(Y, DATA[i]!, state, REVERSE);
  }
  code.addNumber(r9, TURN);
  code.addNumber(r10, TURN);
  code.subtractNumber(r11, TURN);
}

/** Less than eight blocks with their key stream, in place; to the room goes what is hashed, zeros behind it. */
function maskTail(code: Assembler, seals: boolean): void {
  code.move(rcx, rdx);
  code.subtract(rcx, r11);
  for (const [i, state] of STREAM.entries()) {
    code.vectorLoad(Y, OPERAND, at(rcx, Room.masks + TURN + 32 * i));
    code.vectorLoad(Y, SPARE, at(r9, 32 * i));
    code.and(Y, state, state, OPERAND);
    code.xor(Y, state, state, SPARE);
    code.vectorStore(Y, at(r10, 32 * i), state);
    code.and(Y, SPARE, seals ? state : SPARE, OPERAND);
    storeBlocks(code, Room.tail + 32 * i, SPARE);
  }
}

/** The same by way of the room, where nothing is known of what stands behind the packet. */
function copyTail(code: Assembler, seals: boolean): void {
  code.xor(Y, SPARE, SPARE, SPARE);
  for (let i = 0; i < TURN; i += 32) code.vectorStore(Y, at(rdx, Room.tail + i), SPARE);
  code.address(rdi, at(rdx, Room.tail));
  code.move(rsi, r9);
  code.move(rcx, r11);
  code.repeatMove();
  for (const [i, state] of STREAM.entries()) {
    code.xor(Y, state, state, at(rdx, Room.tail + 32 * i));
    code.vectorStore(Y, at(rdx, (seals ? Room.tail : Room.out) + 32 * i), state);
  }
  code.address(rsi, at(rdx, seals ? Room.tail : Room.out));
  code.move(rdi, r10);
  code.move(rcx, r11);
  code.repeatMove();
  if (!seals) return;
  code.move(rdi, rsi);
  code.setNumber('rcx', TURN);
  code.subtract(rcx, r11);
  code.setNumber('rax', 0);
  code.repeatStore();
}

/** Two blocks by themselves: what reads other pairs of them soon need not wait until they are in the cache. */
function storeBlocks(code: Assembler, offset: number, blocks: Vector): void {
  code.vectorStore(X, at(rdx, offset), blocks);
  code.upperHalf(at(rdx, offset + BLOCK), blocks);
}

/** Hashes the eight blocks at RCX, the first of which that is not zero is the first of the room's tail. */
function hashTail(code: Assembler): void {
  code.shuffleBytes(X, HASH, HASH, REVERSE);
  code.xor(X, HASH, HASH, at(rdx, Room.tail));
  code.vectorStore(X, at(rdx, Room.tail), HASH);
  code.xor(X, HASH, HASH, HASH);
  for (const [i, data] of DATA.entries()) {
    code.vectorLoad(X, data, at(rcx, 32 * i));
    code.setUpperHalf(data, data, at(rcx, 32 * i + BLOCK));
    code.shuffleBytes(Y, data, data, REVERSE);
  }
  for (const step of hashSteps(code, DATA)) step();
}

/** HASH = the sum of eight blocks, each times the power of H that belongs to its place; the first has HASH added. */
function hashSteps(code: Assembler, blocks: readonly Vector[]): (() => void)[] {
  return [
    () => code.xor(Y, blocks[0]!, blocks[0]!, HASH),
    ...blocks.map((block, i) => () => addProduct(code, block, i)),
    () => {
      code.xor(Y, MIDDLE, MIDDLE, LOW);
      code.xor(Y, MIDDLE, MIDDLE, HIGH);
      reduce(code, Y);
    },
    () => {
      code.upperHalf(SPARE, HIGH);
      code.xor(X, HASH, HIGH, SPARE);
    },
  ];
}

/**
 * Adds products of two blocks with their powers of H to `HIGH`, `LOW` and, where the two are still to be added, `MIDDLE`.
 * Three products rather than four (Karatsuba): they are what a turn takes longest for.
 */
function addProduct(code: Assembler, blocks: Vector, i: number): void {
  code.vectorLoad(Y, OPERAND, at(r8, KeyBlock.powers + 32 * i));
  const add = (sum: Vector, one: Vector, other: Vector | At, halves: number): void => {
    if (i === 0) {
      code.multiply(Y, sum, one, other, halves);
      return;
    }
    code.multiply(Y, SPARE, one, other, halves);
    code.xor(Y, sum, sum, SPARE);
  };
  add(LOW, blocks, OPERAND, 0x00);
  add(HIGH, blocks, OPERAND, 0x11);
  code.shuffleDwords(Y, SPARE, blocks, 0x4e);
  code.xor(Y, SPARE, SPARE, blocks);
  add(MIDDLE, SPARE, at(r8, KeyBlock.sums + 32 * i), 0x00);
}

/** The product of `HASH` and `OPERAND`, 256 bits. */
function product(code: Assembler): void {
  code.multiply(X, LOW, HASH, OPERAND, 0x00);
  code.multiply(X, MIDDLE, HASH, OPERAND, 0x01);
  code.multiply(X, SPARE, HASH, OPERAND, 0x10);
  code.xor(X, MIDDLE, MIDDLE, SPARE);
  code.multiply(X, HIGH, HASH, OPERAND, 0x11);
}

/** Folds the lower half of the product into the upper one, 64 bits at a time: `HIGH` is what it leaves. */
function reduce(code: Assembler, width: Width): void {
  code.vectorLoad(width, OPERAND, at(rdx, Room.polynomial));
  for (const [from, into] of [
    [LOW, MIDDLE],
    [MIDDLE, HIGH],
  ] as const) {
    code.multiply(width, SPARE, OPERAND, from, 0x01);
    code.shuffleDwords(width, from, from, 0x4e);
    code.xor(width, into, into, from);
    code.xor(width, into, into, SPARE);
  }
}
