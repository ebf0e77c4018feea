/**
 * What the control plane and the data plane say to each other. Plain records: they cross a thread boundary.
 * The data plane owns the sockets and the TUN device; whatever is not a user's packet it hands up.
 */

import type { Endpoint } from '../core/index.ts';
import type { EspKeys, EspSuite } from '../esp/suite.ts';

/**
 * One peer's path: everything that arrives through its ESP SAs (or, unprotected, from its address and port) is an
 * L2TP socket of its own, whatever inner addresses, ports and ids others use. Chosen by the control plane.
 */
export type ChannelId = number;

/** An established session as the data plane knows it; index into the shared counters. */
export type SessionSlot = number;

export interface ChannelRecord {
  readonly channel: ChannelId;
  /** 'none' is L2TP without IPsec; 'udp' is ESP in UDP 4500; 'esp' is IP protocol 50. */
  readonly protection: 'none' | 'udp' | 'esp';
  readonly local: Endpoint;
  readonly remote: Endpoint;
  /** L2TP's UDP ports inside the protection. The remote one follows what authenticated packets show. */
  readonly localL2tpPort: number;
  readonly remoteL2tpPort: number;
}

export interface SaRecord {
  readonly channel: ChannelId;
  readonly inboundSpi: number;
  readonly outboundSpi: number;
  readonly mode: 'transport' | 'tunnel';
  readonly suite: EspSuite;
  readonly inboundKeys: EspKeys;
  readonly outboundKeys: EspKeys;
  /** Packets that the anti-replay window spans. */
  readonly replayWindow: number;
  /**
   * The peer may truncate HMAC-SHA2-256 to 96 bits instead of 128: the first authentic packet shows which, and decides
   * for both directions.
   */
  readonly shortIcv?: boolean;
  /** Bytes of ESP in either direction after which a successor is wanted, and after which the SA is used up. */
  readonly renewBytes?: number;
  readonly mostBytes?: number;
  /** Sequence numbers are of 64 bits, of which packets carry the low half (RFC 4304). Default false. */
  readonly extendedSequence?: boolean;
}

/** A token bucket: what a session may carry in one direction, counted in bytes of inner IP packets. */
export interface RateLimit {
  readonly bitsPerSecond: number;
  /** Bytes that may pass at once; at least one packet of the MTU's size always may. Absent: a tenth of a second's. */
  readonly burstBytes?: number;
}

/** What a session lets pass and how large: of sessions over L2TP and of those of IKEv2's tunnel mode alike. */
export interface InnerPath {
  /**
   * The only inner IPv4 source address that the peer may use, and where packets for it go. Where neither this nor
   * `peerPrefixes` is given, any address may be the peer's (client role).
   */
  readonly peerAddress?: string;
  /** The same for IPv6: prefixes or single addresses, as text. */
  readonly peerPrefixes?: readonly string[];
  /** Whether IPv6 passes at all. Default: where `peerPrefixes` is given. */
  readonly ipv6?: boolean;
  /** Largest inner IP packet towards the peer (its MRU, and what fits the outer path), bytes. */
  readonly mtuToPeer: number;
  /** Largest TCP segment for either direction of IPv4; IPv6 is 20 less. Bytes. */
  readonly mss: number;
  readonly limitToPeer?: RateLimit;
  readonly limitFromPeer?: RateLimit;
}

/** Data messages with sequence numbers that came early wait for those before them. RFC 2661 §5.4 and appendix C. */
export interface ReorderBounds {
  readonly packets: number;
  readonly milliseconds: number;
}

export interface SessionParameters extends InnerPath {
  readonly slot: SessionSlot;
  readonly channel: ChannelId;
  readonly localTunnel: number;
  readonly localSession: number;
  readonly peerTunnel: number;
  readonly peerSession: number;
  /** Send Ns/Nr in data messages. */
  readonly sequencing: boolean;
  readonly lengthBit: boolean;
  /** Prefix frames with FF 03 / send one-byte protocol numbers. */
  readonly sendAddressControl: boolean;
  readonly compressProtocol: boolean;
  /** LCP's Echo-Requests are answered with this magic number; absent: they are handed up. */
  readonly magic?: number;
  /** LAC without Sequencing Required: numbers are sent as long as the peer, the LNS, sends them. Default false. */
  readonly followSequencing?: boolean;
  /** Absent: messages are passed on in the order in which they come, late ones and repeated ones are not. */
  readonly reorder?: ReorderBounds;
}

