/**
 * The messages of rtnetlink: links, addresses, routes and rules.
 * include/uapi/linux/rtnetlink.h, if_link.h, if_addr.h, fib_rules.h.
 */

import {
  type Attribute,
  attribute,
  decodeAttributes,
  encodeAttributes,
  joinBytes,
  nested,
  raw,
  text,
  u8,
  u16,
  u16be,
  u32,
  type ValueCodec,
  type ValuesOf,
} from './attributes.ts';

export const RouteMessageType = {
  newLink: 16,
  deleteLink: 17,
  getLink: 18,
  setLink: 19,
  newAddress: 20,
  deleteAddress: 21,
  getAddress: 22,
  newRoute: 24,
  deleteRoute: 25,
  getRoute: 26,
  newRule: 32,
  deleteRule: 33,
  getRule: 34,
} as const;

/** What may be listened to, by the number of the group. */
export const RouteGroup = { link: 1, ipv4Address: 5, ipv4Route: 7, ipv6Address: 9, ipv6Route: 11 } as const;

export const LinkFlag = { up: 0x1, loopback: 0x8, pointToPoint: 0x10, running: 0x40 } as const;
export const AddressFlag = { noDuplicateDetection: 0x2 } as const;
export const RouteTableId = { main: 254 } as const;
export const RuleAction = { toTable: 1 } as const;
export const RouteProtocol = { boot: 3, static: 4 } as const;
export const RouteScope = { universe: 0, link: 253, host: 254, nowhere: 255 } as const;
export const RouteType = { unicast: 1, local: 2, blackhole: 6, unreachable: 7, prohibit: 8, throw: 9 } as const;

const linkHeader = [
  ['family', 1],
  ['pad', 1],
  ['type', 2],
  ['index', 4],
  ['flags', 4],
  ['change', 4],
] as const;
const addressHeader = [
  ['family', 1],
  ['prefixLength', 1],
  ['flags', 1],
  ['scope', 1],
  ['index', 4],
] as const;
const routeHeader = [
  ['family', 1],
  ['destinationLength', 1],
  ['sourceLength', 1],
  ['tos', 1],
  ['table', 1],
  ['protocol', 1],
  ['scope', 1],
  ['type', 1],
  ['flags', 4],
] as const;

const ruleHeader = [
  ['family', 1],
  ['destinationLength', 1],
  ['sourceLength', 1],
  ['tos', 1],
  ['table', 1],
  ['reserved1', 1],
  ['reserved2', 1],
  ['action', 1],
  ['flags', 4],
] as const;

/** First and last port, both within. */
const portRange: ValueCodec<readonly [first: number, last: number]> = {
  encode: ([first, last]) => joinBytes([u16.encode(first), u16.encode(last)]),
  decode: (bytes) => [u16.decode(bytes), u16.decode(bytes.subarray(2))],
};

const linkAttributes = {
  name: attribute(3, text),
  mtu: attribute(4, u32),
  queueLength: attribute(13, u32),
  linkInfo: attribute(18, nested({ kind: attribute(1, text) })),
};
const addressAttributes = {
  address: attribute(1, raw),
  local: attribute(2, raw),
  label: attribute(3, text),
  flags32: attribute(8, u32),
};
const routeAttributes = {
  destination: attribute(1, raw),
  gateway: attribute(5, raw),
  outputDevice: attribute(4, u32),
  priority: attribute(6, u32),
  preferredSource: attribute(7, raw),
  metrics: attribute(8, nested({ mtu: attribute(2, u32) })),
  table32: attribute(15, u32),
  protocol: attribute(27, u8),
  sourcePort: attribute(28, u16be),
  destinationPort: attribute(29, u16be),
};
const ruleAttributes = {
  destination: attribute(1, raw),
  priority: attribute(6, u32),
  table32: attribute(15, u32),
  protocol: attribute(22, u8),
  sourcePorts: attribute(23, portRange),
  destinationPorts: attribute(24, portRange),
};

/** A fixed header, then attributes. */
export const linkMessage = messageOf(linkHeader, linkAttributes);
export const addressMessage = messageOf(addressHeader, addressAttributes);
export const routeMessage = messageOf(routeHeader, routeAttributes);
export const ruleMessage = messageOf(ruleHeader, ruleAttributes);

type Fields = readonly (readonly [name: string, bytes: number])[];
type HeaderOf<F extends Fields> = { readonly [E in F[number] as E[0]]?: number };

interface MessageCodec<F extends Fields, T> {
  /** Header fields that are left out are zero. */
  encode(header: HeaderOf<F>, attributes?: ValuesOf<T>): Uint8Array;
  decode(payload: Uint8Array): { readonly header: Required<HeaderOf<F>>; readonly attributes: ValuesOf<T> };
}

function messageOf<const F extends Fields, const T extends Readonly<Record<string, Attribute<unknown>>>>(
  fields: F,
  table: T,
): MessageCodec<F, T> {
  const length = fields.reduce((sum, [, bytes]) => sum + bytes, 0);
  return {
    encode: (header, attributes = {} as ValuesOf<T>) => {
      const fixed = new Uint8Array(length);
      const view = new DataView(fixed.buffer);
      let at = 0;
      for (const [name, bytes] of fields) {
        const value = (header as Record<string, number | undefined>)[name] ?? 0;
        if (bytes === 1) view.setUint8(at, value);
        else if (bytes === 2) view.setUint16(at, value, true);
        else view.setUint32(at, value, true);
        at += bytes;
      }
      return joinBytes([fixed, encodeAttributes(table, attributes)]);
    },
    decode: (payload) => {
      const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
      const header: Record<string, number> = {};
      let at = 0;
      for (const [name, bytes] of fields) {
        header[name] =
          bytes === 1 ? view.getUint8(at) : bytes === 2 ? view.getUint16(at, true) : view.getUint32(at, true);
        at += bytes;
      }
      return {
        header: header as Required<HeaderOf<F>>,
        attributes: decodeAttributes(table, payload.subarray(length)),
      };
    },
  };
}
