/** EAP in both roles, for any carrier: `EapServer` and `EapPeer`, their methods, and what TLS must do for them. */

export type { Credentials, EapUserAnswer } from './credentials.ts';
export { FRAGMENT_BYTES } from './limits.ts';
export type {
  Decision,
  EapCredentials,
  EapEnvironment,
  EapKeys,
  EapMethod,
  EapMethodName,
  PeerMethod,
  PeerMethodParts,
  PeerTurn,
  ServerMethod,
  ServerMethodParts,
  ServerTurn,
} from './method.ts';
export {
  failureMessage,
  makeResponse,
  readFailureMessage,
  readResponse,
  UNPROVEN_SERVER,
} from './methods/msChapV2Message.ts';
export { eapMethodNames, eapMethods, isEapMethod } from './methods.ts';
export type * from './output.ts';
export { decodeEap, EapCode, type EapPacket, encodeEap, readNak, writeNak } from './packet.ts';
export { bodyText, eapText } from './packetText.ts';
export { EapPeer, type EapPeerConfig } from './peer.ts';
export { EapServer, type EapServerConfig } from './server.ts';
export type { TlsAsk, TlsEngine, TlsProgress, TlsVersion } from './tlsSession.ts';
export { type EapType, EapTypeNumber, ietf, typeText } from './type.ts';
