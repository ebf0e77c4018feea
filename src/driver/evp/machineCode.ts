/**
 * The few instructions that make the calls of a `CallList`, for x86-64: JavaScript has no loop over native functions,
 * and writing one needs no compiler. System V Application Binary Interface, AMD64 supplement §3.2.
 */

import { executable } from '../executable.ts';
import { type Address, functionAt } from '../ffi.ts';

/** `int make(call *calls, int count)`: see `MakeCalls`. Registers that belong to the caller are kept on the stack. */
// biome-ignore-start format: one instruction a line
const X86_64 = Uint8Array.of(
  0xf3,
  0x0f,
  0x1e,
  0xfa, //       endbr64
  0x53, //       push rbx
  0x41,
  0x54, //       push r12
  0x50, //       push rax         the stack stays aligned to 16 bytes
  0x48,
  0x89,
  0xfb, //       mov rbx, rdi
  0x41,
  0x89,
  0xf4, //       mov r12d, esi
  0x48,
  0x8b,
  0x7b,
  0x08, // next: mov rdi, [rbx+8]
  0x48,
  0x8b,
  0x73,
  0x10, //       mov rsi, [rbx+16]
  0x48,
  0x8b,
  0x53,
  0x18, //       mov rdx, [rbx+24]
  0x48,
  0x8b,
  0x4b,
  0x20, //       mov rcx, [rbx+32]
  0x4c,
  0x8b,
  0x43,
  0x28, //       mov r8, [rbx+40]
  0x4c,
  0x8b,
  0x4b,
  0x30, //       mov r9, [rbx+48]
  0xff,
  0x13, //       call [rbx]
  0x85,
  0xc0, //       test eax, eax
  0x74,
  0x09, //       jz done
  0x48,
  0x83,
  0xc3,
  0x40, //       add rbx, 64
  0x41,
  0xff,
  0xcc, //       dec r12d
  0x75,
  0xd9, //       jnz next
  0x44,
  0x89,
  0xe0, // done: mov eax, r12d
  0x5a, //       pop rdx
  0x41,
  0x5c, //       pop r12
  0x5b, //       pop rbx
  0xc3, //       ret
);
// biome-ignore-end format: one instruction a line

/** @returns undefined on other processors, and where the system allows no memory for code */
export function machineCode(): ((calls: Address, count: number) => number) | undefined {
  if (process.arch !== 'x64') return undefined;
  const code = executable(X86_64);
  return code === undefined ? undefined : (functionAt(code, 'int', 2) as (calls: Address, count: number) => number);
}
