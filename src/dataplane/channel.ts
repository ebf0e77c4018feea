/** What the packet path keeps per peer and security association. Mutable, flat, looked up by small integers. */

import type { Endpoint } from '../core/index.ts';
import type { InboundSa, OutboundSa } from '../esp/index.ts';
import { IpProtocol, sum16 } from '../net/index.ts';
import { ChannelSessions } from './channelSessions.ts';
import type { ChannelId, ChannelRecord, SaRecord } from './messages.ts';
import { newPeer, sharedEndpoint } from './peer.ts';
import type { Peer } from './ports.ts';
import { Rate, type Second } from './second.ts';
import type { Session } from './session.ts';

/**
 * Messages for the control plane that one peer may cause in a second. A tunnel with thousands of sessions needs
 * hundreds; a flood must not reach the thread that serves everyone.
 */
export const MESSAGES_PER_SECOND = 2000;

/** IP packets of sessions that are not open, of one peer in a second, that the control plane is shown. */
export const STRAY_PACKETS_PER_SECOND = 16;

const NO_SAS: readonly SaPair[] = [];

/** Sessions to be whose sequence numbers are remembered for one channel. */
const MOST_SEQUENCES = 4096;

export class Channel {
  readonly id: ChannelId;
  protection: ChannelRecord['protection'];
  readonly localL2tpPort: number;
  remoteL2tpPort: number;
  local: Endpoint;
  remote: Endpoint;
  peer: Peer;
  /** Sum of what the inner UDP checksum covers of the outer IPv6 header, but the length. 0 for IPv4: no checksum. */
  pseudoSum: number;
  /** The other place that authenticated packets came from, once told. */
  movedTo: Peer | undefined = undefined;
  /** The SA that is sent on. */
  sending: SaPair | undefined = undefined;
  sas: readonly SaPair[] = NO_SAS;
  readonly sessions = new ChannelSessions();
  /** The session without L2TP, whose packets stand in the SAs of tunnel mode. */
  tunnelSession: Session | undefined = undefined;
  /** Ns of the control plane's next sequenced data message, by the peer's ids, for sessions that are not open yet. */
  #nextSequence: Map<number, number> | undefined = undefined;
  readonly messages: Rate;
  readonly strays: Rate;
  /** Made when it is needed. */
  #byTos: Map<number, Peer> | undefined = undefined;
  #probed: Peer | undefined = undefined;

  /** @throws RangeError for addresses that do not read */
  constructor(record: ChannelRecord, second: Second) {
    this.id = record.channel;
    this.protection = record.protection;
    this.localL2tpPort = record.localL2tpPort;
    this.remoteL2tpPort = record.remoteL2tpPort;
    this.local = sharedEndpoint(record.local);
    this.remote = record.remote;
    this.peer = newPeer(record.local, record.remote);
    this.pseudoSum = pseudoSum(this.peer);
    this.messages = new Rate(second, MESSAGES_PER_SECOND);
    this.strays = new Rate(second, STRAY_PACKETS_PER_SECOND);
  }

  /** The same peer, for packets with another type of service than 0. Each is made once. */
  peerFor(tos: number): Peer {
    if (tos === 0) return this.peer;
    this.#byTos ??= new Map();
    let peer = this.#byTos.get(tos);
    if (peer === undefined) {
      peer = { ...this.peer, driver: undefined, tos };
      this.#byTos.set(tos, peer);
    }
    return peer;
  }

  /** The same peer, for packets that are whole or lost whatever holds for the channel. */
  get probed(): Peer {
    this.#probed ??= { ...this.peer, driver: undefined, dontFragment: true };
    return this.#probed;
  }

  setDontFragment(dontFragment: boolean): void {
    if ((this.peer.dontFragment ?? false) === dontFragment) return;
    this.peer = { ...this.peer, driver: undefined, dontFragment };
    this.#byTos = undefined;
  }

  /** What the numbers of a session's data messages go on with. */
  nextSequence(peerIds: number): number {
    return this.#nextSequence?.get(peerIds) ?? 0;
  }

  /** @param next undefined where the session is open and counts itself */
  setNextSequence(peerIds: number, next: number | undefined): void {
    if (next === undefined) {
      this.#nextSequence?.delete(peerIds);
      return;
    }
    this.#nextSequence ??= new Map();
    this.#nextSequence.set(peerIds, next);
    if (this.#nextSequence.size > MOST_SEQUENCES) {
      this.#nextSequence.delete(this.#nextSequence.keys().next().value!);
    }
  }

  /** @throws RangeError for addresses that do not read; then nothing has changed */
  move(local: Endpoint, remote: Endpoint, protection = this.protection): void {
    this.peer = newPeer(local, remote);
    this.protection = protection;
    this.pseudoSum = pseudoSum(this.peer);
    this.local = sharedEndpoint(local);
    this.remote = remote;
    this.movedTo = undefined;
    this.#byTos = undefined;
    this.#probed = undefined;
  }
}

/** The two ESP SAs that were installed together. */
export interface SaPair {
  readonly channel: Channel;
  inbound: InboundSa;
  outbound: OutboundSa;
  /** While it is not known how long the peer's ICV is. */
  unpinned: SaRecord | undefined;
  shortTries: number;
  readonly isTunnelMode: boolean;
  /** Counts up with every installed pair: the newer has the larger. */
  readonly age: number;
  /** Bytes of ESP so far, and the next number of them to be told. */
  received: number;
  sent: number;
  tellAt: number;
  readonly mostBytes: number;
  usedTold: boolean;
  expiringTold: boolean;
  exhaustedTold: boolean;
}

function pseudoSum({ family, local, remote }: Peer): number {
  return family === 4 ? 0 : sum16(local, 0, 16) + sum16(remote, 0, 16) + IpProtocol.udp;
}
