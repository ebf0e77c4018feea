/** The package as `npm pack` makes it, installed in an empty project: every name that it exports is there. */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import test, { after, before } from 'node:test';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const TSC = join(ROOT, 'node_modules', '.bin', 'tsc');

const folder = mkdtempSync(join(tmpdir(), 'sallyport-packed-'));
const consumer = join(folder, 'consumer');
const installed = join(consumer, 'node_modules', 'sallyport');
const run = (program: string, args: readonly string[], cwd: string) =>
  execFileSync(program, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

/** `sallyport` and `sallyport/<folder>` of every folder with an index. */
const names = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((path) => /(^|\/)index\.ts$/.test(path))
  .map((path) => join('sallyport', dirname(path)))
  .sort();

before(() => {
  const made = join(folder, 'made');
  mkdirSync(made);
  for (const path of ['package.json', 'bin', 'docs', 'LICENSE', 'README.md']) {
    cpSync(join(ROOT, path), join(made, path), { recursive: true });
  }
  // What people are at work on may be wrong in places that do not matter here.
  run(TSC, ['-p', join(ROOT, 'tsconfig.build.json'), '--noCheck', '--outDir', join(made, 'dist')], ROOT);
  run('npm', ['pack', '--ignore-scripts', '--pack-destination', folder], made);
  mkdirSync(installed, { recursive: true });
  const tarball = readdirSync(folder).find((name) => name.endsWith('.tgz'))!;
  run('tar', ['-xzf', join(folder, tarball), '-C', installed, '--strip-components=1'], folder);
  for (const name of dependencies()) {
    const link = join(consumer, 'node_modules', name);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(join(ROOT, 'node_modules', name), link);
  }
  writeFileSync(join(consumer, 'package.json'), '{ "type": "module" }');
});

after(() => rmSync(folder, { recursive: true }));

function dependencies(): string[] {
  const { dependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
    dependencies: Record<string, string>;
  };
  return [...Object.keys(dependencies), '@types/node'];
}

test('each condition of each export leads to a file of the package', () => {
  const { exports } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8')) as {
    exports: Record<string, Record<string, string>>;
  };
  assert.deepEqual(Object.keys(exports), ['.', './*']);
  const broken = names.flatMap((name) => {
    const inside = name.slice('sallyport/'.length);
    return Object.values(exports[inside === '' ? '.' : './*']!)
      .map((target) => target.replace('*', inside))
      .filter((target) => !existsSync(join(installed, target)));
  });
  assert.deepEqual(broken, []);
});

test('nothing is packed but the program, its library and its pages', () => {
  assert.deepEqual(readdirSync(installed).sort(), ['LICENSE', 'README.md', 'bin', 'dist', 'docs', 'package.json']);
  const maps = readdirSync(join(installed, 'dist'), { recursive: true, encoding: 'utf8' }).filter((path) =>
    path.endsWith('.map'),
  );
  assert.deepEqual(maps, []);
});

test('each name can be imported, with its types', () => {
  const imports = names.map((name, i) => `import * as n${i} from '${name}';`);
  const all = names.map((_, i) => `n${i}`).join(', ');
  const program = [...imports, `for (const one of [${all}]) console.log(Object.keys(one).length);`].join('\n');
  writeFileSync(join(consumer, 'all.mjs'), program);
  const counts = run(process.execPath, ['all.mjs'], consumer).trim().split('\n').map(Number);
  assert.equal(counts.length, names.length);
  assert.ok(counts.every((count) => count > 0));
  writeFileSync(join(consumer, 'all.ts'), `${program}\nexport const one: string = n0.makeGateway.name;\n`);
  const strict = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2023', '--types', 'node', 'all.ts'];
  assert.equal(run(TSC, strict, consumer), '');
});

test('the program runs', () => {
  const program = join(installed, 'bin', 'sallyport.js');
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
  assert.equal(run(process.execPath, [program, '--version'], consumer), `${version}\n`);
  writeFileSync(join(consumer, 'sallyport.yaml'), 'ike: { psk: long enough a key }\n');
  assert.equal(run(process.execPath, [program, 'config', 'check'], consumer), 'sallyport.yaml is valid.\n');
});
