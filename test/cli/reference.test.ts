import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { cliReference } from '../../scripts/cliReference.ts';
import { configReference } from '../../scripts/configReference.ts';

const page = (name: string) => readFileSync(new URL(`../../docs/${name}`, import.meta.url), 'utf8');

test('docs/configuration.md is what the schema says', () => {
  assert.ok(
    page('configuration.md') === configReference(),
    'Write it anew with `node --import tsx scripts/configReference.ts`.',
  );
});

test('docs/cli.md is what the commands say', () => {
  assert.ok(page('cli.md') === cliReference(), 'Write it anew with `node --import tsx scripts/cliReference.ts`.');
});
