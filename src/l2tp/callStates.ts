/** The four call state machines, row by row. RFC 2661 §7.4.1, §7.4.2, §7.5.1, §7.5.2. */

import type { Row } from './stateTable.ts';

export type CallState = 'idle' | 'waitTunnel' | 'waitReply' | 'waitConnect' | 'waitCsAnswer' | 'established';

/** A plain message name is one that was acceptable. */
export type CallEvent =
  /** A bearer rings, or the owner wants a call. */
  | 'openRequest'
  | 'tunnelOpen'
  /** The bearer drops, or the owner wants the call ended. */
  | 'closeRequest'
  | 'bearerAnswer'
  | 'bearerFailure'
  | CallMessage
  | `${Exclude<CallMessage, 'CDN'>} unacceptable`;

export type CallMessage = 'ICRQ' | 'ICRP' | 'ICCN' | 'OCRQ' | 'OCRP' | 'OCCN' | 'CDN';

export type CallAction =
  | 'openTunnel'
  | 'openBearer'
  | 'prepareForData'
  | 'sendIcrq'
  | 'sendIcrp'
  | 'sendIccn'
  | 'sendOcrq'
  | 'sendOcrp'
  | 'sendOccn'
  | 'sendCdn'
  | 'cleanUp';

export type CallTable = readonly Row<CallState, CallEvent, CallAction>[];

// biome-ignore format: one row a line, in the RFC's order
/** RFC 2661 §7.4.1. */
const incomingLac: CallTable = [
  { from: ['idle'],        on: ['openRequest'],          do: ['openTunnel'],         to: 'waitTunnel' },
  { from: ['idle'],        on: ['ICCN', 'ICRP', 'CDN'],  do: ['cleanUp'],            to: 'idle' },
  { from: ['waitTunnel'],  on: ['closeRequest'],         do: ['cleanUp'],            to: 'idle' },
  { from: ['waitTunnel'],  on: ['tunnelOpen'],           do: ['sendIcrq'],           to: 'waitReply' },
  { from: ['waitReply'],   on: ['ICRP'],                 do: ['sendIccn'],           to: 'established' },
  { from: ['waitReply'],   on: ['ICRP unacceptable'],    do: ['sendCdn', 'cleanUp'], to: 'idle' },
  { from: ['waitReply'],   on: ['ICRQ'],                 do: ['sendCdn', 'cleanUp'], to: 'idle' },
  { from: ['waitReply'],   on: ['CDN', 'ICCN'],          do: ['cleanUp'],            to: 'idle' },
  { from: ['waitReply'],   on: ['closeRequest'],         do: ['sendCdn', 'cleanUp'], to: 'idle' },
  { from: ['established'], on: ['CDN'],                  do: ['cleanUp'],            to: 'idle' },
  { from: ['established'], on: ['ICRQ', 'ICRP', 'ICCN'], do: ['sendCdn', 'cleanUp'], to: 'idle' },
  { from: ['established'], on: ['closeRequest'],         do: ['sendCdn', 'cleanUp'], to: 'idle' },
];

// biome-ignore format: one row a line, in the RFC's order
/** RFC 2661 §7.4.2. */
const incomingLns: CallTable = [
  { from: ['idle'],        on: ['ICRQ'],                 do: ['sendIcrp'],           to: 'waitConnect' },
  { from: ['idle'],        on: ['ICRQ unacceptable'],    do: ['sendCdn', 'cleanUp'], to: 'idle' },
  { from: ['idle'],        on: ['ICRP'],                 do: ['sendCdn', 'cleanUp'], to: 'idle' },
  { from: ['idle'],        on: ['ICCN'],                 do: ['cleanUp'],            to: 'idle' },
  { from: ['waitConnect'], on: ['ICCN'],                 do: ['prepareForData'],     to: 'established' },
  { from: ['waitConnect'], on: ['ICCN unacceptable'],    do: ['sendCdn', 'cleanUp'], to: 'idle' },
  { from: ['waitConnect'], on: ['ICRQ', 'ICRP'],         do: ['sendCdn', 'cleanUp'], to: 'idle' },
  { from: ['idle', 'waitConnect', 'established'],
                           on: ['CDN'],                  do: ['cleanUp'],            to: 'idle' },
  { from: ['waitConnect', 'established'],
                           on: ['closeRequest'],         do: ['sendCdn', 'cleanUp'], to: 'idle' },
  { from: ['established'], on: ['ICRQ', 'ICRP', 'ICCN'], do: ['sendCdn', 'cleanUp'], to: 'idle' },
];

