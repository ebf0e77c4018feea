/**
 * What each message may hold and whether it must be encrypted; what is not listed is refused in one place.
 * RFC 2409 §5.4, §5.5 and §5.7, RFC 3947 §3.2 and §5.2.
 */

import type { PayloadChain } from '../message.ts';
import { ExchangeType, type PayloadKind } from '../payloads/index.ts';

type Cardinality = readonly [least: number, most: number];

export interface MessageRule {
  readonly exchange: number;
  /** Its number within the exchange, from 1. */
  readonly number: number;
  /** `either` where the RFC leaves it to the sender. */
  readonly encrypted: boolean | 'either';
  readonly payloads: Readonly<Partial<Record<PayloadKind, Cardinality>>>;
  /** The kind that must come first, where the RFC says so. */
  readonly first?: PayloadKind;
}

const VENDOR_IDS: Cardinality = [0, 32];
const NOTIFIES: Cardinality = [0, 10];
const NAT_HASHES: Cardinality = [0, 10];
/** Payloads of private types are hashed and ignored. */
const UNKNOWN: Cardinality = [0, 8];
/** Windows names every authority that it trusts. */
const CERTIFICATE_REQUESTS: Cardinality = [0, 48];
const ONE: Cardinality = [1, 1];
const OPTIONAL: Cardinality = [0, 1];

const { MAIN_MODE, AGGRESSIVE_MODE, QUICK_MODE, INFORMATIONAL } = ExchangeType;

const agreement: MessageRule['payloads'] = { SA: ONE, VID: VENDOR_IDS, N: NOTIFIES, unknown: UNKNOWN };
const keyExchange: MessageRule['payloads'] = {
  KE: ONE,
  NONCE: ONE,
  'NAT-D': NAT_HASHES,
  VID: VENDOR_IDS,
  CR: CERTIFICATE_REQUESTS,
  N: NOTIFIES,
  unknown: UNKNOWN,
};
const authentication: MessageRule['payloads'] = {
  ID: ONE,
  HASH: OPTIONAL,
  SIG: OPTIONAL,
  CERT: [0, 10],
  CR: CERTIFICATE_REQUESTS,
  N: NOTIFIES,
  VID: VENDOR_IDS,
  unknown: UNKNOWN,
};
const childOffer: MessageRule['payloads'] = {
  HASH: ONE,
  SA: ONE,
  NONCE: ONE,
  KE: OPTIONAL,
  ID: [0, 2],
  'NAT-OA': [0, 2],
  N: NOTIFIES,
  VID: VENDOR_IDS,
  unknown: UNKNOWN,
};

/** One row per message of every exchange. */
export const messageTable = {
  // HDR, SA                 -->
  mainMode1: { exchange: MAIN_MODE, number: 1, encrypted: false, payloads: agreement, first: 'SA' },
  //                         <--  HDR, SA
  mainMode2: { exchange: MAIN_MODE, number: 2, encrypted: false, payloads: agreement, first: 'SA' },
  // HDR, KE, Ni, [NAT-D]    -->
  mainMode3: { exchange: MAIN_MODE, number: 3, encrypted: false, payloads: keyExchange },
  //                         <--  HDR, KE, Nr, [NAT-D]
  mainMode4: { exchange: MAIN_MODE, number: 4, encrypted: false, payloads: keyExchange },
  // HDR*, IDii, HASH_I or [CERT,] SIG_I      -->
  mainMode5: { exchange: MAIN_MODE, number: 5, encrypted: true, payloads: authentication },
  //                         <--  HDR*, IDir, HASH_R or [CERT,] SIG_R
  mainMode6: { exchange: MAIN_MODE, number: 6, encrypted: true, payloads: authentication },

  // HDR, SA, KE, Ni, IDii   -->
  aggressiveMode1: {
    exchange: AGGRESSIVE_MODE,
    number: 1,
    encrypted: false,
    payloads: { ...agreement, KE: ONE, NONCE: ONE, ID: ONE },
    first: 'SA',
  },
  //                         <--  HDR, SA, KE, Nr, IDir, [NAT-D], HASH_R
  aggressiveMode2: {
    exchange: AGGRESSIVE_MODE,
    number: 2,
    encrypted: false,
    payloads: { ...agreement, KE: ONE, NONCE: ONE, ID: ONE, HASH: ONE, 'NAT-D': NAT_HASHES },
    first: 'SA',
  },
  // HDR, [NAT-D], HASH_I    -->
  aggressiveMode3: {
    exchange: AGGRESSIVE_MODE,
    number: 3,
    encrypted: 'either',
    payloads: { HASH: ONE, 'NAT-D': NAT_HASHES, N: NOTIFIES, VID: VENDOR_IDS, unknown: UNKNOWN },
  },

  // HDR*, HASH(1), SA, Ni [, KE] [, IDci, IDcr] [, NAT-OA, NAT-OA]   -->
  quickMode1: { exchange: QUICK_MODE, number: 1, encrypted: true, payloads: childOffer, first: 'HASH' },
  //                         <--  HDR*, HASH(2), SA, Nr [, KE] [, IDci, IDcr] [, NAT-OA, NAT-OA]
  quickMode2: { exchange: QUICK_MODE, number: 2, encrypted: true, payloads: childOffer, first: 'HASH' },
  // HDR*, HASH(3)           -->
  quickMode3: {
    exchange: QUICK_MODE,
    number: 3,
    encrypted: true,
    payloads: { HASH: ONE, N: NOTIFIES, unknown: UNKNOWN },
    first: 'HASH',
  },

  // HDR*, HASH(1), N/D      -->
  informational: {
    exchange: INFORMATIONAL,
    number: 1,
    encrypted: true,
    payloads: { HASH: ONE, N: NOTIFIES, D: [0, 10], VID: VENDOR_IDS, unknown: UNKNOWN },
    first: 'HASH',
  },
  // HDR, N                  -->  before there are keys; a hint, never an order
  clearInformational: {
    exchange: INFORMATIONAL,
    number: 1,
    encrypted: false,
    payloads: { N: [1, 10], VID: VENDOR_IDS, unknown: UNKNOWN },
  },
} as const satisfies Record<string, MessageRule>;

export type MessageName = keyof typeof messageTable;

/** @returns what breaks the rule, in one sentence; undefined where nothing does */
export function breach(rule: MessageRule, chain: PayloadChain): string | undefined {
  const counts = new Map<PayloadKind, number>();
  for (const { kind } of chain.payloads) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  for (const [kind, count] of counts) {
    const most = rule.payloads[kind]?.[1] ?? 0;
    if (count > most) return most === 0 ? `${kind} does not belong here` : `${count} ${kind} where ${most} may stand`;
  }
  for (const [kind, [least]] of Object.entries(rule.payloads) as [PayloadKind, Cardinality][]) {
    if ((counts.get(kind) ?? 0) < least) return `${kind} is missing`;
  }
  if (rule.first !== undefined && chain.payloads[0]?.kind !== rule.first) return `${rule.first} does not come first`;
  return undefined;
}
