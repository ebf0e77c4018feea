/** The packet path UDP ⇄ ESP ⇄ L2TP ⇄ PPP ⇄ TUN, what it says to the control plane, and what it needs under it. */

export { MESSAGES_PER_SECOND, STRAY_PACKETS_PER_SECOND } from './channel.ts';
export type { DropCode } from './drops.ts';
export { type MemoryDatagram, MemoryDataPlane, type MemoryDataPlaneOptions } from './memory.ts';
export {
  type ChannelId,
  type ChannelRecord,
  COUNTERS_PER_SESSION,
  Counter,
  type DataPlane,
  type DataPlaneCommand,
  type DataPlaneEvent,
  type InnerPath,
  type InnerSelector,
  type RateLimit,
  type ReorderBounds,
  type SaRecord,
  type SessionParameters,
  type SessionSlot,
  type TunnelSessionParameters,
} from './messages.ts';
export { ICMP_ERRORS_PER_SECOND } from './outbound.ts';
export { PacketPath, type PacketPathOptions } from './path.ts';
export { newPeer } from './peer.ts';
export {
  type DataPlanePorts,
  HEADROOM,
  MOST_PACKET_BYTES,
  newSource,
  type PacketInput,
  type Peer,
  SCRATCH_BYTES,
  type SocketKind,
  type Source,
  TAILROOM,
} from './ports.ts';
export {
  IKE_MESSAGES_PER_SECOND,
  KEEPALIVE_SPAN,
  KEEPALIVES_PER_SECOND,
  UNKNOWN_L2TP_PER_SECOND,
  UNKNOWN_SPIS_PER_SECOND,
} from './strangers.ts';
