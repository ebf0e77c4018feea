/** The traffic selector payloads TSi and TSr. RFC 7296 §3.13. */

import { Malformed, type Reader, type Writer } from '../../../wire/index.ts';
import { codec, type PayloadOf, payload } from '../../payloads/declare.ts';
import { PayloadType, TsType } from './numbers.ts';

/** Most selectors that are read in one payload. */
export const MAX_SELECTORS = 64;

/** A selector of one of the two address types. */
export interface RangeSelector {
  readonly tsType: typeof TsType.TS_IPV4_ADDR_RANGE | typeof TsType.TS_IPV6_ADDR_RANGE;
  /** 0 is any. */
  readonly protocol: number;
  readonly firstPort: number;
  readonly lastPort: number;
  /** 4 or 16 bytes. */
  readonly first: Uint8Array;
  readonly last: Uint8Array;
}

/** A selector of another type, as it came. */
export interface OtherSelector {
  readonly tsType: number;
  /** What follows the selector's length field, and the byte before it, which most types use for the protocol. */
  readonly protocol: number;
  readonly data: Uint8Array;
}

export type WireSelector = RangeSelector | OtherSelector;

interface TsFields {
  readonly selectors: readonly WireSelector[];
}

const selectors = codec<TsFields>(
  (from) => {
    const count = from.u8();
    from.skip(3);
    if (count > MAX_SELECTORS) throw new Malformed(`${count} traffic selectors`);
    return { selectors: Array.from({ length: count }, () => readSelector(from)) };
  },
  (to, fields) => {
    to.u8(fields.selectors.length).zeros(3);
    for (const selector of fields.selectors) writeSelector(to, selector);
  },
);

export const TsiPayload = payload('TSi', [PayloadType.TSi], selectors, { tsType: TsType });
export type TsiPayload = PayloadOf<typeof TsiPayload>;

export const TsrPayload = payload('TSr', [PayloadType.TSr], selectors, { tsType: TsType });
export type TsrPayload = PayloadOf<typeof TsrPayload>;

const ADDRESS_BYTES: Readonly<Record<number, number>> = {
  [TsType.TS_IPV4_ADDR_RANGE]: 4,
  [TsType.TS_IPV6_ADDR_RANGE]: 16,
};

const HEADER_BYTES = 4;

function readSelector(from: Reader): WireSelector {
  const tsType = from.u8();
  const protocol = from.u8();
  const length = from.u16();
  if (length < HEADER_BYTES) throw new Malformed(`traffic selector of length ${length}`);
  const body = from.sub(length - HEADER_BYTES, 'traffic selector');
  const addressBytes = ADDRESS_BYTES[tsType];
  if (addressBytes === undefined) return { tsType, protocol, data: body.rest() };
  const firstPort = body.u16();
  const lastPort = body.u16();
  const first = body.bytes(addressBytes);
  const last = body.bytes(addressBytes);
  if (body.left > 0) throw new Malformed(`traffic selector: ${body.left} bytes too many`);
  return { tsType: tsType as RangeSelector['tsType'], protocol, firstPort, lastPort, first, last };
}

function writeSelector(to: Writer, selector: WireSelector): void {
  to.u8(selector.tsType).u8(selector.protocol);
  to.withLength16((inner) => {
    if ('data' in selector) inner.bytes(selector.data);
    else inner.u16(selector.firstPort).u16(selector.lastPort).bytes(selector.first).bytes(selector.last);
  }, HEADER_BYTES);
}
