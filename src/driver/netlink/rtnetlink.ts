/** Links, addresses and routes of this host's (network namespace's) kernel, read and changed over rtnetlink. */

import { formatAddress, parseAddress, parsePrefix } from '../../net/index.ts';
import { Family } from '../constants.ts';
import { Flag } from './message.ts';
import {
  AddressFlag,
  addressMessage,
  LinkFlag,
  linkMessage,
  RouteMessageType,
  RouteProtocol,
  RouteScope,
  RouteTableId,
  RouteType,
  routeMessage,
} from './routeMessages.ts';
import { NetlinkSocket } from './socket.ts';

export interface Link {
  readonly index: number;
  readonly name: string;
  readonly mtu: number;
  readonly up: boolean;
  readonly loopback: boolean;
  /** `tun`, `veth`, … where the kernel names one. */
  readonly kind?: string;
}

export interface InterfaceAddress {
  readonly device: string;
  readonly address: string;
  readonly prefixLength: number;
  /** The other end, on a point-to-point device. */
  readonly peer?: string;
}

export interface Route {
  /** `10.0.0.0/8`, `0.0.0.0/0`, `2001:db8::/32`; a bare address is a host route. */
  readonly destination: string;
  /** Neither a device nor a gateway: packets are dropped, as `refusal` says. */
  readonly device?: string;
  readonly gateway?: string;
  readonly source?: string;
  /** Lower wins. 0 (the default) is best for IPv4; the kernel takes 1024 for IPv6. */
  readonly metric?: number;
  readonly mtu?: number;
  /** Absent: the main table. */
  readonly table?: number;
  /** Without device and gateway: drop silently (the default), or tell the sender. */
  readonly refusal?: 'blackhole' | 'unreachable';
}

/** What a route is asked for besides the destination, where rules look at it. */
export interface Flow {
  /** IP protocol: 6 or 17; the kernel takes no others here. */
  readonly protocol: number;
  readonly destinationPort?: number;
}

/** How packets to one address leave this host. */
export interface RouteTo {
  readonly source: string;
  readonly device: string;
  /** Absent where the destination is on the link. */
  readonly gateway?: string;
  /** Of the route where it has one, else of the device. Bytes. */
  readonly mtu: number;
  /** The destination is one of this host's own addresses. */
  readonly local: boolean;
}

const NETLINK_ROUTE = 0;

export class Rtnetlink {
  readonly #socket = new NetlinkSocket(NETLINK_ROUTE);

  links(): Link[] {
    return this.#socket
      .request({
        what: 'list links',
        type: RouteMessageType.getLink,
        flags: Flag.dump,
        payload: linkMessage.encode({}),
      })
      .map(({ payload }) => readLink(payload));
  }

  /** @returns undefined when there is no such device */
  link(name: string): Link | undefined {
    return this.links().find((link) => link.name === name);
  }

  /** Sets what is given of a device: its MTU in bytes, the length of its queue in packets, whether it is up. */
  setLink(
    device: string,
    change: { readonly mtu?: number; readonly queueLength?: number; readonly up?: boolean },
  ): void {
    const { mtu, queueLength, up } = change;
    const payload = linkMessage.encode(
      {
        index: this.#index(device),
        ...(up === undefined ? {} : { flags: up ? LinkFlag.up : 0, change: LinkFlag.up }),
      },
      {
        ...(mtu === undefined ? {} : { mtu }),
        ...(queueLength === undefined ? {} : { queueLength }),
      },
    );
    this.#socket.request({ what: `set the device ${device}`, type: RouteMessageType.setLink, flags: 0, payload });
  }

  addresses(): InterfaceAddress[] {
    const names = new Map(this.links().map((link) => [link.index, link.name]));
    const payload = addressMessage.encode({});
    return this.#socket
      .request({ what: 'list addresses', type: RouteMessageType.getAddress, flags: Flag.dump, payload })
      .flatMap((answer) => readAddress(answer.payload, names) ?? []);
  }

  /** @throws SystemError EEXIST when the device has it already */
  addAddress(address: InterfaceAddress): void {
    this.#changeAddress(RouteMessageType.newAddress, Flag.create | Flag.exclusive, `add the address`, address);
  }

  /** @throws SystemError EADDRNOTAVAIL when the device does not have it */
  deleteAddress(address: InterfaceAddress): void {
    this.#changeAddress(RouteMessageType.deleteAddress, 0, `delete the address`, address);
  }

  /** @throws SystemError EEXIST when there is a route to the destination with that metric */
  addRoute(route: Route): void {
    this.#changeRoute(RouteMessageType.newRoute, Flag.create | Flag.exclusive, 'add the route', route);
  }

  /** @throws SystemError ESRCH when there is none */
  deleteRoute(route: Route): void {
    this.#changeRoute(RouteMessageType.deleteRoute, 0, 'delete the route', route);
  }

