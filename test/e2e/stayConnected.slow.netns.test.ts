/** A client that stays connected whatever happens to the gateway and the network, and leaks nothing meanwhile. */

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { Family, SocketType } from '../../src/driver/constants.ts';
import { libc, Memory } from '../../src/driver/ffi.ts';
import { parseAddress } from '../../src/net/index.ts';
import { type Namespace, noNamespaces, withRtnetlink } from '../driver/namespace.ts';
import { putUsers, secretFile } from './lab/accounts.ts';
import { hostState } from './lab/hostState.ts';
import { type NatNetwork, natNetwork, SERVER } from './lab/network.ts';
import type { LogLine, Program } from './lab/program.ts';
import { Tap } from './lab/tap.ts';
import { World } from './lab/world.ts';

const INNER_SERVER = '10.87.0.1';
const PORT = 8080;
const PASSWORD = 'ann has a password';
const UDP = 17;
const ESP = 50;
/** So that the tests need not wait for a client's usual patience. */
const HASTE = 'dpd_interval: 1s\ndpd_timeout: 2s\nretry: { first: 0.2s, most: 1s }\n';

const HAS_CONNTRACK = spawnSync('conntrack', ['--version'], { stdio: 'ignore' }).status === 0;

describe('a client that stays connected', { skip: noNamespaces() ?? false }, () => {
  let world: World;
  let network: NatNetwork;
  let state: string;
  let gateway: Program;

  before(async () => {
    world = new World();
    network = natNetwork(world);
    state = join(world.folder, 'gateway');
    putUsers(state, { ann: PASSWORD });
    gateway = serve();
    await gateway.event('ready');
    await world.agent(network.server).serveHttp(PORT);
  });
  after(() => world?.close());

  it('is back after a `kill -9` of the gateway, with everything blocked meanwhile; then nothing is left', async () => {
    const before = hostState(network.client);
    const rulesBefore = rules(network.client);
    network.client.run(() =>
      execFileSync('ip', ['-6', 'route', 'add', 'default', 'via', 'fe80::1', 'dev', 'eth0', 'metric', '9']),
    );
    // A network that claims public addresses for its own, and routes more specific than any default route.
    network.client.run(() =>
      withRtnetlink((rtnetlink) => {
        rtnetlink.addAddress({ device: 'eth0', address: '198.18.0.10', prefixLength: 24 });
        rtnetlink.addRoute({ destination: '203.0.113.128/25', gateway: '192.168.1.1' });
      }),
    );
    // Nobody answers there, so that packets would wait for ever.
    for (const address of ['fe80::1', '198.18.0.77']) neighbour(network.client, 'add', address);
    const resolver = join(world.folder, 'ann.resolv');
    writeFileSync(resolver, 'nameserver 192.0.2.254\n');
    const tap = new Tap(network.client, 'eth0');
    const client = connect('ann', ['--persist', '--kill-switch', '--default-route', '--dns'], resolver);
    await client.event('connecting', 20);
    tap.seen();
    const probing = probe(network.client);
    const first = await client.event('up', 20);
    const [nameServer] = first.dns as string[];
    const inner = new RegExp(`^nameserver ${nameServer}$`, 'm');
    assert.match(readFileSync(resolver, 'utf8'), inner);
    assert.equal((await world.agent(network.client).get(url(100_000))).bytes, 100_000);

    gateway.kill();
    await gateway.exited;
    const died = performance.now();
    await client.event('connection-lost', 10);
    assert.match(readFileSync(resolver, 'utf8'), inner, 'held while down');
    await setTimeout(1000);
    gateway = serve();
    await gateway.event('ready', 20);
    const again = await nextUp(client, first);
    const took = performance.now() - died;
    assert.ok(took < 30_000, `${took} ms`);
    assert.equal((await world.agent(network.client).get(url(100_000))).bytes, 100_000);
    assert.equal(again.localAddress, first.localAddress);

    probing.stop();
    assert.ok(probing.sent() > 10, 'while connected they go through the tunnel');
    const leaked = tap.seen().filter((packet) => !packet.ofLink && !isOurs(packet));
    assert.deepEqual(leaked, []);
    tap.close();

    assert.equal(await client.stop('SIGINT'), 0, client.text);
    assert.equal(readFileSync(resolver, 'utf8'), 'nameserver 192.0.2.254\n');
    assert.deepEqual(rules(network.client), rulesBefore);
    for (const address of ['fe80::1', '198.18.0.77']) neighbour(network.client, 'del', address);
    network.client.run(() => {
      execFileSync('ip', ['-6', 'route', 'del', 'default', 'via', 'fe80::1', 'dev', 'eth0', 'metric', '9']);
      withRtnetlink((rtnetlink) => {
        rtnetlink.deleteAddress({ device: 'eth0', address: '198.18.0.10', prefixLength: 24 });
        rtnetlink.deleteRoute({ destination: '203.0.113.128/25', gateway: '192.168.1.1' });
      });
    });
    assert.deepEqual(hostState(network.client), before);
  });

  it('keeps the way shut after a `kill -9` of its own, until the next start opens it', async () => {
    const before = rules(network.client);
    const words = ['--kill-switch', '--routes', '198.51.100.0/24'];
    const client = connect('shut', words);
    await client.event('up', 20);
    client.kill();
    await client.exited;
    assert.throws(() => network.client.run(() => withRtnetlink((r) => r.routeTo('198.51.100.9'))), /EHOSTUNREACH/);
    assert.equal(
      network.client.run(() => withRtnetlink((r) => r.routeTo('192.0.2.9').device)),
      'eth0',
    );
    const next = connect('shut', words);
    await next.event('up', 20);
    assert.match(next.text, /Undid what an earlier run had left on the host/);
    assert.equal(await next.stop('SIGTERM'), 0, next.text);
    assert.deepEqual(rules(network.client), before);
    assert.equal(existsSync(join(world.folder, 'shut', 'connect-203.0.113.1.journal')), false);
  });

  it('goes on after the NAT forgot it, and comes back when its address is another', async () => {
    const client = connect('moving', ['--persist', '--routes', '198.51.100.0/24']);
    const first = await client.event('up', 20);
    // A download goes on over a NAT that gives the client another port in the middle of it.
    const download = world.agent(network.client).get(url(30_000_000));
    await setTimeout(50);
    if (HAS_CONNTRACK) forget(network.router);
    assert.equal((await download).bytes, 30_000_000);
    assert.equal(client.lines.filter(({ event }) => event === 'up').length, 1);

    network.client.run(() => {
      withRtnetlink((rtnetlink) => {
        rtnetlink.addAddress({ device: 'eth0', address: '192.168.1.99', prefixLength: 24 });
        rtnetlink.deleteAddress({ device: 'eth0', address: '192.168.1.10', prefixLength: 24 });
      });
      execFileSync('ip', ['addr', 'replace', '192.168.1.99/24', 'dev', 'eth0']);
      execFileSync('ip', ['route', 'replace', 'default', 'via', '192.168.1.1']);
    });
    await nextUp(client, first);
    assert.equal((await world.agent(network.client).get(url(10_000))).bytes, 10_000);
    assert.match(client.text, /The address or route that the connection used is gone/);
    assert.equal(await client.stop('SIGINT'), 0, client.text);
  });

  function serve(): Program {
    return world.sallyport(network.server, ['serve', '--state', state, '--log', 'json']);
  }

  function connect(name: string, words: readonly string[], resolver?: string): Program {
    const folder = join(world.folder, name);
    const secrets = {
      psk_file: secretFile(folder, 'psk', readFileSync(join(state, 'psk'), 'utf8')),
      password_file: secretFile(folder, 'password', PASSWORD),
    };
    const profile = join(folder, 'profile.yaml');
    const lines = Object.entries(secrets).map(([key, file]) => `${key}: ${file}\n`);
    writeFileSync(profile, `server: ${SERVER}\nuser: ann\n${lines.join('')}${HASTE}`);
    const options = resolver === undefined ? {} : { mounts: `mount --bind '${resolver}' /etc/resolv.conf` };
    return world.sallyport(network.client, ['connect', profile, '--state', folder, '--log', 'json', ...words], options);
  }
});

