/** IPv6 inside the tunnel with real kernels at both ends: an address by advertisement, routes, large packets, cleaning up. */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type Namespace, noNamespaces } from '../driver/namespace.ts';
import { putUsers, secretFile } from './lab/accounts.ts';
import { hostState } from './lab/hostState.ts';
import { addDirectClient, SERVER_FOR_DIRECT } from './lab/network.ts';
import type { Program } from './lab/program.ts';
import { World } from './lab/world.ts';

const PSK = 'a pre-shared key of some length';
const PASSWORD = 'ann has a password';
const POOL = '2001:db8:100::/48';
const GATEWAY = '2001:db8:100::1';
const MTU = 1400;
const ICMPV6_ECHO_HEADERS = 48;

describe('IPv6 inside the tunnel', { skip: noNamespaces() ?? false }, () => {
  let world: World;
  let server: Namespace;
  let client: Namespace;
  let gateway: Program;
  let secrets: readonly string[];

  before(async () => {
    world = new World();
    server = world.namespace();
    client = addDirectClient(world, { server });
    const state = join(world.folder, 'gateway');
    putUsers(state, { ann: PASSWORD });
    const config = join(world.folder, 'gateway.yaml');
    writeFileSync(config, `ike: { psk: "${PSK}" }\nnetwork: { ipv6_pool: "${POOL}", nat: false, dns: [] }\n`);
    const folder = join(world.folder, 'client');
    const [psk, password] = [secretFile(folder, 'psk', PSK), secretFile(folder, 'password', PASSWORD)];
    secrets = ['--psk-file', psk, '--password-file', password, '--state', folder];
    gateway = world.sallyport(server, ['serve', '--state', state, '--config', config, '--log', 'json']);
    await gateway.event('ready');
  });

  after(() => world?.close());

  it('gives an address, carries packets of the whole MTU both ways, and leaves nothing behind', async () => {
    const before = hostState(client);
    const words = ['connect', SERVER_FOR_DIRECT, '--user', 'ann', '--default-route', '--log', 'json', ...secrets];
    const program = world.sallyport(client, words);
    const { localAddress, device } = await program.event('ipv6-up');
    assert.match(String(localAddress), /^2001:db8:100:1:/);
    const routes = client.run(() =>
      execFileSync('ip', ['-6', 'route', 'show', 'dev', String(device)], { encoding: 'utf8' }),
    );
    assert.match(routes, /^::\/1 /m);
    ping(client, GATEWAY, MTU - ICMPV6_ECHO_HEADERS);
    ping(server, String(localAddress), MTU - ICMPV6_ECHO_HEADERS);
    // One byte more is told to be too big, by the kernel of the sender or by the path.
    assert.throws(() => ping(client, GATEWAY, MTU - ICMPV6_ECHO_HEADERS + 1));
    // An address of the pool that nobody has is not the client's to use or to be reached by.
    assert.throws(() => ping(server, '2001:db8:100:99::1', 8));
    // What overtakes the opening of IPV6CP is dropped, and may be.
    const dropped = program.lines.filter(({ event, code }) => event === 'dropped' && code !== 'early-data');
    assert.deepEqual(dropped, []);

    await program.stop();
    assert.deepEqual(hostState(client), before);
  });

  it('forwards as long as the gateway runs', async () => {
    const forwarding = () => server.run(() => readFileSync('/proc/sys/net/ipv6/conf/all/forwarding', 'utf8').trim());
    assert.equal(forwarding(), '1');
    await gateway.stop();
    assert.equal(forwarding(), '0');
  });
});

/** @throws Error where no answer comes */
function ping(from: Namespace, to: string, bytes: number): void {
  const words = ['-6', '-c', '1', '-W', '2', '-M', 'do', '-s', String(bytes), to];
  from.run(() => execFileSync('ping', words, { stdio: 'pipe' }));
}
