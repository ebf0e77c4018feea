/** The program as it is published: compiled JavaScript, which neither needs a loader nor its memory. */

import { copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from './command.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
/** Inside the project, so that its node_modules are found. */
const FOLDER = join(ROOT, '.cache', 'bench', 'program');

let compiled: string | undefined;

/** Compiles the sources. @returns the path of the program's entry */
export function compiledProgram(): string {
  if (compiled !== undefined) return compiled;
  mkdirSync(join(FOLDER, 'bin'), { recursive: true });
  run([
    join(ROOT, 'node_modules', '.bin', 'tsc'),
    '-p',
    join(ROOT, 'tsconfig.build.json'),
    // What people are at work on may be wrong in places that do not matter here.
    '--noCheck',
    '--outDir',
    join(FOLDER, 'dist'),
  ]);
  copyFileSync(join(ROOT, 'package.json'), join(FOLDER, 'package.json'));
  copyFileSync(join(ROOT, 'bin', 'sallyport.js'), join(FOLDER, 'bin', 'sallyport.js'));
  compiled = join(FOLDER, 'bin', 'sallyport.js');
  return compiled;
}
