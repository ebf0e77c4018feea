/** EAP method types, the IETF's and those of vendors. RFC 3748 §5, §5.7. */

import { type Codec, nameOf, type Reader } from '../wire/index.ts';

/** Types of Request and Response. RFC 3748 §5, RFC 5216, RFC 5281, draft-kamath-pppext-eap-mschapv2. Others survive. */
export const EapTypeNumber = {
  Identity: 1,
  Notification: 2,
  Nak: 3,
  'MD5-Challenge': 4,
  OTP: 5,
  GTC: 6,
  TLS: 13,
  LEAP: 17,
  SIM: 18,
  TTLS: 21,
  AKA: 23,
  PEAP: 25,
  MSCHAPv2: 26,
  TLV: 33,
  FAST: 43,
  "AKA'": 50,
  PWD: 52,
  TEAP: 55,
} as const;

/** The type byte of types that a vendor number goes before. */
export const EXPANDED = 254;

/** A method type. Vendor 0 is the IETF, whose types mean the same whether they stand in one byte or expanded. */
export interface EapType {
  readonly vendor: number;
  readonly type: number;
  /** It stood, or shall stand, in the expanded form: answers keep to it. */
  readonly expanded: boolean;
}

export const ietf = (type: number): EapType => ({ vendor: 0, type, expanded: false });

export const isType = ({ vendor, type }: EapType, number: number): boolean => vendor === 0 && type === number;

/** A type as it stands in Requests and Responses, and in the list of an expanded Nak. */
export const eapType: Codec<EapType> = {
  read: (from) => {
    const type = from.u8();
    return type === EXPANDED ? readVendorType(from) : ietf(type);
  },
  write: (to, { vendor, type, expanded }) => {
    if (!expanded) to.u8(type);
    else
      to.u8(EXPANDED)
        .u8(vendor >>> 16)
        .u16(vendor & 0xffff)
        .u32(type);
  },
};

export const typeText = ({ vendor, type }: EapType): string =>
  vendor === 0 ? nameOf(EapTypeNumber, type) : `vendor ${vendor} type ${type}`;

function readVendorType(from: Reader): EapType {
  const vendor = (from.u8() << 16) | from.u16();
  return { vendor, type: from.u32(), expanded: true };
}
