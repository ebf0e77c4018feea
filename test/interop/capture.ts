/** Captures on a link of the lab, read with tshark and the key tables of our own ends. */

import { copyFileSync, existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';
import { end, host, sh, start } from './process.ts';
import type { Namespace } from './topology.ts';

export interface Capture {
  readonly file: string;
  stop(): Promise<void>;
}

/** Starts tcpdump; resolves once it captures. */
export async function startCapture(namespace: Namespace, link: string, file: string): Promise<Capture> {
  const command = namespace.command('tcpdump', '-Z', 'root', '-i', link, '--immediate-mode', '-U', '-w', file);
  const child = start(command, { stdio: ['ignore', 'ignore', 'pipe'] });
  await new Promise<void>((resolve, reject) => {
    createInterface({ input: child.stderr! }).on('line', (line) => line.includes('listening on') && resolve());
    child.once('close', () => reject(new Error('tcpdump does not start')));
  });
  return {
    file,
    stop: async () => {
      // The last packets may still be on their way into the file.
      await setTimeout(300);
      await end(child, 'SIGINT');
    },
  };
}

/**
 * The frames of a capture that match a display filter, with the key tables in the folder `keys` (files named as in a
 * Wireshark profile: `ikev1_decryption_table`, `esp_sa`). One line a frame, `fields` separated by tabs.
 */
export async function readCapture(
  file: string,
  keys: string,
  filter: string,
  fields: readonly string[],
): Promise<string[]> {
  const profile = join(keys, 'wireshark');
  mkdirSync(profile, { recursive: true });
  for (const table of readdirSync(keys)) {
    const from = join(keys, table);
    if (['ikev1_decryption_table', 'esp_sa'].includes(table) && existsSync(from))
      copyFileSync(from, join(profile, table));
  }
  const output = await sh(
    host,
    `WIRESHARK_CONFIG_DIR='${profile}' tshark -r '${file}' -Y '${filter}' -T fields ${fields.map((field) => `-e ${field}`).join(' ')} \
      -o esp.enable_encryption_decode:TRUE -o esp.enable_authentication_check:TRUE 2> '${profile}/stderr' ||
      { cat '${profile}/stderr'; exit 1; }`,
    60,
  );
  return output.split('\n').filter((line) => line !== '');
}
