/** Several workers on both ends carry many sessions, in UDP and native, through rekeys to SPIs of other workers. */

import assert from 'node:assert/strict';
import { after, before, describe, it, test } from 'node:test';
import { COUNTERS_PER_SESSION, Counter, type DataPlaneCommand } from '../../src/dataplane/messages.ts';
import { newSource } from '../../src/dataplane/ports.ts';
import { Memory } from '../../src/driver/ffi.ts';
import { defaultWorkers, startLinuxDataPlane } from '../../src/driver/linuxDataPlane.ts';
import type { RunningDataPlane } from '../../src/driver/startedDataPlane.ts';
import { UdpSocket } from '../../src/driver/udpSocket.ts';
import { Heard } from './dataPlaneContract.ts';
import { join, Namespace, noNamespaces, withRtnetlink } from './namespace.ts';
import { waitReadable } from './waitReadable.ts';

const SESSIONS = 24;
const PORT = 2000;
const PACKETS = 5;
const OUTER = ['192.0.2.1', '192.0.2.2'] as const;
const PORTS = { ike: 500, natT: 4500 };

/** The inner address of each end of a session. */
const inner = (end: number, session: number) => `10.99.${end + 1}.${session + 1}`;
const bytesOf = (address: string) => Uint8Array.from(address.split('.'), Number);

interface End {
  readonly number: number;
  readonly plane: RunningDataPlane;
  readonly heard: Heard;
  readonly room: Memory;
  readonly sockets: readonly UdpSocket[];
}

test('what is chosen unless told: one for two processors, half of more, eight at most', () => {
  assert.deepEqual([1, 2, 3, 4, 8, 16, 64].map(defaultWorkers), [1, 1, 1, 2, 4, 8, 8]);
});

for (const workers of [1, 2, 4]) {
  describe(`${workers} workers`, { skip: noNamespaces() ?? false }, () => {
    let namespaces: readonly [Namespace, Namespace];
    let ends: readonly [End, End];

    before(async () => {
      namespaces = [Namespace.create(), Namespace.create()];
      join(
        { namespace: namespaces[0], device: 'v0', address: `${OUTER[0]}/24` },
        { namespace: namespaces[1], device: 'v1', address: `${OUTER[1]}/24` },
      );
      ends = await Promise.all([startEnd(namespaces[0], 0, workers), startEnd(namespaces[1], 1, workers)]);
    });
    after(async () => {
      for (const { sockets } of ends ?? []) for (const socket of sockets) socket.close();
      await Promise.all((ends ?? []).map(({ plane }) => plane.close()));
      for (const namespace of namespaces ?? []) namespace.close();
    });

    it('run', () => {
      for (const { plane } of ends) assert.deepEqual([plane.workers, plane.notShared], [workers, undefined]);
    });

    it('carry every session both ways', async () => {
      for (let session = 0; session < SESSIONS; session++) openSession(ends, session);
      await settled(ends);
      for (let session = 0; session < SESSIONS; session++) exchange(ends, session);
    });

    it('go on through a rekey that changes the worker of the SPI, with old packets still under way', async () => {
      for (let session = 0; session < SESSIONS; session++) {
        installSa(ends, session, 1);
        useSa(ends[0], session, 1);
        useSa(ends[1], session, session % 3 === 0 ? 0 : 1);
      }
      await settled(ends);
      for (let session = 0; session < SESSIONS; session++) exchange(ends, session);
      for (let session = 0; session < SESSIONS; session++) {
        useSa(ends[1], session, 1);
        for (const [i, { plane }] of ends.entries()) plane.post({ type: 'removeSa', inboundSpi: spi(i, session, 0) });
      }
      await settled(ends);
      for (let session = 0; session < SESSIONS; session++) exchange(ends, session);
    });

    it('count what each session carried, and refused nothing', async () => {
      for (const { plane, heard } of ends) {
        assert.deepEqual(heard.refused, []);
        assert.deepEqual(heard.failures, []);
        for (let session = 0; session < SESSIONS; session++) {
          const at = session * COUNTERS_PER_SESSION;
          const counted = [Counter.packetsFromPeer, Counter.packetsToPeer].map(
            (counter) => plane.counters[at + counter],
          );
          assert.deepEqual(counted, [3 * PACKETS, 3 * PACKETS], `session ${session}`);
        }
      }
    });

    it('hand up ESP of an SPI that nobody has, once', async () => {
      const stray = 0x7fff_0003;
      const [one, two] = ends;
      one.plane.post({ type: 'closeSession', slot: 0 });
      installSa([one], 0, 2, stray);
      one.plane.post({ type: 'useSa', channel: 0, outboundSpi: stray });
      const strays = () => two.heard.events.filter((event) => event.type === 'unknownSpi' && event.spi === stray);
      // Strangers' SPIs are told once a second for each peer, and a message that came too early may have been one.
      for (let round = 0; strays().length === 0; round++) {
        assert.ok(round < 100, 'nothing was told');
        one.plane.post({ type: 'sendL2tp', channel: 0, bytes: ZERO_LENGTH_BODY });
        await soon();
      }
      assert.equal(strays().length, 1);
    });
  });
}

