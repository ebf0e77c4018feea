/** The payloads of one opaque field or a few fixed ones. RFC 7296 §3.4–3.9, §3.12, §3.16. */

import { rest, struct, u8 } from '../../../wire/index.ts';
import { codec, type PayloadOf, payload } from '../../payloads/declare.ts';
import { AuthMethod, CertEncoding, IdType, PayloadType } from './numbers.ts';
import { KeId } from './transformNumbers.ts';

/** A number and the reserved bytes behind it, which are sent as zero and not looked at. */
const u8AndReserved = codec<number>(
  (from) => {
    const value = from.u8();
    from.skip(3);
    return value;
  },
  (to, value) => void to.u8(value).zeros(3),
);

const u16AndReserved = codec<number>(
  (from) => {
    const value = from.u16();
    from.skip(2);
    return value;
  },
  (to, value) => void to.u16(value).zeros(2),
);

/** A public value, an encapsulation key or a ciphertext of the method named. RFC 7296 §3.4, RFC 9370 §2. */
export const KePayload = payload('KE', [PayloadType.KE], struct({ group: u16AndReserved, data: rest }), {
  group: KeId,
});
export type KePayload = PayloadOf<typeof KePayload>;

/** RFC 7296 §3.5. */
export const IdiPayload = payload('IDi', [PayloadType.IDi], struct({ idType: u8AndReserved, data: rest }), {
  idType: IdType,
});
export type IdiPayload = PayloadOf<typeof IdiPayload>;

export const IdrPayload = payload('IDr', [PayloadType.IDr], struct({ idType: u8AndReserved, data: rest }), {
  idType: IdType,
});
export type IdrPayload = PayloadOf<typeof IdrPayload>;

/** RFC 7296 §3.6. */
export const CertPayload = payload('CERT', [PayloadType.CERT], struct({ encoding: u8, data: rest }), {
  encoding: CertEncoding,
});
export type CertPayload = PayloadOf<typeof CertPayload>;

/** SHA-1 hashes of the keys of trusted authorities, 20 bytes each. RFC 7296 §3.7. */
export const CertReqPayload = payload('CERTREQ', [PayloadType.CERTREQ], struct({ encoding: u8, data: rest }), {
  encoding: CertEncoding,
});
export type CertReqPayload = PayloadOf<typeof CertReqPayload>;

/** RFC 7296 §3.8; `data` of DIGITAL_SIGNATURE is taken apart by `readDigitalSignature`. */
export const AuthPayload = payload('AUTH', [PayloadType.AUTH], struct({ method: u8AndReserved, data: rest }), {
  method: AuthMethod,
});
export type AuthPayload = PayloadOf<typeof AuthPayload>;

/** 16 to 256 bytes. RFC 7296 §3.9. */
export const NoncePayload = payload('Nonce', [PayloadType.Nonce], struct({ data: rest }));
export type NoncePayload = PayloadOf<typeof NoncePayload>;

/** RFC 7296 §3.12. */
export const VendorIdPayload = payload('V', [PayloadType.V], struct({ data: rest }));
export type VendorIdPayload = PayloadOf<typeof VendorIdPayload>;

/** A whole EAP packet. RFC 7296 §3.16. */
export const EapPayload = payload('EAP', [PayloadType.EAP], struct({ data: rest }));
export type EapPayload = PayloadOf<typeof EapPayload>;
