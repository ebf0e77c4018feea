/** Sockets and queues for more workers than one: opened by the first, which has the ports, and told to the others. */

import type { Address } from './ffi.ts';
import { libc } from './ffi.ts';
import type { OpenPorts, PortSet } from './openPorts.ts';
import { RawEspSocket } from './rawSocket.ts';
import { TunDevice } from './tun.ts';
import { UdpSocket } from './udpSocket.ts';
import { filterEsp, steerUdp } from './workers/steering.ts';

/**
 * Opens what workers 1 to `workers - 1` need besides what the first has, and lets the kernel divide ESP by SPI.
 * @param room where sockets put what they receive until they are adopted
 * @throws SystemError where this kernel cannot, with what was opened closed again; the first worker goes on alone then
 */
export function shareOut({ udp, esp, tun }: OpenPorts, workers: number, room: Address, roomBytes: number): PortSet[] {
  const fds: number[] = [];
  const keep = (fd: number): number => {
    fds.push(fd);
    return fd;
  };
  try {
    const sets = Array.from({ length: workers - 1 }, () => ({
      natT: [] as PortSet['natT'][number][],
      esp: [] as PortSet['esp'][number][],
      tun: undefined as PortSet['tun'],
    }));
    for (const { kind, socket } of udp) {
      if (kind !== 'natT') continue;
      const { address, port } = socket;
      for (const [i, fd] of socket.share(sets.length).entries()) sets[i]!.natT.push({ address, port, fd: keep(fd) });
      steerUdp(socket.fd, workers);
    }
    for (const { address, family, fd: first } of esp) {
      for (const [i, set] of sets.entries()) {
        const fd = keep(new RawEspSocket(address, room, roomBytes).fd);
        filterEsp(fd, family, i + 1, workers);
        set.esp.push({ address, fd });
      }
      filterEsp(first, family, 0, workers);
    }
    if (tun !== undefined) {
      for (const set of sets) {
        set.tun = tun.addQueue();
        keep(set.tun.fd);
      }
    }
    return sets;
  } catch (error) {
    for (const fd of fds) libc().close(fd);
    throw error;
  }
}

/** As `shareOut`, with the reason where this kernel cannot. */
export function tryShareOut(...parts: Parameters<typeof shareOut>): {
  readonly shares: readonly PortSet[];
  readonly reason?: string;
} {
  try {
    return { shares: shareOut(...parts) };
  } catch (error) {
    return { shares: [], reason: (error as Error).message };
  }
}

/** Makes a worker's ports of what it was told. */
export function adoptPorts({ natT, esp, tun }: PortSet, room: Address, roomBytes: number): OpenPorts {
  return {
    udp: natT.map(({ address, port, fd }) => ({
      kind: 'natT' as const,
      socket: new UdpSocket(address, port, room, roomBytes, fd),
    })),
    esp: esp.map(({ address, fd }) => new RawEspSocket(address, room, roomBytes, fd)),
    tun: tun === undefined ? undefined : new TunDevice(tun),
    ports: natT.length === 0 ? {} : { natT: natT[0]!.port },
  };
}

/** Closes sets that nobody adopts. */
export function closeSets(sets: readonly PortSet[]): void {
  for (const { natT, esp, tun } of sets) {
    for (const { fd } of [...natT, ...esp, ...(tun === undefined ? [] : [tun])]) libc().close(fd);
  }
}
