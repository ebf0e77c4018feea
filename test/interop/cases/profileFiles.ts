/** Files of `sallyport profile` in what reads such files, where Debian has it. */

import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Case } from '../case.ts';
import { SERVER_NAME } from '../ikev2/authority.ts';
import { SERVER } from '../ikev2/wire.ts';
import type { Lab } from '../lab.ts';
import { SALLYPORT } from '../ourEnd.ts';
import { unpackPackages } from '../packages.ts';
import { host, sh } from '../process.ts';
import { USER } from '../stock/options.ts';

export const cases: readonly Case[] = [
  { name: 'profile linux-nm in nmcli', beside: 'profile', seconds: 120, run: networkManager },
  { name: 'profile android, chromeos, windows, mikrotik', beside: 'profile', seconds: 90, run: others },
];

type Protocol = 'l2tp' | 'ikev2';

/** Makes the files of one system, beside an authority and a user. Returns their folder. */
type Make = (os: string, protocol: Protocol, options?: string) => Promise<string>;

async function maker(lab: Lab): Promise<Make> {
  const { state, folder } = (await lab.wire()).ourGateway();
  const sallyport = (words: string) =>
    sh(host, `mkdir -p -m 700 ${state}; cd ${state} && node ${SALLYPORT} ${words} --state ${state}`, 60);
  await sallyport(`ca init --server ${SERVER_NAME} ${SERVER}`);
  await sh(host, `printf %s '${USER.password}' > ${folder}/password; chmod 600 ${folder}/password`);
  await sallyport(`user add ${USER.name} --password-file ${folder}/password`);
  await sh(host, `umask 077; echo made-by-the-gateway > ${state}/psk`);
  return async (os, protocol, options = '--with-password') => {
    const out = join(folder, `${os}-${protocol}${options.replaceAll(' ', '')}`);
    const certificate = options.includes('certificate');
    if (certificate) await sallyport(`ca issue ${USER.name}`);
    const words = certificate ? '' : options;
    await sallyport(
      `profile ${USER.name} --os ${os} --protocol ${protocol} --server ${SERVER_NAME} --out ${out} ${words}`,
    );
    return out;
  };
}

/** Where each plugin of NetworkManager has the names of the keys that it takes. */
const PLUGINS: Readonly<Record<Protocol, string>> = {
  l2tp: 'usr/lib/NetworkManager/nm-l2tp-service',
  ikev2: 'usr/lib/ipsec/charon-nm',
};

/** NetworkManager's own reader of keyfiles, and the keys that its plugins know; none of them is started. */
async function networkManager(lab: Lab): Promise<void> {
  const tools = join(lab.folder, 'network-manager');
  const unpacking = unpackPackages(tools, ['network-manager', 'libnm0', 'network-manager-l2tp', 'strongswan-nm']);
  const make = await maker(lab);
  const made: [Protocol, string][] = [
    ['l2tp', await make('linux-nm', 'l2tp')],
    ['ikev2', await make('linux-nm', 'ikev2')],
    ['ikev2', await make('linux-nm', 'ikev2', 'with certificate')],
  ];
  await unpacking;
  const nmcli = `LD_LIBRARY_PATH=$(echo ${tools}/usr/lib/*-linux-gnu) ${tools}/usr/bin/nmcli`;
  for (const [protocol, folder] of made) {
    const file = join(folder, readdirSync(folder).find((name) => name.endsWith('.nmconnection'))!);
    const read = await sh(host, `${nmcli} --offline connection modify connection.autoconnect no < ${file}`);
    assert.deepEqual(valuesOf(read, 'vpn'), valuesOf(readFileSync(file, 'utf8'), 'vpn'), file);
    assert.deepEqual(valuesOf(read, 'vpn-secrets'), valuesOf(readFileSync(file, 'utf8'), 'vpn-secrets'), file);
    const plugin = readFileSync(join(tools, PLUGINS[protocol]), 'latin1');
    const keys = [...valuesOf(read, 'vpn').keys()].filter((key) => !/^service-type$|-flags$/.test(key));
    const unknown = keys.filter((key) => !plugin.includes(`${key}\0`));
    assert.deepEqual(unknown, [], `keys that ${PLUGINS[protocol]} does not know`);
  }
}

/** What stands in a section of a keyfile. */
function valuesOf(text: string, section: string): Map<string, string> {
  const [, body = ''] = new RegExp(`^\\[${section}\\]$([^[]*)`, 'm').exec(text) ?? [];
  const lines = body
    .trim()
    .split('\n')
    .filter((line) => line !== '')
    .sort();
  return new Map(lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]));
}

/** Their readers are not in Debian: what can be checked is the form (JSON, text without stray quotes) and the certificates inside. */
async function others(lab: Lab): Promise<void> {
  const make = await maker(lab);
  const json = async (os: string, protocol: Protocol, options?: string) => {
    const folder = await make(os, protocol, options);
    const [name] = readdirSync(folder);
    return JSON.parse(await sh(host, `python3 -m json.tool ${join(folder, name!)}`));
  };
  const android = await json('android', 'ikev2');
  assert.equal(android.type, 'ikev2-eap');
  const file = join(lab.folder, 'android-ca.der');
  await sh(host, `echo ${android.remote.cert} | base64 -d > ${file} && openssl x509 -inform der -in ${file} -noout`);
  const l2tp = await json('chromeos', 'l2tp');
  assert.equal(l2tp.NetworkConfigurations[0].VPN.Type, 'L2TP-IPsec');
  const ikev2 = await json('chromeos', 'ikev2');
  assert.equal(ikev2.NetworkConfigurations[0].VPN.Type, 'IPsec');
  for (const [os, ending] of [
    ['windows', '.ps1'],
    ['mikrotik', '.rsc'],
  ] as const) {
    for (const protocol of ['l2tp', 'ikev2'] as const) {
      const folder = await make(os, protocol);
      const name = readdirSync(folder).find((one) => one.endsWith(ending));
      assert.ok(name !== undefined && existsSync(join(folder, name)));
      const quote = os === 'windows' ? "'" : '"';
      const text = readFileSync(join(folder, name), 'utf8').replaceAll('\\"', '');
      assert.equal(text.split(quote).length % 2, 1, `quotes of ${name}`);
    }
  }
}
