/** The Debian packages of the lab: installs what is missing. */

import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { host, sh } from './process.ts';

const PACKAGES = [
  'user-mode-linux',
  'kmod',
  'iproute2',
  'nftables',
  'conntrack',
  'iputils-ping',
  'procps',
  'util-linux',
  'tcpdump',
  'tshark',
  'curl',
  'openssl',
  'python3-minimal',
  'strongswan-pki',
  'strongswan-swanctl',
  'charon-systemd',
  'libcharon-extra-plugins',
  'libstrongswan-standard-plugins',
  'libstrongswan-extra-plugins',
  'libcharon-extauth-plugins',
  'xl2tpd',
  'ppp',
];

const LISTS = '/var/lib/apt/lists';
const POLICY = '/usr/sbin/policy-rc.d';

/** Installs the missing packages with apt-get; none of their daemons is started on this machine. */
export async function installPackages(): Promise<void> {
  if (!existsSync('/usr/bin/apt-get')) throw new Error('The lab needs a Debian-like machine: there is no apt-get.');
  const { output } = await host.run(`dpkg-query -W -f '\${Package} \${Status}\\n' ${PACKAGES.join(' ')} 2> /dev/null`);
  const installed = new Set([...output.matchAll(/^(\S+) install ok installed$/gm)].map(([, name]) => name));
  const missing = PACKAGES.filter((name) => !installed.has(name));
  if (missing.length === 0) return;
  console.log(`installing ${missing.join(' ')}`);
  const policyIsOurs = !existsSync(POLICY);
  if (policyIsOurs) writeFileSync(POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  try {
    if (!hasLists()) await apt('update');
    const install = `install -y --no-install-recommends ${missing.join(' ')}`;
    await apt(install).catch(async () => {
      await apt('update');
      await apt(install);
    });
  } finally {
    if (policyIsOurs) rmSync(POLICY);
  }
}

/** Unpacks packages into a folder without installing them: tools whose services this machine is not to have. */
export async function unpackPackages(folder: string, names: readonly string[]): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const download = () =>
    sh(
      host,
      `cd ${folder} && apt-get -q download ${names.join(' ')} 2>&1 && for deb in *.deb; do dpkg -x $deb .; done`,
      300,
    );
  await download().catch(async () => {
    await apt('update');
    await download();
  });
}

function hasLists(): boolean {
  return existsSync(LISTS) && readdirSync(LISTS).some((name) => name.includes('_Packages'));
}

async function apt(command: string): Promise<void> {
  await sh(host, `DEBIAN_FRONTEND=noninteractive apt-get -q ${command}`, 600);
}
