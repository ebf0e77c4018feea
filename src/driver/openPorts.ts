/** Opens all that a data plane needs, or nothing: the first refusal closes the rest and says what to change. */

import type { Failure } from '../core/index.ts';
import type { SocketKind } from '../dataplane/ports.ts';
import { formatAddress, parseAddress } from '../net/index.ts';
import type { Address } from './ffi.ts';
import { portHolder } from './portHolder.ts';
import { RawEspSocket } from './rawSocket.ts';
import { isSystemError } from './systemError.ts';
import { TunDevice, type TunQueue } from './tun.ts';
import { UdpSocket } from './udpSocket.ts';

export interface PortOptions {
  /** Addresses of this host to listen on; empty for any, IPv4 and IPv6. */
  readonly listen: readonly string[];
  /** UDP ports; 0 lets the kernel choose. Without `l2tp` no unprotected L2TP is received or sent. */
  readonly ports: { readonly ike: number; readonly natT: number; readonly l2tp?: number };
  /** What to do where another process has a port. A client may use another one, a gateway may not. */
  readonly whenPortTaken: 'fail' | 'useAnother';
  /** ESP as IP protocol 50, for peers without NAT between. Needs CAP_NET_RAW. */
  readonly rawEsp: boolean;
  /** `name` may hold one `%d`, for the lowest free number. `mtu` in bytes. Absent: no TUN device. */
  readonly tun?: { readonly name?: string; readonly mtu: number };
  /** Large packets between us and the kernel (UDP_SEGMENT, UDP_GRO, TSO, USO) where it has them. True unless told. */
  readonly offloads?: boolean;
}

/** The ports that are really open. */
export type BoundPorts = { readonly [Kind in SocketKind]?: number };

export interface OpenPorts {
  readonly udp: readonly { readonly kind: SocketKind; readonly socket: UdpSocket }[];
  readonly esp: readonly RawEspSocket[];
  readonly tun: TunDevice | undefined;
  readonly ports: BoundPorts;
}

/** What another worker than the first has, as it is told between threads: ports for ESP, and a queue of the device. */
export interface PortSet {
  readonly natT: readonly { readonly address: Uint8Array; readonly port: number; readonly fd: number }[];
  readonly esp: readonly { readonly address: Uint8Array; readonly fd: number }[];
  readonly tun: TunQueue | undefined;
}

/** Why a data plane did not start, with a stable code. Everything that was open is closed again. */
export class StartError extends Error {
  readonly failure: Failure;

  constructor(failure: Failure) {
    super(failure.reason);
    this.name = 'StartError';
    this.failure = failure;
  }
}

const ANY_IPV4 = new Uint8Array(4);
const ANY_IPV6 = new Uint8Array(16);

/**
 * @param room where all sockets put what they receive
 * @param workers how many are to share them: then `shareOut` makes the others' sets
 * @throws StartError
 */
export function openPorts(options: PortOptions, room: Address, roomBytes: number, workers = 1): OpenPorts {
  const opened: { close(): void }[] = [];
  const keep = <Thing extends { close(): void }>(thing: Thing): Thing => {
    opened.push(thing);
    return thing;
  };
  try {
    const addresses = listenAddresses(options.listen);
    const udp: { readonly kind: SocketKind; readonly socket: UdpSocket }[] = [];
    const ports: { [Kind in SocketKind]?: number } = {};
    for (const kind of ['ike', 'natT', 'l2tp'] as const) {
      const wanted = options.ports[kind];
      if (wanted === undefined) continue;
      for (const { address, optional } of addresses) {
        const port = ports[kind] ?? wanted;
        const first = ports[kind] === undefined && options.whenPortTaken === 'useAnother';
        const socket = orNothing(optional, () => openUdp(address, port, first, room, roomBytes));
        if (socket === undefined) continue;
        udp.push({ kind, socket: keep(socket) });
        ports[kind] = socket.port;
      }
    }
    const esp = options.rawEsp
      ? addresses.flatMap(({ address, optional }) => {
          const socket = orNothing(optional, () => openEsp(address, room, roomBytes));
          return socket === undefined ? [] : [keep(socket)];
        })
      : [];
    const tun =
      options.tun === undefined ? undefined : keep(openTun(options.tun.name, options.offloads ?? true, workers));
    if (tun !== undefined && options.tun !== undefined) setUpTun(tun, options.tun.mtu);
    return { udp, esp, tun, ports };
  } catch (error) {
    for (const thing of opened.reverse()) thing.close();
    throw error;
  }
}

export function closePorts({ udp, esp, tun }: OpenPorts): void {
  for (const { socket } of udp) socket.close();
  for (const socket of esp) socket.close();
  tun?.close();
}

