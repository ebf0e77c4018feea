/** A TLS engine for tests that need its course and not its cryptography. */

import type { TlsAsk, TlsProgress } from '../../src/eap/index.ts';
import { utf8 } from '../../src/wire/index.ts';

/** TLS 1.3 in as many flights as it takes, and nothing else of it. */
export function pretendedTls({ role, input, write, export: { length } }: TlsAsk): TlsProgress {
  const established = {
    state: 'established',
    version: 'TLSv1.3',
    keys: new Uint8Array(length).fill(5),
    data: new Uint8Array(0),
    peerNames: [role === 'server' ? 'ann' : 'vpn.example.org'],
  } as const;
  if (write !== undefined) return { ...established, output: utf8('committed') };
  switch (new TextDecoder().decode(input)) {
    case '':
      return { state: 'handshaking', output: utf8('client hello') };
    case 'client hello':
      return { state: 'handshaking', output: new Uint8Array(3000).fill(65) };
    case 'finished':
      return { ...established, output: new Uint8Array(0) };
    case 'committed':
      return { ...established, output: new Uint8Array(0), data: Uint8Array.of(0) };
    default:
      return { ...established, output: utf8('finished') };
  }
}
