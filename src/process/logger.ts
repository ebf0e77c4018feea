/** The log: one JSON line an event, or lines for people. */

import { isatty } from 'node:tty';
import { pino, stdTimeFunctions } from 'pino';
import pretty from 'pino-pretty';
import type { LogEntry } from '../session/log.ts';

export type LogFormat = 'json' | 'pretty';
export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

export interface Log {
  entry(entry: LogEntry): void;
  info(event: string, text: string, fields?: Record<string, unknown>): void;
  warn(event: string, text: string, fields?: Record<string, unknown>): void;
  error(event: string, text: string, fields?: Record<string, unknown>): void;
  /** Writes out what is buffered. */
  flush(): void;
}

/** Nothing should hand these to the log; should it happen, they are not written. */
const SECRETS = ['password', 'psk', 'secret', 'ntHash', 'passwordHash', 'sealedSecrets'];
const SECRET_FIELDS = SECRETS.flatMap((name) => [name, `*.${name}`]);

/**
 * A log on standard output, or on another file descriptor.
 * Lines carry `level`, `time` (ISO 8601), `layer`, `event`, `session` where there is one, `msg`, and the event's fields.
 */
export function makeLog(format: LogFormat, level: LogLevel, fd = 1): Log {
  const stream = format === 'pretty' ? prettyStream(fd) : pino.destination({ fd, sync: true });
  const options = {
    level,
    base: null,
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    redact: { paths: SECRET_FIELDS, censor: '(secret)' },
  };
  // Synchronous: the lines around a crash are those that are wanted.
  const logger = pino(options, stream);
  const write = (at: LogLevel, event: string, text: string, fields?: Record<string, unknown>) =>
    logger[at]({ layer: 'gateway', event, ...fields }, text);
  return {
    entry: ({ level: at, layer, event, text, session, fields }) =>
      logger[at]({ layer, event, ...fields, ...(session === undefined ? {} : { session }) }, text),
    info: (event, text, fields) => write('info', event, text, fields),
    warn: (event, text, fields) => write('warn', event, text, fields),
    error: (event, text, fields) => write('error', event, text, fields),
    flush: () => logger.flush(),
  };
}

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
