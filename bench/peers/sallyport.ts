/** Our client and our gateway, as the command line runs them: L2TP in IKEv1/IPsec, ESP in UDP. */

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { EspSuite } from '../../src/esp/index.ts';
import { startDaemon, until } from '../command.ts';
import { type Network, SERVER } from '../network.ts';
import type { Peer, Tunnel } from './peer.ts';

const PROGRAM = fileURLToPath(new URL('../../bin/sallyport.js', import.meta.url));
/** The gateway's own address inside the tunnels, unless configured. */
const INNER = '10.87.0.1';

export const sallyport: Peer = {
  name: 'sallyport',
  packages: [],
  start: (network, suite, directory) => startSallyport(network, suite, directory, {}),
};

export interface SallyportOptions {
  /** The entry of the program; default: that of the sources. */
  readonly program?: string;
  /** Further lines of the client's profile. */
  readonly profile?: readonly string[];
  /** The client has no pre-shared key. */
  readonly isKeyless?: boolean;
}

export async function startSallyport(
  network: Network,
  suite: EspSuite,
  directory: string,
  { program = PROGRAM, profile: more = [], isKeyless = false }: SallyportOptions,
): Promise<Tunnel & { readonly output: () => string }> {
  const state = join(directory, 'gateway');
  const serve = [process.execPath, program, 'serve', '--state', state];
  const gateway = startDaemon(network.at('server', ...serve));
  const password = await until(
    'the gateway tells its first user',
    30,
    () => existsSync(join(state, 'psk')) && /Password\s+(\S+)/.exec(gateway.output())?.[1],
    gateway.output,
  );
  const profile = join(directory, 'client.yaml');
  const secrets = { password, psk: readFileSync(join(state, 'psk'), 'utf8').trim() };
  for (const [name, secret] of Object.entries(secrets)) writeFileSync(join(directory, name), secret, { mode: 0o600 });
  writeFileSync(
    profile,
    [
      `server: ${SERVER}`,
      'user: vpn',
      `password_file: ${join(directory, 'password')}`,
      ...(isKeyless ? [] : [`psk_file: ${join(directory, 'psk')}`]),
      `esp_proposals: [${proposalOf(suite)}]`,
      'force_encapsulation: true',
      ...more,
      '',
    ].join('\n'),
    { mode: 0o600 },
  );
  const connect = [process.execPath, program, 'connect', profile, '--state', join(directory, 'client')];
  const client = startDaemon(network.at('client', ...connect));
  const stop = async () => {
    await client.stop();
    await gateway.stop();
  };
  try {
    await network.reachable(INNER);
  } catch (error) {
    await stop();
    throw new Error(`${(error as Error).message}\n${gateway.output()}\n${client.output()}`);
  }
  return { address: INNER, pids: [gateway.pid, client.pid], stop, output: client.output };
}

/** As strongSwan writes it, which our configuration takes too. */
export function proposalOf({ encryption, keyBits, integrity }: EspSuite): string {
  if (encryption === 'aes-gcm-16') return `aes${keyBits}gcm16`;
  const hashes = { 'hmac-sha1-96': 'sha1', 'hmac-sha2-256-128': 'sha256', 'hmac-sha2-512-256': 'sha512' };
  return `aes${keyBits}-${hashes[integrity as keyof typeof hashes]}`;
}
