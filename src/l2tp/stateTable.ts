/** State tables as RFC 2661 §7 prints them: rows of state, event, action, new state. */

export interface Row<State extends string, Event extends string, Action extends string> {
  readonly from: readonly State[];
  readonly on: readonly Event[];
  readonly do: readonly Action[];
  readonly to: State;
}

/** The row for an event in a state; undefined where the RFC lists none, which is a finite state machine error. */
export function rowFor<State extends string, Event extends string, Action extends string>(
  table: readonly Row<State, Event, Action>[],
  state: State,
  event: Event,
): Row<State, Event, Action> | undefined {
  return table.find((row) => row.from.includes(state) && row.on.includes(event));
}

/** The table as the body of a mermaid state diagram. */
export function mermaidOf(table: readonly Row<string, string, string>[]): string {
  const lines = table.flatMap((row) =>
    row.from.map((from) => {
      const actions = row.do.length > 0 ? ` / ${row.do.join(', ')}` : '';
      return `    ${mark(from)} --> ${mark(row.to)}: ${row.on.join(' | ')}${actions}`;
    }),
  );
  return ['stateDiagram-v2', ...lines].join('\n');
}

/** `idle` is both ends of every diagram: a tunnel or call begins there and is gone when it comes back. */
const mark = (state: string) => (state === 'idle' ? '[*]' : state);
