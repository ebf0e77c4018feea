/** Log entries that the compositions return: one entry is one JSON line, or one line for people. */

import type { Dropped, Failure, Instant, Layer, Trace } from '../core/index.ts';
import type { SessionRecord } from './record.ts';

export interface LogEntry {
  readonly type: 'log';
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly layer: Layer;
  /** Stable name of the event: `milestone`, `message`, `dropped`, `session-up`, `session-ended`, … */
  readonly event: string;
  /** The sentence for people. Never a secret. */
  readonly text: string;
  /** The session's id, once there is one. */
  readonly session?: string;
  readonly fields?: Readonly<Record<string, unknown>>;
}

/** How a failure reads: the reason as a sentence, and what to do. */
export function failureText({ reason, remedy }: Failure): string {
  const stop = /[.!?]$/.test(reason) ? '' : '.';
  const begin = STARTS_WITH_NAME.test(reason) ? reason.charAt(0) : reason.charAt(0).toUpperCase();
  const sentence = `${begin}${reason.slice(1)}${stop}`;
  return remedy === undefined ? sentence : `${sentence} ${remedy}`;
}

/** Keys of the configuration and host names, which are written as they are: `ike.authentication`, `psk_file`. */
const STARTS_WITH_NAME = /^[\w-]+[._[]\w/;

/** The log line of a protocol message, or of refused input. */
export function logEntry(output: Trace | Dropped): LogEntry {
  if (output.type === 'trace') {
    const { direction, summary, layer, fields } = output;
    return { type: 'log', level: 'debug', layer, event: 'message', text: summary, fields: { direction, ...fields } };
  }
  const { layer, code, reason, remote } = output;
  const fields = { code, ...(remote === undefined ? {} : { remote }) };
  return { type: 'log', level: 'warn', layer, event: 'dropped', text: reason, fields };
}

/** The log line of a layer's message or refused input, as one of the session. */
export function layerEntry(record: SessionRecord, output: Trace | Dropped): LogEntry {
  return { ...logEntry(output), session: record.id };
}

/** A line of the connection itself. */
export function sessionEntry(record: SessionRecord, level: LogEntry['level'], event: string, text: string): LogEntry {
  return { type: 'log', level, layer: 'session', event, text, session: record.id };
}

/** The first packet of a session's user in one direction. */
export function firstPacketEntry(record: SessionRecord, direction: 'fromPeer' | 'toPeer', now: Instant): LogEntry {
  const name = direction === 'fromPeer' ? 'first packet from the peer' : 'first packet to the peer';
  return milestoneEntry(record, name, now, undefined);
}

/** Puts a milestone on the record's timeline and returns its log line. */
export function milestoneEntry(
  record: SessionRecord,
  name: string,
  now: Instant,
  detail: string | undefined,
  layer: Layer = 'session',
): LogEntry {
  const milestone = record.stamp(name, now, detail);
  const text = detail === undefined ? name : `${name}: ${detail}`;
  return { type: 'log', level: 'info', layer, event: 'milestone', text, session: record.id, fields: { ...milestone } };
}
