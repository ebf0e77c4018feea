import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import test, { after } from 'node:test';
import { explain } from '../../src/cli/explain.ts';
import { makeProgram } from '../../src/cli/program.ts';
import { byteCount, table } from '../../src/cli/table.ts';
import { asProcess, inProcess } from './run.ts';

const folder = mkdtempSync(join(tmpdir(), 'sallyport-program-'));
after(() => rmSync(folder, { recursive: true }));

const file = (name: string, text: string, mode = 0o600) => {
  const path = join(folder, name);
  writeFileSync(path, text, { mode });
  return path;
};

test('every command explains itself, with examples', async () => {
  const program = makeProgram();
  const paths = program.commands.flatMap((command) => [
    [command.name()],
    ...command.commands.map((child) => [command.name(), child.name()]),
  ]);
  for (const path of [[], ...paths]) {
    const { out, code } = await inProcess(...path, '--help');
    assert.equal(code, 0, path.join(' '));
    assert.match(out, new RegExp(`^Usage: sallyport ${path.join(' ')}`));
    assert.doesNotMatch(out, /^ {2}help /m, 'There is --help, and nothing beside it.');
    const group = path.length === 1 && ['user', 'config'].includes(path[0]!);
    if (!group) assert.match(out, /\nExamples:\n {2}\$ /, path.join(' '));
  }
  assert.deepEqual(
    paths.map((path) => path.join(' ')),
    [
      ...['serve', 'connect', 'disconnect', 'redirect', 'status', 'sessions'],
      ...['user', 'user add', 'user passwd', 'user set', 'user remove', 'user list', 'user show'],
      ...['user enable', 'user disable'],
      ...['ca', 'ca init', 'ca issue', 'ca revoke', 'ca list', 'ca export', 'profile'],
      ...['config', 'config check', 'config schema'],
      'load',
    ],
  );
});

test('wrong usage says how it is used, with exit code 2', async () => {
  assert.match((await inProcess('sesions')).err, /unknown command 'sesions'\n\(Did you mean sessions\?\)\n.*--help/);
  assert.match((await inProcess('status', '--jsn')).err, /\(Did you mean --json\?\)\nRun "sallyport status --help"/);
  for (const words of [['sesions'], ['status', '--jsn'], ['status', 'extra'], []]) {
    assert.equal((await inProcess(...words)).code, 2, words.join(' '));
  }
  for (const words of [[], ['ann', '--all'], ['--all', '--stop'], ['--all', '--to', 'a b']]) {
    const { err, code } = await inProcess('redirect', ...words);
    assert.deepEqual([err.startsWith('Error: '), code], [true, 2], words.join(' '));
  }
  assert.match((await inProcess('--version')).out, /^\d+\.\d+\.\d+\n$/);
});

test('a configuration is checked with the secrets that it names', async () => {
  file('good.psk', 'long enough a key\n');
  const good = file('good.yaml', 'ike:\n  psk_file: good.psk\n');
  assert.deepEqual(await inProcess('config', 'check', good), { out: `${good} is valid.\n`, err: '', code: 0 });
  const missing = await inProcess('config', 'check', file('missing.yaml', 'ike:\n  psk_file: nope.psk\n'));
  assert.equal(missing.code, 1);
  assert.match(missing.err, /^Error: The secret file .*nope\.psk cannot be read \(ENOENT\)\. Correct its name/);
  file('loose.psk', 'long enough a key\n', 0o644);
  const loose = await inProcess('config', 'check', file('loose.yaml', 'ike:\n  psk_file: loose.psk\n'));
  assert.equal(loose.code, 0);
  assert.match(loose.err, /^Warning: .*loose\.psk.*0600/);
});

