import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import fc from 'fast-check';
import { parseDuration } from '../../src/config/duration.ts';
import { configJsonSchema } from '../../src/config/jsonSchema.ts';
import { ConfigError, loadConfig, parseConfig } from '../../src/config/load.ts';
import { nearest } from '../../src/config/nearest.ts';

/** What a configuration is told, one line a mistake. */
function complaints(yaml: string): string[] {
  try {
    parseConfig(yaml, 'f.yaml');
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error.message.split('\n');
  }
  return [];
}

test('an empty configuration is the default', () => {
  const settings = parseConfig('', 'f.yaml');
  assert.deepEqual(settings, parseConfig('# nothing\n', 'f.yaml'));
  assert.deepEqual(settings.listen, []);
  assert.equal(settings.ike.profile, 'compatible');
  assert.equal(settings.ike.aggressive, 'off');
  assert.equal(settings.ike.lifetime, 8 * 3600);
  assert.equal(settings.ike.dpd_timeout, 150);
  assert.equal(settings.l2tp.without_ipsec, false);
  assert.deepEqual(settings.ppp.authentication, ['ms-chap-v2', 'eap-mschapv2', 'chap-md5', 'pap']);
  assert.equal(settings.network.pool, '10.87.0.0/24');
  assert.equal(settings.network.nat, true);
  assert.equal(settings.network.dns, undefined);
  assert.equal(settings.limits.sessions, 10_000);
  assert.equal(settings.times.tunnel, 30);
});

test('every kind of mistake names file, line, field, and the nearest valid word', () => {
  const cases: readonly [yaml: string, complaint: RegExp][] = [
    ['ike:\n  profle: strict', /^f\.yaml:2: ike\.profle is no known key\. Did you mean profile\?$/],
    ['netwrok: {}', /^f\.yaml:1: netwrok is no known key\. Did you mean network\?$/],
    ['ike:\n\n  zzzzzzzz: 1', /^f\.yaml:3: ike\.zzzzzzzz is no known key\. Valid keys here: profile, proposals, /],
    [
      'ike: {profile: strickt}',
      /^f\.yaml:1: ike\.profile must be one of strict, compatible, legacy\. Did you mean strict\?$/,
    ],
    ['ike:\n  half_open: many', /^f\.yaml:2: ike\.half_open must be of type number\.$/],
    ['ike: {half_open: 1.5}', /^f\.yaml:1: ike\.half_open must be a whole number\.$/],
    ['ike: {half_open: 0}', /^f\.yaml:1: ike\.half_open must be at least 1\.$/],
    ['ppp: {mru: 9000}', /^f\.yaml:1: ppp\.mru must be at most 1500\.$/],
    ['network: {nat: maybe}', /^f\.yaml:1: network\.nat must be of type boolean\.$/],
    ['ike: {lifetime: soon}', /^f\.yaml:1: ike\.lifetime is not a span of time such as 90, 90s, 15m, 8h or 1d\.$/],
    ['listen:\n  - 192.0.2.1\n  - 192.0.2.256', /^f\.yaml:3: listen\[1\] is not an IPv4 or IPv6 address\.$/],
    ['network: {dns: ["::1"]}', /^f\.yaml:1: network\.dns\[0\] is not an IPv4 address\.$/],
    ['network:\n  dns: [192.0.2.1, 192.0.2.2, 192.0.2.3]', /^f\.yaml:2: network\.dns takes 2 entries at most\.$/],
    ['network: {pool: 10.0.0.9-10.0.0.2}', /^f\.yaml:1: network\.pool is no pool: .*10\.0\.0\.9-10\.0\.0\.2/],
    ['network: {tun: "a b"}', /^f\.yaml:1: network\.tun is not an interface name\.$/],
    [
      'ike: {psk: short}',
      /^f\.yaml:1: ike\.psk has fewer than 12 characters, which can be guessed; take 12 or more\.$/,
    ],
    ['ike: {proposals: [rot13-md4]}', /^f\.yaml:1: ike\.proposals\[0\] is no proposal: .*rot13/],
    ['ike: {esp_proposals: [nothing]}', /^f\.yaml:1: ike\.esp_proposals\[0\] is no proposal: .*nothing/],
    ['ike: {proposals: []}', /^f\.yaml:1: ike\.proposals takes 1 or more entries\.$/],
    [
      'ppp: {authentication: [ms-chap]}',
      /^f\.yaml:1: ppp\.authentication\[0\] must be one of .* Did you mean ms-chap-v2\?$/,
    ],
    [
      'ike:\n  secrets:\n    - address: 192.0.2.0/24\n      psk: aaaaaaaaaaaa\n      psk_file: x',
      /^f\.yaml:3: ike\.secrets\[0\] takes exactly one of psk and psk_file\.$/,
    ],
    ['ike: {secrets: [{psk: aaaaaaaaaaaa}]}', /^f\.yaml:1: ike\.secrets\[0\] takes an identity or an address/],
    [
      'ike:\n  secrets:\n    - adress: 192.0.2.1\n      psk: aaaaaaaaaaaa',
      /^f\.yaml:3: ike\.secrets\[0\]\.adress is no known key\. Did you mean address\?$/,
    ],
    ['ike: {psk: aaaaaaaaaaaa, psk_file: x}', /^f\.yaml:1: ike takes only one of psk and psk_file\.$/],
    [
      'listeners:\n  - address: 192.0.2.1\n    ike:\n      agressive: unsafe',
      /^f\.yaml:4: listeners\[0\]\.ike\.agressive is no known key\. Did you mean aggressive\?$/,
    ],
    ['listeners: [{}]', /^f\.yaml:1: listeners\[0\]\.address must be of type string\.$/],
    ['- a\n- b', /^f\.yaml(:1)?: must be of type object\.$/],
    ['ike: {', /^f\.yaml:1: is not valid YAML: /],
    ['ike:\n  psk: a\n  psk: b', /^f\.yaml:3: is not valid YAML: .*unique/],
  ];
  const untold = cases.flatMap(([yaml, complaint]) => {
    const found = complaints(yaml);
    return found.some((line) => complaint.test(line)) ? [] : [{ yaml, found }];
  });
  assert.deepEqual(untold, []);
});

