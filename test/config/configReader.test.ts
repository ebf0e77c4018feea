import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { ClientSchema, loadClientProfile } from '../../src/config/clientSchema.ts';
import { readAs, readerOf } from '../../src/config/configReader.ts';
import { loadConfig } from '../../src/config/load.ts';
import { GatewaySchema } from '../../src/config/schema.ts';

test('a gateway and a client share no key at the top, so each key tells whose the file is', () => {
  const shared = Object.keys(GatewaySchema.shape).filter((key) => key in ClientSchema.shape);
  assert.deepEqual(shared, []);
  for (const key of Object.keys(GatewaySchema.shape)) assert.equal(readerOf(`${key}: 1`, 'f'), 'serve', key);
  for (const key of Object.keys(ClientSchema.shape)) assert.equal(readerOf(`${key}: 1`, 'f'), 'connect', key);
});

test('most keys decide, then what they are near to; what is empty or no mapping is the gateway’s', () => {
  const cases: readonly [yaml: string, reader: string][] = [
    ['', 'serve'],
    ['# nothing\n', 'serve'],
    ['- server: a', 'serve'],
    ['server', 'serve'],
    ['server: a\nike: {}', 'connect'],
    ['user: a\nike: {}', 'serve'],
    ['server: a\nike: {}\nnetwork: {}', 'serve'],
    ['netwrok: {}', 'serve'],
    ['sever: a\nusr: b', 'connect'],
    // `times` is near too, but farther.
    ['rotes: []', 'connect'],
    ['zzzzzzzz: 1\nlimits: {}', 'serve'],
    ['server: [', 'connect'],
  ];
  for (const [yaml, reader] of cases) assert.equal(readerOf(yaml, 'f'), reader, yaml);
});

test('keys that are nobody’s are all named, with their lines', () => {
  assert.throws(() => readerOf('foo: 1\n\n17: 2\n', 'f.yaml'), {
    name: 'ConfigError',
    message:
      /^f\.yaml:1: foo is no key of a gateway \(listen, ike, .*\), nor of a profile of .* --for .*\nf\.yaml:3: 17 is no key/,
  });
});

test('a file that is the other command’s is told so; one that is one’s own keeps its mistakes', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-reader-'));
  const named = (name: string, text: string) => {
    const path = join(folder, name);
    writeFileSync(path, text);
    return path;
  };
  try {
    const office = named('office.yaml', 'server: vpn.example.org\nuser: ann\n');
    const gateway = named('gateway.yaml', 'network: { pool: 10.9.0.0/24 }\nlimits: { sessions: 7 }\n');
    const [wrong, empty] = [named('wrong.yaml', 'netwrok: {}\nlimits: {}\n'), named('empty.yaml', '')];
    assert.throws(() => readAs('serve', office, loadConfig), {
      message: /office\.yaml: is a profile of `sallyport connect`, and not the configuration of a gateway/,
    });
    assert.throws(() => readAs('connect', gateway, loadClientProfile), {
      message: /gateway\.yaml: is the configuration of a gateway .*, and not a profile of `sallyport connect`\.$/,
    });
    assert.equal(readAs('serve', gateway, loadConfig).limits.sessions, 7);
    assert.throws(() => readAs('serve', wrong, loadConfig), {
      message: /wrong\.yaml:1: netwrok .*Did you mean network/,
    });
    assert.equal(readAs('connect', empty, loadClientProfile).server, undefined);
    assert.throws(() => readAs('serve', join(folder, 'nope'), loadConfig), { message: /there is no such file/ });
  } finally {
    rmSync(folder, { recursive: true });
  }
});
