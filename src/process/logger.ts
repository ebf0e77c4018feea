/** The log: one JSON line an event, or lines for people. */

import { isatty } from 'node:tty';
import { pino, stdTimeFunctions } from 'pino';
import pretty from 'pino-pretty';
import type { LogEntry } from '../session/log.ts';

export type LogFormat = 'json' | 'pretty';
export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

export interface Log {
  /** Whether it takes what is said at level `debug`, such as traces. */
  readonly isVerbose: boolean;
  entry(entry: LogEntry): void;
  info(event: string, text: string, fields?: Record<string, unknown>): void;
  warn(event: string, text: string, fields?: Record<string, unknown>): void;
  error(event: string, text: string, fields?: Record<string, unknown>): void;
  /** Writes out what is buffered. */
  flush(): void;
}

/** Nothing should hand these to the log; should it happen, they are not written. */
const SECRETS: ReadonlySet<string> = new Set(['password', 'psk', 'secret', 'ntHash', 'passwordHash', 'sealedSecrets']);
const CENSORED = '(secret)';
const LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error'];

type Fields = Readonly<Record<string, unknown>>;
/** Takes a line: its fields in their order, and the sentence. */
type Write = (
  level: LogLevel,
  layer: string,
  event: string,
  fields: Fields | undefined,
  session: string | undefined,
  text: string,
) => void;

/**
 * A log on standard output, or on another file descriptor.
 * Lines carry `level`, `time` (ISO 8601), `layer`, `event`, `session` where there is one, `msg`, and the event's fields.
 */
export function makeLog(format: LogFormat, level: LogLevel, fd = 1): Log {
  const { write, flush } = format === 'json' ? jsonLines(fd) : linesForPeople(fd);
  const least = LEVELS.indexOf(level);
  const put = (at: LogLevel, event: string, text: string, fields?: Fields, layer = 'gateway', session?: string) => {
    if (LEVELS.indexOf(at) < least) return;
    write(at, layer, event, censored(fields), session, text);
  };
  return {
    isVerbose: level === 'debug',
    entry: ({ level: at, layer, event, text, session, fields }) => put(at, event, text, fields, layer, session),
    info: (event, text, fields) => put('info', event, text, fields),
    warn: (event, text, fields) => put('warn', event, text, fields),
    error: (event, text, fields) => put('error', event, text, fields),
    flush,
  };
}

/** The fields, and the fields of their objects, without what is called like a secret. */
function censored(fields: Fields | undefined, deeper = true): Fields | undefined {
  if (fields === undefined) return undefined;
  let copy: Record<string, unknown> | undefined;
  for (const name in fields) {
    const value = fields[name];
    const is = isSecret(name, value);
    const inner = deeper && !is && isPlainObject(value) ? censored(value, false) : value;
    if (!is && inner === value) continue;
    copy ??= { ...fields };
    copy[name] = is ? CENSORED : inner;
  }
  return copy ?? fields;
}

const isSecret = (name: string, value: unknown) => SECRETS.has(name) && value !== undefined;
const isPlainObject = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** One JSON object a line. Several times as fast as a library for it, which a busy gateway notices. */
function jsonLines(fd: number): { readonly write: Write; readonly flush: () => void } {
  const lines = new GatheredLines(fd);
  return {
    write: (level, layer, event, fields, session, text) => {
      // Put together from parts: copies of the fields take longer than their text.
      const own = fields === undefined ? '' : `,${json(fields)?.slice(1, -1) ?? ''}`;
      const id = session === undefined ? '' : `,"session":${JSON.stringify(session)}`;
      const head = `{"level":"${level}","time":"${isoTime()}","layer":"${layer}","event":${JSON.stringify(event)}`;
      lines.add(`${head}${own === ',' ? '' : own}${id},"msg":${JSON.stringify(text)}}\n`);
    },
    flush: () => lines.flush(),
  };
}

let lastSecond = { at: Number.NaN, text: '' };

/** The time now in ISO 8601; lines of one second share all but the milliseconds. */
function isoTime(): string {
  const now = Date.now();
  const milliseconds = now % 1000;
  const at = now - milliseconds;
  if (at !== lastSecond.at) lastSecond = { at, text: new Date(at).toISOString().slice(0, -'000Z'.length) };
  const digits = milliseconds < 10 ? '00' : milliseconds < 100 ? '0' : '';
  return `${lastSecond.text}${digits}${milliseconds}Z`;
}

/** @returns undefined for what JSON cannot say, which is no reason to end the program */
function json(line: Fields): string | undefined {
  try {
    return JSON.stringify(line);
  } catch {
    return undefined;
  }
}

function linesForPeople(fd: number): { readonly write: Write; readonly flush: () => void } {
  const options = {
    level: 'debug',
    base: null,
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  const logger = pino(options, prettyStream(fd));
  const write: Write = (level, layer, event, fields, session, text) =>
    logger[level]({ layer, event, ...fields, ...(session === undefined ? {} : { session }) }, text);
  return { write, flush: () => logger.flush() };
}

/**
 * Writes the lines of one turn of the event loop with one call, and where turns are short those of a few milliseconds.
 * Synchronous, also when the process exits: the lines around a crash are those that are wanted.
 */
class GatheredLines {
  /** Copes with a pipe whose reader is slow. */
  readonly #destination: ReturnType<typeof pino.destination>;
  #lines = '';
  #flushAt = Number.NEGATIVE_INFINITY;

  constructor(fd: number) {
    this.#destination = pino.destination({ fd, sync: true });
    process.on('exit', () => this.flush());
  }

  add(line: string): void {
    if (this.#lines === '') this.#flushSoon();
    this.#lines += line;
    if (this.#lines.length > MOST_GATHERED) this.flush();
  }

  flush(): void {
    const lines = this.#lines;
    this.#lines = '';
    if (lines !== '') this.#destination.write(lines);
  }

  #flushSoon(): void {
    const now = performance.now();
    const wait = this.#flushAt + BETWEEN_WRITES_MS - now;
    this.#flushAt = now + Math.max(0, wait);
    if (wait <= 0) setImmediate(() => this.flush());
    else setTimeout(() => this.flush(), wait);
  }
}

/** At least, but where much is gathered. */
const BETWEEN_WRITES_MS = 10;

/** Characters that wait at most. */
const MOST_GATHERED = 64 * 1024;

/** `[07:30:01.123] DEBUG: 1f2e l2tp    -> SCCRP Ns=0 Nr=1` */
function prettyStream(fd: number) {
  return pretty({
    sync: true,
    destination: fd,
    colorize: isatty(fd),
    translateTime: 'SYS:HH:MM:ss.l',
    ignore: 'pid,hostname,name',
    hideObject: true,
    messageFormat: (line, messageKey) => {
      const { layer, session, direction, since, level, code } = line as Record<string, string | number | undefined>;
      const arrow = direction === 'in' ? '<- ' : direction === 'out' ? '-> ' : '';
      const id = session === undefined ? '' : `${session} `;
      const at = typeof since === 'number' ? ` (+${since} ms)` : '';
      const reason = (level === 'warn' || level === 'error') && code !== undefined ? ` [${code}]` : '';
      return `${id}${String(layer).padEnd(7)} ${arrow}${line[messageKey]}${at}${reason}`;
    },
  });
}
