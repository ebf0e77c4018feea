/** What a connection is put together from: the cores of the layers, and how long each stage may take. */

import type { Core, Endpoint, Instant, Milliseconds } from '../core/index.ts';
import type { ChannelId, ReorderBounds } from '../dataplane/messages.ts';
import type { EspSuite } from '../esp/suite.ts';
import type { IkeCommand, IkeDatagram, IkeOutput } from '../ike/output.ts';
import type { L2tpCommand, L2tpOutput, SessionUp } from '../l2tp/output.ts';
import type { LcpUp } from '../ppp/output.ts';
import type { PathMtuRules } from './pathMtu.ts';
import type { PppCore } from './pppSession.ts';
import type { SessionRecord } from './record.ts';
import type { Slots } from './slots.ts';

/** How many there are: IKE SAs, those of them that are not authenticated, and child SAs. */
export interface IkePopulation {
  readonly ikeSas: number;
  readonly halfOpen: number;
  readonly children: number;
}

export interface IkeCore extends Core<IkeCommand, IkeOutput> {
  readonly population: IkePopulation;
  /** Whether a Delete waits behind another request (IKEv2). */
  readonly owesGoodbye?: boolean;
  receive(datagram: IkeDatagram, now: Instant): readonly IkeOutput[];
}

export interface L2tpCore extends Core<L2tpCommand, L2tpOutput> {
  receive(bytes: Uint8Array, now: Instant): readonly L2tpOutput[];
}

/** How long each stage may take. Milliseconds. */
export interface ConnectionTimes {
  /** From the first ESP SA (or the first L2TP message) to an L2TP tunnel. Default 30 s. */
  readonly tunnel: Milliseconds;
  /** From the L2TP session to the first network protocol. Default 60 s. */
  readonly network: Milliseconds;
  /** How long a path without any L2TP session is kept. Default 10 s. */
  readonly idle: Milliseconds;
  /** How long an orderly end may take altogether. Default 8 s. */
  readonly close: Milliseconds;
  /** How long an IKE SA of IKEv2 is kept without any ESP SA. Default 30 s. */
  readonly childless: Milliseconds;
}

export const CONNECTION_TIMES: ConnectionTimes = {
  tunnel: 30_000,
  network: 60_000,
  idle: 10_000,
  close: 8_000,
  childless: 30_000,
};

/** After this long without an L2TP message the log says what that usually means. */
export const SILENT_L2TP_HINT: Milliseconds = 10_000;

/** What the inner path can carry: bytes of the largest inner IP packet, and of the largest TCP segment over IPv4. */
export interface PathPlan {
  readonly mtu: number;
  readonly mss: number;
}

/** What decides how large an inner packet may be. `suite` is absent without IPsec. */
export interface PathShape {
  readonly remote: Endpoint;
  readonly encapsulation: 'none' | 'udp' | 'esp';
  readonly suite: EspSuite | undefined;
  readonly sequencing: boolean;
  readonly lcp: LcpUp;
}

export interface ConnectionParts {
  /** Whether the path is IPsec's. */
  readonly protectedPath: boolean;
  readonly record: SessionRecord;
  readonly channel: ChannelId;
  readonly times: ConnectionTimes;
  /** Whether a peer is followed to the address and port that its authenticated packets come from. */
  readonly followPeers: boolean;
  readonly slots: Slots;
  /** The data plane's counters, read to learn whether the peer is alive. */
  readonly counters: Float64Array;
  /** @param protectedPath whether IPsec has proved where the peer is */
  makeL2tp(protectedPath: boolean): L2tpCore;
  makePpp(): PppCore;
  /** How long data messages with numbers wait for those before them; absent: not at all. */
  readonly reorder?: ReorderBounds | undefined;
  newId(): string;
  /** @param mtu of the outer path, as far as it is known */
  planPath(path: PathShape, mtu: number): PathPlan;
  readonly pathMtu: PathMtuRules;
  /** The same for a session of IKEv2's tunnel mode. */
  planTunnel(path: Pick<PathShape, 'remote' | 'encapsulation' | 'suite'>, mtu: number): PathPlan;
  /** Writes a frame of a session as an L2TP data message. */
  encodeFrame(call: SessionUp, frame: Uint8Array): Uint8Array;
}
