import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { newSource } from '../../src/dataplane/ports.ts';
import { available, Memory } from '../../src/driver/ffi.ts';
import { startLinuxDataPlane } from '../../src/driver/linuxDataPlane.ts';
import type { PortOptions } from '../../src/driver/openPorts.ts';
import { UdpSocket } from '../../src/driver/udpSocket.ts';
import { dataPlaneContract, type End, Heard, INNER } from './dataPlaneContract.ts';
import { join, Namespace, noNamespaces, withRtnetlink } from './namespace.ts';
import { readUdpPacket, udpPacket } from './packets.ts';
import { waitReadable } from './waitReadable.ts';

const INNER_PORT = 2000;
const payload = Uint8Array.of(1, 2, 3, 4, 5);
const innerPacket = (source: string, destination: string): Uint8Array =>
  udpPacket({ source, sourcePort: INNER_PORT, destination, destinationPort: INNER_PORT, payload });

const base: PortOptions = { listen: [], ports: { ike: 0, natT: 0 }, whenPortTaken: 'fail', rawEsp: false };

describe('data plane on Linux with TUN devices', { skip: noNamespaces() ?? false }, () => {
  let namespaces: readonly [Namespace, Namespace];

  before(() => {
    namespaces = [Namespace.create(), Namespace.create()];
    join(
      { namespace: namespaces[0], device: 'v0', address: '192.0.2.1/24' },
      { namespace: namespaces[1], device: 'v1', address: '192.0.2.2/24' },
    );
    for (const [i, namespace] of namespaces.entries()) {
      const address = { device: `v${i}`, address: `2001:db8::${i + 1}`, prefixLength: 64 };
      namespace.run(() => withRtnetlink((rtnetlink) => rtnetlink.addAddress(address)));
    }
  });
  after(() => {
    for (const namespace of namespaces ?? []) namespace.close();
  });

  for (const [family, addresses] of [
    ['IPv4', ['192.0.2.1', '192.0.2.2']],
    ['IPv6', ['2001:db8::1', '2001:db8::2']],
  ] as const) {
    describe(`over ${family}`, () => {
      dataPlaneContract(
        () =>
          Promise.all([
            startEnd(namespaces[0], addresses[0], [INNER[0], INNER[1]]),
            startEnd(namespaces[1], addresses[1], [INNER[1], INNER[0]]),
          ]),
        innerPacket,
        ['udp', 'esp'],
      );
    });
  }

  it('does not start where the device is taken, and leaves nothing open', async () => {
    const options = { ...base, ports: { ike: 500, natT: 4500 }, slots: 1, ...listenerOf(new Heard()) };
    const refused = await namespaces[0].run(() => startLinuxDataPlane({ ...options, tun: { name: 'v0', mtu: 1400 } }));
    assert.equal(!refused.ok && refused.failure.code, 'device-in-use');
    const started = await namespaces[0].run(() => startLinuxDataPlane(options));
    assert.ok(started.ok);
    await started.dataPlane.close();
  });
});

describe('data plane on Linux without privileges', { skip: available() ? false : 'skipped: no FFI here' }, () => {
  it('names the port that is taken, or takes another', async () => {
    const room = new Memory(64);
    const holder = new UdpSocket(Uint8Array.of(127, 0, 0, 1), 0, room.base, 64);
    const options = { ...base, listen: ['127.0.0.1'], ports: { ike: holder.port, natT: 0 }, slots: 1 };
    const [refused, another] = await Promise.all([
      startLinuxDataPlane({ ...options, ...listenerOf(new Heard()) }),
      startLinuxDataPlane({ ...options, whenPortTaken: 'useAnother', ...listenerOf(new Heard()) }),
    ]);
    holder.close();
    assert.equal(!refused.ok && refused.failure.code, 'port-in-use');
    assert.match(
      (!refused.ok && refused.failure.reason) || '',
      new RegExp(`UDP port ${holder.port} of 127.0.0.1 is in`),
    );
    assert.ok(another.ok);
    assert.notEqual(another.dataPlane.ports.ike, holder.port);
    await another.dataPlane.close();
  });

  it('refuses an address that is not of this host', async () => {
    const [foreign, nonsense] = await Promise.all(
      ['192.0.2.200', 'here'].map((address) =>
        startLinuxDataPlane({ ...base, listen: [address], slots: 1, ...listenerOf(new Heard()) }),
      ),
    );
    assert.equal(!foreign!.ok && foreign!.failure.code, 'no-such-address');
    assert.equal(!nonsense!.ok && nonsense!.failure.code, 'bad-listen-address');
  });
});

function listenerOf({ onEvents, onFailure, onRefused }: Heard) {
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