  /** @throws SystemError ENETUNREACH or EHOSTUNREACH when there is no way to `destination` */
  routeTo(destination: string, flow?: Flow): RouteTo {
    const bytes = mustBeAddress(destination);
    const payload = routeMessage.encode(
      { family: familyOf(bytes), destinationLength: bytes.length * 8 },
      { destination: bytes, ...flow },
    );
    const what = `look up the route to ${destination}`;
    const answer = this.#socket.request({ what, type: RouteMessageType.getRoute, flags: 0, payload })[0];
    if (answer === undefined) throw new Error(`${what}: the kernel gave no answer`);
    const { header, attributes } = routeMessage.decode(answer.payload);
    const link = this.links().find((candidate) => candidate.index === attributes.outputDevice);
    const { gateway, preferredSource, metrics } = attributes;
    return {
      source: preferredSource === undefined ? destination : formatAddress(preferredSource),
      device: link?.name ?? '',
      ...(gateway === undefined ? {} : { gateway: formatAddress(gateway) }),
      mtu: metrics?.mtu ?? link?.mtu ?? 0,
      local: header.type === RouteType.local,
    };
  }

  close(): void {
    this.#socket.close();
  }

  #changeAddress(type: number, flags: number, what: string, given: InterfaceAddress): void {
    const { address, prefixLength, device, peer } = given;
    const local = mustBeAddress(address);
    const payload = addressMessage.encode(
      { family: familyOf(local), prefixLength, index: this.#index(device) },
      {
        address: peer === undefined ? local : mustBeAddress(peer),
        local,
        ...(local.length === 16 ? { flags32: AddressFlag.noDuplicateDetection } : {}),
      },
    );
    this.#socket.request({ what: `${what} ${address}/${prefixLength} on ${device}`, type, flags, payload });
  }

  #changeRoute(type: number, flags: number, what: string, route: Route): void {
    const { destination, device, gateway, source, metric, mtu, table, refusal = 'blackhole' } = route;
    const prefix = parsePrefix(destination);
    if (prefix === undefined) throw new RangeError(`${destination} is no address prefix`);
    const payload = routeMessage.encode(
      {
        family: familyOf(prefix.address),
        destinationLength: prefix.length,
        table: table === undefined ? RouteTableId.main : 0,
        protocol: RouteProtocol.static,
        scope: gateway === undefined && device !== undefined ? RouteScope.link : RouteScope.universe,
        type: device === undefined && gateway === undefined ? RouteType[refusal] : RouteType.unicast,
      },
      {
        destination: prefix.address,
        ...(device === undefined ? {} : { outputDevice: this.#index(device) }),
        ...(gateway === undefined ? {} : { gateway: mustBeAddress(gateway) }),
        ...(metric === undefined ? {} : { priority: metric }),
        ...(source === undefined ? {} : { preferredSource: mustBeAddress(source) }),
        ...(mtu === undefined ? {} : { metrics: { mtu } }),
        ...(table === undefined ? {} : { table32: table }),
      },
    );
    this.#socket.request({ what: `${what} to ${destination}`, type, flags, payload });
  }

  #index(device: string): number {
    const payload = linkMessage.encode({}, { name: device });
    const what = `look up the device ${device}`;
    const answer = this.#socket.request({ what, type: RouteMessageType.getLink, flags: 0, payload })[0];
    return answer === undefined ? 0 : linkMessage.decode(answer.payload).header.index;
  }
}

function readLink(payload: Uint8Array): Link {
  const { header, attributes } = linkMessage.decode(payload);
  const kind = attributes.linkInfo?.kind;
  return {
    index: header.index,
    name: attributes.name ?? '',
    mtu: attributes.mtu ?? 0,
    up: (header.flags & LinkFlag.up) !== 0,
    loopback: (header.flags & LinkFlag.loopback) !== 0,
    ...(kind === undefined ? {} : { kind }),
  };
}

function readAddress(payload: Uint8Array, names: ReadonlyMap<number, string>): InterfaceAddress | undefined {
  const { header, attributes } = addressMessage.decode(payload);
  const own = attributes.local ?? attributes.address;
  const other = attributes.address;
  if (own === undefined || (own.length !== 4 && own.length !== 16)) return undefined;
  const address = formatAddress(own);
  const peer = other === undefined ? address : formatAddress(other);
  return {
    device: names.get(header.index) ?? '',
    address,
    prefixLength: header.prefixLength,
    ...(peer === address ? {} : { peer }),
  };
}

function mustBeAddress(text: string): Uint8Array {
  const bytes = parseAddress(text);
  if (bytes === undefined) throw new RangeError(`${text} is no IP address`);
  return bytes;
}

const familyOf = (address: Uint8Array): number => (address.length === 4 ? Family.inet : Family.inet6);
