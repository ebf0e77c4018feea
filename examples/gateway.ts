/**
 * A gateway for L2TP/IPsec in thirty lines. Every IP packet that a user sends through the tunnel comes back.
 *
 *   node --import tsx examples/gateway.ts
 *
 * It listens on the loopback and on ports of its own, so it needs no privilege. For the world outside, start
 * `startLinuxDataPlane` instead, with the ports 500 and 4500 and a TUN device, and leave both marked lines out.
 */

import { nodeCrypto } from 'sallyport/crypto/node';
import { runCore, startDgramDataPlane, systemEnvironment } from 'sallyport/driver';
import { makeGateway } from 'sallyport/gateway';
import { secretTable } from 'sallyport/ike';
import { judgeCredentials } from 'sallyport/ppp';
import { utf8 } from 'sallyport/wire';

const users = new Map([['ann', { password: 'correct horse battery staple' }]]);
const ike = Number(process.argv[2] ?? 5500);
const environment = { ...systemEnvironment, crypto: nodeCrypto, unixTime: () => Date.now() / 1000 };
const config = {
  ike: {
    secrets: secretTable([{ secret: utf8('a key that all users share') }]),
    natTraversalPort: ike + 1, // not needed with port 4500
    forceEncapsulation: true, // not needed with a raw socket for ESP
  },
  network: { pool: ['10.9.0.0/24'], localAddress: '10.9.0.1' },
};

const listen = { listen: ['127.0.0.1'], ports: { ike, natT: ike + 1 }, whenPortTaken: 'fail', slots: 100 } as const;
const gateway = await runCore({
  dataPlane: (listener) => startDgramDataPlane({ ...listen, ...listener, toTun: echo }),
  core: ({ counters }) => makeGateway(config, environment, counters),
  take: (output) => {
    if (output.type === 'askUser') {
      const { id, credentials } = output;
      const answer = judgeCredentials(nodeCrypto, credentials, users.get(credentials.user));
      gateway.command({ type: 'userAnswer', id, answer });
    } else if (output.type === 'log' && output.level !== 'debug') console.log(output.text);
    else if (output.type === 'drained') void gateway.close();
  },
});
console.log(`The gateway listens on UDP ports ${ike} and ${ike + 1} of 127.0.0.1.`);
process.once('SIGINT', () =>
  gateway.command({ type: 'drain', reason: { code: 'stop', reason: 'The gateway stops.' } }),
);

/** Swaps source and destination, which leaves the checksum right. */
function echo(packet: Uint8Array): void {
  const [source, destination] = [packet.slice(12, 16), packet.slice(16, 20)];
  packet.set(destination, 12);
  packet.set(source, 16);
  gateway.dataPlane.fromTun(packet);
}
