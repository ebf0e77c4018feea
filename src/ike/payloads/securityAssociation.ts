/** The Security Association payload with its proposals and transforms. RFC 2408 §3.4–3.6, RFC 2407 §4.6.1. */

import { Malformed, type Reader, type Writer } from '../../wire/index.ts';
import { type Attribute, readAttributes, writeAttributes } from './attribute.ts';
import { readChain, writeChain } from './chain.ts';
import { codec, type PayloadOf, payload } from './declare.ts';
import { Doi, PayloadType, Situation } from './numbers.ts';

/** Most proposals in one SA payload. */
export const MAX_PROPOSALS = 64;
/** Most transforms in one SA payload, over all its proposals. */
export const MAX_TRANSFORMS = 128;

export interface Transform {
  readonly number: number;
  /** E.g. KEY_IKE, ESP_AES. RFC 2407 §4.4. */
  readonly id: number;
  readonly attributes: readonly Attribute[];
}

/** Proposals of equal number are meant together (as AH with ESP), of different number as alternatives. */
export interface Proposal {
  readonly number: number;
  readonly protocol: number;
  readonly spi: Uint8Array;
  readonly transforms: readonly Transform[];
}

interface SaFields {
  readonly doi: number;
  readonly situation: number;
  readonly proposals: readonly Proposal[];
}

export const SaPayload = payload(
  'SA',
  [PayloadType.SA],
  codec<SaFields>(
    (from) => {
      const doi = from.u32();
      const situation = from.u32();
      const budget = { transforms: MAX_TRANSFORMS };
      const proposals = readChain(from, PayloadType.P, MAX_PROPOSALS, (proposal) => readProposal(proposal, budget));
      return { doi, situation, proposals };
    },
    (to, { doi, situation, proposals }) => {
      to.u32(doi).u32(situation);
      writeChain(to, PayloadType.P, proposals, writeProposal);
    },
  ),
  { doi: Doi, situation: Situation },
);
export type SaPayload = PayloadOf<typeof SaPayload>;

/** An SA payload of the IPsec DOI with the situation that everyone uses, SIT_IDENTITY_ONLY. */
export const saPayload = (proposals: readonly Proposal[]): SaPayload => ({
  kind: 'SA',
  doi: Doi.IPSEC,
  situation: Situation.SIT_IDENTITY_ONLY,
  proposals,
});

function readProposal(from: Reader, budget: { transforms: number }): Proposal {
  const number = from.u8();
  const protocol = from.u8();
  const spiLength = from.u8();
  const count = from.u8();
  const spi = from.bytes(spiLength);
  const transforms = readChain(from, PayloadType.T, budget.transforms, readTransform);
  if (transforms.length !== count) {
    throw new Malformed(`proposal ${number}: says ${count} transforms, has ${transforms.length}`);
  }
  budget.transforms -= transforms.length;
  return { number, protocol, spi, transforms };
}

function writeProposal(to: Writer, { number, protocol, spi, transforms }: Proposal): void {
  to.u8(number).u8(protocol).u8(spi.length).u8(transforms.length).bytes(spi);
  writeChain(to, PayloadType.T, transforms, (inner, transform) => {
    inner.u8(transform.number).u8(transform.id).u16(0);
    writeAttributes(inner, transform.attributes);
  });
}

function readTransform(from: Reader): Transform {
  const number = from.u8();
  const id = from.u8();
  from.skip(2);
  return { number, id, attributes: readAttributes(from) };
}