// biome-ignore format: one row a line, in the RFC's order
/** RFC 2661 §7.5.1. */
const outgoingLac: CallTable = [
  { from: ['idle'],         on: ['OCRQ'],                 do: ['sendOcrp', 'openBearer'], to: 'waitCsAnswer' },
  { from: ['idle'],         on: ['OCRQ unacceptable'],    do: ['sendCdn', 'cleanUp'],     to: 'idle' },
  { from: ['idle'],         on: ['OCRP'],                 do: ['sendCdn', 'cleanUp'],     to: 'idle' },
  { from: ['idle'],         on: ['OCCN', 'CDN'],          do: ['cleanUp'],                to: 'idle' },
  { from: ['waitCsAnswer'], on: ['bearerAnswer'],         do: ['sendOccn'],               to: 'established' },
  { from: ['waitCsAnswer'], on: ['bearerFailure'],        do: ['sendCdn', 'cleanUp'],     to: 'idle' },
  { from: ['waitCsAnswer'], on: ['OCRQ', 'OCRP', 'OCCN'], do: ['sendCdn', 'cleanUp'],     to: 'idle' },
  { from: ['established'],  on: ['OCRQ', 'OCRP', 'OCCN'], do: ['sendCdn', 'cleanUp'],     to: 'idle' },
  { from: ['waitCsAnswer', 'established'],
                            on: ['CDN'],                  do: ['cleanUp'],                to: 'idle' },
  { from: ['established'],  on: ['closeRequest'],         do: ['sendCdn', 'cleanUp'],     to: 'idle' },
];

// biome-ignore format: one row a line, in the RFC's order
/** RFC 2661 §7.5.2. */
const outgoingLns: CallTable = [
  { from: ['idle'],        on: ['openRequest'],          do: ['openTunnel'],         to: 'waitTunnel' },
  { from: ['idle'],        on: ['OCCN', 'OCRP', 'CDN'],  do: ['cleanUp'],            to: 'idle' },
  { from: ['waitTunnel'],  on: ['tunnelOpen'],           do: ['sendOcrq'],           to: 'waitReply' },
  { from: ['waitReply'],   on: ['OCRP'],                 do: [],                     to: 'waitConnect' },
  { from: ['waitReply'],   on: ['OCRP unacceptable'],    do: ['sendCdn', 'cleanUp'], to: 'idle' },
  { from: ['waitReply'],   on: ['OCCN', 'OCRQ'],         do: ['sendCdn', 'cleanUp'], to: 'idle' },
  { from: ['waitConnect'], on: ['OCCN'],                 do: [],                     to: 'established' },
  { from: ['waitConnect'], on: ['OCRQ', 'OCRP'],         do: ['sendCdn', 'cleanUp'], to: 'idle' },
  { from: ['idle', 'waitReply', 'waitConnect', 'established'],
                           on: ['CDN'],                  do: ['cleanUp'],            to: 'idle' },
  { from: ['established'], on: ['OCRQ', 'OCRP', 'OCCN'], do: ['sendCdn', 'cleanUp'], to: 'idle' },
  { from: ['waitReply', 'waitConnect', 'established'],
                           on: ['closeRequest'],         do: ['sendCdn', 'cleanUp'], to: 'idle' },
  { from: ['waitTunnel'],  on: ['closeRequest'],         do: ['cleanUp'],            to: 'idle' },
];

export const callTables = { incomingLac, incomingLns, outgoingLac, outgoingLns } as const;

export type CallMachine = keyof typeof callTables;
