/** Draws a client's log as it comes: a heading for each phase, an arrow for each message, a tick for each milestone. */

import type { LogLine } from '../../test/e2e/lab/program.ts';
import { phaseOf, phases } from './phases.ts';
import { bold, cut, cyan, dim, green, heading, padEnd, padStart, width, yellow } from './style.ts';

const TIME_COLUMNS = 9;
const ARROW_COLUMNS = 26;
const NAME_COLUMNS = 18;
const SIZE_COLUMNS = 6;
/** What is worth the room of an L2TP message. */
const AVPS = ['hostName', 'assignedTunnelId', 'assignedSessionId', 'receiveWindowSize', 'txConnectSpeed', 'resultCode'];

/** When a phase began and had its last line, in milliseconds since the first message. */
export interface PhaseSpan {
  readonly name: string;
  readonly from: number;
  to: number;
}

export class Ladder {
  readonly spans: PhaseSpan[] = [];
  readonly #print: (line: string) => void;
  #begin: number | undefined;
  #phase = -1;
  #last = 0;

  constructor(print: (line: string) => void) {
    this.#print = print;
  }

  take(line: LogLine): void {
    if (line.event !== 'message' && line.event !== 'milestone') return;
    const time = Date.parse(line.time);
    this.#begin ??= time;
    this.#last = time - this.#begin;
    const phase = phaseOf(line);
    if (phase !== undefined && phase > this.#phase) this.#startPhase(phase);
    const span = this.spans.at(-1);
    if (span !== undefined) span.to = this.#last;
    if (line.event === 'message') this.#message(line);
    else if (phase !== undefined) this.#milestone(line, phase);
  }

  /** A line of the demo's own, in the column of the messages. */
  note(text: string): void {
    this.#print(`${' '.repeat(TIME_COLUMNS)}  ${text}`);
  }

  #startPhase(index: number): void {
    this.#phase = index;
    const { name, about } = phases[index]!;
    this.spans.push({ name, from: this.#last, to: this.#last });
    this.#print('');
    this.#print(`${heading(name)}  ${dim(about)}`);
  }

  #message(line: LogLine): void {
    const { name, content } = messageText(line);
    const outgoing = line.direction === 'out';
    const shaft = '─'.repeat(ARROW_COLUMNS - 17);
    const arrow = outgoing ? `client ${shaft}▶ gateway` : `client ◀${shaft} gateway`;
    const size = typeof line.bytes === 'number' ? `${line.bytes} B` : '';
    const room = width - TIME_COLUMNS - ARROW_COLUMNS - NAME_COLUMNS - (size === '' ? 5 : SIZE_COLUMNS + 6);
    const shown = cut(content, room);
    const text = size === '' ? dim(shown) : dim(`${padEnd(shown, room)} ${padStart(size, SIZE_COLUMNS)}`);
    this.#print(
      `${this.#time()}  ${outgoing ? cyan(arrow) : yellow(arrow)}  ${padEnd(bold(name), NAME_COLUMNS)} ${text}`.trimEnd(),
    );
  }

  #milestone(line: LogLine, phase: number): void {
    const told = phases[phase]!.milestones[String(line.name)];
    if (!told) return;
    const detail = typeof line.detail === 'string' ? `  ${cut(fromOutside(line.detail), width - 50)}` : '';
    this.#print(`${this.#time()}  ${green('✓')} ${told}${dim(detail)}`);
  }

  #time(): string {
    return dim(padStart(`${this.#last} ms`, TIME_COLUMNS));
  }
}

/** The name of a message, and what is in it, as short as it is still clear. */
function messageText(line: LogLine): { name: string; content: string } {
  const { layer, msg } = line;
  const [first = '', second = '', ...rest] = msg.split(' ');
  if (layer === 'ppp' || second.startsWith('#')) {
    return { name: `${first} ${second}`, content: abbreviated(rest) };
  }
  if (layer === 'ike') return { name: first, content: abbreviated([second, ...rest]) };
  const numbers = `Ns=${line.ns} Nr=${line.nr}`;
  if (first === 'ZLB') return { name: 'ZLB', content: `${numbers}  (acknowledges)` };
  const told = AVPS.filter((name) => line[name] !== undefined).map((name) => `${name}=${line[name]}`);
  return { name: first, content: told.length === 0 ? numbers : `${numbers}  ${told.join(' ')}` };
}

/** The log speaks as the client; the screen looks at both ends. */
function fromOutside(detail: string): string {
  return detail
    .replace(/^this end behind NAT$/, 'the client is behind one')
    .replace(/^local as /, 'as ')
    .replace(/^local (\S+), peer (\S+)$/, 'client $1, gateway $2');
}

/** `VID VID VID` becomes `VID×3`. */
function abbreviated(words: readonly string[]): string {
  const runs: { word: string; count: number }[] = [];
  for (const word of words) {
    const run = runs.at(-1);
    if (run?.word === word) run.count++;
    else runs.push({ word, count: 1 });
  }
  return runs.map(({ word, count }) => (count === 1 ? word : `${word}×${count}`)).join(' ');
}
