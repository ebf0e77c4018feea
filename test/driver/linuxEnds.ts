/** Data planes with TUN devices in namespaces, as the contract of data planes wants its ends. */

import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import { newSource } from '../../src/dataplane/ports.ts';
import { Memory } from '../../src/driver/ffi.ts';
import { startLinuxDataPlane } from '../../src/driver/linuxDataPlane.ts';
import type { PortOptions } from '../../src/driver/openPorts.ts';
import { UdpSocket } from '../../src/driver/udpSocket.ts';
import { dataPlaneContract, type End, Heard, INNER } from './dataPlaneContract.ts';
import { join, Namespace, withRtnetlink } from './namespace.ts';
import { readUdpPacket, udpPacket } from './packets.ts';
import { waitReadable } from './waitReadable.ts';

const INNER_PORT = 2000;
const payload = Uint8Array.of(1, 2, 3, 4, 5);
const innerPacket = (source: string, destination: string): Uint8Array =>
  udpPacket({ source, sourcePort: INNER_PORT, destination, destinationPort: INNER_PORT, payload });

export const base: PortOptions = { listen: [], ports: { ike: 0, natT: 0 }, whenPortTaken: 'fail', rawEsp: false };

/** Within a `describe`: the contract between two namespaces that a wire joins, outside with these addresses. */
export function contractOver(outer: readonly [string, string], prefixLength: number): void {
  let namespaces: readonly [Namespace, Namespace];
  before(() => {
    namespaces = joined(outer, prefixLength);
  });
  after(() => {
    for (const namespace of namespaces ?? []) namespace.close();
  });
  dataPlaneContract(
    () =>
      Promise.all([
        startEnd(namespaces[0], outer[0], [INNER[0], INNER[1]]),
        startEnd(namespaces[1], outer[1], [INNER[1], INNER[0]]),
      ]),
    innerPacket,
    ['udp', 'esp'],
  );
}

/** Two new namespaces with a device each, `v0` and `v1`. */
export function joined(outer: readonly [string, string], prefixLength: number): readonly [Namespace, Namespace] {
  const namespaces = [Namespace.create(), Namespace.create()] as const;
  const end = (i: 0 | 1) => ({ namespace: namespaces[i], device: `v${i}`, address: `${outer[i]}/${prefixLength}` });
  join(end(0), end(1));
  return namespaces;
}

export function listenerOf({ onEvents, onFailure, onRefused }: Heard) {
  return { onEvents, onFailure, onRefused };
}

/** The TUN device of each end has one inner address and the other end's beyond it; packets come from real sockets. */
async function startEnd(namespace: Namespace, address: string, inner: readonly [string, string]): Promise<End> {
  const heard = new Heard();
  const started = await namespace.run(() =>
    startLinuxDataPlane({
      listen: [],
      ports: { ike: 500, natT: 4500, l2tp: 1701 },
      whenPortTaken: 'fail',
      rawEsp: true,
      tun: { mtu: 1400 },
      slots: 8,
      ...listenerOf(heard),
    }),
  );
  assert.ok(started.ok, started.ok ? '' : started.failure.reason);
  const plane = started.dataPlane;
  const room = new Memory(2048);
  const socket = namespace.run(() => {
    withRtnetlink((rtnetlink) =>
      rtnetlink.addAddress({ device: plane.tun!, address: inner[0], peer: inner[1], prefixLength: 32 }),
    );
    return new UdpSocket(Uint8Array.from(inner[0].split('.'), Number), INNER_PORT, room.base, 2048);
  });
  return {
    address,
    plane,
    heard,
    stop: () => socket.close(),
    sendInner: (packet) => {
      const { destination, payload: content } = readUdpPacket(packet)!;
      room.bytes.set(content);
      const peer = {
        family: 4 as const,
        local: Uint8Array.from(inner[0].split('.'), Number),
        localPort: INNER_PORT,
        remote: Uint8Array.from(destination.split('.'), Number),
        remotePort: INNER_PORT,
        driver: undefined,
      };
      assert.equal(socket.send(socket.headerFor(peer), room.base, content.length), content.length);
    },
    receiveInner: async () => {
      const source = newSource();
      if (!waitReadable(socket.fd)) return undefined;
      const length = socket.receive(source);
      return udpPacket({
        source: source.remote.subarray(0, 4).join('.'),
        sourcePort: source.remotePort,
        destination: source.local.subarray(0, 4).join('.'),
        destinationPort: source.localPort,
        payload: room.bytes.slice(0, length),
      });
    },
  };
}
