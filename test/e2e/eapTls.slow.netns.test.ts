/** A gateway and a client as real processes that know no password: EAP-TLS inside PPP, with real certificates. */

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { TlsRole } from '../../src/driver/tls/index.ts';
import { noNamespaces } from '../driver/namespace.ts';
import { alice, roleOf, serverCertificate, stranger } from '../eap/certificates.ts';
import { putUsers, secretFile } from './lab/accounts.ts';
import { type NatNetwork, natNetwork, SERVER } from './lab/network.ts';
import type { Program } from './lab/program.ts';
import { World } from './lab/world.ts';

const PSK = 'a shared secret of some length';

describe('EAP-TLS in PPP', { skip: noNamespaces() ?? false }, () => {
  let world: World;
  let network: NatNetwork;
  let gateway: Program;

  before(async () => {
    world = new World();
    network = natNetwork(world);
    const state = join(world.folder, 'gateway');
    putUsers(state, { alice: 'never said' });
    secretFile(world.folder, 'psk', PSK);
    const file = join(world.folder, 'gateway.yaml');
    const ike = `ike:\n  psk_file: psk\n  authentication: [psk]\n`;
    const eap = `ppp:\n  authentication: [eap-tls]\n`;
    writeFileSync(file, `${ike}${eap}certificates:\n${certificateLines('server', roleOf(serverCertificate), '  ')}`);
    gateway = world.sallyport(network.server, ['serve', '-c', file, '--state', state, '--log', 'json']);
    await gateway.event('ready');
  });

  after(() => world?.close());

  it('connects a user by the certificate alone', async () => {
    const client = connect('alice', roleOf(alice));
    const up = await client.event('up');
    assert.match(String(up.localAddress), /^10\.87\.0\./);
    const session = await gateway.event('session-up');
    assert.equal(session.user, 'alice');
    assert.equal(await client.stop('SIGINT'), 0, client.text);
  });

  it('refuses a certificate of another authority, and says so at the gateway', async () => {
    const client = connect('alice', roleOf(stranger));
    assert.equal(await client.exited, 1, client.text);
    assert.match(gateway.text, /certificate-unknown-ca/);
  });

  function connect(user: string, role: TlsRole): Program {
    const lines = [
      `server: ${SERVER}`,
      `user: ${user}`,
      'auth: [eap-tls]',
      'ike_authentication: [psk]',
      `psk_file: ${join(world.folder, 'psk')}`,
      'tls_server_name: vpn.example.org',
    ];
    const profile = join(world.folder, 'client.yaml');
    writeFileSync(profile, `${lines.join('\n')}\n${certificateLines('client', role)}`);
    return world.sallyport(network.client, [
      'connect',
      profile,
      '--state',
      join(world.folder, 'client'),
      '--log',
      'json',
    ]);
  }

  /** Writes the files of a role. @returns the lines of the configuration that name them */
  function certificateLines(name: string, role: TlsRole, indent = ''): string {
    const { cert, key, ca } = role.material()!;
    const files = { certificate: cert, key, ca: ca.join('') };
    return Object.entries(files)
      .map(([field, text]) => {
        const file = secretFile(world.folder, `${name}-${field}.pem`, text);
        return `${indent}${field}: ${field === 'ca' ? `[${file}]` : file}\n`;
      })
      .join('');
  }
});
