/** Two strongSwan daemons with ESP in user space (kernel-libipsec), tunnel mode, ESP in UDP. */

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Daemon, run, runAside, startDaemon, until } from '../command.ts';
import { CLIENT, type Network, SERVER, type Side } from '../network.ts';
import type { Peer } from './peer.ts';
import { proposalOf } from './sallyport.ts';

const INNER: Readonly<Record<Side, string>> = { server: '10.88.0.1', client: '10.88.0.2' };
const OUTER: Readonly<Record<Side, string>> = { server: SERVER, client: CLIENT };
const PLUGINS = 'random nonce openssl pem pkcs1 pubkey x509 kdf vici kernel-libipsec kernel-netlink socket-default';

export const libipsec: Peer = {
  name: 'strongSwan kernel-libipsec',
  packages: ['charon-systemd', 'strongswan-swanctl', 'libcharon-extra-plugins', 'libstrongswan-standard-plugins'],
  versionOf: 'charon-systemd',
  start: async (network, suite, directory) => {
    const daemons = [
      start(network, 'server', proposalOf(suite), directory),
      start(network, 'client', proposalOf(suite), directory),
    ];
    const stop = async () => {
      for (const { daemon } of daemons) await daemon.stop();
      for (const side of ['server', 'client'] as const) {
        run(network.at(side, 'ip', 'address', 'delete', `${INNER[side]}/32`, 'dev', 'lo'));
      }
    };
    try {
      for (const { swanctl } of daemons) await lastly('strongSwan starts', 10, () => swanctl('--load-all'));
      await lastly('strongSwan connects', 20, () => daemons[1]!.swanctl('--initiate', '--child', 'inner'));
      await network.reachable(INNER.server);
    } catch (error) {
      await stop();
      throw new Error(`${(error as Error).message}\n${daemons.map(({ daemon }) => daemon.output()).join('\n')}`);
    }
    return { address: INNER.server, pids: daemons.map(({ daemon }) => daemon.pid), stop };
  },
};

interface Started {
  readonly daemon: Daemon;
  readonly swanctl: (...words: readonly string[]) => Promise<unknown>;
}

function start(network: Network, side: Side, proposal: string, parent: string): Started {
  const directory = join(parent, side);
  mkdirSync(directory);
  const other = side === 'server' ? 'client' : 'server';
  const socket = `unix://${join(directory, 'vici')}`;
  const settings = join(directory, 'strongswan.conf');
  writeFileSync(
    settings,
    `charon-systemd {
  load = ${PLUGINS}
  install_virtual_ip = no
  plugins { vici { socket = ${socket} } kernel-libipsec { allow_peer_ts = yes } }
  filelog { stderr { default = 1 } }
}
swanctl { load = random openssl pem pkcs1 pubkey x509 }
`,
  );
  const connections = join(directory, 'swanctl.conf');
  writeFileSync(
    connections,
    `connections {
  bench {
    version = 2
    local_addrs = ${OUTER[side]}
    remote_addrs = ${OUTER[other]}
    encap = yes
    proposals = aes128-sha256-x25519
    local { auth = psk }
    remote { auth = psk }
    children {
      inner {
        local_ts = ${INNER[side]}/32
        remote_ts = ${INNER[other]}/32
        esp_proposals = ${proposal}
      }
    }
  }
}
secrets { ike { secret = "a secret for the bench alone" } }
`,
  );
  run(network.at(side, 'ip', 'address', 'add', `${INNER[side]}/32`, 'dev', 'lo'));
  const environment = { STRONGSWAN_CONF: settings };
  const daemon = startDaemon(network.at(side, '/usr/sbin/charon-systemd'), environment);
  const swanctl = (...words: readonly string[]) => {
    const file = words[0] === '--load-all' ? ['--file', connections] : [];
    return runAside(['env', `STRONGSWAN_CONF=${settings}`, 'swanctl', ...words, ...file, '--uri', socket], 10);
  };
  return { daemon, swanctl };
}

/** Tries until it does not throw. @throws Error after `seconds`, with the last reason */
async function lastly(what: string, seconds: number, work: () => Promise<unknown>): Promise<void> {
  let reason = '';
  const test = async (): Promise<boolean> => {
    try {
      await work();
      return true;
    } catch (error) {
      reason = (error as Error).message;
      return false;
    }
  };
  await until(what, seconds, test, () => reason);
}
