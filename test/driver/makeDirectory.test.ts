import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { makeDirectory } from '../../src/driver/makeDirectory.ts';

const folder = mkdtempSync(join(tmpdir(), 'sallyport-make-'));
after(() => rmSync(folder, { recursive: true }));

const modeOf = (path: string) => statSync(path).mode & 0o777;

test('what is missing is made for its owner alone, what is there stays', () => {
  makeDirectory(join(folder, 'a', 'b'));
  assert.deepEqual([modeOf(join(folder, 'a')), modeOf(join(folder, 'a', 'b'))], [0o700, 0o700]);
  makeDirectory(join(folder, 'a', 'c'), 0o750);
  assert.deepEqual([modeOf(join(folder, 'a')), modeOf(join(folder, 'a', 'c'))], [0o700, 0o750]);
  makeDirectory(join(folder, 'a', 'c'));
  assert.equal(modeOf(join(folder, 'a', 'c')), 0o750);
});

test('a file in the way is said', () => {
  writeFileSync(join(folder, 'file'), '');
  assert.throws(() => makeDirectory(join(folder, 'file')), { code: 'EEXIST' });
  assert.throws(() => makeDirectory(join(folder, 'file', 'x')), { code: 'ENOTDIR' });
});

test('where no directory can be made, that is said at once', { skip: process.platform !== 'linux' }, () => {
  assert.throws(() => makeDirectory('/proc/sallyport'), { code: 'ENOENT' });
  assert.throws(() => makeDirectory('/proc/sallyport/state'), { code: 'ENOENT' });
});
