/** `sallyport config check` of profiles: what `sallyport connect` says of them, without connecting. */

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after } from 'node:test';
import { settingsOf } from '../../src/cli/clientSettings.ts';
import { inProcess } from './run.ts';

const folder = mkdtempSync(join(tmpdir(), 'sallyport-check-'));
after(() => rmSync(folder, { recursive: true }));

const file = (name: string, text: string, mode = 0o600) => {
  const path = join(folder, name);
  writeFileSync(path, text, { mode });
  return path;
};

const psk = file('psk', 'long enough a key\n');
const password = file('password', 'the password\n');
const OFFICE = `server: vpn.example.org\nuser: ann\npsk_file: ${psk}\n`;

test('a profile is known by its keys, and checked with the secrets that it names', async () => {
  const office = file('office.yaml', `${OFFICE}password_file: ${password}\nroutes: [10.0.0.0/8]\n`);
  assert.deepEqual(await inProcess('config', 'check', office), {
    out: `${office} is a valid profile.\n`,
    err: '',
    code: 0,
  });
  // The password is asked for when it connects.
  assert.equal((await inProcess('config', 'check', file('asks.yaml', OFFICE))).code, 0);
  const loose = file('loose.psk', 'long enough a key\n', 0o644);
  const warned = await inProcess('config', 'check', file('loose.yaml', `${OFFICE.replace(psk, loose)}`));
  assert.equal(warned.code, 0);
  assert.match(warned.err, /^Warning: .*loose\.psk.*0600/);
});

test('what connect refuses, the check refuses with the same words', async () => {
  const certified = 'server: vpn.example.org\nike_version: 2\ncertificate: nope.p12\n';
  const cases: readonly [yaml: string, complaint: RegExp][] = [
    ['sever: vpn.example.org\nuser: ann\n', /^\S+\.yaml:1: sever is no known key\. Did you mean server\?$/],
    ['server: a\nuser: b\nretry: {frst: 1}\n', /^\S+\.yaml:3: retry\.frst is no known key\. Did you mean first\?$/],
    ['server: a\nuser: ""\n', /^\S+\.yaml:2: user must not be empty\.$/],
    ['user: ann\npsk: aaaaaaaaaaaa\n', /^\S+\.yaml: server is missing\.$/],
    ['server: a\npsk: aaaaaaaaaaaa\n', /^\S+\.yaml: user is missing\. Name it with --user, or in a profile\.$/],
    ['server: a\nuser: ann\n', /^Error: No pre-shared key was given, and no certificate\. /],
    [OFFICE.replace(psk, 'nope.psk'), /^Error: The secret file nope\.psk cannot be read \(ENOENT\)\. /],
    [`${OFFICE}password_file: ${file('empty', '')}\n`, /^Error: The secret file \S+empty is empty\. /],
    [`${OFFICE}psk: aaaaaaaaaaaa\n`, /^\S+\.yaml: takes only one of psk and psk_file\.$/],
    [`${OFFICE}password: a\npassword_file: b\n`, /^\S+\.yaml: takes only one of password and password_file\.$/],
    [`${OFFICE}ppk_id: a\n`, /^Error: A post-quantum pre-shared key needs an id and a file\. /],
    [`${OFFICE}password: p\nca: [nope.crt]\n`, /^Error: profile\.ca: the file nope\.crt cannot be read \(ENOENT\)\. /],
    [certified, /^Error: profile\.certificate: the file nope\.p12 cannot be read \(ENOENT\)\. /],
  ];
  for (const [i, [yaml, complaint]] of cases.entries()) {
    const path = file(`bad${i}.yaml`, yaml);
    const checked = await inProcess('config', 'check', path);
    assert.match(checked.err, complaint);
    assert.deepEqual(checked, { out: '', err: checked.err, code: 1 });
    assert.deepEqual(await inProcess('connect', path), checked, yaml);
  }
});

test('what connect finds out only after it has looked for the server is found without', async () => {
  const nobody = file('nobody.yaml', 'server: a\nuser: ann\npassword: p\nike_version: 2\n');
  const { err, code } = await inProcess('config', 'check', nobody);
  assert.equal(code, 1);
  assert.match(err, /^Error: There is no authority by which the certificate of the server could be known\. /);
  const tls = file('tls.yaml', `${OFFICE}auth: [eap-tls]\n`);
  assert.match((await inProcess('config', 'check', tls)).err, /^Error: Eap-tls is among the methods, but /);
});

test('a profile is found by its name, as connect finds it', async (t) => {
  const { XDG_CONFIG_HOME: before } = process.env;
  t.after(() => {
    if (before === undefined) delete process.env.XDG_CONFIG_HOME;
    else process.env.XDG_CONFIG_HOME = before;
  });
  process.env.XDG_CONFIG_HOME = folder;
  mkdirSync(join(folder, 'sallyport'));
  const home = file('sallyport/at-home.yaml', `${OFFICE}password: p\n`);
  assert.equal((await inProcess('config', 'check', 'at-home')).out, `${home} is a valid profile.\n`);
  const gone = await inProcess('config', 'check', 'not-at-home');
  assert.deepEqual(gone, { out: '', err: 'not-at-home: there is no such file.', code: 1 });
});

test('--for says whose a file is where its keys do not', async () => {
  const foo = file('foo.yaml', 'foo: 1\n');
  assert.match((await inProcess('config', 'check', foo)).err, /foo\.yaml:1: foo is no key of a gateway \(.*--for/);
  const check = async (reader: string) => (await inProcess('config', 'check', foo, '--for', reader)).err;
  assert.match(await check('serve'), /foo\.yaml:1: foo is no known key\. Valid keys here: listen, /);
  assert.match(await check('connect'), /foo\.yaml:1: foo is no known key\. Valid keys here: server, /);
  assert.equal((await inProcess('config', 'check', foo, '--for', 'both')).code, 2);
  const schema = async (reader: string) => JSON.parse((await inProcess('config', 'schema', '--for', reader)).out);
  assert.ok('server' in (await schema('connect')).properties);
  assert.ok('network' in (await schema('serve')).properties);
});

test('a wrong option of the command line is not blamed on the profile', async () => {
  const office = file('options.yaml', OFFICE);
  const { err, code } = await inProcess('connect', office, '--routes', '10.0.0.0/8,10/8', '--auth', 'ms-chap');
  assert.equal(code, 1);
  assert.deepEqual(err.split('\n').sort(), [
    'command line: auth[0] must be one of ms-chap-v2, eap-mschapv2, eap-tls, eap-gtc, chap-md5, eap-md5, pap. Did you mean ms-chap-v2?',
    'command line: routes[1] is not a prefix such as 192.0.2.0/24.',
  ]);
});

test('a secret of the command line goes before the one in the profile, in whichever way each is given', async () => {
  const inPlace = file('in-place.yaml', 'server: a\nuser: ann\npsk: aaaaaaaaaaaa\npassword: p\n');
  const settings = await settingsOf({ file: inPlace }, { pskFile: 'k', passwordFile: 'w' });
  const { psk, psk_file, password, password_file } = settings;
  assert.deepEqual([psk, psk_file, password, password_file], [undefined, 'k', undefined, 'w']);
  assert.equal((await settingsOf({ file: inPlace }, { pskFile: 'k' })).password, 'p');
});
