/**
 * A client for L2TP/IPsec in thirty lines: connects to examples/gateway.ts, sends a packet, shows what comes back, leaves.
 *
 *   node --import tsx examples/client.ts
 */

import { makeClient } from 'sallyport/client';
import { nodeCrypto } from 'sallyport/crypto/node';
import { runCore, startDgramDataPlane, systemEnvironment } from 'sallyport/driver';
import { secretTable } from 'sallyport/ike';
import { checksum, parseIpv4 } from 'sallyport/net';
import { fromUtf8, utf8 } from 'sallyport/wire';

const server = { address: '127.0.0.1', port: Number(process.argv[2] ?? 5500) };
const environment = { ...systemEnvironment, crypto: nodeCrypto, unixTime: () => Date.now() / 1000 };
const secrets = secretTable([{ secret: utf8('a key that all users share') }]);
const ppp = { credentials: { user: 'ann', password: process.argv[3] ?? 'correct horse battery staple' } };

const listen = { listen: ['127.0.0.1'], ports: { ike: 0, natT: 0 }, whenPortTaken: 'fail', slots: 1 } as const;
const client = await runCore({
  dataPlane: (listener) => startDgramDataPlane({ ...listen, ...listener, toTun: received }),
  core: ({ counters, ports }, now) => {
    const local = { address: '127.0.0.1', port: ports.ike ?? 0 };
    const port = { natTraversalPort: server.port + 1, localNatTraversalPort: ports.natT ?? 0 };
    const ike = { secrets, ...port, forceEncapsulation: true };
    return makeClient({ local, remote: server, ike, ppp }, environment, counters, now);
  },
  take: (output) => {
    if (output.type === 'up') {
      const { localAddress, peerAddress } = output.network;
      console.log(`Connected: ${localAddress} to ${peerAddress}, ${output.view.ike}, ${output.view.esp}.`);
      client.dataPlane.fromTun(ipv4Packet(localAddress, peerAddress, utf8('Hello through the tunnel!')));
    } else if (output.type === 'closed') {
      console.log(`Closed: ${output.reason.reason}`);
      void client.close();
    }
  },
});
client.command({ type: 'connect' });

function received(packet: Uint8Array): void {
  console.log(`Received: ${fromUtf8(packet.subarray(20))}`);
  client.command({ type: 'disconnect', reason: { code: 'done', reason: 'All is said.' } });
}

/** A packet of the protocol that RFC 3692 sets aside for trying out: an IPv4 header and text. */
function ipv4Packet(source: string, destination: string, text: Uint8Array): Uint8Array {
  const header = [0x45, 0, 0, 20 + text.length, 0, 0, 0, 0, 64, 253, 0, 0];
  const packet = Uint8Array.of(...header, ...parseIpv4(source)!, ...parseIpv4(destination)!, ...text);
  new DataView(packet.buffer).setUint16(10, checksum(packet, 0, 20));
  return packet;
}
