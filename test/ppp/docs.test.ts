/** The page on PPP shows the automaton that the code runs. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { type Event, State, table, transition } from '../../src/ppp/automaton.ts';

const names = [
  'Initial',
  'Starting',
  'Closed',
  'Stopped',
  'Closing',
  'Stopping',
  'ReqSent',
  'AckRcvd',
  'AckSent',
  'Opened',
];

/** Every change of state, with the events that make it; where a state stays itself is left out. */
function diagram(): string {
  const edges = new Map<string, string[]>();
  for (const from of Object.values(State)) {
    for (const event of Object.keys(table) as Event[]) {
      const next = transition(from, event)?.next;
      if (next === undefined || next === from) continue;
      const edge = `  ${names[from]} --> ${names[next]}`;
      edges.set(edge, [...(edges.get(edge) ?? []), event]);
    }
  }
  const lines = [...edges].map(([edge, events]) => `${edge}: ${events.join(' ')}`);
  return ['stateDiagram-v2', '  direction LR', '  [*] --> Initial', ...lines].join('\n');
}

test('docs/ppp.md shows the automaton as it is', () => {
  const page = readFileSync(new URL('../../docs/ppp.md', import.meta.url), 'utf8');
  assert.ok(page.includes(diagram()), `docs/ppp.md should contain\n\n${diagram()}`);
});
