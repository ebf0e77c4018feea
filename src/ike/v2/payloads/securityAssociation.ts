/** The Security Association payload with its proposals and transforms. RFC 7296 §3.3, RFC 9370 §4. */

import { Malformed, type Reader, type Writer } from '../../../wire/index.ts';
import { type Attribute, attributeNumber, readAttributes, writeAttributes } from '../../payloads/attribute.ts';
import { readChain, writeChain } from '../../payloads/chain.ts';
import { codec, type PayloadOf, payload } from '../../payloads/declare.ts';
import { PayloadType } from './numbers.ts';
import { TransformAttribute, type TransformType } from './transformNumbers.ts';

/** Most proposals in one SA payload. */
export const MAX_PROPOSALS = 64;
/** Most transforms in one SA payload, over all its proposals. */
export const MAX_TRANSFORMS = 256;

/** What chains of proposals and of transforms write where another follows. RFC 7296 §3.3.1, §3.3.2. */
const MORE_PROPOSALS = 2;
const MORE_TRANSFORMS = 3;

export type TransformTypeNumber = (typeof TransformType)[keyof typeof TransformType];

export interface Transform {
  /** E.g. ENCR, KE, ADDKE1; unknown numbers survive. */
  readonly type: number;
  /** E.g. ENCR_AES_CBC; what it means hangs on the type. */
  readonly id: number;
  readonly attributes: readonly Attribute[];
}

export interface Proposal {
  /** 1 for the first, one more for each that follows. */
  readonly number: number;
  readonly protocol: number;
  /** Empty for the first IKE SA, 8 bytes for one that replaces it, 4 bytes for ESP. */
  readonly spi: Uint8Array;
  /** Those of one type are alternatives, in order of preference; those of different types go together. */
  readonly transforms: readonly Transform[];
}

interface SaFields {
  readonly proposals: readonly Proposal[];
}

export const SaPayload = payload(
  'SA',
  [PayloadType.SA],
  codec<SaFields>(
    (from) => {
      const budget = { transforms: MAX_TRANSFORMS };
      return { proposals: readChain(from, MORE_PROPOSALS, MAX_PROPOSALS, (inner) => readProposal(inner, budget)) };
    },
    (to, { proposals }) => writeChain(to, MORE_PROPOSALS, proposals, writeProposal),
  ),
);
export type SaPayload = PayloadOf<typeof SaPayload>;

/** The bits of a transform's key; undefined where it states none. */
export function keyLengthOf({ attributes }: Transform): number | undefined {
  const attribute = attributes.find(({ type }) => type === TransformAttribute.KEY_LENGTH);
  return attribute && attributeNumber(attribute);
}

function readProposal(from: Reader, budget: { transforms: number }): Proposal {
  const number = from.u8();
  const protocol = from.u8();
  const spiLength = from.u8();
  const count = from.u8();
  const spi = from.bytes(spiLength);
  const transforms =
    count === 0 && from.left === 0 ? [] : readChain(from, MORE_TRANSFORMS, budget.transforms, readTransform);
  if (transforms.length !== count) {
    throw new Malformed(`proposal ${number}: says ${count} transforms, has ${transforms.length}`);
  }
  budget.transforms -= transforms.length;
  return { number, protocol, spi, transforms };
}

function writeProposal(to: Writer, { number, protocol, spi, transforms }: Proposal): void {
  to.u8(number).u8(protocol).u8(spi.length).u8(transforms.length).bytes(spi);
  writeChain(to, MORE_TRANSFORMS, transforms, (inner, { type, id, attributes }) => {
    inner.u8(type).u8(0).u16(id);
    writeAttributes(inner, attributes);
  });
}

function readTransform(from: Reader): Transform {
  const type = from.u8();
  from.skip(1);
  const id = from.u16();
  return { type, id, attributes: readAttributes(from) };
}
