/** IKEv2 messages between bytes and payloads. */

export {
  DEFAULT_FRAGMENT_LIMITS,
  type FragmentLimits,
  FragmentReassembly,
  type FragmentResult,
} from './fragments.ts';
export {
  decodeHeader,
  HEADER_BYTES,
  IKE_SPI_BYTES,
  IkeHeader,
  isFromInitiator,
  isMajorVersion2,
  isResponse,
  majorVersionOf,
} from './header.ts';
export {
  all,
  assemble,
  decodeMessage,
  decodePayloads,
  encodeMessage,
  encodePayloadBody,
  encodePayloads,
  find,
  findNotify,
  MAX_MESSAGE_BYTES,
  MAX_PAYLOADS,
  type Message,
  type MessageHead,
  numberOf,
  type PayloadChain,
  type ProtectedPart,
  receivedBody,
  unsupportedCritical,
} from './message.ts';
export {
  intermediateOctets,
  type Opened,
  type OpenedPart,
  openMessage,
  openPart,
  plainRoomOf,
  type Sealing,
  sealMessage,
} from './protection.ts';
