/** Vendor ids that are known, by name, and what follows from them. RFC 2408 §3.16, RFC 3947 §3.1, RFC 3706 §5.1. */

import { concat, fromHex, sameBytes, toHex, utf8 } from '../wire/index.ts';
import { all, type PayloadChain } from './message.ts';
import { PayloadType, type VidPayload } from './payloads/index.ts';

export interface VendorId {
  readonly name: string;
  readonly bytes: Uint8Array;
  /** How what follows the known bytes is shown; absent where the id must match as a whole. */
  readonly suffix?: (rest: Uint8Array) => string;
}

const whole = (name: string, hex: string): VendorId => ({ name, bytes: fromHex(hex) });
const prefix = (name: string, hex: string, suffix = (rest: Uint8Array) => toHex(rest)): VendorId => ({
  name,
  bytes: fromHex(hex),
  suffix,
});

/** The fourth byte behind the digest is Microsoft's version of IKE. */
const windowsVersions: Readonly<Record<number, string>> = {
  2: 'Windows 2000',
  3: 'Windows XP',
  4: 'Windows XP SP2 or 2003',
  5: 'Windows Vista',
  6: 'Windows Vista SP1 or 2008',
  7: 'Windows 7',
  8: 'Windows 7 or 2008 R2',
  9: 'Windows 8 or later',
};

const version = (rest: Uint8Array) => (rest.length >= 2 ? `${rest[0]}.${rest[1]}` : toHex(rest));

export const vendorIds = {
  /** Our own: its name, without a version. */
  sallyport: { name: 'Sallyport', bytes: utf8('Sallyport') },
  rfc3947: whole('RFC 3947', '4a131c81070358455c5728f20e95452f'),
  natTraversal03: whole('draft-ietf-ipsec-nat-t-ike-03', '7d9419a65310ca6f2c179d9215529d56'),
  natTraversal02n: whole('draft-ietf-ipsec-nat-t-ike-02\\n', '90cb80913ebb696e086381b5ec427b1f'),
  natTraversal02: whole('draft-ietf-ipsec-nat-t-ike-02', 'cd60464335df21f87cfdb2fc68b6a448'),
  natTraversal01: whole('draft-ietf-ipsec-nat-t-ike-01', '16f6ca16e4a4066d83821a0f0aeaa862'),
  natTraversal00: whole('draft-ietf-ipsec-nat-t-ike-00', '4485152d18b6bbcd0be8a8469579ddcc'),
  natTraversal08: whole('draft-ietf-ipsec-nat-t-ike-08', '8f8d83826d246b6fc7a8a6a428c11de8'),
  natTraversal07: whole('draft-ietf-ipsec-nat-t-ike-07', '439b59f8ba676c4c7737ae22eab8f582'),
  natTraversal06: whole('draft-ietf-ipsec-nat-t-ike-06', '4d1e0e136deafa34c4f3ea9f02ec7285'),
  natTraversal05: whole('draft-ietf-ipsec-nat-t-ike-05', '80d0bb3def54565ee84645d4c85ce3ee'),
  natTraversal04: whole('draft-ietf-ipsec-nat-t-ike-04', '9909b64eed937c6573de52ace952fa6b'),
  natTraversalApple: whole('draft-ietf-ipsec-nat-t-ike (Apple)', '4df37928e9fc4fd1b3262170d515c662'),
  deadPeerDetection: prefix('DPD', 'afcad71368a1f1c96b8696fc7757', version),
  fragmentation: prefix('FRAGMENTATION', '4048b7d56ebce88525e7de7f00d6c2d3'),
  microsoft: prefix('MS NT5 ISAKMPOAKLEY', '1e2b516905991c7d7c96fcbfb587e461', (rest) => {
    return windowsVersions[rest[3] ?? 0] ?? toHex(rest);
  }),
  microsoftNegotiationDiscovery: whole('MS-Negotiation Discovery Capable', 'fb1de3cdf341b7ea16b7e5be0855f120'),
  microsoftInitialContact: whole('Vid-Initial-Contact', '26244d38eddb61b3172a36e3d0cfb819'),
  microsoftCga: whole('IKE CGA version 1', 'e3a5966a76379fe707228231e5ce8652'),
  microsoftGssapi: whole('GSSAPI', '621b04bb09882ac1e15935fefa24aeee'),
  microsoftKeyMods: prefix('MS AuthIP', '01528bbbc00696121849ab9a1c5b2a51'),
  xauth: whole('XAUTH', '09002689dfd6b712'),
  unity: prefix('Cisco Unity', '12f5f28c457168a9702d9fe274cc', version),
  strongSwan: whole('strongSwan', '882fe56d6fd20dbc2251613b2ebe5beb'),
  racoon: whole('KAME/racoon', '7003cbc1097dbe9c2600ba6983bc8b35'),
} as const satisfies Readonly<Record<string, VendorId>>;

