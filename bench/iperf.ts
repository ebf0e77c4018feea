/** Traffic by iperf3 between the two sides. */

import { type Daemon, runAside, startDaemon, until } from './command.ts';
import type { Network } from './network.ts';

/** Where commands run: two sides that a tunnel joins. */
export type Sides = Pick<Network, 'at'>;

/** The server of iperf3, on all addresses of the server's side. */
export async function startIperf(network: Sides): Promise<Daemon> {
  const daemon = startDaemon(network.at('server', 'iperf3', '-s', '--forceflush'));
  await until('iperf3 listens', 5, () => daemon.output().includes('listening'));
  return daemon;
}

export type Direction = 'up' | 'down';

export interface TcpOptions {
  readonly address: string;
  readonly flows: number;
  readonly direction: Direction;
  readonly seconds: number;
}

interface TcpReport {
  readonly end: { readonly sum_received: { readonly bits_per_second: number; readonly bytes: number } };
}

/** @returns what the receiver got */
export async function tcp(network: Sides, options: TcpOptions): Promise<{ gigabits: number; bytes: number }> {
  const { address, flows, direction, seconds } = options;
  const words = ['iperf3', '-c', address, '-J', '-t', String(seconds), '-P', String(flows)];
  const text = await runAside(network.at('client', ...words, ...(direction === 'down' ? ['-R'] : [])), seconds + 20);
  const { sum_received: received } = (JSON.parse(text) as TcpReport).end;
  return { gigabits: received.bits_per_second / 1e9, bytes: received.bytes };
}

interface UdpReport {
  readonly end: {
    readonly sum: { readonly seconds: number; readonly packets: number; readonly lost_packets: number };
  };
}

/** Bytes of IPv4 and UDP headers. */
const HEADERS = 28;

/** Offers packets of `bytes` as fast as iperf3 can, or at `rate` packets a second. */
export async function udp(
  network: Sides,
  { address, bytes, seconds, rate }: { address: string; bytes: number; seconds: number; rate?: number },
): Promise<{ received: number; offered: number; loss: number }> {
  const payload = bytes - HEADERS;
  const bits = rate === undefined ? '0' : String(rate * payload * 8);
  const words = ['iperf3', '-u', '-c', address, '-J', '-t', String(seconds), '-l', String(payload), '-b', bits];
  const text = await runAside(network.at('client', ...words), seconds + 20);
  const { packets, lost_packets: lost, seconds: took } = (JSON.parse(text) as UdpReport).end.sum;
  return { received: (packets - lost) / took, offered: packets / took, loss: lost / Math.max(1, packets) };
}
