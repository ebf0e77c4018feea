/** The Encapsulating Security Payload: security associations that seal and open packets in place. RFC 4303. */

export {
  BATCH_PACKETS,
  type CipherBatch,
  type NewPacketCipher,
  NOT_EXTENDED,
  type PacketCipher,
  packetCiphers,
} from './cipher.ts';
export { EspError, espErrorName, espErrorReason } from './errors.ts';
export { InboundSa, type InboundSaOptions, newOpened, type Opened } from './inboundSa.ts';
export {
  EXTENDED_SEQUENCE_LAST,
  OutboundSa,
  type OutboundSaOptions,
  SEQUENCE_LAST,
  SEQUENCE_WARNING,
} from './outboundSa.ts';
export { espLength, largestEspPayload, largestPayload, type OuterPath, paddingLength } from './overhead.ts';
export { RandomPool } from './randomPool.ts';
export { DEFAULT_REPLAY_WINDOW, ReplayWindow, SMALLEST_REPLAY_WINDOW } from './replayWindow.ts';
export type { EspEncryption, EspIntegrity, EspKeys, EspSuite } from './suite.ts';
export {
  ESP_HEADER_BYTES,
  ESP_TRAILER_BYTES,
  type EspGeometry,
  type EspKeyBytes,
  encryptionTransforms,
  espGeometry,
  espKeyBytes,
  integrityTransforms,
  NextHeader,
  suiteName,
} from './transforms.ts';
export { type EspSaLine, espSaLine } from './wireshark.ts';
