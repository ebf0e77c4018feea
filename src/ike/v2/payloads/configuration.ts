/** The Configuration payload and its attributes. RFC 7296 §3.15, RFC 8598 §3. */

import { Malformed } from '../../../wire/index.ts';
import { codec, type PayloadOf, payload } from '../../payloads/declare.ts';
import { CfgType, PayloadType } from './numbers.ts';

/** Most attributes that are read in one payload. */
export const MAX_CONFIGURATION_ATTRIBUTES = 128;

export interface ConfigurationAttribute {
  /** E.g. INTERNAL_IP4_ADDRESS; unknown numbers survive. */
  readonly type: number;
  /** Empty in a request that leaves the choice to the other end. */
  readonly value: Uint8Array;
}

interface CpFields {
  readonly cfgType: number;
  readonly attributes: readonly ConfigurationAttribute[];
}

/** The highest bit of an attribute's type is reserved. */
const TYPE_BITS = 0x7fff;

export const CpPayload = payload(
  'CP',
  [PayloadType.CP],
  codec<CpFields>(
    (from) => {
      const cfgType = from.u8();
      from.skip(3);
      const attributes: ConfigurationAttribute[] = [];
      while (from.left > 0) {
        if (attributes.length === MAX_CONFIGURATION_ATTRIBUTES) {
          throw new Malformed(`more than ${MAX_CONFIGURATION_ATTRIBUTES} configuration attributes`);
        }
        const type = from.u16() & TYPE_BITS;
        const length = from.u16();
        attributes.push({ type, value: from.bytes(length) });
      }
      return { cfgType, attributes };
    },
    (to, { cfgType, attributes }) => {
      to.u8(cfgType).zeros(3);
      for (const { type, value } of attributes) to.u16(type).u16(value.length).bytes(value);
    },
  ),
  { cfgType: CfgType },
);
export type CpPayload = PayloadOf<typeof CpPayload>;