async function startEnd(namespace: Namespace, end: number, workers: number): Promise<End> {
  const heard = new Heard();
  const started = await namespace.run(() =>
    startLinuxDataPlane({
      listen: [],
      ports: PORTS,
      whenPortTaken: 'fail',
      rawEsp: true,
      tun: { mtu: 1400 },
      slots: SESSIONS,
      workers,
      onEvents: heard.onEvents,
      onFailure: heard.onFailure,
      onRefused: heard.onRefused,
    }),
  );
  assert.ok(started.ok, started.ok ? '' : started.failure.reason);
  const plane = started.dataPlane;
  const room = new Memory(2048);
  const sockets = namespace.run(() => {
    withRtnetlink((rtnetlink) => {
      for (let session = 0; session < SESSIONS; session++) {
        const [address, peer] = [inner(end, session), inner(1 - end, session)];
        rtnetlink.addAddress({ device: plane.tun!, address, peer, prefixLength: 32 });
      }
    });
    return Array.from({ length: SESSIONS }, (_, session) => {
      return new UdpSocket(bytesOf(inner(end, session)), PORT, room.base, 2048);
    });
  });
  return { number: end, plane, heard, room, sockets };
}

/** Of every generation the SPI is another worker's. */
const spi = (end: number, session: number, generation: number) =>
  0x1000_0000 * (end + 1) + session * 0x101 + generation * 0x10001;

const protectionOf = (session: number) => (session % 4 === 3 ? ('esp' as const) : ('udp' as const));

function openSession(ends: readonly [End, End], session: number): void {
  for (const [i, { plane }] of ends.entries()) {
    const [local, remote] = [OUTER[i]!, OUTER[1 - i]!];
    const ports = { localL2tpPort: 1701, remoteL2tpPort: 1701 };
    const ends = { local: { address: local, port: 4500 }, remote: { address: remote, port: 4500 } };
    plane.post({
      type: 'openChannel',
      record: { channel: session, protection: protectionOf(session), ...ends, ...ports },
    });
  }
  installSa(ends, session, 0);
  for (const [i, end] of ends.entries()) {
    useSa(end, session, 0);
    end.plane.post({
      type: 'openSession',
      session: {
        ...{ slot: session, channel: session, localTunnel: 1, localSession: 2, peerTunnel: 1, peerSession: 2 },
        ...{ sequencing: false, lengthBit: true, sendAddressControl: true, compressProtocol: false },
        ...{ peerAddress: inner(1 - i, session), mtuToPeer: 1400, mss: 1360 },
      },
    });
  }
}

function installSa(ends: readonly End[], session: number, generation: number, outbound?: number): void {
  const suite = { encryption: 'aes-gcm-16', keyBits: 128 } as const;
  const keys = (end: number) => ({
    encryption: new Uint8Array(20).fill(session + 32 * generation + 100 * end),
    integrity: new Uint8Array(),
  });
  for (const [i, { plane }] of ends.entries()) {
    const command: DataPlaneCommand = {
      type: 'installSa',
      record: {
        channel: session,
        inboundSpi: spi(i, session, generation),
        outboundSpi: outbound ?? spi(1 - i, session, generation),
        mode: 'transport',
        suite,
        inboundKeys: keys(i),
        outboundKeys: keys(1 - i),
        replayWindow: 64,
      },
    };
    plane.post(command);
  }
}

function useSa({ plane, number }: End, session: number, generation: number): void {
  plane.post({ type: 'useSa', channel: session, outboundSpi: spi(1 - number, session, generation) });
}

/** Every worker of both ends has done what was posted: a message has passed through each channel in both directions. */
async function settled(ends: readonly [End, End]): Promise<void> {
  for (const [i, { plane }] of ends.entries()) {
    const { heard } = ends[1 - i]!;
    const silent = new Set(Array.from({ length: SESSIONS }, (_, session) => session));
    for (let round = 0; silent.size > 0; round++) {
      assert.ok(round < 100, `nothing came through ${[...silent]} from end ${i}`);
      for (const channel of silent) plane.post({ type: 'sendL2tp', channel, bytes: ZERO_LENGTH_BODY });
      // One that came before its SA is lost, and is sent again.
      await Promise.race([heard.until(() => heard.events.some(({ type }) => type === 'l2tp')), soon()]);
      for (const event of heard.events.splice(0)) if (event.type === 'l2tp') silent.delete(event.channel!);
    }
  }
}

/** An L2TP control message. RFC 2661 §3.1. */
const ZERO_LENGTH_BODY = Uint8Array.of(0xc8, 2, 0, 12, 0, 1, 0, 0, 0, 0, 0, 0);
const soon = () => new Promise((resolve) => setTimeout(resolve, 50));

/** Sends packets in both directions and waits for each. */
function exchange(ends: readonly [End, End], session: number): void {
  for (const [i, from] of ends.entries()) {
    const to = ends[1 - i]!;
    const [sender, receiver] = [from.sockets[session]!, to.sockets[session]!];
    const peer = {
      ...{ family: 4 as const, local: bytesOf(inner(i, session)), localPort: PORT },
      ...{ remote: bytesOf(inner(1 - i, session)), remotePort: PORT, driver: undefined },
    };
    const header = sender.headerFor(peer);
    for (let number = 0; number < PACKETS; number++) {
      from.room.bytes.fill(number + 1, 0, 600);
      assert.equal(sender.send(header, from.room.base, 600), 600);
    }
    for (let number = 0; number < PACKETS; number++) {
      assert.ok(waitReadable(receiver.fd), `session ${session}, direction ${i}, packet ${number}`);
      assert.equal(receiver.receive(newSource()), 600);
      assert.equal(to.room.bytes[0], number + 1);
    }
  }
}
