/** Whom an IKE identity names that a certificate is for: the user whom the gateway's owner is asked about. */

import type { Credentials } from '../eap/index.ts';
import type { Identity } from '../ike/output.ts';
import { fromHex, fromUtf8 } from '../wire/index.ts';

/** `ann@example.org` is the user of that name, the subject `CN=ann, O=Example` is ann. */
export function certifiedBy({ type, value }: Identity): Extract<Credentials, { method: 'certificate' }> {
  const user = type === 'der-asn1-dn' ? (commonNameOf(fromHex(value)) ?? value) : value;
  return { method: 'certificate', user, names: [user], by: 'ike' };
}

/** OBJECT IDENTIFIER 2.5.4.3, DER. X.520 §6.2.2. */
const COMMON_NAME = [0x06, 0x03, 0x55, 0x04, 0x03];
/** UTF8String, PrintableString, TeletexString, IA5String. */
const STRINGS: readonly number[] = [0x0c, 0x13, 0x14, 0x16];

/** The last common name of a distinguished name, which is the most special one. */
function commonNameOf(name: Uint8Array): string | undefined {
  for (let at = name.length - COMMON_NAME.length - 2; at >= 0; at--) {
    if (!COMMON_NAME.every((byte, i) => name[at + i] === byte)) continue;
    const tag = name[at + COMMON_NAME.length]!;
    const length = name[at + COMMON_NAME.length + 1]!;
    const begin = at + COMMON_NAME.length + 2;
    if (!STRINGS.includes(tag) || length === 0 || length >= 0x80 || begin + length > name.length) continue;
    return fromUtf8(name.subarray(begin, begin + length));
  }
  return undefined;
}
