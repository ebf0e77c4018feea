/** First messages of exchanges that nobody goes on with, from a client's address. */

import { randomBytes } from 'node:crypto';
import { nodeCrypto, nodeKeyExchange } from '../../../src/crypto/node/index.ts';
import { secretTable } from '../../../src/ike/v1/index.ts';
import { IkeV2Endpoint } from '../../../src/ike/v2/index.ts';
import { sh } from '../process.ts';
import { CLIENT, SERVER, type Wire } from './wire.ts';

/** Begins so many exchanges with the server, from as many ports of the client. */
export async function beginMany(wire: Wire, count: number): Promise<void> {
  const messages = Array.from({ length: count }, (_, at) => firstMessage(at + 1));
  if (count === 0) return;
  const script = `my $port = 20000;
    for (@ARGV) {
      my $s = IO::Socket::INET->new(Proto => "udp", LocalPort => $port++, PeerAddr => "${SERVER}", PeerPort => 500) or die $!;
      $s->send(pack("H*", $_));
    }`;
  await sh(wire.client, `perl -MIO::Socket::INET -e '${script}' ${messages.join(' ')}`);
}

/** Hexadecimal. */
function firstMessage(ikeSa: number): string {
  const random = (bytes: number) => new Uint8Array(randomBytes(bytes));
  const endpoint = new IkeV2Endpoint({
    config: { secrets: secretTable([]) },
    crypto: nodeCrypto,
    environment: { random },
  });
  const selector = { address: '0.0.0.0/0', protocol: 0, port: 0 };
  const local = { address: CLIENT, port: 500 };
  const remote = { address: SERVER, port: 500 };
  const outputs = endpoint.command(
    { type: 'connect', ikeSa, local, remote, localSelector: selector, remoteSelector: selector },
    0,
  );
  for (const output of outputs) {
    if (output.type !== 'ask' || output.ask.kind !== 'generateKey') continue;
    const keyPair = nodeKeyExchange.generateKey(output.ask.group);
    const answer = { kind: 'generateKey', keyPair } as const;
    for (const sent of endpoint.command({ type: 'answer', id: output.id, answer }, 0)) {
      if (sent.type === 'send') return Buffer.from(sent.bytes).toString('hex');
    }
  }
  throw new Error('no first message was made');
}
