/**
 * Network namespaces for tests: they have no name, belong to the test's process alone and vanish with it. A thread,
 * child process or socket belongs to the namespace in which it was made.
 */

import { execFileSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { createRequire } from 'node:module';
import { available } from '../../src/driver/ffi.ts';
import { Rtnetlink } from '../../src/driver/netlink/rtnetlink.ts';

/** Why namespaces cannot be made here; undefined where they can. For `{ skip }`. */
export function noNamespaces(): string | undefined {
  if (!available()) return 'skipped: no FFI on this machine';
  return process.getuid?.() === 0 ? undefined : 'skipped: network namespaces need root';
}

export class Namespace {
  readonly #fd: number;

  private constructor(fd: number) {
    this.#fd = fd;
  }

  /** The one of the calling thread. */
  static current(): Namespace {
    return new Namespace(openSync('/proc/thread-self/ns/net', 'r'));
  }

  /** A new one, with its loopback device up. The caller stays where it is. */
  static create(): Namespace {
    const before = Namespace.current();
    if (calls().unshare(CLONE_NEWNET) !== 0) throw new Error('cannot make a network namespace');
    const made = Namespace.current();
    made.run(() => link('lo', { up: true }));
    before.#enter();
    before.close();
    return made;
  }

  /** Runs `work` inside; only what it makes synchronously belongs to the namespace. */
  run<Result>(work: () => Result): Result {
    const before = Namespace.current();
    this.#enter();
    try {
      return work();
    } finally {
      before.#enter();
      before.close();
    }
  }

  /** A path that programs take for the namespace. */
  get path(): string {
    return `/proc/${process.pid}/fd/${this.#fd}`;
  }

  close(): void {
    closeSync(this.#fd);
  }

  #enter(): void {
    if (calls().setns(this.#fd, CLONE_NEWNET) !== 0) throw new Error('cannot enter the network namespace');
  }
}

/** Joins two namespaces by a pair of devices, each with an address (`192.0.2.1/24`), up. */
export function join(
  one: { readonly namespace: Namespace; readonly device: string; readonly address: string },
  two: { readonly namespace: Namespace; readonly device: string; readonly address: string },
): void {
  one.namespace.run(() => {
    const peer = ['peer', 'name', two.device, 'netns', two.namespace.path];
    execFileSync('ip', ['link', 'add', one.device, 'type', 'veth', ...peer]);
  });
  for (const { namespace, device, address } of [one, two]) {
    const [text = '', length] = address.split('/');
    namespace.run(() => {
      link(device, { up: true });
      withRtnetlink((rtnetlink) => rtnetlink.addAddress({ device, address: text, prefixLength: Number(length) }));
    });
  }
}

export function withRtnetlink<Result>(work: (rtnetlink: Rtnetlink) => Result): Result {
  const rtnetlink = new Rtnetlink();
  try {
    return work(rtnetlink);
  } finally {
    rtnetlink.close();
  }
}

function link(device: string, change: { readonly up?: boolean }): void {
  withRtnetlink((rtnetlink) => rtnetlink.setLink(device, change));
}

const CLONE_NEWNET = 0x40000000;

interface Calls {
  unshare(flags: number): number;
  setns(fd: number, kind: number): number;
}

let loaded: Calls | undefined;

function calls(): Calls {
  if (loaded !== undefined) return loaded;
  const koffi = createRequire(import.meta.url)('koffi') as {
    load(path: null): { func(declaration: string): unknown };
  };
  const library = koffi.load(null);
  loaded = {
    unshare: library.func('int unshare(int flags)') as Calls['unshare'],
    setns: library.func('int setns(int fd, int kind)') as Calls['setns'],
  };
  return loaded;
}
