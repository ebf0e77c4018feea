/** IKE by certificates, as an administrator sets it up: `sallyport ca`, a gateway, a client behind NAT, a revocation. */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { noNamespaces } from '../driver/namespace.ts';
import { putUsers, secretFile } from './lab/accounts.ts';
import { type NatNetwork, natNetwork, SERVER } from './lab/network.ts';
import type { Program } from './lab/program.ts';
import { World } from './lab/world.ts';

const SALLYPORT = process.env.SALLYPORT_PROGRAM ?? fileURLToPath(new URL('../../bin/sallyport.js', import.meta.url));
const PASSWORD = 'an excellent password';

describe('IKEv1 by certificates', { skip: noNamespaces() ?? false }, () => {
  let world: World;
  let network: NatNetwork;
  let gateway: Program;
  let state: string;

  before(async () => {
    world = new World();
    network = natNetwork(world);
    state = join(world.folder, 'gateway');
    putUsers(state, { alice: PASSWORD });
    secretFile(world.folder, 'password', PASSWORD);
    ca('init', '--server', 'vpn.example.org', SERVER);
    const file = join(world.folder, 'gateway.yaml');
    writeFileSync(file, `ike:\n  authentication: [certificate]\ncertificates:\n  authority: gateway\n`);
    gateway = world.sallyport(network.server, ['serve', '-c', file, '--state', state, '--log', 'json']);
    await gateway.event('ready');
  });

  after(() => world?.close());

  it('connects by a PKCS #12 file of the authority', async () => {
    const box = issue('alice@example.org');
    const client = connect(box);
    const up = await client.event('up');
    assert.match(String(up.localAddress), /^10\.87\.0\./);
    assert.equal(await client.stop('SIGINT'), 0, client.text);
    assert.match(gateway.text, /certificate verified/);
  });

  it('refuses another server, and a certificate of another authority', async () => {
    const box = issue('bob');
    const other = connect(box, ['--server-identity', 'other.example.org']);
    assert.equal(await other.exited, 1);
    assert.match(other.text, /certificate-identity/);
    const foreign = join(world.folder, 'foreign');
    ca('init', '--state', foreign);
    const stranger = connect(issue('bob', foreign), ['--ca', join(state, 'ca', 'ca.crt')]);
    assert.equal(await stranger.exited, 1);
    assert.match(stranger.text, /certificate-refused/);
    assert.match(gateway.text, /certificate-unknown-ca/);
  });

  function ca(...words: string[]): string {
    const more = words.includes('--state') ? [] : ['--state', state];
    return execFileSync(process.execPath, [SALLYPORT, 'ca', ...words, ...more], {
      encoding: 'utf8',
      cwd: world.folder,
    });
  }

  function issue(name: string, from = state) {
    const file = join(world.folder, `${name}-${from === state ? 'own' : 'foreign'}.p12`);
    const said = ca('issue', name, '--out', file, '--state', from);
    const password = secretFile(world.folder, `${name}.p12.password`, /Password: (\S+)/.exec(said)![1]!);
    return { file, password };
  }

  function connect({ file, password }: { file: string; password: string }, more: string[] = []): Program {
    const user = ['--user', 'alice', '--password-file', join(world.folder, 'password')];
    const certificate = ['--certificate', file, '--certificate-password-file', password];
    const rest = ['--state', join(world.folder, 'client'), '--log', 'json', ...more];
    return world.sallyport(network.client, ['connect', SERVER, ...user, ...certificate, ...rest]);
  }
});
