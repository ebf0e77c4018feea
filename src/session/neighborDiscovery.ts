/**
 * Messages of neighbor discovery on a link with two ends: router solicitations and advertisements, neighbor
 * solicitations and advertisements, as whole IPv6 packets. RFC 4861 §4, RFC 8106 §5.1.
 */

import { IPV6_DESTINATION, IPV6_HEADER_BYTES, IPV6_SOURCE, icmpv6Checksum, NdType } from '../net/index.ts';
import { bytes, concat, Malformed, Reader, struct, u8, u16, u32, Writer } from '../wire/index.ts';

/** RFC 8200 §3. */
const Ipv6Header = struct({
  versionClassFlow: u32,
  payloadLength: u16,
  nextHeader: u8,
  hopLimit: u8,
  source: bytes(16),
  destination: bytes(16),
});
const ICMPV6 = 58;
const VERSION_6 = 0x60000000;
const ND_HOP_LIMIT = 255;

const Icmpv6Header = struct({ type: u8, code: u8, checksum: u16 });
/** §4.2. `flags`: M, O. Lifetime in seconds, the timers in milliseconds; 0: not specified. */
const AdvertisementBody = struct({ hopLimit: u8, flags: u8, routerLifetime: u16, reachable: u32, retransmit: u32 });
/** §4.3 and §4.4. */
const NeighborBody = struct({ flags: u32, target: bytes(16) });
const SolicitationBody = struct({ reserved: u32 });

/** §4.6: type, length in units of 8 bytes, and what follows. */
const OptionType = { prefix: 3, mtu: 5, dns: 25 } as const;
/** §4.6.2. Lifetimes in seconds; all ones is for ever. */
const PrefixOption = struct({
  prefixLength: u8,
  flags: u8,
  validLifetime: u32,
  preferredLifetime: u32,
  reserved: u32,
  prefix: bytes(16),
});
const MtuOption = struct({ reserved: u16, mtu: u32 });
const PrefixFlag = { onLink: 0x80, autonomous: 0x40 } as const;
const NeighborFlag = { router: 0x80000000, solicited: 0x40000000, override: 0x20000000 } as const;

export const FOR_EVER = 0xffff_ffff;

export interface AdvertisedPrefix {
  readonly prefix: Uint8Array;
  readonly length: number;
  readonly onLink: boolean;
  /** Whether hosts may make addresses in it. RFC 4862. */
  readonly autonomous: boolean;
  /** Seconds. */
  readonly validLifetime: number;
  readonly preferredLifetime: number;
}

export interface RouterAdvertisement {
  readonly hopLimit: number;
  /** Seconds that the sender is a default router; 0: it is none. */
  readonly routerLifetime: number;
  readonly prefixes: readonly AdvertisedPrefix[];
  readonly mtu?: number;
  readonly dns: readonly Uint8Array[];
}

export type NeighborMessage =
  | { readonly type: 'routerSolicitation'; readonly source: Uint8Array }
  | { readonly type: 'routerAdvertisement'; readonly source: Uint8Array; readonly advertisement: RouterAdvertisement }
  | { readonly type: 'neighborSolicitation'; readonly source: Uint8Array; readonly target: Uint8Array };

export const ALL_NODES = Uint8Array.of(0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1);
export const ALL_ROUTERS = Uint8Array.of(0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2);

/** `fe80::` and the interface identifier. RFC 5072 §5. */
export function linkLocalOf(identifier: Uint8Array): Uint8Array {
  return concat(Uint8Array.of(0xfe, 0x80, 0, 0, 0, 0, 0, 0), identifier);
}

/**
 * Reads a packet whose checksum and hop limit hold.
 * @returns undefined for what is malformed, or for other messages
 */
export function readNeighborMessage(packet: Uint8Array): NeighborMessage | undefined {
  try {
    const from = new Reader(packet, 'neighbor discovery');
    const { source } = Ipv6Header.read(from);
    const { type, code } = Icmpv6Header.read(from);
    if (code !== 0) return undefined;
    if (type === NdType.routerSolicitation) return { type: 'routerSolicitation', source };
    if (type === NdType.neighborSolicitation) {
      return { type: 'neighborSolicitation', source, target: NeighborBody.read(from).target };
    }
    if (type !== NdType.routerAdvertisement) return undefined;
    return { type: 'routerAdvertisement', source, advertisement: readAdvertisement(from) };
  } catch (error) {
    if (error instanceof Malformed) return undefined;
    throw error;
  }
}

