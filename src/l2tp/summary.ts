/** Control messages in one line for people and as fields for the log. Never a secret. */

import type { Trace } from '../core/index.ts';
import { nameOf, printable, utf8 } from '../wire/index.ts';
import type { AvpValues, ResultCode } from './avps.ts';
import { MessageType } from './messageType.ts';

export interface Summarised {
  readonly direction: Trace['direction'];
  /** A type number, or undefined for a ZLB. */
  readonly type: number | undefined;
  readonly ns: number;
  readonly nr: number;
  readonly tunnel: number;
  readonly session: number;
  readonly avps?: AvpValues;
  /** E.g. `duplicate`. */
  readonly note?: string;
}

export function traceOf({ direction, type, ns, nr, tunnel, session, avps = {}, note }: Summarised): Trace {
  const message = type === undefined ? 'ZLB' : nameOf(MessageType, type);
  const fields: Record<string, unknown> = { message, ns, nr, tunnel, session };
  const parts = [message, `Ns=${ns}`, `Nr=${nr}`];
  for (const [name, value] of Object.entries(avps)) {
    if (name === 'messageType' || value === undefined) continue;
    const shown = show(value);
    parts.push(shown === '' ? name : `${name}=${shown}`);
    fields[name] = shown === '' ? true : shown;
  }
  if (note !== undefined) {
    parts.push(`(${note})`);
    fields.note = note;
  }
  return { type: 'trace', layer: 'l2tp', direction, summary: parts.join(' '), fields };
}

/** Octet strings (challenges, responses, proxy passwords) are told by their length alone. */
function show(value: AvpValues[keyof AvpValues]): string {
  if (value === true) return '';
  if (typeof value === 'string') return printable(utf8(value));
  if (value instanceof Uint8Array) return `[${value.length}]`;
  if (typeof value !== 'object') return String(value);
  if ('result' in value) return showResult(value);
  const shown = Object.entries(value).filter(([name]) => name !== 'reserved');
  return shown
    .map(([name, field]) => `${name}:${typeof field === 'string' ? printable(utf8(field)) : field}`)
    .join(',');
}

function showResult({ result, error, message }: ResultCode): string {
  const code = error === undefined ? `${result}` : `${result}/${error}`;
  return message ? `${code} "${printable(utf8(message))}"` : code;
}
