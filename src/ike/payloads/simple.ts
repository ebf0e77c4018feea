/** The payloads of one opaque field or a few fixed ones. RFC 2408 §3.7–3.13 and §3.16. */

import { rest, struct, u8, u16 } from '../../wire/index.ts';
import { type PayloadOf, payload } from './declare.ts';
import { CertEncoding, IdType, PayloadType } from './numbers.ts';

/** The Diffie-Hellman public value. RFC 2408 §3.7. */
export const KePayload = payload('KE', [PayloadType.KE], struct({ data: rest }));
export type KePayload = PayloadOf<typeof KePayload>;

/** An identity, and in Quick Mode the protocol and port of a selector. RFC 2407 §4.6.2. */
export const IdPayload = payload('ID', [PayloadType.ID], struct({ idType: u8, protocol: u8, port: u16, data: rest }), {
  idType: IdType,
});
export type IdPayload = PayloadOf<typeof IdPayload>;

/** RFC 2408 §3.9. */
export const CertPayload = payload('CERT', [PayloadType.CERT], struct({ encoding: u8, data: rest }), {
  encoding: CertEncoding,
});
export type CertPayload = PayloadOf<typeof CertPayload>;

/** RFC 2408 §3.10. */
export const CrPayload = payload('CR', [PayloadType.CR], struct({ encoding: u8, data: rest }), {
  encoding: CertEncoding,
});
export type CrPayload = PayloadOf<typeof CrPayload>;

/** RFC 2408 §3.11. */
export const HashPayload = payload('HASH', [PayloadType.HASH], struct({ data: rest }));
export type HashPayload = PayloadOf<typeof HashPayload>;

/** RFC 2408 §3.12. */
export const SigPayload = payload('SIG', [PayloadType.SIG], struct({ data: rest }));
export type SigPayload = PayloadOf<typeof SigPayload>;

/** RFC 2408 §3.13; 8 to 256 bytes by RFC 2409 §5. */
export const NoncePayload = payload('NONCE', [PayloadType.NONCE], struct({ data: rest }));
export type NoncePayload = PayloadOf<typeof NoncePayload>;

/** RFC 2408 §3.16. */
export const VidPayload = payload('VID', [PayloadType.VID], struct({ data: rest }));
export type VidPayload = PayloadOf<typeof VidPayload>;
