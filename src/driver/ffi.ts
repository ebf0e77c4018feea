/**
 * The one seam to native code: libc through koffi, with addresses as numbers, so that a call allocates nothing.
 * Loaded on first use; `available()` is false where koffi has no binary or the machine is not 64-bit little-endian.
 */

import { createRequire } from 'node:module';
import { endianness } from 'node:os';
import { SystemError } from './systemError.ts';

/** An address in this process. Below 2^53 on every supported machine. */
export type Address = number;

export type NativeFunction = (...values: never[]) => unknown;

/** Every function returns what libc returns: -1 for failure, with the reason in `errno()`. */
export interface Libc {
  readonly socket: (family: number, type: number, protocol: number) => number;
  readonly bind: (fd: number, address: Address, length: number) => number;
  readonly connect: (fd: number, address: Address, length: number) => number;
  readonly getsockname: (fd: number, address: Address, length: Address) => number;
  readonly setsockopt: (fd: number, level: number, option: number, value: Address, length: number) => number;
  readonly getsockopt: (fd: number, level: number, option: number, value: Address, length: Address) => number;
  readonly sendmsg: (fd: number, message: Address, flags: number) => number;
  readonly recvmsg: (fd: number, message: Address, flags: number) => number;
  /** As often as `count` sendmsg; gives how many were sent. */
  readonly sendmmsg: (fd: number, messages: Address, count: number, flags: number) => number;
  readonly recvmmsg: (fd: number, messages: Address, count: number, flags: number, timeout: Address) => number;
  readonly send: (fd: number, bytes: Address, length: number, flags: number) => number;
  readonly recv: (fd: number, bytes: Address, length: number, flags: number) => number;
  readonly read: (fd: number, bytes: Address, length: number) => number;
  readonly write: (fd: number, bytes: Address, length: number) => number;
  readonly writev: (fd: number, pieces: Address, count: number) => number;
  readonly poll: (fds: Address, count: number, timeoutMilliseconds: number) => number;
  readonly open: (path: string, flags: number) => number;
  readonly ioctl: (fd: number, request: number, argument: Address) => number;
  readonly eventfd: (initial: number, flags: number) => number;
  readonly close: (fd: number) => number;
  readonly memcpy: (to: Address, from: Address, length: number) => Address;
  readonly errno: () => number;
}

/** Whether native calls can be made in this process. */
export function available(): boolean {
  return unavailableReason() === undefined;
}

/** One sentence that says why native calls cannot be made; undefined where they can. */
export function unavailableReason(): string | undefined {
  loaded ??= load();
  return typeof loaded === 'string' ? loaded : undefined;
}

/** @throws Error where `available()` is false */
export function libc(): Libc {
  const reason = unavailableReason();
  if (reason !== undefined) throw new Error(reason);
  return (loaded as Native).libc;
}

/** A block of memory that libc and JavaScript both see: `base + offset` there is `bytes[offset]` here. */
export class Memory {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly view: DataView<ArrayBuffer>;
  readonly base: Address;

  /** @param within a larger buffer to lie in, from `at` on, rather than in one of its own */
  constructor(length: number, within?: ArrayBuffer, at = 0) {
    const buffer = within ?? new ArrayBuffer(length);
    this.bytes = new Uint8Array(buffer, at, length);
    this.view = new DataView(buffer, at, length);
    this.base = addressOf(buffer) + at;
  }

  /** Writes an address or a size_t at `at`. DataView keeps the low 32 bits of what it is given. */
  setWord(at: number, value: number): void {
    this.view.setUint32(at, value, true);
    this.view.setUint32(at + 4, value / WORD, true);
  }

  /** What `setWord` wrote, or native code. */
  word(at: number): number {
    return this.view.getUint32(at, true) + this.view.getUint32(at + 4, true) * WORD;
  }

  /** Copies memory of the process to the front of this. */
  copyFrom(address: Address, length = this.bytes.length): void {
    libc().memcpy(this.base, address, Math.min(length, this.bytes.length));
  }

  /** Copies all of this to memory of the process. */
  copyTo(address: Address): void {
    libc().memcpy(address, this.base, this.bytes.length);
  }
}

const WORD = 0x1_0000_0000;

/** Where an ArrayBuffer lies. It stays there for as long as the buffer is referenced. */
export function addressOf(buffer: ArrayBuffer): Address {
  libc();
  return Number((loaded as Native).koffi.address(buffer));
}

/**
 * Functions of this process other than libc's, by their C declarations. Addresses are declared `uintptr_t`.
 * @throws Error where `available()` is false or the process does not have one of them
 */
export function declare<Name extends string>(
  declarations: Readonly<Record<Name, string>>,
): Record<Name, NativeFunction> {
  libc();
  const library = (loaded as Native).koffi.load(null);
  const functions = Object.entries<string>(declarations).map(([name, text]) => [name, library.func(text)]);
  return Object.fromEntries(functions) as Record<Name, NativeFunction>;
}

