/** The Debian packages that a bench needs; their daemons are not started on this machine. */

import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { run } from './command.ts';

const POLICY = '/usr/sbin/policy-rc.d';

/** Installs what is missing. @throws Error where apt-get is missing or fails */
export function installPackages(packages: readonly string[]): void {
  const missing = packages.filter((name) => installedVersion(name) === undefined);
  if (missing.length === 0) return;
  if (!existsSync('/usr/bin/apt-get'))
    throw new Error(`Install ${missing.join(', ')} first: there is no apt-get here.`);
  console.error(`Installing ${missing.join(', ')} …`);
  const policyIsOurs = !existsSync(POLICY);
  if (policyIsOurs) writeFileSync(POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  const install = [
    'env',
    'DEBIAN_FRONTEND=noninteractive',
    'apt-get',
    '-q',
    '-y',
    '--no-install-recommends',
    'install',
  ];
  try {
    try {
      run([...install, ...missing]);
    } catch {
      run(['apt-get', '-q', 'update']);
      run([...install, ...missing]);
    }
  } finally {
    if (policyIsOurs) rmSync(POLICY);
  }
}

export function installedVersion(name: string): string | undefined {
  try {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: dpkg-query's own placeholders
    const [status, version] = run(['dpkg-query', '-W', '-f', '${db:Status-Status} ${Version}', name]).split(' ');
    return status === 'installed' ? version : undefined;
  } catch {
    return undefined;
  }
}
