/**
 * Relays DNS questions of VPN clients to a resolver that only this host can reach (a loopback stub, or one with an
 * IPv6 address, which IPCP cannot hand out). It reads no more of DNS than the two bytes of the id. RFC 1035 §4.1.1, §4.2.
 */

import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { connect, createServer, isIPv6, type Server, type Socket as TcpSocket } from 'node:net';

const DNS_PORT = 53;
/** Questions waiting for an answer; more are dropped and the clients ask again. */
const MOST_PENDING = 512;
const MOST_TCP_CONNECTIONS = 64;
const ANSWER_WITHIN_MS = 5_000;
const MOST_QUESTION_BYTES = 1500;

export interface DnsForwarder {
  close(): Promise<void>;
}

/**
 * @param address where to listen, an address of this host that clients reach
 * @param upstream resolvers in order; the next is tried when one cannot be reached
 * @throws Error when port 53 of `address` cannot be bound
 */
export async function startDnsForwarder(
  address: string,
  upstream: readonly string[],
  port = DNS_PORT,
  upstreamPort = DNS_PORT,
): Promise<DnsForwarder> {
  const udp = createSocket('udp4');
  await new Promise<void>((resolve, reject) => {
    udp.once('error', reject);
    udp.bind(port, address, () => {
      udp.off('error', reject);
      resolve();
    });
  });
  udp.on('error', () => {});
  const pending = new Set<Socket>();
  udp.on('message', (question, from) => relay(udp, question, from, upstream, upstreamPort, pending));
  const connections = new Set<TcpSocket>();
  const tcp = await listenTcp(address, upstream, port, upstreamPort, connections).catch((error: Error) => {
    udp.close();
    throw error;
  });
  return {
    close: async () => {
      for (const socket of pending) socket.close();
      pending.clear();
      for (const socket of connections) socket.destroy();
      await new Promise<void>((resolve) => udp.close(() => resolve()));
      await new Promise<void>((resolve) => tcp.close(() => resolve()));
    },
  };
}

/** A socket per question: its random source port is what protects the answer from being forged. */
function relay(
  udp: Socket,
  question: Uint8Array,
  from: RemoteInfo,
  upstream: readonly string[],
  port: number,
  pending: Set<Socket>,
): void {
  if (pending.size >= MOST_PENDING || question.length < 12 || question.length > MOST_QUESTION_BYTES) return;
  const [server, ...others] = upstream;
  if (server === undefined) return;
  const socket = createSocket(isIPv6(server) ? 'udp6' : 'udp4');
  pending.add(socket);
  const done = () => {
    clearTimeout(timer);
    if (pending.delete(socket)) socket.close();
  };
  const tryNext = () => {
    if (!pending.has(socket)) return;
    done();
    relay(udp, question, from, others, port, pending);
  };
  const timer = setTimeout(tryNext, ANSWER_WITHIN_MS / upstream.length);
  timer.unref();
  socket.on('error', tryNext);
  socket.on('message', (answer) => {
    if (answer.length < 12 || answer[0] !== question[0] || answer[1] !== question[1]) return;
    udp.send(answer, from.port, from.address, () => {});
    done();
  });
  socket.connect(port, server, () => socket.send(question, () => {}));
}

async function listenTcp(
  address: string,
  upstream: readonly string[],
  port: number,
  upstreamPort: number,
  connections: Set<TcpSocket>,
): Promise<Server> {
  const server = createServer((client) => {
    keep(client, connections);
    client.on('error', () => client.destroy());
    relayTcp(client, upstream, upstreamPort, connections);
  });
  server.maxConnections = MOST_TCP_CONNECTIONS;
  server.unref();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, address, resolve);
  });
  return server;
}

function relayTcp(client: TcpSocket, upstream: readonly string[], port: number, connections: Set<TcpSocket>): void {
  const [server, ...others] = upstream;
  if (server === undefined) {
    client.destroy();
    return;
  }
  const resolver = connect(port, server);
  keep(resolver, connections);
  let connected = false;
  resolver.on('error', () => {
    resolver.destroy();
    if (!connected && !client.destroyed) relayTcp(client, others, port, connections);
  });
  resolver.on('connect', () => {
    connected = true;
    client.pipe(resolver);
    resolver.pipe(client);
    resolver.on('close', () => client.destroy());
  });
  client.on('close', () => resolver.destroy());
}

function keep(socket: TcpSocket, connections: Set<TcpSocket>): void {
  connections.add(socket);
  socket.setTimeout(ANSWER_WITHIN_MS, () => socket.destroy());
  socket.on('close', () => connections.delete(socket));
}
