/** Two OpenVPN processes in user space, point to point over UDP, TLS by fingerprints. */

import { join } from 'node:path';
import { run, startDaemon } from '../command.ts';
import { CLIENT, SERVER, type Side } from '../network.ts';
import type { Peer } from './peer.ts';

const INNER: Readonly<Record<Side, string>> = { server: '10.89.0.1', client: '10.89.0.2' };
const OUTER: Readonly<Record<Side, string>> = { server: SERVER, client: CLIENT };
const PORT = '1194';

export const openvpn: Peer = {
  name: 'OpenVPN',
  packages: ['openvpn', 'openssl'],
  versionOf: 'openvpn',
  start: async (network, { encryption, keyBits }, directory) => {
    const cipher = encryption === 'aes-gcm-16' ? `AES-${keyBits}-GCM` : `AES-${keyBits}-CBC`;
    const prints = { server: certificate(directory, 'server'), client: certificate(directory, 'client') };
    const start = (side: Side) => {
      const other = side === 'server' ? 'client' : 'server';
      return startDaemon(
        network.at(
          side,
          ...['openvpn', '--dev', 'tun', '--proto', 'udp', '--disable-dco', '--dh', 'none', '--tun-mtu', '1400'],
          ...['--local', OUTER[side], '--port', PORT, '--remote', OUTER[other], PORT, `--tls-${side}`],
          ...['--ifconfig', INNER[side], INNER[other], '--data-ciphers', cipher, '--auth', 'SHA256'],
          ...['--cert', join(directory, `${side}.crt`), '--key', join(directory, `${side}.key`)],
          ...['--peer-fingerprint', prints[other], '--fast-io', '--keepalive', '10', '60'],
        ),
      );
    };
    const daemons = [start('server'), start('client')];
    const stop = async () => {
      for (const daemon of daemons) await daemon.stop();
    };
    try {
      await network.reachable(INNER.server);
    } catch (error) {
      await stop();
      throw new Error(`${(error as Error).message}\n${daemons.map(({ output }) => output()).join('\n')}`);
    }
    return { address: INNER.server, pids: daemons.map(({ pid }) => pid), stop };
  },
};

/** @returns its SHA-256 fingerprint */
function certificate(directory: string, name: string): string {
  const [key, file] = [join(directory, `${name}.key`), join(directory, `${name}.crt`)];
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'];
  run([
    'openssl',
    'req',
    '-x509',
    ...curve,
    '-nodes',
    '-keyout',
    key,
    '-out',
    file,
    '-days',
    '2',
    '-subj',
    `/CN=${name}`,
  ]);
  return run(['openssl', 'x509', '-in', file, '-noout', '-fingerprint', '-sha256']).split('=')[1]!.trim();
}
