/** IKEv2 without L2TP between real processes: certificates of `sallyport ca`, EAP, NAT, IPv6, renewals, an address that changes. */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { SessionView } from '../../src/session/record.ts';
import { join as link, type Namespace, noNamespaces, withRtnetlink } from '../driver/namespace.ts';
import { putUsers, secretFile } from './lab/accounts.ts';
import { type Agent, sha256, testBytes } from './lab/agent.ts';
import { hostState } from './lab/hostState.ts';
import {
  addDirectClient,
  DIRECT_CLIENT,
  defaultRoute,
  masquerade,
  NAT,
  type NatNetwork,
  natNetwork,
  SERVER,
  SERVER_FOR_DIRECT,
} from './lab/network.ts';
import type { Program } from './lab/program.ts';
import { World } from './lab/world.ts';

const SALLYPORT = process.env.SALLYPORT_PROGRAM ?? fileURLToPath(new URL('../../bin/sallyport.js', import.meta.url));
const NAME = 'vpn.example.org';
const PASSWORD = 'ann has a password';
const INNER = '10.87.0.1';
const POOL6 = '2001:db8:100::/48';
const INNER6 = '2001:db8:100::1';
const PORT = 8080;
const MEGABYTE = 1_000_000;

describe('IKEv2 without L2TP', { skip: noNamespaces() ?? false }, () => {
  let world: World;
  let network: NatNetwork;
  let direct: Namespace;
  let gateway: Program;
  let state: string;
  const agents = new Map<Namespace, Agent>();
  const clients: Program[] = [];

  before(async () => {
    world = new World();
    network = natNetwork(world);
    direct = addDirectClient(world, network);
    for (const namespace of [network.client, direct, network.server]) agents.set(namespace, world.agent(namespace));
    state = join(world.folder, 'gateway');
    putUsers(state, { ann: PASSWORD, bob: PASSWORD });
    ca('init', '--server', NAME);
    const file = join(world.folder, 'gateway.yaml');
    writeFileSync(
      file,
      [
        `network: { ipv6_pool: "${POOL6}", dns: [] }`,
        `remote_access: { subnets: [10.87.0.0/24, "${POOL6}"], domains: [intern.example.org] }`,
      ].join('\n'),
    );
    gateway = world.sallyport(network.server, ['serve', '-c', file, '--state', state, '--log', 'json']);
    await gateway.event('ready');
    await agents.get(network.server)!.serveHttp(PORT);
  });

  after(() => world?.close());
  afterEach(() => {
    for (const client of clients) client.kill();
  });

  it('says that users may log in, now that the authority of its state directory has given it a certificate', async () => {
    const told = await gateway.event('remote-access');
    assert.deepEqual(told.methods, ['eap-mschapv2', 'eap-tls']);
  });

  it('lets a user behind NAT in by password: IPv4, IPv6, networks that are told, a record, an end in order', async () => {
    const before = hostState(network.client);
    const client = connect(network.client, SERVER, byPassword('ann'));
    const up = await client.event('up');
    assert.match(String(up.localAddress), /^10\.87\.0\./);
    assert.match(String(up.localAddress6), /^2001:db8:100:1::/);
    assert.deepEqual(up.routes, ['10.87.0.0/24', POOL6]);
    assert.equal(up.encapsulation, 'udp');
    ping(network.client, INNER);
    ping(network.client, INNER6);
    const agent = agents.get(network.client)!;
    const [down, sent] = await Promise.all([
      agent.get(`http://${INNER}:${PORT}/${3 * MEGABYTE}`),
      agent.put(`http://${INNER}:${PORT}/`, 2 * MEGABYTE),
    ]);
    assert.equal(down.sha256, sha256(testBytes(3 * MEGABYTE)));
    assert.equal(sent.sha256, sha256(testBytes(2 * MEGABYTE)));

    const [view] = await sessions();
    assert.deepEqual(
      [view!.user, view!.authentication, view!.phase, view!.innerAddress, view!.encapsulation],
      ['ann', 'eap-mschapv2', 'up', up.localAddress, 'udp'],
    );
    assert.match(view!.ike!, /^IKEv2 aes-gcm-16-256/);
    assert.match(view!.esp!, /^aes-gcm-16-256/);
    assert.equal((await gateway.event('session-up')).user, 'ann');
    assert.equal(await client.stop('SIGINT'), 0, client.text);
    await gateway.event('session-ended');
    assert.deepEqual(await sessions(), []);
    assert.deepEqual(hostState(network.client), before);
  });

  it('lets a user in by a certificate, and by EAP-TLS with the same one', async () => {
    const words = byCertificate('bob');
    for (const more of [[], ['--user', 'bob', '--auth', 'eap-tls']]) {
      const client = connect(direct, SERVER_FOR_DIRECT, [...words, ...more]);
      const up = await client.event('up');
      assert.equal(up.encapsulation, 'esp');
      ping(direct, INNER);
      const [view] = await sessions();
      assert.deepEqual([view!.user, view!.authentication], ['bob', more.length > 0 ? 'eap-tls' : 'signature']);
      assert.equal(await client.stop('SIGINT'), 0, client.text);
    }
  });

  it('carries L2TP by IKEv2 too', async () => {
    const client = connect(direct, SERVER_FOR_DIRECT, [
      ...byCertificate('bob'),
      ...['--tunnel', 'l2tp', '--user', 'ann', '--password-file', secretFile(world.folder, 'password', PASSWORD)],
      ...['--routes', '10.87.0.0/24'],
    ]);
    await client.event('up');
    ping(direct, INNER);
    const [view] = await sessions();
    assert.deepEqual([view!.user, view!.authentication, view!.ike!.slice(0, 5)], ['ann', 'ms-chap-v2', 'IKEv2']);
    assert.equal(await client.stop('SIGINT'), 0, client.text);
  });

  it('says why it does not connect: a wrong password, another server, no authority to know it by', async () => {
    const wrong = connect(network.client, SERVER, byPassword('ann', 'guessed'));
    const other = connect(direct, SERVER_FOR_DIRECT, [...byPassword('ann'), '--server-identity', 'other.example.org']);
    assert.deepEqual(await Promise.all([wrong.end(), other.end()]), [1, 1]);
    assert.equal((await wrong.event('closed')).code, 'authentication-failed', wrong.text);
    assert.equal((await other.event('closed')).code, 'certificate-identity', other.text);
    await gateway.line('wrong-password', ({ code }) => code === 'wrong-password');
    const blind = connect(direct, SERVER_FOR_DIRECT, ['--user', 'ann', ...password(PASSWORD)], false);
    assert.equal(await blind.end(), 1);
    assert.match(blind.text, /no authority by which/);
  });

  it('renews its SAs under traffic', async () => {
    const profile = join(world.folder, 'renewing.yaml');
    writeFileSync(profile, `server: ${SERVER}\nesp_lifetime: 4\nlifetime: 7\n`);
    const client = connect(network.client, profile, byPassword('ann'));
    await client.event('up');
    const agent = agents.get(network.client)!;
    const end = Date.now() + 12_000;
    for (let round = 0; Date.now() < end; round++) {
      const { bytes } = await agent.get(`http://${INNER}:${PORT}/${MEGABYTE}`);
      assert.equal(bytes, MEGABYTE, `round ${round}`);
    }
    const [view] = await sessions();
    const names = view!.timeline.map(({ name }) => name);
    assert.ok(names.filter((name) => name === 'ESP SA rekeyed').length >= 2, names.join(', '));
    assert.equal(await client.stop('SIGINT'), 0, client.text);
  });

  it('goes on from another address, with the connections inside, where the host gets another one', async () => {
    const client = connect(direct, SERVER_FOR_DIRECT, [...byPassword('ann'), '--persist']);
    const up = await client.event('up');
    const agent = agents.get(direct)!;
    readdress('192.0.2.2', '192.0.2.3');
    await client.event('moved');
    const { bytes } = await agent.get(`http://${INNER}:${PORT}/${MEGABYTE}`);
    assert.equal(bytes, MEGABYTE);
    const [view] = await sessions();
    assert.deepEqual([view!.peer.address, view!.innerAddress], ['192.0.2.3', up.localAddress]);
    assert.equal(client.lines.filter(({ event }) => event === 'up').length, 1, 'it never connected anew');
    assert.equal(await client.stop('SIGINT'), 0, client.text);
    readdress('192.0.2.3', '192.0.2.2');
  });

  it('goes on behind a NAT, where the host moves there: ESP travels in UDP from then on', async () => {
    const { router } = network;
    link(
      { namespace: direct, device: 'eth1', address: '172.20.0.2/24' },
      { namespace: router, device: 'lan3', address: '172.20.0.1/24' },
    );
    masquerade(router, 'lan3', '172.20.0.0/24');
    defaultRoute(direct, '172.20.0.1');
    router.run(() => withRtnetlink((it) => it.addRoute({ destination: `${SERVER_FOR_DIRECT}/32`, gateway: SERVER })));
    const client = connect(direct, SERVER_FOR_DIRECT, [...byPassword('ann'), '--persist']);
    assert.equal((await client.event('up')).encapsulation, 'esp');
    const agent = agents.get(direct)!;
    const own = { device: 'eth0', address: DIRECT_CLIENT, prefixLength: 24 };
    direct.run(() => withRtnetlink((it) => it.deleteAddress(own)));
    await client.event('moved');
    const { bytes } = await agent.get(`http://${INNER}:${PORT}/${MEGABYTE}`);
    assert.equal(bytes, MEGABYTE);
    const [view] = await sessions();
    assert.deepEqual([view!.peer.address, view!.encapsulation], [NAT, 'udp']);
    direct.run(() => withRtnetlink((it) => it.addAddress(own)));
    assert.equal(client.lines.filter(({ event }) => event === 'up').length, 1, 'it never connected anew');
    assert.equal(await client.stop('SIGINT'), 0, client.text);
  });

  it('sends everything through the tunnel or nowhere, and comes back by itself', async () => {
    const before = hostState(network.client);
    const words = [...byPassword('ann'), '--default-route', '--kill-switch', '--persist'];
    const client = connect(network.client, SERVER, words);
    await client.event('up');
    ping(network.client, INNER);
    ping(network.client, INNER6);
    const way = (to: string) =>
      network.client.run(() => execFileSync('ip', ['route', 'get', to], { encoding: 'utf8' }));
    assert.match(way('198.18.0.1'), / dev sallyport/);
    assert.match(way('2001:db8:ffff::1'), / dev sallyport/);
    assert.equal(client.lines.filter(({ event }) => event === 'leaking-ipv6').length, 0);
    await json('disconnect', 'ann', '--json');
    await client.event('connection-lost');
    assert.throws(() => way('198.18.0.1'), 'nowhere, while there is no tunnel');
    await client.line(
      'up again',
      (line) => line.event === 'up' && line !== client.lines.find(({ event }) => event === 'up'),
    );
    ping(network.client, INNER);
    assert.equal(await client.stop('SIGINT'), 0, client.text);
    assert.deepEqual(hostState(network.client), before);
  });

  it('is sent away by the administrator, and ends with the gateway', async () => {
    const [ann, bob] = [
      connect(network.client, SERVER, byPassword('ann')),
      connect(direct, SERVER_FOR_DIRECT, byPassword('bob')),
    ];
    await Promise.all([ann.event('up'), bob.event('up')]);
    assert.equal((await json<{ disconnected: number }>('disconnect', 'ann', '--json')).disconnected, 1);
    assert.equal(await ann.end(), 1, ann.text);
    ping(direct, INNER);
    assert.equal(await gateway.stop('SIGTERM'), 0, gateway.text);
    assert.equal(await bob.end(), 1, bob.text);
  });

  function readdress(from: string, to: string): void {
    direct.run(() =>
      withRtnetlink((rtnetlink) => {
        rtnetlink.deleteAddress({ device: 'eth0', address: from, prefixLength: 24 });
        rtnetlink.addAddress({ device: 'eth0', address: to, prefixLength: 24 });
      }),
    );
  }

  function password(text: string): string[] {
    return ['--password-file', secretFile(join(world.folder, `${clients.length}`), 'password', text)];
  }

  function byPassword(user: string, text = PASSWORD): string[] {
    return ['--user', user, ...password(text)];
  }

  function byCertificate(name: string): string[] {
    const file = join(world.folder, `${name}-${clients.length}.p12`);
    const said = ca('issue', name, '--out', file);
    return [
      ...['--certificate', file],
      ...[
        '--certificate-password-file',
        secretFile(world.folder, `${name}.p12.password`, /Password: (\S+)/.exec(said)![1]!),
      ],
    ];
  }

  function connect(namespace: Namespace, server: string, words: readonly string[], knows = true): Program {
    const folder = join(world.folder, `client-${clients.length}`);
    const trust = knows ? ['--ca', join(state, 'ca', 'ca.crt')] : [];
    const identity = words.includes('--server-identity') ? [] : ['--server-identity', NAME];
    const client = world.sallyport(namespace, [
      ...['connect', server, '--ikev2', '--state', folder, '--log', 'json'],
      ...[...trust, ...identity, ...words],
    ]);
    clients.push(client);
    return client;
  }

  function ca(...words: string[]): string {
    const more = { encoding: 'utf8', cwd: world.folder } as const;
    return execFileSync(process.execPath, [SALLYPORT, 'ca', ...words, '--state', state], more);
  }

  const sessions = () => json<SessionView[]>('sessions', '--json');

  async function json<Answer>(...words: string[]): Promise<Answer> {
    const program = world.sallyport(network.server, [...words, '--state', state]);
    assert.equal(await program.end(), 0, program.text);
    return JSON.parse(program.text) as Answer;
  }
});

/** @throws Error where no answer comes */
function ping(from: Namespace, to: string): void {
  from.run(() => execFileSync('ping', ['-c', '1', '-W', '2', to], { stdio: 'pipe' }));
}
