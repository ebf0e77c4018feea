/** Several processes that begin a state directory at the same time. */

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after } from 'node:test';
import { loadKey, openSqliteStore, unsealUser } from '../../src/store/index.ts';
import { asProcess } from './run.ts';

const folder = mkdtempSync(join(tmpdir(), 'sallyport-first-'));
after(() => rmSync(folder, { recursive: true }));

test('the first users of a new state directory may be added at the same time', async () => {
  const fresh = join(folder, 'fresh');
  const add = (name: string) =>
    asProcess(['user', 'add', name, '--password-stdin', '--state', fresh], `password of ${name}\n`);
  const ran = await Promise.all([add('ann'), add('bob'), add('carl')]);
  assert.deepEqual(
    ran.map(({ err, code }) => ({ err, code })),
    Array.from({ length: 3 }, () => ({ err: '', code: 0 })),
  );
  const key = loadKey(join(fresh, 'secret.key'));
  const store = openSqliteStore(join(fresh, 'sallyport.db'));
  for (const name of ['ann', 'bob', 'carl']) {
    assert.equal(unsealUser(key, store.user(name)!).password, `password of ${name}`);
  }
  store.close();
  assert.ok(!readFileSync(join(fresh, 'sallyport.db')).includes('password of ann'));
});
