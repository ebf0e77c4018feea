/** docs/troubleshooting.md names every reason code and warning that there is, and none that there is not. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ROOT, sourceCodes, sourceEvents } from './sourceCodes.ts';

const text = readFileSync(join(ROOT, 'docs', 'troubleshooting.md'), 'utf8');

test('the scan of the source finds every form in which codes are written', () => {
  const codes = sourceCodes();
  const forms = {
    'a field': 'psk-mismatch',
    'a field with a choice': 'unexpected-encryption',
    'a variable': 'unknown-mandatory-avp',
    'a call': 'unknown-session',
    'a call over several lines': 'ipsec-required',
    'a refusal of L2TP': 'not-established-in-time',
    'a row of result codes': 'try-another',
    'a row of the data plane': 'inner-source',
    'a fault of ESP': 'bad-icv',
    'a name put together': 'ipcp-not-converging',
    'a name put together in the driver': 'send-queue-full',
  };
  for (const [form, code] of Object.entries(forms)) assert.ok(codes.has(code), `${form}: ${code}`);
});

test('every reason code is explained', () => {
  const explained = firstCells('Code');
  const missing = [...sourceCodes()].filter(([code]) => !explained.has(code));
  assert.deepEqual(
    missing.map(([code, files]) => `${code} (${files.join(', ')})`),
    [],
  );
});

test('no reason code is explained that does not exist', () => {
  const codes = sourceCodes();
  assert.deepEqual(
    [...firstCells('Code')].filter((code) => !codes.has(code)),
    [],
  );
});

test('the warnings of the log are explained, and no others', () => {
  assert.deepEqual([...firstCells('Event')].sort(), [...sourceEvents()].sort());
});

/** The words in code type of the first column of every table whose first heading is `heading`. */
function firstCells(heading: string): Set<string> {
  const words = new Set<string>();
  let inTable = false;
  for (const line of text.split('\n')) {
    if (line.startsWith(`| ${heading} |`)) inTable = true;
    else if (!line.startsWith('|')) inTable = false;
    else if (inTable) {
      const cell = line.slice(1, line.indexOf('|', 1));
      for (const [, word] of cell.matchAll(/`([^`]+)`/g)) words.add(word!);
    }
  }
  return words;
}
