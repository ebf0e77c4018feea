/** TCP and UDP of the kernel through two data planes: whole, in order, large packets on the way or not. */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { newPeer } from '../../src/dataplane/index.ts';
import { newSource } from '../../src/dataplane/ports.ts';
import { Memory } from '../../src/driver/ffi.ts';
import { startLinuxDataPlane } from '../../src/driver/linuxDataPlane.ts';
import type { RunningDataPlane } from '../../src/driver/startedDataPlane.ts';
import { UdpSocket } from '../../src/driver/udpSocket.ts';
import { type EspKeys, type EspSuite, espKeyBytes } from '../../src/esp/index.ts';
import { parseIpv4 } from '../../src/net/index.ts';
import { Heard } from './dataPlaneContract.ts';
import { join, Namespace, noNamespaces, withRtnetlink } from './namespace.ts';
import { waitReadable } from './waitReadable.ts';

const OUTER = ['192.0.2.1', '192.0.2.2'] as const;
const INNER = ['10.99.0.1', '10.99.0.2'] as const;
const BYTES = 4 * 1024 * 1024;
const PORT = 7000;
const TCP_END = fileURLToPath(new URL('tcpEnd.mjs', import.meta.url));
const gcm: EspSuite = { encryption: 'aes-gcm-16', keyBits: 128 };
const cbc: EspSuite = { encryption: 'aes-cbc', keyBits: 256, integrity: 'hmac-sha2-256-128' };

for (const [name, protection, suite, offloads] of [
  ['ESP in UDP, large packets at both ends', 'udp', gcm, [true, true]],
  ['ESP in UDP, large packets at one end', 'udp', cbc, [true, false]],
  ['native ESP, large packets at both ends', 'esp', cbc, [true, true]],
  ['ESP in UDP, no large packets', 'udp', gcm, [false, false]],
] as const) {
  describe(name, { skip: noNamespaces() ?? false }, () => {
    let namespaces: readonly Namespace[] = [];
    let planes: readonly RunningDataPlane[] = [];
    const heard = [new Heard(), new Heard()] as const;

    before(async () => {
      const [one, two] = [Namespace.create(), Namespace.create()];
      namespaces = [one, two];
      join(
        { namespace: one, device: 'v0', address: `${OUTER[0]}/24` },
        { namespace: two, device: 'v0', address: `${OUTER[1]}/24` },
      );
      planes = await Promise.all(
        namespaces.map(async (namespace, i) => {
          const started = await namespace.run(() =>
            startLinuxDataPlane({
              listen: [],
              ports: { ike: 500, natT: 4500 },
              whenPortTaken: 'fail',
              rawEsp: true,
              tun: { mtu: 1400 },
              slots: 1,
              offloads: offloads[i]!,
              onEvents: heard[i]!.onEvents,
              onFailure: heard[i]!.onFailure,
              onRefused: heard[i]!.onRefused,
            }),
          );
          assert.ok(started.ok, started.ok ? '' : started.failure.reason);
          const { dataPlane } = started;
          namespace.run(() =>
            withRtnetlink((rtnetlink) =>
              rtnetlink.addAddress({
                device: dataPlane.tun!,
                address: INNER[i]!,
                peer: INNER[1 - i]!,
                prefixLength: 32,
              }),
            ),
          );
          connect(dataPlane, i, protection, suite);
          return dataPlane;
        }),
      );
    });
    after(async () => {
      await Promise.all(planes.map((plane) => plane.close()));
      for (const namespace of namespaces) namespace.close();
    });

    for (const direction of ['up', 'down'] as const) {
      it(`carries TCP ${direction}`, { timeout: 30_000 }, async () => {
        const sender = direction === 'up' ? 0 : 1;
        const before = packets(sender);
        await carriesTcp(direction);
        const [sent, segments] = [packets(sender) - before, BYTES / 1348];
        assert.ok(offloads[sender] ? sent < segments / 3 : sent > segments, `${sent} packets for ${segments} segments`);
      });
    }

    it('carries UDP of all lengths', () => {
      const room = new Memory(8192);
      const [sender, receiver] = namespaces.map((namespace, i) =>
        namespace.run(() => new UdpSocket(parseIpv4(INNER[i]!)!, PORT, room.base, 8192)),
      );
      const to = sender!.headerFor(newPeer({ address: INNER[0], port: PORT }, { address: INNER[1], port: PORT }));
      const lengths = [1, 100, 100, 100, 99, 1372, 1372, 1373, 4000, 1372, 7];
      for (const length of lengths) {
        for (let i = 0; i < length; i++) room.bytes[i] = i + length;
        assert.equal(sender!.send(to, room.base, length), length);
      }
      const arrived: number[] = [];
      const source = newSource();
      while (arrived.length < lengths.length && waitReadable(receiver!.fd)) {
        const length = receiver!.receive(source);
        assert.ok(room.bytes.subarray(0, length).every((byte, i) => byte === ((i + length) & 255)));
        arrived.push(length);
      }
      assert.deepEqual(arrived.toSorted(), lengths.toSorted());
      sender!.close();
      receiver!.close();
    });

    it('refused and dropped nothing', () => {
      for (const { events, failures, refused } of heard) {
        assert.deepEqual([events.filter(({ type }) => type === 'dropped'), failures, refused], [[], [], []]);
      }
    });

    /** Packets that the kernel gave to the device of an end. */
    function packets(end: number): number {
      const text = namespaces[end]!.run(() => readFileSync('/proc/thread-self/net/dev', 'utf8'));
      const line = text.split('\n').find((candidate) => candidate.includes(`${planes[end]!.tun}:`))!;
      return Number(line.split(':')[1]!.trim().split(/\s+/)[9]);
    }

    async function carriesTcp(direction: 'up' | 'down'): Promise<void> {
      const [listening, dialling] = direction === 'up' ? ['receive', 'send'] : ['send', 'receive'];
      const server = tcpEnd(namespaces[1]!, 'listen', listening);
      await server.listening;
      const client = tcpEnd(namespaces[0]!, 'dial', dialling);
      const told = await Promise.all([server.result, client.result]);
      assert.match(told[0]!, new RegExp(`^${BYTES} `));
      assert.equal(told[0], told[1]);
    }
  });
}

