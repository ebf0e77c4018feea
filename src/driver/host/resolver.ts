/** The host's resolver file: what it holds, who owns it, and our text for it. resolv.conf(5). */

import { lstatSync, readFileSync, readlinkSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import type { Failure } from '../../core/index.ts';
import { isSystemError } from '../systemError.ts';
import type { Before, HostChange } from './change.ts';
import { hasResolvectl } from './systemdResolved.ts';

type ResolverChange = Extract<HostChange, { readonly kind: 'resolver' }>;

export const RESOLVER_FILE = '/etc/resolv.conf';

/** What is to take the file's name is made under this one. */
const BESIDE = '.sallyport';

/** Who writes the file: a person or DHCP client (`plain`), systemd-resolved, another program through a link, no one. */
export type ResolverOwner = 'plain' | 'systemd-resolved' | 'other' | 'none';

export function resolverOwner(path = RESOLVER_FILE): ResolverOwner {
  try {
    if (lstatSync(path).isSymbolicLink()) return readlinkSync(path).includes('systemd') ? 'systemd-resolved' : 'other';
    return readFileSync(path, 'utf8').includes('127.0.0.53') ? 'systemd-resolved' : 'plain';
  } catch {
    return 'none';
  }
}

/**
 * How this host is told to ask `servers` while `device` is there.
 * @param domains short names are looked for in these; empty: as before
 * @returns a failure where systemd-resolved owns the file and its program to talk to it is missing
 */
export function resolverChange(
  device: string,
  servers: readonly string[],
  path = RESOLVER_FILE,
  domains: readonly string[] = [],
): { readonly ok: true; readonly change: HostChange } | { readonly ok: false; readonly failure: Failure } {
  const search = domains.length === 0 ? {} : { search: domains.join(' ') };
  if (resolverOwner(path) !== 'systemd-resolved') {
    return { ok: true, change: { kind: 'resolver', path, servers, ...search } };
  }
  if (hasResolvectl()) return { ok: true, change: { kind: 'linkResolver', device, servers, ...search } };
  return {
    ok: false,
    failure: {
      code: 'resolver-owned',
      reason: `${path} belongs to systemd-resolved, and there is no resolvectl here to tell it the name servers`,
      remedy: 'Install resolvectl, put a plain file in its place, or connect without --dns.',
    },
  };
}

/** How the file is now; undefined where it has these resolvers already. */
export function resolverBefore({ path, servers, search }: ResolverChange): Before | undefined {
  const link = linkOf(path);
  const text = textOf(path);
  if (link !== undefined) return { link, ...(text === undefined ? {} : { text }) };
  if (text === undefined) return {};
  return text === resolverText(text, servers, search) ? undefined : { text };
}

/** A file is written in place, because in containers it is a mount; a link is never written through. */
export function writeResolver({ path, servers, search }: ResolverChange, { text = '', link }: Before): void {
  const ours = resolverText(text, servers, search);
  if (link === undefined) {
    writeFileSync(path, ours);
    return;
  }
  writeFileSync(`${path}${BESIDE}`, ours);
  renameSync(`${path}${BESIDE}`, path);
}

/** Brings the former file or link back, where what is there is still ours. */
export function restoreResolver({ path, servers, search }: ResolverChange, { text, link }: Before): void {
  if (linkOf(path) !== undefined || textOf(path) !== resolverText(text ?? '', servers, search)) return;
  if (link !== undefined) {
    rmSync(`${path}${BESIDE}`, { force: true });
    symlinkSync(link, `${path}${BESIDE}`);
    renameSync(`${path}${BESIDE}`, path);
  } else if (text === undefined) rmSync(path);
  else writeFileSync(path, text);
}

/** The name servers of the file, in order. */
export function readResolvers(path = RESOLVER_FILE): string[] {
  try {
    return readFileSync(path, 'utf8')
      .split('\n')
      .flatMap((line) => /^\s*nameserver\s+(\S+)/.exec(line)?.[1] ?? []);
  } catch {
    return [];
  }
}

/** A file that begins with these resolvers; the options of the former one stay. */
export function resolverText(before: string, servers: readonly string[], search: string | undefined): string {
  const kept = before
    .split('\n')
    .filter(
      (line) => /^\s*(options|sortlist)\s/.test(line) || (search === undefined && /^\s*(search|domain)\s/.test(line)),
    );
  return [
    '# Written for the time of a VPN connection; the former content comes back with its end.',
    ...(search === undefined ? [] : [`search ${search}`]),
    ...servers.map((server) => `nameserver ${server}`),
    ...kept,
    '',
  ].join('\n');
}

function linkOf(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch (error) {
    if (isSystemError(error, 'EINVAL', 'ENOENT', 'ENOTDIR')) return undefined;
    throw error;
  }
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ENOTDIR')) return undefined;
    throw error;
  }
}
