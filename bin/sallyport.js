#!/usr/bin/env node
// In a clone the program runs from its TypeScript sources; the published package holds the compiled ones.
import { existsSync } from 'node:fs';

const source = new URL('../src/cli/main.ts', import.meta.url);
if (existsSync(source)) {
  await import('tsx/esm/api').then(({ register }) => register());
  await import(source.href);
} else {
  await import('../dist/cli/main.js');
}
