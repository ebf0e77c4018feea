/** What EAP-TLS exports of TLS, and the names that go with it. RFC 5216 §2.3, RFC 9190 §2.3. */

import { toHex } from '../../wire/index.ts';
import type { EapEnvironment, EapKeys } from '../method.ts';
import type { TlsAsk } from '../tlsSession.ts';
import { EapTypeNumber } from '../type.ts';

const KEY_BYTES = 64;
const SESSION_BYTES = 8;

/** MSK and EMSK, one behind the other. */
export const TLS_EXPORT: TlsAsk['export'] = {
  length: 2 * KEY_BYTES,
  labels: {
    'TLSv1.2': { label: 'client EAP encryption' },
    'TLSv1.3': { label: 'EXPORTER_EAP_TLS_Key_Material', context: Uint8Array.of(EapTypeNumber.TLS) },
  },
};

/** The protected success indication: one byte of application data. RFC 9190 §2.1.1. */
export const COMMITMENT = Uint8Array.of(0);

export const keysOf = (exported: Uint8Array): EapKeys => ({
  msk: exported.slice(0, KEY_BYTES),
  emsk: exported.slice(KEY_BYTES, 2 * KEY_BYTES),
});

export const newSession = ({ random }: EapEnvironment): string => toHex(random(SESSION_BYTES));
