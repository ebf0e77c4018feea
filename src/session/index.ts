export { type CommonParts, commonParts } from './commonParts.ts';
export { Connection } from './connection.ts';
export { CONNECTION_TIMES, type ConnectionParts, type ConnectionTimes } from './connectionParts.ts';
export type { StackEnvironment } from './environment.ts';
export { failureText, type LogEntry } from './log.ts';
export type { ConnectionOutput } from './output.ts';
export { type Milestone, type Phase, SessionRecord, type SessionView } from './record.ts';
