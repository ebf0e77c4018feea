/**
 * L2TPv2 (RFC 2661): the socket core for both roles, the message codecs, and the data message functions.
 * @module
 */

export { stopUnknownTunnel } from './answers.ts';
export {
  type AvpDefinition,
  type AvpName,
  type AvpValue,
  type AvpValues,
  avpNameOf,
  avps,
  Bearer,
  type CallErrors,
  Framing,
  ProxyAuthenType,
  type ResultCode,
} from './avps.ts';
export { type CallMachine, callTables } from './callStates.ts';
export {
  type ChannelConfig,
  ControlChannel,
  fullCycle,
  type Outgoing,
  type Receipt,
  type Transmission,
} from './channel.ts';
export { type L2tpConfig, type L2tpSettings, l2tpConfig } from './config.ts';
export type { L2tpEnvironment } from './context.ts';
export {
  type DataHeader,
  dataHeaderBytes,
  encodeData,
  MAXIMUM_DATA_HEADER_BYTES,
  newDataHeader,
  readDataHeader,
  writeDataHeader,
} from './dataMessage.ts';
export {
  type ControlMessage,
  Flag,
  isControl,
  type L2tpMessage,
  readControlMessage,
  readMessage,
  writeControlMessage,
  writeMessage,
} from './header.ts';
export { type Hiding, hide, unhide } from './hiding.ts';
export {
  type AvpFault,
  decodeMessage,
  encodeMessage,
  MAXIMUM_AVPS,
  type MessageBody,
  messages,
  type ReceivedMessage,
  type SendHiding,
} from './messages.ts';
export { type MessageName, MessageType, messageNameOf } from './messageType.ts';
export type {
  L2tpCommand,
  L2tpFrame,
  L2tpMilestone,
  L2tpOutput,
  L2tpSend,
  SessionDown,
  SessionId,
  SessionUp,
  TunnelDown,
  TunnelId,
  TunnelUp,
} from './output.ts';
export { CallResult, failureOf, GeneralError, StopResult } from './resultCodes.ts';
export { L2tpSocket } from './socket.ts';
export { mermaidOf, type Row, rowFor } from './stateTable.ts';
export { traceOf } from './summary.ts';
export { challengeResponse, verifyResponse } from './tunnelAuthentication.ts';
export { tunnelTable } from './tunnelStates.ts';
