export { CONNECTION_TIMES, Connection, type ConnectionParts, type ConnectionTimes } from './connection.ts';
export { failureText, type LogEntry } from './log.ts';
export type { ConnectionOutput } from './output.ts';
export { type Milestone, type Phase, SessionRecord, type SessionView } from './record.ts';