test('a configuration is checked with the certificates that it names, or that lie in the state directory', async () => {
  const check = (path: string) => inProcess('config', 'check', path, '--state', relative('.', join(folder, 'state')));
  const missing = await check(file('certificates.yaml', 'certificates: { certificate: gate.pem, key: gate.key }\n'));
  assert.equal(missing.code, 1);
  assert.match(missing.err, /^Error: certificates\.certificate: the file .*gate\.pem cannot be read \(ENOENT\)\./);
  const alone = file('alone.yaml', 'ike: { authentication: [certificate] }\n');
  assert.match((await check(alone)).err, /^Error: ike\.authentication names certificate, and there is no certificate/);
  const tls = file('tls.yaml', 'ppp: { authentication: [eap-tls] }\n');
  assert.match((await check(tls)).err, /eap-tls is among the methods/i);
  await inProcess('ca', 'init', '--server', 'vpn.example.org', '--state', join(folder, 'state'));
  assert.deepEqual(await check(alone), { out: `${alone} is valid.\n`, err: '', code: 0 });
  assert.equal((await check(tls)).code, 0);
});

test('no certificate is issued for a file that has no place', async () => {
  const state = ['--state', join(folder, 'authority')];
  await inProcess('ca', 'init', ...state);
  const out = ['--out', join(folder, 'gone', 'ann.p12')];
  for (const words of [['issue', 'ann'], ['export']]) {
    const { err, code } = await inProcess('ca', ...words, ...out, ...state);
    assert.equal(code, 2);
    assert.match(err, /^Error: There is no directory \S+gone\. Make it, or name another file\.$/);
  }
  assert.doesNotMatch((await inProcess('ca', 'list', ...state)).out, /ann/);
});

test('the JSON Schema is printed whole', async () => {
  const schema = JSON.parse((await inProcess('config', 'schema')).out);
  assert.deepEqual(Object.keys(schema.properties), [
    ...[
      'listen',
      'ike',
      'certificates',
      'l2tp',
      'ppp',
      'eap',
      'remote_access',
      'redirect',
      'network',
      'limits',
      'times',
      'listeners',
    ],
  ]);
});

test('as a process: what fails goes to standard error, without a stack, and sets the exit code', async () => {
  const bad = file('bad.yaml', 'ike:\n  profle: strict\n');
  const [config, usage, status] = await Promise.all([
    asProcess(['config', 'check', bad]),
    asProcess(['frobnicate']),
    asProcess(['status', '--state', folder]),
  ]);
  assert.deepEqual(config, { out: '', err: `${bad}:2: ike.profle is no known key. Did you mean profile?\n`, code: 1 });
  assert.equal(usage.code, 2);
  assert.match(usage.err, /^error: unknown command 'frobnicate'\n/);
  assert.equal(status.code, 1);
  assert.match(status.err, /^Error: No gateway runs [^\n]*\n$/);
});

test('errors of every kind read as a sentence', () => {
  const system = (code: string, path?: string) => Object.assign(new Error(`${code}: x`), { code, path });
  const start = Object.assign(new Error('x'), {
    failure: { code: 'port-in-use', reason: 'UDP port 500 is in use by charon', remedy: 'Stop that process.' },
  });
  const cases: readonly [unknown, string][] = [
    [start, 'Error: UDP port 500 is in use by charon. Stop that process.'],
    [
      system('EACCES', '/x'),
      'Error: /x: this user may not access it. Run the command as the user that runs the gateway, or as root.',
    ],
    [system('ENOENT', '/x'), 'Error: /x: there is no such file. Check its name.'],
    [system('EWEIRD', '/x'), 'Error: EWEIRD: x'],
    [new Error('Just so.'), 'Error: Just so.'],
    ['text', 'Error: text'],
  ];
  for (const [error, text] of cases) assert.deepEqual(explain(error), { text, exitCode: 1 });
});

test('tables align, and amounts are short', () => {
  assert.equal(
    table(
      ['A', 'LONG'],
      [
        ['xyz', undefined],
        ['', 'b'],
      ],
    ),
    'A    LONG\nxyz  -\n     b',
  );
  const amounts = [0, 999, 1000, 12_345, 999_499, 999_500, 1_234_567, 2e9, 3.21e15, 5e18];
  assert.deepEqual(amounts.map(byteCount), [
    ...['0 B', '999 B', '1.0 kB', '12.3 kB', '999 kB', '1.0 MB', '1.2 MB', '2.0 GB', '3.2 PB', '5000 PB'],
  ]);
});
