/** Where the time went, as bars. */

import type { PhaseSpan } from './ladder.ts';
import { bold, cyan, dim, padEnd, padStart } from './style.ts';

const BAR_COLUMNS = 48;
const NAME_COLUMNS = 18;
/** What comes before these is connecting. */
const AFTERWARDS = ['Data', 'Teardown'];

export function phaseBars(spans: readonly PhaseSpan[]): string[] {
  const connecting = spans.filter(({ name }) => !AFTERWARDS.includes(name));
  const total = Math.max(1, connecting.at(-1)?.to ?? 0);
  const bar = ({ from, to }: PhaseSpan) => {
    const start = Math.min(BAR_COLUMNS - 1, Math.floor((from / total) * BAR_COLUMNS));
    const end = Math.ceil((to / total) * BAR_COLUMNS);
    return `${' '.repeat(start)}${cyan('█'.repeat(Math.max(1, end - start)))}`;
  };
  return [
    ...connecting.map((span) => row(span.name, bar(span), dim(`${span.to - span.from} ms`))),
    row('Connected after', '', bold(`${total} ms`)),
    ...spans
      .filter(({ name }) => name === 'Teardown')
      .map((span) => row('Teardown', '', dim(`${span.to - span.from} ms`))),
  ];
}

function row(name: string, bar: string, time: string): string {
  return `  ${padEnd(name, NAME_COLUMNS)} ${padEnd(bar, BAR_COLUMNS)} ${padStart(time, 8)}`;
}
