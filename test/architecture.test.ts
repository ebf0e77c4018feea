/** The rules that keep the house in order, as docs/ARCHITECTURE.md explains them. */

import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/**
 * Which folder may import which. A folder stands below all that it imports, so no cycle can be; `type` marks folders of
 * which it may know the types alone.
 */
const MAY_IMPORT: Readonly<Record<string, { readonly all: readonly string[]; readonly type?: readonly string[] }>> = {
  core: { all: [] },
  wire: { all: [] },
  crypto: { all: ['wire'] },
  'crypto/node': { all: ['wire', 'crypto'] },
  esp: { all: ['wire'], type: ['core', 'crypto'] },
  net: { all: ['esp'] },
  ike: { all: ['core', 'wire', 'crypto', 'esp', 'net'] },
  l2tp: { all: ['core', 'wire', 'crypto'] },
  eap: { all: ['core', 'wire', 'crypto'] },
  ppp: { all: ['core', 'wire', 'crypto', 'net', 'eap'] },
  dataplane: { all: ['core', 'wire', 'esp', 'net'], type: ['crypto'] },
  session: { all: ['core', 'wire', 'esp', 'net', 'ike', 'l2tp', 'ppp', 'dataplane'], type: ['crypto', 'eap'] },
  gateway: {
    all: ['core', 'wire', 'esp', 'net', 'ike', 'eap', 'l2tp', 'ppp', 'session'],
    type: ['crypto', 'dataplane'],
  },
  client: {
    all: ['core', 'wire', 'esp', 'net', 'ike', 'eap', 'l2tp', 'ppp', 'session'],
    type: ['crypto', 'dataplane'],
  },
  driver: { all: ['core', 'wire', 'crypto/node', 'esp', 'net', 'dataplane'], type: ['crypto', 'ike', 'eap'] },
  store: { all: ['wire', 'crypto', 'crypto/node'], type: ['ppp', 'eap', 'gateway'] },
  config: { all: ['net', 'ike'] },
  clientSetup: { all: [] },
  admin: { all: [], type: ['core', 'session'] },
  process: {
    all: [
      ...['core', 'wire', 'crypto', 'crypto/node', 'net', 'ike', 'dataplane', 'session', 'gateway', 'client'],
      ...['driver', 'store', 'config', 'admin'],
    ],
    type: ['ppp', 'l2tp', 'eap'],
  },
  cli: { all: ['core', 'net', 'session', 'driver', 'store', 'config', 'admin', 'process', 'clientSetup'] },
};

/** Folders that compute alone: bytes, commands and time come in, outputs go out. */
const PURE = [
  'core',
  'wire',
  'crypto',
  'esp',
  'net',
  'ike',
  'l2tp',
  'eap',
  'ppp',
  'dataplane',
  'session',
  'gateway',
  'client',
  'clientSetup',
];
/** Files of pure folders that bridge to a thread of Node.js. */
const NOT_PURE: readonly string[] = [];

const MOST_LINES = 350;
/** Folders that are a program, not a part of the library. */
const WITHOUT_INDEX = ['cli'];

interface Import {
  readonly from: string;
  readonly to: string;
  /** Nothing of it remains when the program runs. */
  readonly type: boolean;
}

const read = (file: string) => readFileSync(join(ROOT, file), 'utf8');

function filesBelow(folder: string): string[] {
  if (!existsSync(join(ROOT, folder))) return [];
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8', withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(ROOT.length))
    .sort();
}

const sources = filesBelow('src').filter((file) => file.endsWith('.ts'));
const texts = new Map(sources.map((file) => [file, read(file)]));

function folderOf(file: string): string {
  const [, folder, ...rest] = file.split('/');
  return folder === 'crypto' && rest[0] === 'node' ? 'crypto/node' : rest.length === 0 ? '' : folder!;
}