function tcpEnd(namespace: Namespace, ...roles: readonly string[]) {
  const words = [TCP_END, ...roles, INNER[1], String(PORT), String(BYTES)];
  const child = namespace.run(() => spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'inherit'] }));
  let output = '';
  const listening = new Promise<void>((resolve) => {
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      if (output.includes('listening')) resolve();
    });
  });
  const result = new Promise<string>((resolve) => {
    child.once('close', () => resolve(output.replace('listening', '').trim()));
  });
  return { listening, result };
}

function connect(plane: RunningDataPlane, i: number, protection: 'udp' | 'esp', suite: EspSuite): void {
  const lengths = espKeyBytes(suite);
  const keys = (seed: number): EspKeys => ({
    encryption: new Uint8Array(lengths.encryption).fill(seed),
    integrity: new Uint8Array(lengths.integrity).fill(seed),
  });
  const endpoint = (end: number) => ({ address: OUTER[end]!, port: 4500 });
  const ports = { localL2tpPort: 1701, remoteL2tpPort: 1701 };
  const record = { channel: 1, protection, local: endpoint(i), remote: endpoint(1 - i), ...ports };
  plane.post({ type: 'openChannel', record });
  plane.post({
    type: 'installSa',
    record: {
      channel: 1,
      inboundSpi: 0x1000 + i,
      outboundSpi: 0x1001 - i,
      mode: 'transport',
      suite,
      inboundKeys: keys(i + 1),
      outboundKeys: keys(2 - i),
      replayWindow: 1024,
    },
  });
  plane.post({ type: 'useSa', channel: 1, outboundSpi: 0x1001 - i });
  plane.post({
    type: 'openSession',
    session: {
      slot: 0,
      channel: 1,
      localTunnel: 1,
      localSession: 1,
      peerTunnel: 1,
      peerSession: 1,
      sequencing: false,
      lengthBit: true,
      sendAddressControl: true,
      compressProtocol: false,
      mtuToPeer: 1400,
      mss: 1360,
    },
  });
}
