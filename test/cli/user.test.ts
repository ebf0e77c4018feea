import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { CARD_USER, loadKey, openSqliteStore, unsealUser } from '../../src/store/index.ts';
import { inProcess } from './run.ts';

const folder = mkdtempSync(join(tmpdir(), 'sallyport-cli-'));
after(() => rmSync(folder, { recursive: true }));
const state = join(folder, 'state');
const user = (...words: string[]) => inProcess('user', ...words, '--state', state);

function passwordOf(name: string): string {
  const store = openSqliteStore(join(state, 'sallyport.db'));
  try {
    return unsealUser(loadKey(join(state, 'secret.key')), store.user(name)!).password;
  } finally {
    store.close();
  }
}

function file(name: string, text: string, mode = 0o600): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
}

describe('sallyport user', { concurrency: false }, () => {
  it('does not make a state directory by a slip of the fingers', async () => {
    const { err, code } = await user('list');
    assert.equal(code, 1);
    assert.match(err, /^Error: There is no state directory .*--state/);
    assert.ok(!existsSync(state));
  });

  it('adds a user with a generated password, shown once', async () => {
    const { out, err, code } = await user('add', 'ann');
    assert.equal(code, 0, err);
    const password = /^Password: (\S+)$/m.exec(out)?.[1];
    assert.equal(password, passwordOf('ann'));
    assert.match(out, /generated and is shown this once/);
    assert.equal(statSync(state).mode & 0o777, 0o700);
    for (const name of readdirSync(state)) assert.equal(statSync(join(state, name)).mode & 0o777, 0o600, name);
  });

  it('adds a user with a password of a file and an address', async () => {
    const { out, err, code } = await user(
      'add',
      'bob',
      '--password-file',
      file('pw', 'two words\n'),
      '--address',
      '10.87.0.50',
    );
    assert.equal(code, 0, err);
    assert.equal(out, 'Added user bob with address 10.87.0.50.\n');
    assert.equal(err, '');
    assert.equal(passwordOf('bob'), 'two words');
  });

  it('warns of a password file that others may read', async () => {
    const { err, code } = await user('passwd', 'bob', '--password-file', file('loose', 'x y', 0o644));
    assert.equal(code, 0);
    assert.match(err, /^Warning: others may read .*loose.*0600/);
    assert.equal(passwordOf('bob'), 'x y');
  });

  it('lists users, never their secrets', async () => {
    const { out } = await user('list');
    assert.match(
      out,
      /^NAME +ADDRESS +RATE DOWN +RATE UP +STATE +CREATED\nann +- +- +- +enabled +\d{4}-.*\nbob +10\.87\.0\.50 +- +- +enabled /,
    );
    const listed = JSON.parse((await user('list', '--json')).out);
    assert.deepEqual(
      listed.map((entry: object) => Object.keys(entry)),
      [
        ['name', 'disabled', 'createdAt'],
        ['name', 'address', 'disabled', 'createdAt'],
      ],
    );
    assert.match(listed[0].createdAt, /^\d{4}-\d\d-\d\dT.*Z$/);
  });

  it('disables and enables, and keeps the rest', async () => {
    assert.equal((await user('disable', 'bob')).out, 'User bob is disabled.\n');
    await user('passwd', 'bob', '--password-file', file('pw2', 'other'));
    const [, bob] = JSON.parse((await user('list', '--json')).out);
    assert.equal(bob.disabled, true, 'a new password does not enable');
    assert.equal(bob.address, '10.87.0.50');
    assert.equal((await user('enable', 'bob')).out, 'User bob is enabled.\n');
  });

  it('sets the rules of a user who is there, and takes them back', async () => {
    const bob = async () => JSON.parse((await user('list', '--json')).out)[1];
    const before = await bob();
    const { out, err } = await user('set', 'bob', '--single-session', 'replace', '--session-timeout', '8h');
    assert.equal(err, '');
    assert.equal(out, 'Changed user bob.\n');
    assert.deepEqual(await bob(), { ...before, singleSession: 'replace', sessionTimeout: 28_800 });
    await user('set', 'bob', '--single-session', 'default', '--idle-timeout', '0', '--address', '10.87.0.51');
    assert.deepEqual(await bob(), { ...before, address: '10.87.0.51', sessionTimeout: 28_800, idleTimeout: 0 });
    assert.equal(passwordOf('bob'), 'other');
    await user('set', 'bob', '--address', 'none', '--session-timeout', 'default', '--idle-timeout', 'default');
    const { address: _, ...rest } = before;
    assert.deepEqual(await bob(), rest);
    await user('set', 'bob', '--address', '10.87.0.50');
    assert.deepEqual(await bob(), before);
  });

  it('gives a user rates of its own, shows them, and takes them back', async () => {
    const shown = async () => JSON.parse((await user('show', 'bob', '--json')).out);
    const before = await shown();
    assert.equal((await user('set', 'bob', '--rate-down', '20M', '--rate-up', '512k')).err, '');
    assert.deepEqual(await shown(), { ...before, rateDown: 20_000_000, rateUp: 512_000 });
    assert.match((await user('list')).out, /^bob +10\.87\.0\.50 +20 Mbit\/s +512 kbit\/s +enabled /m);
    await user('set', 'bob', '--rate-up', '0');
    const { out } = await user('show', 'bob');
    assert.match(out, /^Name +bob\nAddress +10\.87\.0\.50\nConnects twice +the gateway’s\n/);
    assert.match(out, /\nRate down +20 Mbit\/s\nRate up +no bound\nState +enabled\n/);
    await user('set', 'bob', '--rate-down', 'default', '--rate-up', 'default');
    assert.deepEqual(await shown(), before);
    await user('add', 'carol', '--rate-down', '1.5G', '--password-file', file('pw5', 'x'));
    assert.match((await user('show', 'carol')).out, /\nRate down +1\.5 Gbit\/s\nRate up +the gateway’s\n/);
    await user('remove', 'carol');
  });

  it('does not let the connection card show a password that was chosen', async () => {
    const cardUser = (name?: string) => {
      const store = openSqliteStore(join(state, 'sallyport.db'));
      if (name !== undefined) store.putSetting(CARD_USER, name);
      const shown = store.setting(CARD_USER);
      store.close();
      return shown;
    };
    cardUser('ann');
    await user('passwd', 'bob', '--password-file', file('pw3', 'x'));
    assert.equal(cardUser(), 'ann');
    await user('passwd', 'ann', '--password-file', file('pw3', 'x'));
    assert.equal(cardUser(), undefined);
  });

  it('says what is wrong and what to do, and changes nothing', async () => {
    const before = (await user('list', '--json')).out;
    const cases: readonly [words: string[], code: number, complaint: RegExp][] = [
      [['add', 'ann'], 1, /^Error: There is a user "ann" already\. .*user passwd/],
      [['add', 'carl', '--address', '10.87.0.50'], 1, /^Error: 10\.87\.0\.50 is the address of user "bob"/],
      [['add', 'carl', '--address', '10.87.0'], 2, /^Error: "10\.87\.0" is not an IPv4 address\.$/],
      [['add', 'carl', '--password-file', join(folder, 'nope')], 1, /^Error: .*nope: there is no such file/],
      [['add', 'carl', '--password-file', file('empty', '\n')], 1, /^Error: A password may not be empty\.$/],
      [['add', '', '--password-file', file('pw4', 'x')], 1, /^Error: A user name may not be empty\.$/],
      [['add', 'carl', '--password', 'hunter2'], 2, /^error: unknown option '--password'/],
      [['add', 'carl', '--password-file', 'x', '--password-stdin'], 2, /cannot be used with/],
      [['add'], 2, /missing required argument 'name'/],
      [['passwd', 'zoe'], 1, /^Error: There is no user "zoe"\. .*user list/],
      [['set', 'zoe', '--idle-timeout', '1h'], 1, /^Error: There is no user "zoe"\./],
      [['set', 'ann'], 2, /^Error: Name at least one of --address/],
      [['set', 'ann', '--address', '10.87.0.50'], 1, /^Error: 10\.87\.0\.50 is the address of user "bob"/],
      [['set', 'ann', '--rate-up', 'fast'], 2, /^Error: "fast" is no rate such as 512k, 20M or 1G\.$/],
      [['add', 'carl', '--rate-down', 'default'], 2, /^Error: "default" is no rate/],
      [['show', 'zoe'], 1, /^Error: There is no user "zoe"\./],
      [['set', 'ann', '--idle-timeout', 'soon'], 2, /^Error: "soon" is no span of time/],
      [['remove', 'zoe'], 1, /^Error: There is no user "zoe"\./],
      [['disable', 'zoe'], 1, /^Error: There is no user "zoe"\./],
      [['ad', 'carl'], 2, /unknown command 'ad'\n\(Did you mean add\?\)/],
    ];
    for (const [words, code, complaint] of cases) {
      const ran = await user(...words);
      assert.match(ran.err, complaint, words.join(' '));
      assert.equal(ran.code, code, words.join(' '));
      assert.equal(ran.out, '', words.join(' '));
    }
    assert.equal((await user('list', '--json')).out, before);
  });

  it('removes a user', async () => {
    assert.equal((await user('remove', 'ann')).out, 'Removed user ann.\n');
    assert.doesNotMatch((await user('list')).out, /ann/);
  });
});