test('all mistakes are told at once', () => {
  const found = complaints('ike:\n  profle: strict\n  half_open: 0\nnetwork:\n  pol: 10.0.0.0/24\nfoo: 1\n');
  assert.deepEqual(found.map((line) => line.split(' ')[0]).sort(), [
    'f.yaml:2:',
    'f.yaml:3:',
    'f.yaml:5:',
    'f.yaml:6:',
  ]);
});

test('a complaint never repeats a secret', () => {
  const found = complaints('ike:\n  psk: hunter2\n  secrets:\n    - address: 192.0.2.1\n      psk: hunter3\n');
  assert.equal(found.length, 2);
  assert.doesNotMatch(found.join(), /hunter/);
});

test('addresses come out canonical, sections per listener have defaults of their own', () => {
  const settings = parseConfig(
    `
listen: [192.0.2.1, "2001:DB8:0:0::1"]
listeners:
  - address: "2001:db8::1"
    ike: {profile: legacy, psk_file: office.psk}
    without_ipsec: true
`,
    'f.yaml',
  );
  assert.deepEqual(settings.listen, ['192.0.2.1', '2001:db8::1']);
  assert.equal(settings.listeners[0]!.ike!.profile, 'legacy');
  assert.equal(settings.listeners[0]!.ike!.keepalive, 20);
  assert.equal(settings.ike.profile, 'compatible');
});

test('a file that is not there, or that is a directory, is named', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-config-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'sallyport.yaml');
  assert.throws(() => loadConfig(file), { name: 'ConfigError', message: `${file}: there is no such file.` });
  assert.throws(() => loadConfig(folder), { name: 'ConfigError', message: `${folder}: it cannot be read (EISDIR).` });
  writeFileSync(file, 'ike: {profile: legacy}\n');
  assert.equal(loadConfig(file).ike.profile, 'legacy');
});

test('spans of time', () => {
  const cases: readonly [string | number, number | undefined][] = [
    ['90', 90],
    [90, 90],
    ['90s', 90],
    ['1.5m', 90],
    ['8 h', 28_800],
    ['1d', 86_400],
    [0, 0],
    [-1, undefined],
    [Number.NaN, undefined],
    ['', undefined],
    ['-5s', undefined],
    ['5w', undefined],
    ['1h30m', undefined],
    ['0x10', undefined],
  ];
  for (const [text, seconds] of cases) assert.equal(parseDuration(text), seconds, String(text));
});

test('the nearest word is one that somebody may have meant', () => {
  const words = ['profile', 'proposals', 'psk', 'psk_file'];
  assert.equal(nearest('profle', words), 'profile');
  assert.equal(nearest('PSK', words), 'psk');
  assert.equal(nearest('pskfile', words), 'psk_file');
  assert.equal(nearest('frobnicate', words), undefined);
  assert.equal(nearest('xyz', ['abc']), undefined, 'a word of which nothing remains is no suggestion');
  fc.assert(
    fc.property(fc.constantFrom(...words), (word) => assert.equal(nearest(word, words), word)),
    { seed: 4 },
  );
});

test('the JSON Schema knows every key, its default and its meaning', () => {
  const schema = configJsonSchema();
  assert.equal(schema.$schema, 'https://json-schema.org/draft/2020-12/schema');
  const { ike, network } = schema.properties!;
  assert.equal(ike!.properties!.profile!.default, 'compatible');
  assert.deepEqual(ike!.properties!.profile!.enum, ['strict', 'compatible', 'legacy']);
  assert.equal(ike!.properties!.lifetime!.default, '8h');
  assert.equal(ike!.additionalProperties, false);
  assert.equal(network!.properties!.pool!.default, '10.87.0.0/24');
  assert.equal(ike!.required, undefined, 'nothing must be given');
});

test('numbers that are none, and numbers that are text', () => {
  assert.deepEqual(complaints('eap: {tls_max_version: 1.2}'), [
    'f.yaml:1: eap.tls_max_version must stand in quotes: "1.2".',
  ]);
  assert.deepEqual(complaints('ike: {versions: [3]}'), ['f.yaml:1: ike.versions[0] must be one of 1, 2.']);
});
