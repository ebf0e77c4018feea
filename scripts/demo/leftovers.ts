/** Compares what a connection leaves behind with what was there before it. */

import { existsSync, readdirSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import type { HostState } from '../../test/e2e/lab/hostState.ts';

export interface Check {
  readonly what: string;
  /** What is left, in words; empty where all is well. */
  readonly left: readonly string[];
}

const PARTS: Readonly<Record<keyof HostState, string>> = {
  devices: 'network devices (TUN)',
  addresses: 'addresses',
  routes: 'routes',
  tables: 'nf_tables tables',
  forwarding: 'net.ipv4.ip_forward',
  sockets: 'UDP and raw sockets',
};

/** One check for each kind of thing, over all hosts. */
export function compareHosts(hosts: Readonly<Record<string, readonly [before: HostState, after: HostState]>>): Check[] {
  return Object.entries(PARTS).map(([part, what]) => ({
    what,
    left: Object.entries(hosts).flatMap(([host, [before, after]]) =>
      difference(before[part as keyof HostState], after[part as keyof HostState]).map((text) => `${host}: ${text}`),
    ),
  }));
}

/** Files that only a running program has. */
export function runtimeFiles(folders: readonly string[]): Check {
  const files = folders.filter(existsSync).flatMap((folder) => readdirSync(folder));
  return {
    what: 'control socket, journal of host changes',
    left: files.filter((name) => /\.(sock|journal)$/.test(name)),
  };
}

function difference(before: string | readonly string[], after: string | readonly string[]): string[] {
  if (isDeepStrictEqual(before, after)) return [];
  const [old, now] = [[before].flat(), [after].flat()];
  return [
    ...now.filter((text) => !old.includes(text)).map((text) => `${text} is new`),
    ...old.filter((text) => !now.includes(text)).map((text) => `${text} is gone`),
  ];
}