const url = (bytes: number) => `http://${INNER_SERVER}:${PORT}/${bytes}`;

/** The line `up` after that one. */
function nextUp(client: Program, before: LogLine): Promise<LogLine> {
  return client.line('up again', (line) => line.event === 'up' && line.session !== before.session, 25);
}

/** Sends a datagram to all sorts of destinations all the time, as programs of a user do. */
function probe(namespace: Namespace): { sent(): number; stop(): void } {
  let sent = 0;
  const memory = new Memory(64);
  const targets = [
    ['203.0.113.200', 9999],
    [SERVER, 9999],
    ['198.18.0.77', 9999],
    ['192.0.2.254', 53],
    ['192.168.1.1', 53],
    ['2001:db8::9', 9999],
  ] as const;
  const timer = setInterval(() => {
    namespace.run(() => {
      for (const [address, port] of targets) sent += sendDatagram(memory, address, port) ? 1 : 0;
    });
  }, 50).unref();
  return { sent: () => sent, stop: () => clearInterval(timer) };
}

/** From a socket of its own. @returns whether the kernel took it */
function sendDatagram({ base, bytes, view }: Memory, text: string, port: number): boolean {
  const address = parseAddress(text)!;
  const family = address.length === 4 ? Family.inet : Family.inet6;
  const c = libc();
  const fd = c.socket(family, SocketType.datagram | SocketType.closeOnExec, UDP);
  bytes.fill(0);
  view.setUint16(0, family, true);
  view.setUint16(2, port);
  bytes.set(address, family === Family.inet ? 4 : 8);
  const taken = c.connect(fd, base, family === Family.inet ? 16 : 28) === 0 && c.send(fd, base, 8, 0) === 8;
  c.close(fd);
  return taken;
}

function isOurs({ version, destination, protocol, destinationPort }: ReturnType<Tap['seen']>[number]): boolean {
  if (version !== 4) return false;
  // What comes from the server is not looked at: it goes to the client's own address.
  if (destination === '192.168.1.10') return true;
  return destination === SERVER && (protocol === ESP || (protocol === UDP && [500, 4500].includes(destinationPort)));
}

const rules = (namespace: Namespace): string =>
  namespace.run(
    () => execFileSync('ip', ['rule'], { encoding: 'utf8' }) + execFileSync('ip', ['-6', 'rule'], { encoding: 'utf8' }),
  );

function neighbour(namespace: Namespace, change: 'add' | 'del', address: string): void {
  const words = ['neigh', change, address, 'lladdr', '02:00:00:00:00:09', 'dev', 'eth0'];
  namespace.run(() => execFileSync('ip', words));
}

/** Makes a NAT forget its flows, and keep the port that the client had from it. */
function forget(router: Namespace): void {
  router.run(() => execFileSync('conntrack', ['-F'], { stdio: 'ignore' }));
}
