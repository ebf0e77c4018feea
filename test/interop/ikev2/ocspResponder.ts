/** OpenSSL's own OCSP responder in a namespace. openssl-ocsp(1). */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { toHex } from '../../../src/wire/index.ts';
import { sh, start } from '../process.ts';
import type { Namespace } from '../topology.ts';
import type { Made, MadeAuthority } from './madeAuthority.ts';

/** What it knows: certificates, and whether each is revoked. */
export type Known = readonly (readonly [certificate: Made, isRevoked: boolean])[];

/** Answers on `port` for as long as the namespace's wire is there. Signs as the authority itself. */
export async function serveOcsp(namespace: Namespace, authority: MadeAuthority, known: Known, port: number) {
  const file = (name: string, text: string) => {
    const path = join(namespace.lab, `ocsp-${port}-${name}`);
    writeFileSync(path, text, { mode: 0o600 });
    return path;
  };
  const index = known.map(([{ serial }, isRevoked], at) =>
    [
      isRevoked ? 'R' : 'V',
      timeText(86_400),
      isRevoked ? timeText(-3600) : '',
      toHex(serial).toUpperCase(),
      'unknown',
      // It wants them all different.
      `/CN=${at}`,
    ].join('\t'),
  );
  const root = file('root.pem', authority.root);
  const words = ['-port', `${port}`, '-index', file('index.txt', `${index.join('\n')}\n`), '-CA', root];
  const signer = ['-rsigner', root, '-rkey', file('root.key', authority.key), '-ndays', '1'];
  const child = start(namespace.command('openssl', 'ocsp', ...words, ...signer), { stdio: 'ignore' });
  await sh(
    namespace,
    `for try in {1..100}; do ss -Hltn 'sport = ${port}' | grep -q . && exit; sleep 0.05; done; exit 1`,
  );
  return child;
}

/** YYMMDDHHMMSSZ. */
function timeText(secondsFromNow: number): string {
  const text = new Date(Date.now() + secondsFromNow * 1000).toISOString();
  return `${text.slice(2, 19).replaceAll(/[-T:]/g, '')}Z`;
}
