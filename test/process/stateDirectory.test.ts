import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after } from 'node:test';
import {
  controlSocketOf,
  defaultStateDirectory,
  generatePassword,
  StateDirectory,
} from '../../src/process/stateDirectory.ts';

const folder = mkdtempSync(join(tmpdir(), 'sallyport-state-'));
after(() => rmSync(folder, { recursive: true }));
const modeOf = (path: string) => (statSync(path).mode & 0o777).toString(8);

test('it is made with all that is above it, and belongs to its user alone', () => {
  const state = new StateDirectory(join(folder, 'a', 'b'));
  assert.equal(modeOf(state.path), '700');
  const loose = join(folder, 'loose');
  mkdirSync(loose, { mode: 0o755 });
  assert.equal(modeOf(new StateDirectory(loose).path), '700');
  for (const file of [state.database, state.keyFile, state.journal, state.controlSocket]) {
    assert.ok(file.startsWith(state.path));
  }
  assert.equal(state.controlSocket, controlSocketOf(state.path));
});

test('where it cannot be, the reason and the remedy are told', () => {
  const file = join(folder, 'file');
  writeFileSync(file, '');
  for (const path of [file, join(file, 'below')]) {
    assert.throws(
      () => new StateDirectory(path),
      (error: Error & { failure?: { code: string; remedy?: string } }) =>
        error.name === 'StartError' &&
        error.message.includes(path) &&
        error.failure?.code === 'state-directory' &&
        error.failure.remedy?.includes('--state') === true,
    );
  }
});

test('the pre-shared key is generated once, for its owner alone', () => {
  const state = new StateDirectory(join(folder, 'psk'));
  const psk = state.defaultPsk();
  assert.match(psk, /^([a-km-np-z2-9]{5}-){4}[a-km-np-z2-9]{5}$/, 'letters and digits that people tell apart');
  const file = join(state.path, 'psk');
  assert.equal(readFileSync(file, 'utf8'), `${psk}\n`);
  chmodSync(file, 0o644);
  assert.equal(state.defaultPsk(), psk);
  assert.equal(modeOf(file), '600');
  writeFileSync(file, 'one of my own choice\n');
  assert.equal(state.defaultPsk(), 'one of my own choice');
  assert.notEqual(new StateDirectory(join(folder, 'psk2')).defaultPsk(), psk);
});

test('generated passwords differ and can be typed', () => {
  const passwords = Array.from({ length: 200 }, generatePassword);
  assert.equal(new Set(passwords).size, 200);
  for (const password of passwords) assert.match(password, /^([a-km-np-z2-9]{5}-){2}[a-km-np-z2-9]{5}$/);
});

test('the place unless told depends on who runs it', (t) => {
  const { XDG_STATE_HOME: before } = process.env;
  t.after(() => {
    if (before === undefined) delete process.env.XDG_STATE_HOME;
    else process.env.XDG_STATE_HOME = before;
  });
  t.mock.method(process as { getuid(): number }, 'getuid', () => 1000);
  process.env.XDG_STATE_HOME = '/home/ann/.state';
  assert.equal(defaultStateDirectory(), '/home/ann/.state/sallyport');
  t.mock.method(process as { getuid(): number }, 'getuid', () => 0);
  assert.equal(defaultStateDirectory(), '/var/lib/sallyport');
});
