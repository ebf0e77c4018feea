/** Keys of AES-GCM expanded by machine code, with the powers of H. FIPS 197 §5.2, NIST SP 800-38D §6.4. */

import { Assembler, at, Gpr, type Vector, X } from '../assembler.ts';
import { HASH, HIGH, OPERAND, product, reduce, SPARE } from './ghash.ts';
import { BLOCK, BLOCKS, KeyBlock, Room, roundsOf, TURN } from './layout.ts';

const { rdx, rsi, rdi } = Gpr;

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
