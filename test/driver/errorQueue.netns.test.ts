/** What routers and our own device say of packets that are too long is read from sockets, and nothing else is lost for it. */

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { newPeer } from '../../src/dataplane/index.ts';
import { ErrorQueue } from '../../src/driver/errorQueue.ts';
import { Memory } from '../../src/driver/ffi.ts';
import { RawEspSocket } from '../../src/driver/rawSocket.ts';
import { SendQueue } from '../../src/driver/sendQueue.ts';
import { UdpSocket } from '../../src/driver/udpSocket.ts';
import { parseAddress } from '../../src/net/index.ts';
import { join, Namespace, noNamespaces, withRtnetlink } from './namespace.ts';
import { waitReadable } from './waitReadable.ts';

const ROOM = 65_536;
const NARROW = 1300;
const DEVICE = 1500;
const SPI = 0x01020304;

const families = [
  { family: 4, here: '192.0.2.2', router: '192.0.2.1', inside: '198.51.100.1', there: '198.51.100.2', length: 24 },
  {
    family: 6,
    here: '2001:db8:1::2',
    router: '2001:db8:1::1',
    inside: '2001:db8:2::1',
    there: '2001:db8:2::2',
    length: 64,
  },
] as const;

describe('a socket’s error queue', { skip: noNamespaces() ?? false }, () => {
  for (const { family, here, router, inside, there, length } of families) {
    for (const kind of ['udp', 'esp'] as const) {
      it(`tells of packets that are too long, IPv${family}, ${kind}; those that fit arrive`, () => {
        const [from, middle, to] = [Namespace.create(), Namespace.create(), Namespace.create()] as const;
        // Else no address works before nobody has contradicted it for a second.
        for (const namespace of [from, middle, to]) {
          namespace.run(() => writeFileSync('/proc/sys/net/ipv6/conf/default/accept_dad', '0'));
        }
        join(
          { namespace: from, device: 'eth0', address: `${here}/${length}` },
          { namespace: middle, device: 'one', address: `${router}/${length}` },
        );
        join(
          { namespace: middle, device: 'two', address: `${inside}/${length}` },
          { namespace: to, device: 'eth0', address: `${there}/${length}` },
        );
        const everything = family === 4 ? '0.0.0.0/0' : '::/0';
        const route = (gateway: string) => () =>
          withRtnetlink((rtnetlink) => rtnetlink.addRoute({ destination: everything, gateway }));
        middle.run(() => {
          withRtnetlink((rtnetlink) => rtnetlink.setLink('two', { mtu: NARROW }));
          const file = family === 4 ? 'ipv4/ip_forward' : 'ipv6/conf/all/forwarding';
          writeFileSync(`/proc/sys/net/${file}`, '1');
        });
        for (const [namespace, gateway] of [
          [from, router],
          [to, inside],
        ] as const) {
          namespace.run(route(gateway));
        }
        const room = new Memory(ROOM);
        const open = (address: string) =>
          kind === 'udp'
            ? new UdpSocket(parseAddress(address)!, 4500, room.base, ROOM)
            : new RawEspSocket(parseAddress(address)!, room.base, ROOM);
        const sender = from.run(() => open(here));
        const receiver = to.run(() => open(there));
        const refused: number[] = [];
        const queue = new SendQueue(sender.fd, family, kind === 'udp', (_, errno) => refused.push(errno));
        const peer = newPeer({ address: here, port: 4500 }, { address: there, port: 4500 });
        const [whole, inPieces] = [true, false].map((dontFragment) => sender.headerFor({ ...peer, dontFragment }));
        const packet = new Memory(2000);
        packet.view.setUint32(0, SPI);
        const headers = (family === 4 ? 20 : 40) + (kind === 'udp' ? 8 : 0);
        const errors = new ErrorQueue();
        const send = (header: typeof whole, bytes: number) => {
          queue.add(header!, packet.base, bytes - headers);
          queue.flush();
        };
        const remote = { address: there, port: kind === 'udp' ? 4500 : 0 };

        send(whole, 1400);
        assert.ok(waitReadable(sender.fd), 'the router has answered');
        assert.deepEqual(errors.drain(sender, 0), [{ type: 'pathMtu', remote, mtu: NARROW, from: router, spi: SPI }]);
        assert.deepEqual(errors.drain(sender, 0), []);
        // The kernel's own knowledge binds nobody: what fits by ours, and what may be cut, goes.
        send(whole, NARROW);
        assert.ok(waitReadable(receiver.fd));
        send(inPieces, 1400);
        send(whole, DEVICE + 4);
        const [local] = errors.drain(sender, 2000);
        assert.deepEqual([local?.remote.address, local?.mtu, local?.from], [there, DEVICE, undefined]);
        assert.deepEqual(refused, [90]);
        const lengths: number[] = [];
        while (lengths.length < 2 && waitReadable(receiver.fd)) {
          const got = receiver.receive({
            family,
            remote: new Uint8Array(16),
            remotePort: 0,
            local: new Uint8Array(16),
            localPort: 0,
            tos: 0,
          });
          if (got > 0) lengths.push(got - (kind === 'esp' && family === 4 ? 20 : 0));
        }
        assert.deepEqual(lengths, [NARROW - headers, 1400 - headers]);
        for (const socket of [sender, receiver]) socket.close();
        for (const namespace of [from, middle, to]) namespace.close();
      });
    }
  }
});
