/** The automaton against the state transition table of RFC 1661 §4.1, transcribed here a second time as it is printed. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Event, State, table, timerRuns, transition } from '../../src/ppp/automaton.ts';

/** RFC 1661 pages 12 and 13: the left and the right half, columns separated as the RFC separates them. */
const LEFT = `
 Up   |    2     irc,scr/6     -         -         -         -
 Down |    -         -         0       tls/1       0         1
 Open |  tls/1       1     irc,scr/6     3r        5r        5r
 Close|    0       tlf/0       2         2         4         4
 TO+  |    -         -         -         -       str/4     str/5
 TO-  |    -         -         -         -       tlf/2     tlf/3
 RCR+ |    -         -       sta/2 irc,scr,sca/8   4         5
 RCR- |    -         -       sta/2 irc,scr,scn/6   4         5
 RCA  |    -         -       sta/2     sta/3       4         5
 RCN  |    -         -       sta/2     sta/3       4         5
 RTR  |    -         -       sta/2     sta/3     sta/4     sta/5
 RTA  |    -         -         2         3       tlf/2     tlf/3
 RUC  |    -         -       scj/2     scj/3     scj/4     scj/5
 RXJ+ |    -         -         2         3         4         5
 RXJ- |    -         -       tlf/2     tlf/3     tlf/2     tlf/3
 RXR  |    -         -         2         3         4         5`;

const RIGHT = `
 Up   |    -         -         -           -
 Down |    1         1         1         tld/1
 Open |    6         7         8           9r
 Close|irc,str/4 irc,str/4 irc,str/4 tld,irc,str/4
 TO+  |  scr/6     scr/6     scr/8         -
 TO-  |  tlf/3p    tlf/3p    tlf/3p        -
 RCR+ |  sca/8   sca,tlu/9   sca/8   tld,scr,sca/8
 RCR- |  scn/6     scn/7     scn/6   tld,scr,scn/6
 RCA  |  irc/7     scr/6x  irc,tlu/9   tld,scr/6x
 RCN  |irc,scr/6   scr/6x  irc,scr/8   tld,scr/6x
 RTR  |  sta/6     sta/6     sta/6   tld,zrc,sta/5
 RTA  |    6         6         8       tld,scr/6
 RUC  |  scj/6     scj/7     scj/8       scj/9
 RXJ+ |    6         6         8           9
 RXJ- |  tlf/3     tlf/3     tlf/3   tld,irc,str/5
 RXR  |    6         7         8         ser/9`;

function rows(text: string): Map<string, string[]> {
  const lines = text.trim().split('\n');
  return new Map(
    lines.map((line) => {
      const [event, cells] = line.split('|');
      return [event!.trim().toLowerCase(), cells!.trim().split(/\s+/)];
    }),
  );
}

test('every cell is the RFC’s: 16 events, 10 states', () => {
  const left = rows(LEFT);
  const right = rows(RIGHT);
  assert.deepEqual([...left.keys()], Object.keys(table));
  let cells = 0;
  for (const [event, row] of Object.entries(table)) {
    const expected = [...left.get(event)!, ...right.get(event)!];
    assert.deepEqual([...row], expected, event);
    cells += expected.length;
  }
  assert.equal(cells, 160);
});

test('a transition says actions and next state; a dash says nothing happens', () => {
  assert.deepEqual(transition(State.stopped, 'rcr+'), { actions: ['irc', 'scr', 'sca'], next: State.ackSent });
  assert.deepEqual(transition(State.ackReceived, 'to-'), { actions: ['tlf'], next: State.stopped });
  assert.deepEqual(transition(State.starting, 'open'), { actions: [], next: State.starting });
  assert.equal(transition(State.initial, 'rcr+'), undefined);
});

test('the Restart timer runs exactly where the table has time-outs', () => {
  for (const state of Object.values(State)) {
    assert.equal(timerRuns(state), transition(state, 'to+') !== undefined, `state ${state}`);
  }
});

test('no event leads out of the ten states', () => {
  for (const event of Object.keys(table) as Event[]) {
    for (const state of Object.values(State)) {
      const next = transition(state, event)?.next;
      if (next !== undefined) assert.ok(next >= 0 && next <= 9);
    }
  }
});
