/** Refused packets: counted by code and peer, told to the control plane at most once a second each. */

import { espErrorName, espErrorReason } from '../esp/index.ts';
import type { DataPlaneEvent } from './messages.ts';
import { remoteEndpoint, remoteHash } from './peer.ts';
import type { Source } from './ports.ts';

const reasons = {
  malformed: 'the datagram ends before its headers do, or they contradict each other',
  'unknown-spi': 'ESP for a security association that is not installed',
  'unknown-peer': 'unprotected L2TP data from an address that has no tunnel',
  'tunnel-mode': 'an IP packet inside ESP: tunnel mode carries no L2TP here',
  'next-header': 'ESP that carries something else than UDP',
  'inner-port': 'UDP inside ESP for another port than that of L2TP',
  'session-not-open': 'an IP packet of an L2TP session that is not open',
  'too-many-messages': 'more messages for the control plane in a second than a peer may send',
  'inner-malformed': 'the IP packet inside the tunnel is of another version, or shorter than it says',
  'inner-source': 'the IP packet inside the tunnel comes from an address that is not the one assigned to the peer',
  'client-to-client': 'traffic between two clients, which the configuration forbids',
  'time-exceeded': 'the time to live of a packet between two clients ran out',
  'link-scope': 'an IPv6 packet for the link alone that is none of neighbor discovery',
  selectors: 'an IP packet that the traffic selectors of its session do not cover',
  'rate-limited': 'a packet beyond the rate that its session may have',
  'late-message': 'a data message with a sequence number that came before or is passed',
  'outer-congestion': 'a packet marked by congestion on the way, whose ends cannot be told of it',
  'not-ip': 'a packet from the TUN device that is no whole IP packet',
  'no-session': 'a packet from the TUN device to an address that no session has',
  'too-big': 'a packet that must not be fragmented and does not fit the tunnel',
  'no-outbound-sa': 'nothing can be sent: no security association is in use',
  'sa-exhausted': 'nothing can be sent: the security association has used all its sequence numbers',
} as const;

export type DropCode = keyof typeof reasons;

interface Entry {
  readonly code: string;
  readonly reason: string;
  readonly remote: { readonly address: string; readonly port: number } | undefined;
  count: number;
}

/** Pairs of code and peer told apart in one second; beyond, drops are counted by code alone. */
const MOST_ENTRIES = 512;

export class Drops {
  readonly #byCode = new Map<string, Map<number, Entry>>();
  #entries = 0;

  /** Whether there is something to tell. */
  get waiting(): boolean {
    return this.#byCode.size > 0;
  }

  count(code: DropCode, source: Source | undefined): void {
    this.#count(code, reasons[code], source);
  }

  /** @param error one of `EspError` */
  countEsp(error: number, source: Source | undefined): void {
    this.#count(espErrorName(error), espErrorReason(error), source);
  }

  /** Gives all that was counted since the last time. */
  flush(event: (event: DataPlaneEvent) => void): void {
    for (const entries of this.#byCode.values()) {
      for (const { remote, ...entry } of entries.values()) {
        event({ type: 'dropped', ...entry, ...(remote && { remote }) });
      }
    }
    this.#byCode.clear();
    this.#entries = 0;
  }

  #count(code: string, reason: string, source: Source | undefined): void {
    let entries = this.#byCode.get(code);
    if (entries === undefined) {
      entries = new Map();
      this.#byCode.set(code, entries);
    }
    const hash = source === undefined ? NO_PEER : remoteHash(source.family, source.remote, source.remotePort);
    const entry = entries.get(hash);
    if (entry !== undefined) entry.count++;
    else this.#add(entries, hash, code, reason, source);
  }

  #add(entries: Map<number, Entry>, hash: number, code: string, reason: string, source: Source | undefined): void {
    const full = this.#entries >= MOST_ENTRIES;
    const rest = full ? entries.get(NO_PEER) : undefined;
    if (rest !== undefined) {
      rest.count++;
      return;
    }
    const remote = full || source === undefined ? undefined : remoteEndpoint(source);
    entries.set(full ? NO_PEER : hash, { code, reason, remote, count: 1 });
    this.#entries++;
  }
}

/** A hash is a 32-bit integer, so this is none. */
const NO_PEER = 2 ** 32;