export type VendorIdName = keyof typeof vendorIds;

/** The name of a vendor id (with what its suffix says), or its hexadecimal where it is unknown. */
export function vendorIdText(bytes: Uint8Array): string {
  for (const known of Object.values<VendorId>(vendorIds)) {
    if (!matches(known, bytes)) continue;
    const rest = bytes.subarray(known.bytes.length);
    return known.suffix === undefined || rest.length === 0 ? known.name : `${known.name} (${known.suffix(rest)})`;
  }
  return toHex(bytes);
}

/** The texts of all vendor ids of a message, in order and each once. */
export const vendorIdTexts = (chain: PayloadChain): readonly string[] => [
  ...new Set(all(chain, 'VID').map(({ data }) => vendorIdText(data))),
];

export function hasVendorId(chain: PayloadChain, name: VendorIdName): boolean {
  return all(chain, 'VID').some(({ data }) => matches(vendorIds[name], data));
}

/** A payload with one of our own vendor ids. */
export const vendorIdPayload = (name: Exclude<VendorIdName, 'deadPeerDetection'>): VidPayload => ({
  kind: 'VID',
  data: vendorIds[name].bytes,
});

/** DPD in the version that RFC 3706 describes, 1.0. */
export const deadPeerDetectionPayload: VidPayload = {
  kind: 'VID',
  data: concat(vendorIds.deadPeerDetection.bytes, Uint8Array.of(1, 0)),
};

/** A dialect of NAT traversal: RFC 3947 or one of its drafts, with the numbers that it uses. */
export interface NatTraversal {
  readonly name: 'rfc3947' | 'natTraversal03' | 'natTraversal02n' | 'natTraversal02';
  /** Payload numbers. */
  readonly natD: number;
  readonly natOa: number;
  /** Which numbers of UDP encapsulation modes go with it; see `encapsulationNumber`. */
  readonly encapsulation: 'rfc' | 'draft';
}

const RFC_NUMBERS = { natD: PayloadType['NAT-D'], natOa: PayloadType['NAT-OA'], encapsulation: 'rfc' } as const;
const DRAFT_NUMBERS = {
  natD: PayloadType['NAT-D-draft'],
  natOa: PayloadType['NAT-OA-draft'],
  encapsulation: 'draft',
} as const;

/** The dialects that we speak, best first; an initiator sends the vendor ids of all of them. */
export const natTraversals: readonly NatTraversal[] = [
  { name: 'rfc3947', ...RFC_NUMBERS },
  { name: 'natTraversal03', ...DRAFT_NUMBERS },
  { name: 'natTraversal02n', ...DRAFT_NUMBERS },
  { name: 'natTraversal02', ...DRAFT_NUMBERS },
];

/** The best dialect that a peer's vendor ids name; undefined where it knows no NAT traversal. */
export const natTraversalOf = (chain: PayloadChain): NatTraversal | undefined =>
  natTraversals.find(({ name }) => hasVendorId(chain, name));

/** All NAT traversal vendor ids, for an initiator. A responder sends the one that it chose. */
export const natTraversalPayloads = (): readonly VidPayload[] => natTraversals.map(({ name }) => vendorIdPayload(name));

/** Whether the peer says that it reassembles fragments; Microsoft, racoon and Cisco add capability bits or none at all. */
export const canReassemble = (chain: PayloadChain): boolean => hasVendorId(chain, 'fragmentation');

function matches(known: VendorId, bytes: Uint8Array): boolean {
  const { length } = known.bytes;
  return sameBytes(known.bytes, bytes.subarray(0, length)) && (known.suffix !== undefined || bytes.length === length);
}