/** A traffic selector: a range of addresses and of ports; protocol 0 is any. RFC 7296 §3.13.1. */
export interface InnerSelector {
  readonly first: string;
  readonly last: string;
  readonly protocol: number;
  readonly firstPort: number;
  readonly lastPort: number;
}

/**
 * A session without L2TP and PPP: IP packets stand in the channel's SAs of mode 'tunnel' themselves (next header 4 and
 * 41). A channel carries either one of these or sessions over L2TP.
 */
export interface TunnelSessionParameters extends InnerPath {
  readonly slot: SessionSlot;
  readonly channel: ChannelId;
  /** What inner packets must fit in both directions: on our side and on the peer's. Absent: any. */
  readonly localSelectors?: readonly InnerSelector[];
  readonly remoteSelectors?: readonly InnerSelector[];
  /** The outer DSCP: the inner packet's (RFC 4301 §5.1.2.1), or always this. ECN is RFC 6040's. Default 'copy'. */
  readonly dscp?: 'copy' | number;
}

export type DataPlaneCommand =
  | { readonly type: 'openChannel'; readonly record: ChannelRecord }
  | {
      readonly type: 'moveChannel';
      readonly channel: ChannelId;
      readonly local: Endpoint;
      readonly remote: Endpoint;
      /** Default: as before. */
      readonly protection?: 'udp' | 'esp';
    }
  /** From now on what the channel sends is whole or lost on its way (DF). Before: what is too long is fragmented. */
  | { readonly type: 'setDontFragment'; readonly channel: ChannelId; readonly dontFragment: boolean }
  | { readonly type: 'closeChannel'; readonly channel: ChannelId }
  | { readonly type: 'installSa'; readonly record: SaRecord }
  /** From now on the channel sends on this SA. Inbound works from `installSa` on. */
  | { readonly type: 'useSa'; readonly channel: ChannelId; readonly outboundSpi: number }
  | { readonly type: 'removeSa'; readonly inboundSpi: number }
  | { readonly type: 'openSession'; readonly session: SessionParameters }
  | { readonly type: 'openTunnelSession'; readonly session: TunnelSessionParameters }
  /** Replaces all of an open session's `InnerPath`; its counters, numbers and what waits stay. */
  | { readonly type: 'changeSession'; readonly slot: SessionSlot; readonly inner: InnerPath }
  | { readonly type: 'closeSession'; readonly slot: SessionSlot }
  /** An ISAKMP message; the data plane adds the non-ESP marker where `local.port` is the NAT-T port. */
  | {
      readonly type: 'sendIke';
      readonly local: Endpoint;
      readonly remote: Endpoint;
      readonly bytes: Uint8Array;
      /** As of `sendL2tp`. */
      readonly dontFragment?: boolean;
    }
  | { readonly type: 'sendKeepalive'; readonly local: Endpoint; readonly remote: Endpoint }
  /** A whole L2TP message (control, or a data message with a PPP control frame), protected as the channel is. */
  | {
      readonly type: 'sendL2tp';
      readonly channel: ChannelId;
      readonly bytes: Uint8Array;
      /** Whole or not at all, whatever holds for the channel: a probe of the path MTU. */
      readonly dontFragment?: boolean;
      /** Where the peer may be as well; nobody has proved it. Default: where the channel sends to. */
      readonly remote?: Endpoint;
    }
  /** An IP packet of the control plane's own (a router advertisement) into a session. */
  | { readonly type: 'sendPacket'; readonly slot: SessionSlot; readonly bytes: Uint8Array }
  /**
   * Client-to-client traffic inside the gateway: allowed or dropped. `localAddress` and `localAddress6` are the
   * gateway's inner addresses, the source of the ICMP errors that it sends into the tunnels.
   */
  | {
      readonly type: 'configure';
      readonly clientToClient: boolean;
      readonly localAddress?: string;
      readonly localAddress6?: string;
    };

