/** PPP: a link in either role (`PppLink`), its pieces, and the judging of credentials. */

export { judgeCredentials, type Secret, WRONG_PASSWORD } from './auth/judge.ts';
export { type Event, State, type Transition, transition } from './automaton.ts';
export {
  authenticationMethods,
  DEFAULT_LOCAL_MRU,
  defaultTimers,
  type LocalCredentials,
  type NetworkConfig,
  type PppConfig,
  type PppEnvironment,
  type PppTimers,
} from './config.ts';
export {
  decodeFrame,
  encodeFrame,
  type Frame,
  headerLengthOf,
  NO_PROTOCOL,
  Protocol,
  protocolOf,
  readProtocol,
} from './frame.ts';
export { PppLink } from './link.ts';
export type * from './output.ts';
export {
  Code,
  decodeOptions,
  decodePacket,
  encodeOptions,
  encodePacket,
  type Packet,
  type RawOption,
} from './packet.ts';
export { packetText } from './packetText.ts';
