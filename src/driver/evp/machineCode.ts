/**
 * The few instructions that make the calls of a `CallList`, for x86-64: JavaScript has no loop over native functions,
 * and writing one needs no compiler. System V Application Binary Interface, AMD64 supplement §3.2.
 */

import { Assembler, at, Condition, Gpr } from '../assembler.ts';
import { executable } from '../executable.ts';
import { type Address, functionAt } from '../ffi.ts';
import { CALL_BYTES, CALL_VALUES, type MakeCalls } from './callLayout.ts';

const { rax, rbp, rbx, rcx, rdi, rdx, rsi, r8, r9 } = Gpr;
/** Where a function finds the values that it is called with. */
const VALUES = [rdi, rsi, rdx, rcx, r8, r9] as const;
const INT_MAX = 0x7fffffff;

/** @returns undefined on other processors, and where the system allows no memory for code */
export function machineCode(): MakeCalls | undefined {
  if (process.arch !== 'x64') return undefined;
  const code = executable(callingCode());
  return code === undefined ? undefined : (functionAt(code, 'int', 2) as (calls: Address, count: number) => number);
}

/** `int make(call *calls, int count)`: see `MakeCalls`. */
function callingCode(): Uint8Array {
  const code = new Assembler();
  code.entry();
  // RBX and RBP belong to the caller; three words keep the stack aligned to 16 bytes.
  for (const register of [rbx, rbp, rax] as const) code.push(register);
  code.move(rbx, rdi);
  code.move(rbp, rsi);
  // The upper half of a register that holds an `int` says nothing.
  code.andNumber(rbp, INT_MAX);
  code.label('next');
  for (let i = 0; i < CALL_VALUES; i++) code.load(VALUES[i]!, at(rbx, 8 * (i + 1)));
  code.call(at(rbx, 0));
  code.testInt('rax');
  code.jump('done', Condition.equal);
  code.addNumber(rbx, CALL_BYTES);
  code.subtractNumber(rbp, 1);
  code.jump('next', Condition.notEqual);
  code.label('done');
  code.move(rax, rbp);
  for (const register of [rdx, rbp, rbx] as const) code.pop(register);
  code.ret();
  return code.finish();
}
