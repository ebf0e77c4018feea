/** EAP-TLS with TLS 1.2 and 1.3. RFC 5216, RFC 9190. */

import type { EapMethod } from '../method.ts';
import { EapTypeNumber } from '../type.ts';
import { TlsPeer } from './tlsPeer.ts';
import { TlsServer } from './tlsServer.ts';

export const tls: EapMethod = {
  type: EapTypeNumber.TLS,
  makesKeys: true,
  server: (parts) => new TlsServer(parts),
  peer: (parts) => new TlsPeer(parts),
};
