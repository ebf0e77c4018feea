/** Which process has a UDP port, for the sentence that tells the operator so. Reads /proc; best effort. */

import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** What usually holds the ports of this trade. */
const USUAL: Readonly<Record<number, string>> = {
  500: 'another IKE daemon such as strongSwan (charon) or Libreswan (pluto)',
  4500: 'another IKE daemon such as strongSwan (charon) or Libreswan (pluto)',
  1701: 'another L2TP daemon such as xl2tpd',
};

/** E.g. `charon (process 812)`, or what usually holds the port, or `another process`. */
export function portHolder(port: number): string {
  const process = holdingProcess(port);
  return process === undefined ? (USUAL[port] ?? 'another process') : `${process.name} (process ${process.pid})`;
}

function holdingProcess(port: number): { readonly pid: number; readonly name: string } | undefined {
  const sockets = ['/proc/net/udp', '/proc/net/udp6'].flatMap((table) => inodes(table, port));
  if (sockets.length === 0) return undefined;
  const wanted = new Set(sockets.map((inode) => `socket:[${inode}]`));
  for (const pid of list('/proc')) {
    if (!/^\d+$/.test(pid)) continue;
    if (!list(`/proc/${pid}/fd`).some((fd) => wanted.has(target(`/proc/${pid}/fd/${fd}`)))) continue;
    return { pid: Number(pid), name: read(`/proc/${pid}/comm`).trim() };
  }
  return undefined;
}

/** Column 1 is the local address and port in hexadecimal, column 9 the inode. */
function inodes(table: string, port: number): string[] {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  return read(table)
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter((columns) => columns[1]?.endsWith(suffix))
    .flatMap((columns) => columns[9] ?? []);
}

const read = (path: string): string => attempt(() => readFileSync(path, 'utf8')) ?? '';
const list = (path: string): string[] => attempt(() => readdirSync(path)) ?? [];
const target = (path: string): string => attempt(() => readlinkSync(path)) ?? '';

/** Processes end and forbid while they are looked at. */
function attempt<Result>(look: () => Result): Result | undefined {
  try {
    return look();
  } catch {
    return undefined;
  }
}