/** A native function by where it lies; its values are addresses or numbers that are not negative. */
export type FunctionAt = (...values: readonly number[]) => number;

/**
 * Binds a function that has no name, e.g. one from a table of functions.
 * @throws Error where `available()` is false
 */
export function functionAt(address: Address, result: 'int' | 'uintptr_t' | 'void', values: number): FunctionAt {
  libc();
  const { koffi } = loaded as Native;
  const parameters = Array.from({ length: values }, () => 'uintptr_t');
  return koffi.decode(BigInt(address), koffi.proto(result, parameters)) as FunctionAt;
}

/** Text that native code keeps for ever: characters up to a 0. */
export function textAt(address: Address): string {
  libc();
  return (loaded as Native).koffi.decode(BigInt(address), 'char', -1) as string;
}

/** @throws SystemError when `result` is negative, from `errno` */
export function check(result: number, what: string): number {
  if (result < 0) throw new SystemError(what, libc().errno());
  return result;
}

interface Koffi {
  load(path: null): { func(declaration: string): NativeFunction };
  address(value: ArrayBuffer): bigint;
  proto(result: string, parameters: readonly string[]): object;
  decode(address: bigint, type: object | string, length?: number): unknown;
  errno(): number;
}

interface Native {
  readonly libc: Libc;
  readonly koffi: Koffi;
}

const DECLARATIONS = {
  socket: 'int socket(int family, int type, int protocol)',
  bind: 'int bind(int fd, uintptr_t address, uint32_t length)',
  connect: 'int connect(int fd, uintptr_t address, uint32_t length)',
  getsockname: 'int getsockname(int fd, uintptr_t address, uintptr_t length)',
  setsockopt: 'int setsockopt(int fd, int level, int option, uintptr_t value, uint32_t length)',
  getsockopt: 'int getsockopt(int fd, int level, int option, uintptr_t value, uintptr_t length)',
  sendmsg: 'intptr_t sendmsg(int fd, uintptr_t message, int flags)',
  recvmsg: 'intptr_t recvmsg(int fd, uintptr_t message, int flags)',
  sendmmsg: 'int sendmmsg(int fd, uintptr_t messages, unsigned int count, int flags)',
  recvmmsg: 'int recvmmsg(int fd, uintptr_t messages, unsigned int count, int flags, uintptr_t timeout)',
  send: 'intptr_t send(int fd, uintptr_t bytes, size_t length, int flags)',
  recv: 'intptr_t recv(int fd, uintptr_t bytes, size_t length, int flags)',
  read: 'intptr_t read(int fd, uintptr_t bytes, size_t length)',
  write: 'intptr_t write(int fd, uintptr_t bytes, size_t length)',
  writev: 'intptr_t writev(int fd, uintptr_t pieces, int count)',
  poll: 'int poll(uintptr_t fds, unsigned long count, int timeout)',
  open: 'int open(const char *path, int flags, ...)',
  ioctl: 'int ioctl(int fd, unsigned long request, ...)',
  eventfd: 'int eventfd(unsigned int initial, int flags)',
  close: 'int close(int fd)',
  memcpy: 'uintptr_t memcpy(uintptr_t to, uintptr_t from, size_t length)',
} as const satisfies Record<Exclude<keyof Libc, 'errno'>, string>;

const SUPPORTED_MACHINES: readonly string[] = ['x64', 'arm64', 'riscv64', 'loong64'];

let loaded: Native | string | undefined;

function load(): Native | string {
  if (process.platform !== 'linux') return `native calls need Linux, this is ${process.platform}`;
  if (!SUPPORTED_MACHINES.includes(process.arch) || endianness() !== 'LE') {
    return `native calls are not known for the processor ${process.arch}`;
  }
  try {
    const koffi = createRequire(import.meta.url)('koffi') as Koffi;
    const library = koffi.load(null);
    const functions: Record<string, unknown> = { errno: () => koffi.errno() };
    for (const [name, declaration] of Object.entries(DECLARATIONS)) functions[name] = library.func(declaration);
    return { koffi, libc: withPlainVariadics(functions) };
  } catch (error) {
    return `the native call library koffi does not load on this machine: ${(error as Error).message.split('\n')[0]}`;
  }
}

/** koffi takes variadic arguments as pairs of type and value; the rest of the driver need not know. */
function withPlainVariadics(functions: Record<string, unknown>): Libc {
  const open = functions.open as (path: string, flags: number) => number;
  const ioctl = functions.ioctl as (fd: number, request: number, type: string, argument: Address) => number;
  return {
    ...(functions as unknown as Libc),
    open: (path, flags) => open(path, flags),
    ioctl: (fd, request, argument) => ioctl(fd, request, 'uintptr_t', argument),
  };
}
