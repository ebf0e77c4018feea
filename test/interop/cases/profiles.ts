/** What `sallyport profile` and `sallyport ca` write works in the tools that it is for. */

import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { Case } from '../case.ts';
import { SERVER_NAME } from '../ikev2/authority.ts';
import { OUR_INNER, OUR_NETWORKS } from '../ikev2/connections.ts';
import { SERVER } from '../ikev2/wire.ts';
import type { Lab } from '../lab.ts';
import { SALLYPORT } from '../ourEnd.ts';
import { GATEWAY_INNER_ADDRESS } from '../ours.ts';
import { host, sh } from '../process.ts';
import { USER } from '../stock/options.ts';
import { initiateProfile, loadProfile } from '../stock/profile.ts';
import { ping } from '../traffic.ts';

export const cases: readonly Case[] = [
  { name: 'profile linux-swanctl certificate', beside: 'profile', seconds: 90, run: (lab) => swanctl(lab, '') },
  {
    name: 'profile linux-swanctl password',
    beside: 'profile',
    seconds: 90,
    run: (lab) => swanctl(lab, '--password-login --with-password'),
  },
  { name: 'profile linux-xl2tpd', beside: 'profile', seconds: 90, run: xl2tpd },
  { name: 'profile files', beside: 'profile', seconds: 90, run: files },
];

/** Runs our program with the state of a gateway, or a new one. */
async function sallyport(state: string, words: string): Promise<string> {
  mkdirSync(state, { recursive: true, mode: 0o700 });
  return sh(host, `cd ${state} && node ${SALLYPORT} ${words} --state ${state}`, 60);
}

/** An authority in the place where the gateway looks for it by itself, and a user's certificate. Returns what was said. */
async function makeAuthority(state: string): Promise<string> {
  await sallyport(state, `ca init --server ${SERVER_NAME} ${SERVER}`);
  return sallyport(state, `ca issue ${USER.name}`);
}

async function swanctl(lab: Lab, options: string): Promise<void> {
  const wire = await lab.wire();
  const [gateway, client] = [wire.ourGateway(), wire.strongSwan('client')];
  await makeAuthority(gateway.state);
  // A client without a NAT between would send ESP that is not in UDP, which kernel-libipsec cannot.
  await gateway.start({ more: { ike: { force_encapsulation: true }, network: { ipv6_pool: OUR_NETWORKS[1] } } });
  const out = join(gateway.folder, 'profile');
  const where = `--server ${SERVER} --server-identity ${SERVER_NAME} --out ${out}`;
  await sallyport(gateway.state, `profile ${USER.name} --os linux-swanctl --protocol ikev2 ${where} ${options}`);
  await client.start({ swanctl: 'include conf.d/*.conf', files: filesIn(join(out, 'swanctl')) });
  await client.initiate('sallyport');
  const [session] = await gateway.sessions();
  assert.equal(session?.user, USER.name);
  assert.equal(session?.authentication, options === '' ? 'signature' : 'eap-mschapv2');
  await ping(client, OUR_INNER.v4);
  await ping(client, OUR_INNER.v6);
  await client.terminate('sallyport');
  assert.deepEqual(await gateway.leftovers(), []);
  await gateway.stop();
}

async function xl2tpd(lab: Lab): Promise<void> {
  await lab.topology.masquerade(true);
  const [gateway, client] = await Promise.all([lab.ourGateway(), lab.stockClient(1)]);
  await Promise.all([gateway.start(), client.configure({ method: 'mschapv2', server: gateway.address })]);
  const config = join(gateway.folder, 'sallyport.yaml');
  const out = join(lab.folder, client.name, 'profile');
  const where = `--server ${gateway.address} -c ${config} --with-password --out ${out}`;
  await sallyport(gateway.state, `profile ${USER.name} --os linux-xl2tpd ${where}`);
  await loadProfile(client.guest);
  const { local, remote } = await initiateProfile(client.guest);
  assert.equal(remote, GATEWAY_INNER_ADDRESS);
  assert.equal((await gateway.session()).innerAddress, local);
  await ping(client, remote);
  await gateway.disconnect(USER.name);
  assert.deepEqual(await gateway.leftovers(), []);
  await gateway.stop();
}

/** Property lists in python, PKCS #12 and lists of revoked certificates in openssl, certificates in strongSwan's pki. */
async function files(lab: Lab): Promise<void> {
  const { state, folder } = (await lab.wire()).ourGateway();
  const said = await makeAuthority(state);
  const password = /Password: (\S+)/.exec(said)?.[1];
  assert.ok(password !== undefined, said);
  await sh(host, `openssl pkcs12 -in ${state}/${USER.name}.p12 -passin pass:${password} -noout -info`);
  await sh(host, `openssl verify -CAfile ${state}/ca/ca.crt -purpose sslserver ${state}/ca/server.pem`);
  await sh(host, `openssl crl -in ${state}/ca/ca.crl -CAfile ${state}/ca/ca.crt -noout -verify`);
  assert.match(await sh(host, `pki --print --type x509 --in ${state}/ca/server.pem`), new RegExp(SERVER_NAME));
  assert.match(await sh(host, `pki --print --type x509 --in ${state}/ca/ca.crt`), /flags: +CA CRLSign self-signed/);
  await sh(host, `pki --verify --in ${state}/ca/server.pem --cacert ${state}/ca/ca.crt --crl ${state}/ca/ca.crl`);

  await sh(host, `printf %s '${USER.password}' > ${folder}/password; chmod 600 ${folder}/password`);
  await sallyport(state, `user add ${USER.name} --password-file ${folder}/password`);
  await sh(host, `umask 077; echo made-by-the-gateway > ${state}/psk`);
  for (const [os, protocol] of [
    ['macos', 'l2tp'],
    ['ios', 'l2tp'],
    ['macos', 'ikev2'],
    ['ios', 'ikev2'],
  ]) {
    const out = join(folder, `${os}-${protocol}`);
    const where = `--server ${SERVER_NAME} --with-password --out ${out}`;
    await sallyport(state, `profile ${USER.name} --os ${os} --protocol ${protocol} ${where}`);
    const type = await sh(
      host,
      `python3 -c 'import plistlib, glob
for name in glob.glob("${out}/*.mobileconfig"):
  with open(name, "rb") as f: p = plistlib.load(f)
  print(p["PayloadType"], [q["VPNType"] for q in p["PayloadContent"] if "VPNType" in q])'`,
    );
    assert.equal(type, `Configuration ['${protocol === 'l2tp' ? 'L2TP' : 'IKEv2'}']`);
  }
}

/** All files below a folder, by their path in it. */
function filesIn(folder: string): Record<string, Uint8Array> {
  const names = readdirSync(folder, { recursive: true }) as string[];
  const paths = names.map((name) => join(folder, name)).filter((path) => statSync(path).isFile());
  return Object.fromEntries(paths.map((path) => [relative(folder, path), readFileSync(path)]));
}
