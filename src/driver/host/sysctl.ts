/** Kernel parameters under /proc/sys. */

import { readFileSync, writeFileSync } from 'node:fs';

/** @param name `net.ipv4.ip_forward`, or with `/` where a part has a dot in it */
export function readSysctl(name: string): string {
  return readFileSync(sysctlPath(name), 'utf8').trim();
}

export function writeSysctl(name: string, value: string): void {
  writeFileSync(sysctlPath(name), `${value}\n`);
}

/** @throws RangeError for a name that would lead out of /proc/sys */
function sysctlPath(name: string): string {
  const path = name.includes('/') ? name : name.replaceAll('.', '/');
  if (!/^[A-Za-z0-9_@:.-]+(\/[A-Za-z0-9_@:.-]+)*$/.test(path) || path.split('/').includes('..')) {
    throw new RangeError(`${name} is no kernel parameter`);
  }
  return `/proc/sys/${path}`;
}
