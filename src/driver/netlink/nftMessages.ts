/** The messages of nf_tables: tables, chains, rules and the expressions used here. linux/netfilter/nf_tables.h. */

import {
  attribute,
  decodeAttributes,
  encodeAttributes,
  i32be,
  joinBytes,
  list,
  nested,
  raw,
  text,
  u32be,
  type ValueCodec,
} from './attributes.ts';

const NFTABLES = 10;

export const NftMessageType = {
  batchBegin: 0x10,
  batchEnd: 0x11,
  newTable: (NFTABLES << 8) | 0,
  getTable: (NFTABLES << 8) | 1,
  deleteTable: (NFTABLES << 8) | 2,
  newChain: (NFTABLES << 8) | 3,
  getChain: (NFTABLES << 8) | 4,
  newRule: (NFTABLES << 8) | 6,
  getRule: (NFTABLES << 8) | 7,
} as const;

/** Families of tables: `NFPROTO_…`. */
export const NftFamily = { unspecified: 0, inet: 1, ipv4: 2, ipv6: 10 } as const;
export const Hook = { preRouting: 0, localIn: 1, forward: 2, localOut: 3, postRouting: 4 } as const;
/** Where a source NAT chain stands among the chains of its hook. */
export const PRIORITY_SOURCE_NAT = 100;

const PAYLOAD_NETWORK_HEADER = 1;
const REGISTER_1 = 1;
const MetaKey = { outputDeviceName: 7 } as const;
const Compare = { equal: 0, notEqual: 1 } as const;
/** Device names are compared as 16 bytes filled up with zeros. */
const DEVICE_NAME_BYTES = 16;

const data = nested({ value: attribute(1, raw) });

/** The expressions known here; each name is the kernel's. */
const expressions = {
  payload: nested({
    destination: attribute(1, u32be),
    base: attribute(2, u32be),
    offset: attribute(3, u32be),
    length: attribute(4, u32be),
  }),
  bitwise: nested({
    source: attribute(1, u32be),
    destination: attribute(2, u32be),
    length: attribute(3, u32be),
    mask: attribute(4, data),
    xor: attribute(5, data),
  }),
  cmp: nested({ source: attribute(1, u32be), operation: attribute(2, u32be), data: attribute(3, data) }),
  meta: nested({ key: attribute(2, u32be), destination: attribute(1, u32be) }),
  masq: nested({ flags: attribute(1, u32be) }),
};
type Expressions = { readonly [K in keyof typeof expressions]: ReturnType<(typeof expressions)[K]['decode']> };

export type Expression =
  | { readonly [K in keyof Expressions]: { readonly name: K; readonly data: Expressions[K] } }[keyof Expressions]
  /** One that is not known here, as the kernel gave it. */
  | { readonly name: 'unknown'; readonly kernelName: string; readonly data: Uint8Array };

const expressionShell = { name: attribute(1, text), data: attribute(2, raw) };
const NESTED = 0x8000;

const expression: ValueCodec<Expression> & { readonly nested: true } = {
  nested: true,
  encode: (value) => {
    const name = value.name === 'unknown' ? value.kernelName : value.name;
    const codec = value.name === 'unknown' ? raw : (expressions[value.name] as ValueCodec<unknown>);
    const shell = { name: expressionShell.name, data: attribute(expressionShell.data.type | NESTED, raw) };
    return encodeAttributes(shell, { name, data: codec.encode(value.data as never) });
  },
  decode: (bytes) => {
    const { name = '', data: body = new Uint8Array() } = decodeAttributes(expressionShell, bytes);
    const codec = Object.hasOwn(expressions, name) ? expressions[name as keyof typeof expressions] : undefined;
    if (codec === undefined) return { name: 'unknown', kernelName: name, data: body };
    return { name, data: codec.decode(body) } as Expression;
  },
};

export const tableAttributes = { name: attribute(1, text), flags: attribute(2, u32be), userData: attribute(6, raw) };
export const chainAttributes = {
  table: attribute(1, text),
  name: attribute(3, text),
  type: attribute(7, text),
  policy: attribute(5, u32be),
  hook: attribute(4, nested({ hook: attribute(1, u32be), priority: attribute(2, i32be) })),
};
export const ruleAttributes = {
  table: attribute(1, text),
  chain: attribute(2, text),
  expressions: attribute(4, list(attribute(1, expression))),
};

/** The four bytes in front of the attributes of every nfnetlink message. */
export interface NetfilterHeader {
  readonly family: number;
  /** The subsystem, for a batch; else 0. */
  readonly resource?: number;
}

export const NETFILTER_HEADER_BYTES = 4;

export function netfilterPayload(header: NetfilterHeader, attributes: Uint8Array = new Uint8Array()): Uint8Array {
  const resource = header.resource ?? 0;
  return joinBytes([Uint8Array.of(header.family, 0, resource >> 8, resource & 0xff), attributes]);
}

/** The payload of a batch's begin and end. */
export const batchPayload = (): Uint8Array => netfilterPayload({ family: NftFamily.unspecified, resource: NFTABLES });

/** `ip saddr PREFIX`: bytes 12 to 16 of the IPv4 header under the prefix's mask. */
export function sourceWithin(network: Uint8Array, prefixLength: number): Expression[] {
  const mask = Uint8Array.from(
    { length: 4 },
    (_, i) => (0xff00 >> Math.min(8, Math.max(0, prefixLength - 8 * i))) & 0xff,
  );
  return [
    { name: 'payload', data: { destination: REGISTER_1, base: PAYLOAD_NETWORK_HEADER, offset: 12, length: 4 } },
    {
      name: 'bitwise',
      data: {
        source: REGISTER_1,
        destination: REGISTER_1,
        length: 4,
        mask: { value: mask },
        xor: { value: new Uint8Array(4) },
      },
    },
    {
      name: 'cmp',
      data: {
        source: REGISTER_1,
        operation: Compare.equal,
        data: { value: network.map((byte, i) => byte & mask[i]!) },
      },
    },
  ];
}

/** `oifname != DEVICE`. */
export function notLeavingBy(device: string): Expression[] {
  const name = new Uint8Array(DEVICE_NAME_BYTES);
  name.set(new TextEncoder().encode(device).subarray(0, DEVICE_NAME_BYTES - 1));
  return [
    { name: 'meta', data: { key: MetaKey.outputDeviceName, destination: REGISTER_1 } },
    { name: 'cmp', data: { source: REGISTER_1, operation: Compare.notEqual, data: { value: name } } },
  ];
}

/** The source address becomes that of the device by which the packet leaves. */
export const masquerade = (): Expression[] => [{ name: 'masq', data: {} }];

const COMMENT = 0;

/** A table's comment, in the user data format that `nft` reads: type, length with the zero byte, text. */
export function commentUserData(comment: string): Uint8Array {
  const bytes = text.encode(comment);
  return joinBytes([Uint8Array.of(COMMENT, bytes.length), bytes]);
}

export function readComment(userData: Uint8Array | undefined): string | undefined {
  if (userData === undefined || userData[0] !== COMMENT || userData.length < 2 + userData[1]!) return undefined;
  return text.decode(userData.subarray(2, 2 + userData[1]!));
}