function importsOf(file: string): Import[] {
  const text = texts.get(file)!;
  const statements = [...text.matchAll(/^(?:import|export)\s+(type\s+)?([^'";]*?)\s*from\s*'([^']+)'/gm)].map(
    ([, type, names, to]) => ({ from: file, to: to!, type: type !== undefined || onlyTypes(names!) }),
  );
  const bare = [...text.matchAll(/^import\s*'([^']+)'/gm)].map(([, to]) => ({ from: file, to: to!, type: false }));
  const dynamic = [...text.matchAll(/(typeof\s+)?\bimport\(\s*'([^']+)'\s*\)(?:\.[A-Z])?/g)].map((match) => ({
    from: file,
    to: match[2]!,
    type: match[1] !== undefined || /\.[A-Z]$/.test(match[0]),
  }));
  return [...statements, ...bare, ...dynamic];
}

/** `{ type A, type B }` */
function onlyTypes(names: string): boolean {
  const inBraces = /^\{([^}]*)\}$/.exec(names.trim())?.[1];
  if (inBraces === undefined) return false;
  return inBraces
    .split(',')
    .map((name) => name.trim())
    .filter(Boolean)
    .every((name) => name.startsWith('type '));
}

test('folders import downwards only', () => {
  const order = Object.keys(MAY_IMPORT);
  for (const [folder, { all, type = [] }] of Object.entries(MAY_IMPORT)) {
    for (const below of [...all, ...type]) {
      assert.ok(order.indexOf(below) >= 0, `${below} is a folder`);
      assert.ok(order.indexOf(below) < order.indexOf(folder), `${folder} stands below ${below}`);
    }
  }
  const wrong = sources.flatMap((file) =>
    importsOf(file).flatMap(({ to, type }) => {
      if (!to.startsWith('.')) return [];
      const [from, target] = [folderOf(file), folderOf(normalize(join(dirname(file), to)))];
      if (from === target || from === '') return [];
      const allowed = MAY_IMPORT[from];
      if (allowed?.all.includes(target) || (type && allowed?.type?.includes(target))) return [];
      return [`${file} imports ${type ? 'types' : 'code'} of ${target}`];
    }),
  );
  assert.deepEqual(wrong, []);
});

test('every folder is known here', () => {
  assert.deepEqual(
    [...new Set(sources.map(folderOf))].filter((f) => f !== '' && MAY_IMPORT[f] === undefined),
    [],
  );
});

/** A file's code without comments and without what strings say. */
function codeOf(file: string): string {
  return texts
    .get(file)!
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .replace(/^(\s*)\/\/.*$/gm, '$1')
    .replace(/'(?:[^'\\\n]|\\.)*'/g, "''");
}

test('pure folders do no I/O, and know neither clock, randomness nor process', () => {
  const banned =
    /(?<![\w.$?])(?:Date|performance|process|Buffer|console|globalThis)\s*[.([]|(?<![\w.$])(?:setTimeout|setInterval|setImmediate|queueMicrotask|fetch|require)\s*\(|\bnew Date\b|\bMath\.random\b/g;
  const isPure = (file: string) => PURE.includes(folderOf(file)) && !NOT_PURE.includes(file);
  const wrong = sources.filter(isPure).flatMap((file) => [
    ...(codeOf(file).match(banned) ?? []).map((found) => `${file} uses ${found}`),
    ...importsOf(file)
      .filter(({ to }) => !to.startsWith('.'))
      .map(({ to }) => `${file} imports ${to}`),
  ]);
  assert.deepEqual(wrong, []);
});

test('relative imports name their .ts file, and it is there', () => {
  const wrong = sources.flatMap((file) =>
    importsOf(file)
      .filter(({ to }) => to.startsWith('.'))
      .filter(({ to }) => !to.endsWith('.ts') || !existsSync(join(ROOT, dirname(file), to)))
      .map(({ to }) => `${file}: ${to}`),
  );
  assert.deepEqual(wrong, []);
});

test('every file begins with what it holds', () => {
  const wrong = sources.filter((file) => !file.endsWith('index.ts') && !texts.get(file)!.startsWith('/**'));
  assert.deepEqual(wrong, []);
});

test('files are short enough to read', () => {
  const linesOf = (file: string) => texts.get(file)!.split('\n').length - 1;
  const wrong = sources
    .filter((file) => linesOf(file) > MOST_LINES)
    .map((file) => `${file} has ${linesOf(file)} lines`);
  assert.deepEqual(wrong, []);
});

test('every folder of the library has an index, whose exports can be imported by the package’s name', () => {
  const folders = [...new Set(sources.map((file) => file.split('/')[1]!))].filter((name) => !name.endsWith('.ts'));
  const without = folders.filter((name) => !WITHOUT_INDEX.includes(name) && !texts.has(`src/${name}/index.ts`));
  assert.deepEqual(without, []);
  const { exports } = JSON.parse(read('package.json')) as { exports: Record<string, { default: string }> };
  const { paths } = (JSON.parse(read('tsconfig.json')) as { compilerOptions: { paths: Record<string, string[]> } })
    .compilerOptions;
  // In a clone the name leads to the sources, in the package to what is compiled from them.
  assert.deepEqual(paths, { sallyport: ['./src/index.ts'], 'sallyport/*': ['./src/*/index.ts'] });
  assert.equal(exports['./*']!.default, './dist/*/index.js');
  assert.equal(exports['.']!.default, './dist/index.js');
  assert.ok(texts.has('src/index.ts'), 'what the package’s name alone gives');
});

test('nothing speaks of places outside the project', () => {
  const folders = ['src', 'test', 'scripts', 'docs', 'bin', 'examples', 'bench'];
  const files = [
    ...folders.flatMap(filesBelow),
    ...['README.md', 'package.json', 'biome.json'].filter((f) => existsSync(join(ROOT, f))),
  ];
  // Put together from parts, because this file is read too.
  const outside = [
    ['', 'work', ''],
    ['..', 'shared'],
    ['', 'root', ''],
    ['', 'home', 'runner'],
  ].map((p) => p.join('/'));
  const wrong = files
    .filter((file) => /\.(ts|js|json|md|yaml|yml|sh|pl|txt)$/.test(file))
    .flatMap((file) => {
      const text = texts.get(file) ?? read(file);
      return outside.filter((place) => text.includes(place)).map((place) => `${file} mentions ${place}`);
    });
  assert.deepEqual(wrong, []);
});
