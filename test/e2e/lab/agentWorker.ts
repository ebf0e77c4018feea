/** The thread behind an `Agent`: all its sockets are made here, so they belong to the thread's namespace. */

import { createHash } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { Resolver } from 'node:dns/promises';
import { createServer, type IncomingMessage, request } from 'node:http';
import { parentPort } from 'node:worker_threads';
import { type Transfer, testBytes } from './agent.ts';

const DNS_HEADER_BYTES = 12;
const SECONDS_OF_SILENCE = 10;

const calls = {
  serveHttp: (port: number) =>
    new Promise<void>((resolve, reject) => {
      const server = createServer(async (call, answer) => {
        answer.setHeader('x-seen-from', call.socket.remoteAddress ?? '');
        if (call.method === 'PUT') answer.end((await digest(call)).sha256);
        else answer.end(testBytes(Number(call.url?.slice(1))));
      });
      server.once('error', reject);
      server.listen(port, '0.0.0.0', resolve);
    }),

  get: async (url: string): Promise<Transfer> => {
    const begin = performance.now();
    const answer = await ask(url, 'GET');
    const { bytes, sha256 } = await digest(answer);
    return { bytes, sha256, milliseconds: performance.now() - begin, seenFrom: seenFrom(answer) };
  },

  put: async (url: string, bytes: number): Promise<Transfer> => {
    const body = testBytes(bytes);
    const begin = performance.now();
    const answer = await ask(url, 'PUT', body);
    let sha256 = '';
    for await (const chunk of answer) sha256 += chunk;
    return { bytes, sha256, milliseconds: performance.now() - begin, seenFrom: seenFrom(answer) };
  },

  serveDns: (address: string, answer: string) =>
    new Promise<void>((resolve, reject) => {
      const socket = createSocket('udp4');
      socket.once('error', reject);
      socket.on('message', (question, from) => socket.send(dnsAnswer(question, answer), from.port, from.address));
      socket.bind(53, address, resolve);
    }),

  resolve: (server: string, name: string): Promise<string[]> => {
    const resolver = new Resolver({ timeout: 2000, tries: 2 });
    resolver.setServers([server]);
    return resolver.resolve4(name);
  },
};

export type AgentCalls = typeof calls;

parentPort?.on('message', async ({ id, name, words }: { id: number; name: keyof AgentCalls; words: never[] }) => {
  try {
    const call = calls[name] as (...words: never[]) => unknown;
    parentPort?.postMessage({ id, result: await call(...words) });
  } catch (error) {
    parentPort?.postMessage({ id, error: `${name} ${words.join(' ')}: ${String(error)}` });
  }
});

function ask(url: string, method: string, body?: Buffer): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const call = request(url, { method, agent: false, timeout: SECONDS_OF_SILENCE * 1000 }, resolve);
    call.once('timeout', () => call.destroy(new Error(`nothing for ${SECONDS_OF_SILENCE} s`)));
    call.once('error', reject);
    call.end(body);
  });
}

async function digest(stream: IncomingMessage): Promise<{ bytes: number; sha256: string }> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of stream) {
    hash.update(chunk);
    bytes += chunk.length;
  }
  return { bytes, sha256: hash.digest('hex') };
}

const seenFrom = (answer: IncomingMessage): string => String(answer.headers['x-seen-from']);

/** The question, and one A record behind it that points to the name in it. RFC 1035 §4.1. */
function dnsAnswer(question: Buffer, address: string): Buffer {
  const head = Buffer.from(question.subarray(0, DNS_HEADER_BYTES));
  head.writeUInt16BE(0x8180, 2);
  head.writeUInt16BE(1, 6);
  head.fill(0, 8);
  let end = DNS_HEADER_BYTES;
  while (question[end] !== 0) end += question[end]! + 1;
  const record = [0xc0, DNS_HEADER_BYTES, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, ...address.split('.').map(Number)];
  return Buffer.concat([head, question.subarray(DNS_HEADER_BYTES, end + 5), Buffer.from(record)]);
}