export function routerSolicitation(source: Uint8Array): Uint8Array {
  return packetOf(source, ALL_ROUTERS, NdType.routerSolicitation, SolicitationBody.encode({ reserved: 0 }));
}

export function routerAdvertisement(
  { hopLimit, routerLifetime, prefixes, mtu, dns }: RouterAdvertisement,
  source: Uint8Array,
): Uint8Array {
  const body = AdvertisementBody.encode({ hopLimit, flags: 0, routerLifetime, reachable: 0, retransmit: 0 });
  const options = prefixes.map(({ prefix, length: prefixLength, onLink, autonomous, ...lifetimes }) =>
    option(
      OptionType.prefix,
      PrefixOption.encode({
        prefixLength,
        flags: (onLink ? PrefixFlag.onLink : 0) | (autonomous ? PrefixFlag.autonomous : 0),
        ...lifetimes,
        reserved: 0,
        prefix,
      }),
    ),
  );
  if (mtu !== undefined) options.push(option(OptionType.mtu, MtuOption.encode({ reserved: 0, mtu })));
  if (dns.length > 0) {
    const servers = new Writer().u16(0).u32(FOR_EVER);
    for (const server of dns) servers.bytes(server);
    options.push(option(OptionType.dns, servers.finish()));
  }
  return packetOf(source, ALL_NODES, NdType.routerAdvertisement, concat(body, ...options));
}

/** The answer to a solicitation of our address `target` by `destination`. */
export function neighborAdvertisement(target: Uint8Array, destination: Uint8Array, isRouter: boolean): Uint8Array {
  const anybody = destination.every((byte) => byte === 0);
  const flags = (isRouter ? NeighborFlag.router : 0) + (anybody ? 0 : NeighborFlag.solicited) + NeighborFlag.override;
  const body = NeighborBody.encode({ flags, target });
  return packetOf(target, anybody ? ALL_NODES : destination, NdType.neighborAdvertisement, body);
}

function readAdvertisement(from: Reader): RouterAdvertisement {
  const { hopLimit, routerLifetime } = AdvertisementBody.read(from);
  const prefixes: AdvertisedPrefix[] = [];
  const dns: Uint8Array[] = [];
  let mtu: number | undefined;
  while (from.left > 0) {
    const type = from.u8();
    const units = from.u8();
    // A length of 0 makes the whole packet invalid. §4.6.
    if (units === 0) throw new Malformed('an option of neighbor discovery without length');
    const value = from.sub(units * 8 - 2);
    if (type === OptionType.prefix) {
      const { prefixLength, flags, validLifetime, preferredLifetime, prefix } = PrefixOption.read(value);
      prefixes.push({
        prefix,
        length: prefixLength,
        onLink: (flags & PrefixFlag.onLink) !== 0,
        autonomous: (flags & PrefixFlag.autonomous) !== 0,
        validLifetime,
        preferredLifetime,
      });
    } else if (type === OptionType.mtu) mtu = MtuOption.read(value).mtu;
    else if (type === OptionType.dns) {
      value.skip(2);
      if (value.u32() > 0) while (value.left >= 16) dns.push(value.bytes(16));
    }
  }
  return { hopLimit, routerLifetime, prefixes, dns, ...(mtu === undefined ? {} : { mtu }) };
}

function option(type: number, value: Uint8Array): Uint8Array {
  return new Writer()
    .u8(type)
    .u8((value.length + 2) / 8)
    .bytes(value)
    .finish();
}

function packetOf(source: Uint8Array, destination: Uint8Array, type: number, body: Uint8Array): Uint8Array {
  const message = concat(Icmpv6Header.encode({ type, code: 0, checksum: 0 }), body);
  const header = Ipv6Header.encode({
    versionClassFlow: VERSION_6,
    payloadLength: message.length,
    nextHeader: ICMPV6,
    hopLimit: ND_HOP_LIMIT,
    source,
    destination,
  });
  const packet = concat(header, message);
  const sum = icmpv6Checksum(packet, 0, message.length);
  packet[IPV6_HEADER_BYTES + 2] = sum >> 8;
  packet[IPV6_HEADER_BYTES + 3] = sum & 255;
  return packet;
}

/** Where the addresses of a packet stand, for tests of what was written. */
export const addressesOf = (packet: Uint8Array) => ({
  source: packet.subarray(IPV6_SOURCE, IPV6_SOURCE + 16),
  destination: packet.subarray(IPV6_DESTINATION, IPV6_DESTINATION + 16),
});
