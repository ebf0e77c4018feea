/** The payloads of NAT traversal and of the vendors' fragmentation. RFC 3947 §3.2 and §5.2. */

import { rest, struct, u8, u16 } from '../../wire/index.ts';
import { codec, type PayloadOf, payload } from './declare.ts';
import { IdType, PayloadType } from './numbers.ts';

/** A hash over an address and port; `number` is 130 in the drafts' form. RFC 3947 §3.2. */
export const NatDPayload = payload('NAT-D', [PayloadType['NAT-D'], PayloadType['NAT-D-draft']], struct({ hash: rest }));
export type NatDPayload = PayloadOf<typeof NatDPayload>;

const idTypeAndReserved = codec<number>(
  (from) => {
    const type = from.u8();
    from.skip(3);
    return type;
  },
  (to, type) => void to.u8(type).zeros(3),
);

/** An original address from before translation; `number` is 131 in the drafts' form. RFC 3947 §5.2. */
export const NatOaPayload = payload(
  'NAT-OA',
  [PayloadType['NAT-OA'], PayloadType['NAT-OA-draft']],
  struct({ idType: idTypeAndReserved, address: rest }),
  { idType: IdType },
);
export type NatOaPayload = PayloadOf<typeof NatOaPayload>;

/** Bit of `flags` in the last fragment. */
export const LAST_FRAGMENT = 1;

/** One piece of a message that was split; `index` counts from 1. Vendors' extension, no RFC. */
export const FragmentPayload = payload(
  'FRAGMENT',
  [PayloadType.FRAGMENT],
  struct({ id: u16, index: u8, flags: u8, data: rest }),
);
export type FragmentPayload = PayloadOf<typeof FragmentPayload>;
