/** Settings on their way to the cores: secrets from files. */

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { parseConfig } from '../../src/config/load.ts';
import { StartError } from '../../src/driver/openPorts.ts';
import { gatewayConfig } from '../../src/process/gatewayConfig.ts';
import { fromUtf8 } from '../../src/wire/index.ts';

const folder = mkdtempSync(join(tmpdir(), 'sallyport-config-'));
after(() => rmSync(folder, { recursive: true }));

function configured(psk: string, mode = 0o600) {
  writeFileSync(join(folder, 'psk'), psk, { mode });
  const warnings: string[] = [];
  const config = gatewayConfig(parseConfig('ike: {psk_file: psk}', 'test.yaml'), {
    configFile: join(folder, 'test.yaml'),
    defaultPsk: () => assert.fail('the configuration gives a key'),
    dns: [],
    reserved: new Map(),
    keyLog: false,
    warn: (text) => warnings.push(text),
  });
  return { config, warnings };
}

test('a key file is read from beside the configuration, without its line end', () => {
  const { config, warnings } = configured('long enough to be a key\n');
  assert.equal(fromUtf8(config.ike!.secrets.secretFor({ remoteAddress: '192.0.2.1' })!), 'long enough to be a key');
  assert.deepEqual(warnings, []);
});

test('a key in a file that can be guessed is refused as one in the configuration is', () => {
  assert.throws(
    () => configured('abc\n'),
    (error) => error instanceof StartError && error.failure.code === 'short-psk' && !error.message.includes('abc'),
  );
});

test('l2tp.accept_tunnel_id_zero reaches the L2TP sockets, and is off unless told', () => {
  const accepts = (text: string) =>
    gatewayConfig(parseConfig(`ike: {psk: a key that is long enough}\n${text}`, 'test.yaml'), {
      defaultPsk: () => '',
      dns: [],
      reserved: new Map(),
      keyLog: false,
      warn: () => {},
    }).l2tp?.acceptTunnelIdZero;
  assert.equal(accepts(''), false);
  assert.equal(accepts('l2tp: {accept_tunnel_id_zero: true}'), true);
});
