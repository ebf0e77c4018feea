/** What the pages tell people to write is what the program reads: configurations, keys, commands and their options. */

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Command } from 'commander';
import { makeProgram } from '../../src/cli/program.ts';
import { ClientSchema } from '../../src/config/clientSchema.ts';
import { readerOf } from '../../src/config/configReader.ts';
import { configJsonSchema, type JsonSchema, profileJsonSchema } from '../../src/config/jsonSchema.ts';
import { parseConfig, parseWith } from '../../src/config/load.ts';
import { ROOT } from './sourceCodes.ts';

const pages = ['README.md', ...readdirSync(join(ROOT, 'docs')).map((name) => join('docs', name))].filter((name) =>
  name.endsWith('.md'),
);
const sources = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .map((name) => join('src', name));

/** Pages of layers name keys of the library's own configurations. */
const LIBRARY = ['docs/ppp.md'];

interface Found {
  readonly where: string;
  readonly text: string;
}

/** What `pattern` captures in the files, with file and line. */
function find(files: readonly string[], pattern: RegExp): Found[] {
  return files.flatMap((file) => {
    const text = readFileSync(join(ROOT, file), 'utf8');
    return [...text.matchAll(pattern)].map((match) => ({
      where: `${file}:${text.slice(0, match.index).split('\n').length}`,
      text: match[1]!,
    }));
  });
}

const complaints = (found: readonly Found[], complain: (one: Found) => string | undefined): string[] =>
  found.flatMap((one) => complain(one) ?? []);

test('each configuration in the pages is valid', () => {
  const blocks = find(pages, /^```yaml\n([\s\S]*?)^```/gm);
  assert.ok(blocks.length > 5);
  for (const { where, text } of blocks) {
    if (readerOf(text, where) === 'serve') parseConfig(text, where);
    else parseWith(ClientSchema, text, where);
  }
});

test('each key that is named with its section is there', () => {
  const schemas = [configJsonSchema(), profileJsonSchema()];
  const has = (schema: JsonSchema | undefined, path: readonly string[]): boolean => {
    if (schema === undefined || path.length === 0) return schema !== undefined;
    if (schema.items !== undefined) return has(schema.items, path);
    return has(schema.properties?.[path[0]!], path.slice(1));
  };
  const sections = schemas.flatMap(({ properties = {} }) =>
    Object.keys(properties).filter((key) => (properties[key]!.items ?? properties[key]!).properties !== undefined),
  );
  const pattern = new RegExp(`\`((?:${sections.join('|')})(?:\\[\\])?\\.[a-z0-9_.[\\]]+)[:\`]`, 'g');
  const users = pages.filter((page) => !LIBRARY.includes(page));
  const named = find([...users, ...sources], pattern).filter(({ text }) => !text.endsWith('.ts'));
  assert.ok(named.length > 50);
  const unknown = complaints(named, ({ where, text }) => {
    const path = text.replaceAll(/\[\d*\]/g, '').split('.');
    return schemas.some((schema) => has(schema, path)) ? undefined : `${where}: ${text}`;
  });
  assert.deepEqual(unknown, []);
});

test('each command is one that the program knows, with its options', () => {
  const inFences = find(pages, /^(?:\$ |sudo |sudo -u \S+ |ExecStart=\S*?)*(sallyport [^\n]*)$/gm);
  const inline = find([...pages, ...sources], /\\?`(sallyport [a-z][^`\n\\]+)/g);
  const inHelp = find(sources, /^ {2}\$ (?:.* \| )?(sallyport [^\n]*)$/gm);
  assert.ok(inFences.length > 30 && inline.length > 50 && inHelp.length > 40);
  const wrong = [
    'sallyport conect',
    'sallyport user ad',
    'sallyport connect a --psk',
    'sallyport ca init --server=a --sever',
  ];
  for (const text of wrong) assert.notEqual(unknownWord({ where: '', text }), undefined, text);
  assert.deepEqual(complaints([...inFences, ...inline, ...inHelp], unknownWord), []);
});

function unknownWord({ where, text }: Found): string | undefined {
  // Up to a comment, a pipe, another command, or what is explained behind two blanks.
  const [, ...words] = text.split(/ [#|<>;]| && | {2,}|`/)[0]!.split(/\s+/);
  let command: Command = makeProgram();
  while (command.commands.length > 0 && /^[a-z]/.test(words[0] ?? '')) {
    const name = words.shift()!;
    const child = command.commands.find((one) => one.name() === name);
    if (child === undefined) return `${where}: there is no command ${name} in ${text}`;
    command = child;
  }
  const options = [...command.options.flatMap(({ short, long }) => [short, long]), '--help'];
  const unknown = words
    .map((word) => word.replace(/=.*$|[,.)]+$/g, ''))
    .find((word) => /^-/.test(word) && !options.includes(word));
  return unknown === undefined ? undefined : `${where}: there is no option ${unknown} in ${text}`;
}
