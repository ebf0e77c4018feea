import assert from 'node:assert/strict';
import test from 'node:test';
import { ClientSchema } from '../../src/config/clientSchema.ts';
import { readerOf } from '../../src/config/configReader.ts';
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
