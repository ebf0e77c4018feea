/** All ISAKMP payloads in one table, and the type of any of them. */

import type { PayloadDeclaration } from './declare.ts';
import { FragmentPayload, NatDPayload, NatOaPayload } from './natTraversal.ts';
import { DeletePayload, NotifyPayload } from './notification.ts';
import { SaPayload } from './securityAssociation.ts';
import {
  CertPayload,
  CrPayload,
  HashPayload,
  IdPayload,
  KePayload,
  NoncePayload,
  SigPayload,
  VidPayload,
} from './simple.ts';

export {
  type Attribute,
  attributeNumber,
  type BasicAttribute,
  MAX_ATTRIBUTES,
  numberAttribute,
  type VariableAttribute,
} from './attribute.ts';
export { FragmentPayload, LAST_FRAGMENT, NatDPayload, NatOaPayload } from './natTraversal.ts';
export { DeletePayload, MAX_DELETED_SPIS, NotifyPayload } from './notification.ts';
export * from './numbers.ts';
export {
  MAX_PROPOSALS,
  MAX_TRANSFORMS,
  type Proposal,
  SaPayload,
  saPayload,
  type Transform,
} from './securityAssociation.ts';
export {
  CertPayload,
  CrPayload,
  HashPayload,
  IdPayload,
  KePayload,
  NoncePayload,
  SigPayload,
  VidPayload,
} from './simple.ts';

/** A payload whose number is in no declaration: kept, so that it can be hashed, shown and ignored. */
export interface UnknownPayload {
  readonly kind: 'unknown';
  readonly number: number;
  readonly data: Uint8Array;
}

export type Payload =
  | SaPayload
  | KePayload
  | IdPayload
  | CertPayload
  | CrPayload
  | HashPayload
  | SigPayload
  | NoncePayload
  | NotifyPayload
  | DeletePayload
  | VidPayload
  | NatDPayload
  | NatOaPayload
  | FragmentPayload
  | UnknownPayload;

export type PayloadKind = Payload['kind'];

/** The payload of one kind. */
export type PayloadOfKind<Kind extends PayloadKind> = Extract<Payload, { readonly kind: Kind }>;

// biome-ignore lint/suspicious/noExplicitAny: the fields differ from row to row
export const payloadDeclarations: readonly PayloadDeclaration<Exclude<PayloadKind, 'unknown'>, any>[] = [
  SaPayload,
  KePayload,
  IdPayload,
  CertPayload,
  CrPayload,
  HashPayload,
  SigPayload,
  NoncePayload,
  NotifyPayload,
  DeletePayload,
  VidPayload,
  NatDPayload,
  NatOaPayload,
  FragmentPayload,
];
