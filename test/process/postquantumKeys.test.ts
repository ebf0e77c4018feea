/** Post-quantum pre-shared keys as people write them, and what is told of those that cannot be. */

import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { ClientSchema } from '../../src/config/clientSchema.ts';
import { parseConfig } from '../../src/config/load.ts';
import { StartError } from '../../src/driver/openPorts.ts';
import { gatewayConfig } from '../../src/process/gatewayConfig.ts';
import { clientPpk } from '../../src/process/postquantumKeys.ts';
import { toHex, utf8 } from '../../src/wire/index.ts';

const folder = mkdtempSync(join(tmpdir(), 'sallyport-ppk-'));
after(() => rmSync(folder, { recursive: true }));

const HEX = '00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff';
const TEXT = 'a key of thirty-two bytes or more, say';

function gateway(yaml: string, warnings: string[] = []) {
  return gatewayConfig(parseConfig(yaml, 'test.yaml'), {
    configFile: join(folder, 'test.yaml'),
    defaultPsk: () => 'a key of some length',
    dns: [],
    reserved: new Map(),
    keyLog: false,
    warn: (text) => void warnings.push(text),
  }).ikeV2;
}

function secret(name: string, text: string, mode = 0o600): string {
  writeFileSync(join(folder, name), text);
  chmodSync(join(folder, name), mode);
  return name;
}

const codeOf = (work: () => unknown): string => {
  try {
    work();
  } catch (error) {
    if (error instanceof StartError) return error.failure.code;
    throw error;
  }
  return 'none';
};

test('keys of a list and of a file: text, hexadecimal and base64, each under its id', () => {
  secret('one', `0x${HEX}\n`);
  secret(
    'many',
    `# of the branch\nbranch  0x${HEX}\r\n\nhome 0s${Buffer.from(HEX, 'hex').toString('base64')}\nodd ${TEXT}\n`,
  );
  const keys = gateway(
    `ike: {ppk: {required: true, file: many, keys: [{id: office, secret_file: one}, {id: here, secret: "${TEXT}"}]}}`,
  )?.postquantumKeys;
  assert.equal(keys?.required, true);
  for (const id of ['office', 'branch', 'home']) assert.equal(toHex(keys!.keyFor(id)!), HEX, id);
  for (const id of ['here', 'odd']) assert.deepEqual(keys!.keyFor(id), utf8(TEXT), id);
  assert.equal(keys!.keyFor('toString'), undefined);
  assert.equal(gateway('')?.postquantumKeys, undefined);
  assert.equal(gateway('ike: {ppk: {}}')?.postquantumKeys, undefined);
});

test('a key with an identity is for who states it', () => {
  const keys = gateway(
    `ike: {ppk: {keys: [{id: ann, secret: "${TEXT}", identity: ann@example.org}]}}`,
  )?.postquantumKeys;
  const peer = (value: string) => keys!.keyFor('ann', { type: 'user-fqdn', value });
  assert.deepEqual(
    [peer('ann@example.org'), peer('bob@example.org'), keys!.keyFor('ann')],
    [utf8(TEXT), undefined, undefined],
  );
});

test('what cannot be a key is told at the start', () => {
  const of = (key: string) => codeOf(() => gateway(`ike: {ppk: {keys: [{id: a, ${key}}]}}`));
  assert.equal(of('secret: short'), 'short-ppk');
  assert.equal(of('secret: "0x0011"'), 'short-ppk');
  assert.equal(of(`secret: "0x${HEX}0"`), 'bad-ppk');
  assert.equal(of('secret: "0s?"'), 'bad-ppk');
  assert.equal(of('secret_file: nowhere'), 'secret-file');
  const file = secret('bad', 'alone\n');
  assert.equal(
    codeOf(() => gateway(`ike: {ppk: {file: ${file}}}`)),
    'bad-ppk',
  );
  const twice = `{id: a, secret: "${TEXT}"}`;
  assert.equal(
    codeOf(() => gateway(`ike: {ppk: {keys: [${twice}, ${twice}]}}`)),
    'bad-ppk',
  );
  assert.equal(
    codeOf(() => gateway('ike: {ppk: {required: true}}')),
    'no-ppk',
  );
  assert.throws(() => gateway('ike: {ppk: {keys: [{id: a}]}}'), /exactly one of secret and secret_file/);
});

test('what is weak is warned of, and never shown', () => {
  const warnings: string[] = [];
  const key = '0123456789abcdef-x';
  secret('open', `0x${HEX}`, 0o644);
  gateway(`ike: {ppk: {required: true, keys: [{id: a, secret: ${key}}, {id: b, secret_file: open}]}}`, warnings);
  assert.equal(warnings.length, 3, warnings.join('\n'));
  assert.match(warnings.join('\n'), /holds for IKEv2 alone/);
  assert.match(warnings.join('\n'), /has 18 bytes; RFC 8784 advises 32/);
  assert.match(warnings.join('\n'), /others may read it/);
  assert.doesNotMatch(warnings.join('\n'), new RegExp(`${key}|${HEX}`));
  const silent: string[] = [];
  gateway(`ike: {versions: [2], ppk: {required: true, keys: [{id: a, secret: "${TEXT}"}]}}`, silent);
  assert.deepEqual(silent, []);
});

test('a client has one key, with its id, and IKEv2', () => {
  const of = (more: object) =>
    clientPpk(
      ClientSchema.parse({ server: 'vpn.example.org', ike_version: 2, ...more }),
      () => `0x${HEX}`,
      () => {},
    );
  const keys = of({ ppk_id: 'office', ppk_file: 'x', ppk_required: true });
  assert.deepEqual([keys?.id, keys?.required, toHex(keys!.keyFor('office')!)], ['office', true, HEX]);
  assert.equal(of({}), undefined);
  assert.equal(
    codeOf(() => of({ ppk_id: 'office' })),
    'no-ppk',
  );
  assert.equal(
    codeOf(() => of({ ppk_file: 'x' })),
    'no-ppk',
  );
  assert.equal(
    codeOf(() => of({ ppk_required: true })),
    'no-ppk',
  );
  assert.equal(
    codeOf(() => of({ ppk_id: 'office', ppk_file: 'x', ike_version: 1 })),
    'ppk-needs-ikev2',
  );
});

test('resumption and redirects are off until they are configured', () => {
  const config = parseConfig('', 'test.yaml');
  assert.deepEqual(config.ike.resumption, { enabled: false, lifetime: 8 * 3600 });
  assert.deepEqual(config.redirect, { to: [], when: 'draining', users: [] });
  const on = gateway('ike: {resumption: {enabled: true, lifetime: 10m}}');
  assert.deepEqual([on?.resumption, on?.ticketLifetimeSeconds], [true, 600]);
  assert.throws(
    () => parseConfig('ike: {resumption: {lifetime: 2d}}', 't'),
    /resumption.lifetime is not between a second and a day/,
  );
  assert.throws(() => parseConfig('redirect: {when: always}', 't'), /redirect needs `to`/);
  assert.throws(() => parseConfig('redirect: {when: above, to: [gw2]}', 't'), /needs `sessions`/);
  assert.throws(() => parseConfig('redirect: {to: ["gw 2"]}', 't'), /neither a name nor an address/);
});
