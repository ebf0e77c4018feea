/** The Encrypted payload and the Encrypted Fragment payload. RFC 7296 §3.14, RFC 7383 §2.5. */

import { rest, struct, u16 } from '../../../wire/index.ts';
import { type PayloadOf, payload } from '../../payloads/declare.ts';
import { PayloadType } from './numbers.ts';

/** `data` is IV, ciphertext and ICV. The number in the generic header's place of the next payload is its first inner one. */
export const SkPayload = payload('SK', [PayloadType.SK], struct({ data: rest }));
export type SkPayload = PayloadOf<typeof SkPayload>;

/** One of `total` pieces, `fragment` counts from 1; only the first one's generic header names the first inner payload. */
export const SkfPayload = payload('SKF', [PayloadType.SKF], struct({ fragment: u16, total: u16, data: rest }));
export type SkfPayload = PayloadOf<typeof SkfPayload>;
