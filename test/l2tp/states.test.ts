import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { callTables, failureOf, mermaidOf, type Row, rowFor, tunnelTable } from '../../src/l2tp/index.ts';

type Table = readonly Row<string, string, string>[];
const tables: Record<string, Table> = { controlConnection: tunnelTable, ...callTables };

test('no two rows of a table answer the same event in the same state differently', () => {
  for (const [name, table] of Object.entries(tables)) {
    for (const row of table) {
      for (const from of row.from) {
        for (const on of row.on) {
          const { do: actions, to } = rowFor(table, from, on)!;
          assert.deepEqual({ actions, to }, { actions: row.do, to: row.to }, `${name}: ${from} ${on}`);
        }
      }
    }
  }
});

test('every state is reached and left, every end cleans up', () => {
  for (const [name, table] of Object.entries(tables)) {
    const states = new Set(table.flatMap(({ from, to }) => [...from, to]));
    for (const state of states) {
      assert.ok(
        table.some(({ to }) => to === state),
        `${name}: ${state} is never reached`,
      );
      assert.ok(
        table.some(({ from, to }) => from.includes(state) && to !== state),
        `${name}: ${state} is never left`,
      );
    }
    for (const row of table) {
      if (row.to === 'idle') assert.ok(row.do.includes('cleanUp'), `${name}: ${row.from} ${row.on}`);
    }
  }
});

test('the diagrams of docs/l2tp.md are those of the tables', () => {
  const page = readFileSync(new URL('../../docs/l2tp.md', import.meta.url), 'utf8');
  for (const [name, table] of Object.entries(tables)) {
    assert.ok(page.includes(`\`\`\`mermaid\n${mermaidOf(table)}\n\`\`\``), `${name} is out of date`);
  }
});

test('result codes: text, remedy, byte order, absent parts', () => {
  assert.equal(failureOf('StopCCN', { result: 2, error: 4 }).code, 'insufficient-resources');
  assert.match(failureOf('StopCCN', { result: 2, error: 4 }).remedy ?? '', /limits/);
  assert.equal(failureOf('StopCCN', { result: 0x0600 }).code, 'shutting-down');
  assert.equal(failureOf('StopCCN', { result: 0x0200, error: 0x0800 }).code, 'unknown-mandatory-avp');
  assert.equal(failureOf('CDN', { result: 0x0300, error: 0 }).code, 'administrative');
  assert.equal(failureOf('CDN', { result: 4, error: 0, message: 'full' }).code, 'no-facilities');
  assert.match(failureOf('CDN', { result: 4, error: 0, message: 'full\u0007' }).reason, /"full\\x07"/);
  assert.match(failureOf('StopCCN', { result: 5, error: 1 }).reason, /highest that it supports is 1/);
  assert.equal(failureOf('CDN', { result: 300 }).code, 'unknown-result');
  assert.equal(failureOf('CDN', undefined).code, 'no-result-code');
});
