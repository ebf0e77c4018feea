import assert from 'node:assert/strict';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import test, { after, before, describe, it } from 'node:test';
import { type DnsForwarder, startDnsForwarder } from '../../src/driver/dnsForwarder.ts';

/** Where the forwarder listens, and two resolvers of which the first is not there. All on loopback. */
const FORWARDER = '127.0.0.1';
const ABSENT = '127.0.0.2';
const RESOLVER = '127.0.0.3';

const question = (id: number, text: string) =>
  Buffer.concat([Buffer.from([id >> 8, id & 0xff]), Buffer.alloc(10), Buffer.from(text)]);

async function udpSocket(address: string, port = 0): Promise<Socket> {
  const socket = createSocket('udp4');
  socket.bind(port, address);
  await once(socket, 'listening');
  return socket;
}

async function ask(port: number, message: Uint8Array): Promise<Buffer> {
  const socket = await udpSocket('127.0.0.1');
  socket.send(message, port, FORWARDER);
  const [answer] = (await once(socket, 'message')) as [Buffer];
  socket.close();
  return answer;
}

async function freePort(): Promise<number> {
  const socket = await udpSocket(FORWARDER);
  const { port } = socket.address();
  socket.close();
  return port;
}

describe('the DNS forwarder', () => {
  let udp: Socket;
  const tcp = createServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', (bytes) => socket.write(Buffer.from(`tcp:${bytes}`)));
  });
  let forwarder: DnsForwarder;
  let port: number;
  const questions: Buffer[] = [];

  before(async () => {
    udp = await udpSocket(RESOLVER);
    udp.on('message', (message, from) => {
      questions.push(message);
      // A forged answer with another id comes first.
      udp.send(
        Buffer.concat([Buffer.from([message[0]! ^ 1, message[1]!]), message.subarray(2)]),
        from.port,
        from.address,
      );
      udp.send(
        Buffer.concat([message.subarray(0, 12), Buffer.from('answer to '), message.subarray(12)]),
        from.port,
        from.address,
      );
    });
    tcp.listen(udp.address().port, RESOLVER);
    await once(tcp, 'listening');
    port = await freePort();
    forwarder = await startDnsForwarder(FORWARDER, [ABSENT, RESOLVER], port, udp.address().port);
  });

  after(async () => {
    await forwarder.close();
    udp.close();
    tcp.close();
  });

  it('passes a question on and its answer back, to the next resolver where one is not there', async () => {
    const answer = await ask(port, question(0x1234, 'example.org'));
    assert.equal(answer.subarray(12).toString(), 'answer to example.org');
    assert.deepEqual([...answer.subarray(0, 2)], [0x12, 0x34]);
  });

  it('keeps many questions of one id apart', async () => {
    const names = Array.from({ length: 40 }, (_, i) => `host${i}`);
    const answers = await Promise.all(names.map((name) => ask(port, question(7, name))));
    assert.deepEqual(
      answers.map((answer) => answer.subarray(12).toString()),
      names.map((name) => `answer to ${name}`),
    );
  });

  it('does not pass on what is no question', async () => {
    const before = questions.length;
    const socket = await udpSocket('127.0.0.1');
    socket.send(Buffer.alloc(11), port, FORWARDER);
    socket.send(Buffer.alloc(1501), port, FORWARDER);
    socket.send(Buffer.alloc(0), port, FORWARDER);
    socket.close();
    await ask(port, question(1, 'after'));
    assert.deepEqual(
      questions.slice(before).map((message) => message.subarray(12).toString()),
      ['after'],
    );
  });

  it('carries TCP, to the next resolver where one is not there', async () => {
    const socket = connect(port, FORWARDER);
    socket.write('long question');
    const [answer] = (await once(socket, 'data')) as [Buffer];
    assert.equal(answer.toString(), 'tcp:long question');
    socket.destroy();
  });
});

test('closing ends what is open', async () => {
  const quiet = await udpSocket(RESOLVER);
  const server = createServer(() => {});
  server.listen(quiet.address().port, RESOLVER);
  await once(server, 'listening');
  const port = await freePort();
  const forwarder = await startDnsForwarder(FORWARDER, [RESOLVER], port, quiet.address().port);
  const client = connect(port, FORWARDER);
  const accepted = once(server, 'connection');
  const socket = await udpSocket('127.0.0.1');
  socket.send(question(1, 'never answered'), port, FORWARDER);
  await Promise.all([once(quiet, 'message'), accepted]);
  await Promise.all([once(client, 'close'), forwarder.close()]);
  socket.close();
  quiet.close();
  server.close();
});

test('a port that is taken is told, and nothing stays open', async () => {
  const port = await freePort();
  const taken = createServer();
  taken.listen(port, FORWARDER);
  await once(taken, 'listening');
  await assert.rejects(startDnsForwarder(FORWARDER, [RESOLVER], port), { code: 'EADDRINUSE' });
  const again = await udpSocket(FORWARDER, port);
  again.close();
  taken.close();
});
