/** A failed system call as an Error that says in plain words what the kernel refused. */

import { nameOf } from '../wire/index.ts';
import { Errno } from './constants.ts';

const SENTENCES: Readonly<Record<string, string>> = {
  EPERM: 'the process lacks the privilege for it',
  EACCES: 'the process lacks the privilege for it',
  ENOENT: 'it does not exist',
  ESRCH: 'there is no such entry',
  EBUSY: 'it is in use by another process',
  EEXIST: 'it exists already',
  ENODEV: 'there is no such device',
  EINVAL: 'the kernel does not accept these parameters',
  EMFILE: 'the process has too many files open',
  EROFS: 'the file system is read-only',
  EPROTONOSUPPORT: 'this kernel does not have the protocol',
  EOPNOTSUPP: 'this kernel does not support it',
  EAFNOSUPPORT: 'this kernel does not have the address family',
  EMSGSIZE: 'the message is too long for the path',
  EADDRINUSE: 'the address and port are in use by another process',
  EADDRNOTAVAIL: 'the address is not one of this host',
  ENETDOWN: 'the network device is down',
  ENETUNREACH: 'there is no route to that network',
  EHOSTUNREACH: 'there is no route to that host',
  ECONNREFUSED: 'nothing listens at that address and port',
  ENOBUFS: 'the kernel is out of buffer space',
  ETIMEDOUT: 'no answer came in time',
};

export class SystemError extends Error {
  /** `EADDRINUSE` and the like; `0x…` for a number without a name here. */
  readonly code: string;
  readonly errno: number;

  /**
   * @param what what was attempted, e.g. `bind UDP 0.0.0.0 port 500`
   * @param detail what the kernel itself said, where it said something
   */
  constructor(what: string, errno: number, detail?: string) {
    const code = nameOf(Errno, errno);
    super(`${what}: ${detail ?? SENTENCES[code] ?? 'the kernel refused'} (${code})`);
    this.name = 'SystemError';
    this.code = code;
    this.errno = errno;
  }
}

/** Whether `error` is a refused system call with one of the named codes, of this folder or of node:fs. */
export function isSystemError(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Error && 'code' in error && codes.includes(String(error.code));
}