/** With no address given, IPv6 is taken where the kernel has it. */
function listenAddresses(listen: readonly string[]): { readonly address: Uint8Array; readonly optional: boolean }[] {
  if (listen.length === 0) {
    return [
      { address: ANY_IPV4, optional: false },
      { address: ANY_IPV6, optional: true },
    ];
  }
  return listen.map((text) => {
    const address = parseAddress(text);
    if (address !== undefined) return { address, optional: false };
    throw new StartError({
      code: 'bad-listen-address',
      reason: `"${text}" is no IP address to listen on`,
      remedy: 'Give listen addresses as IPv4 or IPv6 addresses without a port, or none for all.',
    });
  });
}

function orNothing<Thing>(optional: boolean, open: () => Thing): Thing | undefined {
  try {
    return open();
  } catch (error) {
    const cause = error instanceof StartError ? error.cause : error;
    if (optional && isSystemError(cause, 'EAFNOSUPPORT', 'EADDRNOTAVAIL')) return undefined;
    throw error;
  }
}

function openUdp(
  address: Uint8Array,
  port: number,
  mayUseAnother: boolean,
  room: Address,
  roomBytes: number,
): UdpSocket {
  try {
    return new UdpSocket(address, port, room, roomBytes);
  } catch (error) {
    if (mayUseAnother && isSystemError(error, 'EADDRINUSE', 'EACCES'))
      return new UdpSocket(address, 0, room, roomBytes);
    throw startError(error, () => udpFailure(error, address, port));
  }
}

function udpFailure(error: unknown, address: Uint8Array, port: number): Failure | undefined {
  const where = address.every((byte) => byte === 0) ? '' : ` of ${formatAddress(address)}`;
  if (isSystemError(error, 'EADDRINUSE')) {
    return {
      code: 'port-in-use',
      reason: `UDP port ${port}${where} is in use by ${portHolder(port)}`,
      remedy: 'Stop that process, or configure other listen addresses or ports.',
    };
  }
  if (isSystemError(error, 'EADDRNOTAVAIL')) {
    return {
      code: 'no-such-address',
      reason: `${formatAddress(address)} is not an address of this host`,
      remedy: 'Listen on an address that `ip address` shows, or on all.',
    };
  }
  if (isSystemError(error, 'EACCES', 'EPERM')) {
    return {
      code: 'no-privilege',
      reason: `the process may not open UDP port ${port}`,
      remedy: 'Run it as root or with the capabilities CAP_NET_BIND_SERVICE, CAP_NET_ADMIN and CAP_NET_RAW.',
    };
  }
  return undefined;
}

function openEsp(address: Uint8Array, room: Address, roomBytes: number): RawEspSocket {
  try {
    return new RawEspSocket(address, room, roomBytes);
  } catch (error) {
    throw startError(error, () =>
      isSystemError(error, 'EPERM', 'EACCES')
        ? {
            code: 'no-privilege',
            reason: 'the process may not open a raw socket for ESP (IP protocol 50)',
            remedy: 'Run it as root or with the capability CAP_NET_RAW, or turn native ESP off.',
          }
        : undefined,
    );
  }
}

function openTun(name: string | undefined, offloads: boolean, queues: number): TunDevice {
  try {
    return new TunDevice(name, offloads, queues);
  } catch (error) {
    throw startError(error, () => tunFailure(error, name));
  }
}

function tunFailure(error: unknown, name: string | undefined): Failure | undefined {
  if (isSystemError(error, 'ENOENT', 'ENODEV', 'ENXIO')) {
    return {
      code: 'no-tun',
      reason: 'there is no /dev/net/tun on this machine',
      remedy: 'Load the kernel module (`modprobe tun`), or give the container the device (`--device /dev/net/tun`).',
    };
  }
  if (isSystemError(error, 'EPERM', 'EACCES')) {
    return {
      code: 'no-privilege',
      reason: 'the process may not create a network device',
      remedy: 'Run it as root or with the capability CAP_NET_ADMIN.',
    };
  }
  if (isSystemError(error, 'EBUSY', 'EEXIST')) {
    return {
      code: 'device-in-use',
      reason: `there is a network device ${name} already`,
      remedy: 'Stop the process that it belongs to, or configure another name for the TUN device.',
    };
  }
  return undefined;
}

function setUpTun(tun: TunDevice, mtu: number): void {
  try {
    tun.setUp(mtu);
  } catch (error) {
    throw startError(error, () => undefined);
  }
}

function startError(error: unknown, failure: () => Failure | undefined): StartError {
  if (error instanceof StartError) return error;
  const told = failure() ?? { code: 'start-failed', reason: error instanceof Error ? error.message : String(error) };
  const start = new StartError(told);
  start.cause = error;
  return start;
}
