/** All IKEv2 payloads in one table, and the type of any of them. */

import type { PayloadDeclaration } from '../../payloads/declare.ts';
import { CpPayload } from './configuration.ts';
import { SkfPayload, SkPayload } from './encrypted.ts';
import { DeletePayload, NotifyPayload } from './notification.ts';
import { SaPayload } from './securityAssociation.ts';
import {
  AuthPayload,
  CertPayload,
  CertReqPayload,
  EapPayload,
  IdiPayload,
  IdrPayload,
  KePayload,
  NoncePayload,
  VendorIdPayload,
} from './simple.ts';
import { TsiPayload, TsrPayload } from './trafficSelectors.ts';

export { type Attribute, attributeNumber } from '../../payloads/attribute.ts';
export { type ConfigurationAttribute, CpPayload, MAX_CONFIGURATION_ATTRIBUTES } from './configuration.ts';
export { SkfPayload, SkPayload } from './encrypted.ts';
export { DeletePayload, deleteEsp, deleteIkeSa, MAX_DELETED_SPIS, NotifyPayload, notify } from './notification.ts';
export { FIRST_STATUS_NOTIFY, type NotifyName, NotifyType } from './notifyTypes.ts';
export * from './numbers.ts';
export {
  keyLengthOf,
  MAX_PROPOSALS,
  MAX_TRANSFORMS,
  type Proposal,
  SaPayload,
  type Transform,
} from './securityAssociation.ts';
export {
  AuthPayload,
  CertPayload,
  CertReqPayload,
  EapPayload,
  IdiPayload,
  IdrPayload,
  KePayload,
  NoncePayload,
  VendorIdPayload,
} from './simple.ts';
export {
  MAX_SELECTORS,
  type OtherSelector,
  type RangeSelector,
  TsiPayload,
  TsrPayload,
  type WireSelector,
} from './trafficSelectors.ts';
export * from './transformNumbers.ts';

/** A payload whose number is in no declaration: kept, so that it can be shown. A critical one makes a request fail. */
export interface UnknownPayload {
  readonly kind: 'unknown';
  readonly number: number;
  readonly critical: boolean;
  readonly data: Uint8Array;
}

export type Payload =
  | SaPayload
  | KePayload
  | IdiPayload
  | IdrPayload
  | CertPayload
  | CertReqPayload
  | AuthPayload
  | NoncePayload
  | NotifyPayload
  | DeletePayload
  | VendorIdPayload
  | TsiPayload
  | TsrPayload
  | SkPayload
  | SkfPayload
  | CpPayload
  | EapPayload
  | UnknownPayload;

export type PayloadKind = Payload['kind'];

/** The payload of one kind. */
export type PayloadOfKind<Kind extends PayloadKind> = Extract<Payload, { readonly kind: Kind }>;

// biome-ignore lint/suspicious/noExplicitAny: the fields differ from row to row
export const payloadDeclarations: readonly PayloadDeclaration<Exclude<PayloadKind, 'unknown'>, any>[] = [
  SaPayload,
  KePayload,
  IdiPayload,
  IdrPayload,
  CertPayload,
  CertReqPayload,
  AuthPayload,
  NoncePayload,
  NotifyPayload,
  DeletePayload,
  VendorIdPayload,
  TsiPayload,
  TsrPayload,
  SkPayload,
  SkfPayload,
  CpPayload,
  EapPayload,
];
