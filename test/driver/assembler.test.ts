/** Instructions as GNU binutils 2.40 reads and writes them. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Assembler, at, Condition, Gpr, X, Y } from '../../src/driver/assembler.ts';
import { toHex } from '../../src/wire/index.ts';

const { rax, rcx, rdx, rbx, rdi, r8, r9, r11 } = Gpr;

for (const [text, write, bytes] of [
  ['mov r9, [rbx+0x8]', (code) => code.load(r9, at(rbx, 8)), '4c8b8b08000000'],
  ['lea rdi, [rdx+0x120]', (code) => code.address(rdi, at(rdx, 0x120)), '488dba20010000'],
  ['mov rcx, r11', (code) => code.move(rcx, r11), '4c89d9'],
  ['add r9, 0x80', (code) => code.addNumber(r9, 0x80), '4981c180000000'],
  ['and rax, -16', (code) => code.andNumber(rax, -16), '4881e0f0ffffff'],
  ['test r11, r11', (code) => code.test(r11), '4d85db'],
  ['test eax, eax', (code) => code.testInt('rax'), '85c0'],
  ['rex.W call [rbx+0x0]', (code) => code.call(at(rbx, 0)), '48ff9300000000'],
  ['rep movsb', (code) => code.repeatMove(), 'f3a4'],
  ['vmovdqu xmm0, [r8+0x10]', (code) => code.vectorLoad(X, 0, at(r8, 16)), 'c4c17a6f8010000000'],
  ['vmovdqu [rdx+0x90], ymm9', (code) => code.vectorStore(Y, at(rdx, 0x90), 9), 'c4617e7f8a90000000'],
  ['vbroadcasti128 ymm15, [r8+0x10]', (code) => code.broadcast(15, at(r8, 16)), 'c4427d5ab810000000'],
  ['vpxor ymm0, ymm0, ymm15', (code) => code.xor(Y, 0, 0, 15), 'c4c17defc7'],
  ['vpshufb ymm3, ymm9, ymm8', (code) => code.shuffleBytes(Y, 3, 9, 8), 'c4c23500d8'],
  ['vpshufd xmm12, xmm12, 0x4e', (code) => code.shuffleDwords(X, 12, 12, 0x4e), 'c4417970e44e'],
  ['vpslldq xmm3, xmm0, 4', (code) => code.shiftBytesLeft(3, 0, 4), 'c4e16173f804'],
  ['vaesenc ymm0, ymm0, ymm15', (code) => code.aesRound(Y, 0, 15), 'c4c27ddcc7'],
  ['vaeskeygenassist xmm2, xmm0, 1', (code) => code.aesKeyAssist(2, 0, 1), 'c4e379dfd001'],
  ['vpclmulqdq ymm11, ymm15, ymm12, 1', (code) => code.multiply(Y, 11, 15, 12, 1), 'c4430544dc01'],
  ['vzeroall', (code) => code.clearVectors(), 'c5fc77'],
] as readonly (readonly [string, (code: Assembler) => void, string])[]) {
  test(text, () => {
    const code = new Assembler();
    write(code);
    assert.equal(toHex(code.finish()), bytes);
  });
}

test('jumps lead to their labels, forwards and backwards', () => {
  const code = new Assembler();
  code.label('again');
  code.jump('end', Condition.equal);
  code.jump('again');
  code.label('end');
  code.ret();
  assert.equal(toHex(code.finish()), '0f8405000000e9f5ffffffc3');
});

test('a jump to nowhere is a fault', () => {
  const code = new Assembler();
  code.jump('nowhere');
  assert.throws(() => code.finish(), /nowhere/);
});