export type DataPlaneEvent =
  | { readonly type: 'ike'; readonly local: Endpoint; readonly remote: Endpoint; readonly bytes: Uint8Array }
  /**
   * An L2TP message that is not a user's packet: a control message, a data message for a session that is not open,
   * or one with a PPP protocol other than those of open sessions' packets. `channel` is undefined for unprotected L2TP from an unknown peer.
   */
  | {
      readonly type: 'l2tp';
      readonly channel: ChannelId | undefined;
      readonly local: Endpoint;
      readonly remote: Endpoint;
      readonly bytes: Uint8Array;
    }
  /**
   * A whole IPv6 packet of the peer that is between the two ends of the link alone: a router solicitation, a router
   * advertisement or a neighbor solicitation (RFC 4861 §4), its checksum verified. Answered with `sendPacket`.
   */
  | { readonly type: 'neighborDiscovery'; readonly slot: SessionSlot; readonly bytes: Uint8Array }
  /** The first user's packet of a session in each direction, for the timeline. */
  | { readonly type: 'firstPacket'; readonly slot: SessionSlot; readonly direction: 'fromPeer' | 'toPeer' }
  /**
   * A packet that was not to be fragmented was too long for its path: ICMP, or the kernel's own device, said so. Nobody
   * has authenticated that. Rate-limited by the data plane.
   */
  | {
      readonly type: 'pathMtu';
      /** Where the packet went; port 0 for native ESP. */
      readonly remote: Endpoint;
      /** Bytes of the largest outer IP packet. */
      readonly mtu: number;
      /** Who said so, an address; absent for our own kernel. */
      readonly from?: string;
      /** Of the ESP packet, where the error quoted it. */
      readonly spi?: number;
    }
  /**
   * A NAT keepalive, which nobody has authenticated: said once a minute of each place at most, for it is told apart from
   * those of peers that are known there by the control plane alone. Rate-limited by the data plane.
   */
  | { readonly type: 'keepalive'; readonly local: Endpoint; readonly remote: Endpoint }
  /** ESP for an SPI that is not installed. Rate-limited by the data plane. */
  | {
      readonly type: 'unknownSpi';
      readonly spi: number;
      /** Of the ESP packet. */
      readonly bytes: number;
      readonly local: Endpoint;
      readonly remote: Endpoint;
    }
  /** An authenticated packet came on a newer SA of the channel: the peer has switched. */
  | { readonly type: 'saUsed'; readonly channel: ChannelId; readonly inboundSpi: number }
  /**
   * An authenticated packet of the channel came from another address or port than it sends to: a NAT has moved the
   * peer. Said once for each new place; nothing changes before `moveChannel`.
   */
  | {
      readonly type: 'channelMoved';
      readonly channel: ChannelId;
      readonly local: Endpoint;
      readonly remote: Endpoint;
    }
  /**
   * An SA reached a bound: its sequence numbers run out ('sequence': 90 % used, 'exhausted': nothing is sent any more),
   * or it has carried `renewBytes` ('bytes') or `mostBytes` ('usedUp'; it works until `removeSa`).
   */
  | {
      readonly type: 'saExpiring';
      readonly channel: ChannelId;
      readonly inboundSpi: number;
      readonly why: 'sequence' | 'exhausted' | 'bytes' | 'usedUp';
    }
  /** Refused packets since the last event of that code and peer; at most one a second each. */
  | {
      readonly type: 'dropped';
      readonly code: string;
      readonly reason: string;
      readonly remote?: Endpoint;
      readonly count: number;
    };

/** Where each session's counters stand in the shared `Float64Array`: `slot * COUNTERS_PER_SESSION + …`. */
export const Counter = {
  packetsFromPeer: 0,
  bytesFromPeer: 1,
  packetsToPeer: 2,
  bytesToPeer: 3,
  /** Any authenticated inbound message of the session, control frames too. */
  messagesFromPeer: 4,
  dropped: 5,
  /** Of `dropped`: for a rate limit, either direction. */
  limited: 6,
  /** Of `dropped`: sequenced data messages that came too late or twice. */
  late: 7,
  /** When the newest of `messagesFromPeer` came, by the clock that all threads share; 0 before the first. */
  heardAt: 8,
} as const;
export const COUNTERS_PER_SESSION = 9;

/** The data plane as the control plane holds it, whatever thread or simulation is behind it. */
export interface DataPlane {
  post(command: DataPlaneCommand): void;
  /** Shared with the data plane and written by it alone. */
  readonly counters: Float64Array;
  close(): Promise<void>;
}
