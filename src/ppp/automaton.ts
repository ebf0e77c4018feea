/** The option negotiation automaton that LCP and every NCP run. RFC 1661 §4. */

/** The RFC's numbers of the ten states. RFC 1661 §4.2. */
export const State = {
  initial: 0,
  starting: 1,
  closed: 2,
  stopped: 3,
  closing: 4,
  stopping: 5,
  requestSent: 6,
  ackReceived: 7,
  ackSent: 8,
  opened: 9,
} as const;
export type State = (typeof State)[keyof typeof State];

/** RFC 1661 §4.4. */
export type Action =
  | 'tlu'
  | 'tld'
  | 'tls'
  | 'tlf'
  | 'irc'
  | 'zrc'
  | 'scr'
  | 'sca'
  | 'scn'
  | 'str'
  | 'sta'
  | 'scj'
  | 'ser';

type Digit = '0' | '1' | '2' | '3' | '4' | '5' | '6' | '7' | '8' | '9';
/** The RFC's footnotes: r is the restart option, p the passive option (neither is used), x a crossed connection. */
type Next = Digit | '3r' | '5r' | '9r' | '3p' | '6x';
type Cell = '-' | Next | `${Action}/${Next}` | `${Action},${Action}/${Next}` | `${Action},${Action},${Action}/${Next}`;
type Row = readonly [Cell, Cell, Cell, Cell, Cell, Cell, Cell, Cell, Cell, Cell];

/** RFC 1661 §4.1, cell for cell. '-' cannot happen. */
// biome-ignore format: it stands as the RFC prints it
export const table = {
  //          0        1            2            3                4        5        6            7            8            9
  'up':    ['2',     'irc,scr/6', '-',         '-',             '-',     '-',     '-',         '-',         '-',         '-'],
  'down':  ['-',     '-',         '0',         'tls/1',         '0',     '1',     '1',         '1',         '1',         'tld/1'],
  'open':  ['tls/1', '1',         'irc,scr/6', '3r',            '5r',    '5r',    '6',         '7',         '8',         '9r'],
  'close': ['0',     'tlf/0',     '2',         '2',             '4',     '4',     'irc,str/4', 'irc,str/4', 'irc,str/4', 'tld,irc,str/4'],
  'to+':   ['-',     '-',         '-',         '-',             'str/4', 'str/5', 'scr/6',     'scr/6',     'scr/8',     '-'],
  'to-':   ['-',     '-',         '-',         '-',             'tlf/2', 'tlf/3', 'tlf/3p',    'tlf/3p',    'tlf/3p',    '-'],
  'rcr+':  ['-',     '-',         'sta/2',     'irc,scr,sca/8', '4',     '5',     'sca/8',     'sca,tlu/9', 'sca/8',     'tld,scr,sca/8'],
  'rcr-':  ['-',     '-',         'sta/2',     'irc,scr,scn/6', '4',     '5',     'scn/6',     'scn/7',     'scn/6',     'tld,scr,scn/6'],
  'rca':   ['-',     '-',         'sta/2',     'sta/3',         '4',     '5',     'irc/7',     'scr/6x',    'irc,tlu/9', 'tld,scr/6x'],
  'rcn':   ['-',     '-',         'sta/2',     'sta/3',         '4',     '5',     'irc,scr/6', 'scr/6x',    'irc,scr/8', 'tld,scr/6x'],
  'rtr':   ['-',     '-',         'sta/2',     'sta/3',         'sta/4', 'sta/5', 'sta/6',     'sta/6',     'sta/6',     'tld,zrc,sta/5'],
  'rta':   ['-',     '-',         '2',         '3',             'tlf/2', 'tlf/3', '6',         '6',         '8',         'tld,scr/6'],
  'ruc':   ['-',     '-',         'scj/2',     'scj/3',         'scj/4', 'scj/5', 'scj/6',     'scj/7',     'scj/8',     'scj/9'],
  'rxj+':  ['-',     '-',         '2',         '3',             '4',     '5',     '6',         '6',         '8',         '9'],
  'rxj-':  ['-',     '-',         'tlf/2',     'tlf/3',         'tlf/2', 'tlf/3', 'tlf/3',     'tlf/3',     'tlf/3',     'tld,irc,str/5'],
  'rxr':   ['-',     '-',         '2',         '3',             '4',     '5',     '6',         '7',         '8',         'ser/9'],
} as const satisfies Record<string, Row>;

export type Event = keyof typeof table;

export interface Transition {
  readonly actions: readonly Action[];
  readonly next: State;
}

const transitions = Object.fromEntries(
  Object.entries(table).map(([event, row]) => [event, row.map(parseCell)]),
) as unknown as Readonly<Record<Event, readonly (Transition | undefined)[]>>;

/** @returns undefined where the RFC prints a dash: the event cannot happen in that state, and nothing is done */
export function transition(state: State, event: Event): Transition | undefined {
  return transitions[event][state];
}

/** The Restart timer runs in these states, and in no other. RFC 1661 §4.1. */
export const timerRuns = (state: State): boolean => state >= State.closing && state <= State.ackSent;

function parseCell(cell: Cell): Transition | undefined {
  if (cell === '-') return undefined;
  const [left, right] = cell.includes('/') ? cell.split('/') : ['', cell];
  return {
    actions: (left === '' ? [] : left!.split(',')) as Action[],
    next: Number.parseInt(right!, 10) as State,
  };
}
