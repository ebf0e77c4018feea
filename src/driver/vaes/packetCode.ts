/**
 * AES-GCM of whole packets as machine code with 256-bit vectors (VAES, VPCLMULQDQ): eight blocks at a time, nothing that
 * depends on secrets but data, and no call between packets. NIST SP 800-38D.
 */

import { Assembler, at, Condition, Gpr, type Vector, X, Y } from '../assembler.ts';
import { COUNTERS, DATA, HASH, HIGH, hashSteps, OPERAND, product, REVERSE, reduce, SPARE, STREAM } from './ghash.ts';
import { BLOCK, Job, KeyBlock, Room, roundsOf, TURN } from './layout.ts';

const { rax, rcx, rdx, rbx, rbp, rsi, rdi, r8, r9, r10, r11 } = Gpr;

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
