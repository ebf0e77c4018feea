/** One gateway and its users, as real processes in namespaces: what they are given, what they carry, how they go. */

import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import type { GatewayStatus } from '../../src/admin/controlApi.ts';
import { callControl } from '../../src/admin/controlClient.ts';
import { Memory } from '../../src/driver/ffi.ts';
import { UdpSocket } from '../../src/driver/udpSocket.ts';
import type { SessionView } from '../../src/session/record.ts';
import { type Namespace, noNamespaces } from '../driver/namespace.ts';
import { putUsers, secretFile } from './lab/accounts.ts';
import { type Agent, sha256, testBytes } from './lab/agent.ts';
import { type HostState, hostState } from './lab/hostState.ts';
import {
  addDirectClient,
  addHostBehind,
  addTwin,
  DIRECT_CLIENT,
  HOST_BEHIND,
  NAT,
  type NatNetwork,
  natNetwork,
  SERVER,
  SERVER_FOR_DIRECT,
  SERVER_INSIDE,
} from './lab/network.ts';
import type { Program, ProgramOptions } from './lab/program.ts';
import { World } from './lab/world.ts';

const PORT = 8080;
const INNER_SERVER = '10.87.0.1';
const MEGABYTE = 1_000_000;
const USERS = { ann: 'ann has a password', bob: 'bob has one too', dan: 'so has dan' };
type User = keyof typeof USERS;
/** Nothing is in it, so no program can be run from there: neither nft nor iptables. */
const EMPTY_PATH = '/proc/self/fdinfo';

describe('gateway and clients', { skip: noNamespaces() ?? false }, () => {
  let world: World;
  let network: NatNetwork;
  let twin: Namespace;
  let direct: Namespace;
  let serverBefore: HostState;
  let gateway: Program;
  let state: string;
  const agents = new Map<Namespace, Agent>();
  const clients: Program[] = [];

  before(async () => {
    world = new World();
    state = join(world.folder, 'gateway');
    network = natNetwork(world);
    twin = addTwin(world, network);
    direct = addDirectClient(world, network);
    const behind = addHostBehind(world, network);
    for (const namespace of [network.client, twin, direct, network.server, behind])
      agents.set(namespace, world.agent(namespace));
    putUsers(state, USERS);
    serverBefore = hostState(network.server);
    // The gateway's host has a resolver that nobody else reaches, and no program to set up NAT with.
    gateway = world.sallyport(network.server, ['serve', '--state', state, '--log', 'json'], {
      mounts: `${mountResolver('gateway', '127.0.0.1')}\nexport PATH=${EMPTY_PATH}`,
    });
    await Promise.all([
      gateway.event('ready'),
      agentOf(network.server).serveHttp(PORT),
      agentOf(network.server).serveDns('127.0.0.1', '192.0.2.80'),
      agentOf(behind).serveHttp(PORT),
    ]);
  });

  after(() => world?.close());
  afterEach(() => {
    for (const client of clients) client.kill();
  });

  it('serves two clients with equal addresses behind one NAT at once, each with its own traffic', async () => {
    const before = [hostState(network.client), hostState(twin)];
    const resolver = join(world.folder, 'bob.resolv');
    // Another program of bob's has the ports that a client would like.
    const room = new Memory(64);
    const taken = [500, 4500].map((port) => twin.run(() => new UdpSocket(new Uint8Array(4), port, room.base, 64)));
    const ann = connect(network.client, 'ann', SERVER, ['--default-route']);
    const bob = connect(twin, 'bob', SERVER, ['--dns'], { mounts: mountResolver('bob', '192.0.2.254') });
    const [upAnn, upBob] = await Promise.all([ann.event('up'), bob.event('up')]);
    assert.notEqual(upAnn.localAddress, upBob.localAddress);
    assert.equal(upAnn.encapsulation, 'udp');

    // Down to one and up from the other at the same time, so that swapped packets would break both.
    const inner = `http://${INNER_SERVER}:${PORT}`;
    const [down, up] = await Promise.all([
      agentOf(network.client).get(`${inner}/${3 * MEGABYTE}`),
      agentOf(twin).put(`${inner}/`, 2 * MEGABYTE),
    ]);
    assert.equal(down.sha256, sha256(testBytes(3 * MEGABYTE)));
    assert.equal(up.sha256, sha256(testBytes(2 * MEGABYTE)));
    assert.deepEqual([down.seenFrom, up.seenFrom], [upAnn.localAddress, upBob.localAddress]);

    // NAT, which the gateway has set up with neither nft nor iptables.
    const beyond = await agentOf(network.client).get(`http://${HOST_BEHIND}:${PORT}/${MEGABYTE}`);
    assert.equal(beyond.sha256, sha256(testBytes(MEGABYTE)));
    assert.equal(beyond.seenFrom, SERVER_INSIDE, 'the host behind sees the gateway');

    // Name service: the gateway passes on to the resolver that only its host reaches.
    assert.deepEqual(upBob.dns, [INNER_SERVER]);
    assert.deepEqual(await agentOf(twin).resolve(INNER_SERVER, 'intranet.example'), ['192.0.2.80']);
    assert.match(readFileSync(resolver, 'utf8'), new RegExp(`^nameserver ${INNER_SERVER}$`, 'm'));

    const [sessions, status] = await Promise.all([
      json<SessionView[]>('sessions', '--json'),
      json<GatewayStatus>('status', '--json'),
    ]);
    assert.equal(status.sessions, 2);
    assert.equal(status.users, 3);
    assert.equal(status.pid, gateway.pid);
    assert.deepEqual(sessions.map(({ user }) => user).sort(), ['ann', 'bob']);
    const [one, other] = sessions as [SessionView, SessionView];
    assert.deepEqual([one.peer.address, other.peer.address], [NAT, NAT]);
    assert.notEqual(one.peer.port, other.peer.port);
    for (const view of sessions) {
      assert.equal(view.phase, 'up');
      assert.equal(view.nat?.remoteBehindNat, true);
      assert.match(view.ike ?? '', /^IKEv1 aes-cbc-256/);
      assert.equal(view.encapsulation, 'udp');
    }
    const ofAnn = sessions.find(({ user }) => user === 'ann')!;
    assert.equal(ofAnn.innerAddress, upAnn.localAddress);
    assert.ok(ofAnn.bytesToPeer > 4 * MEGABYTE && ofAnn.packetsToPeer > 1000, `${ofAnn.bytesToPeer} bytes down`);

    // The first goes by itself; the second stays, and is then sent away.
    assert.equal(await ann.stop('SIGINT'), 0, ann.text);
    assert.deepEqual(hostState(network.client), before[0]);
    const still = await agentOf(twin).get(`${inner}/1000`);
    assert.equal(still.bytes, 1000);
    const { disconnected } = await json<{ disconnected: number }>('disconnect', 'bob', '--json');
    assert.equal(disconnected, 1);
    assert.equal(await bob.end(), 1, bob.text);
    assert.match(bob.text, /Connection closed: /);
    for (const socket of taken) socket.close();
    assert.deepEqual(hostState(twin), before[1]);
    assert.match(readFileSync(resolver, 'utf8'), /^nameserver 192\.0\.2\.254$/m);
    assert.deepEqual(await callControl(join(state, 'control.sock'), 'GET', '/sessions'), []);
  });

  it('says why it does not connect with a wrong pre-shared key or a wrong password, and leaves nothing', async () => {
    const before = [hostState(network.client), hostState(direct)];
    const begin = performance.now();
    const wrongKey = connect(network.client, 'ann', SERVER, [], {}, { psk: 'this is another key altogether' });
    const wrongPassword = connect(direct, 'dan', SERVER_FOR_DIRECT, [], {}, { password: 'guessed' });
    assert.deepEqual(await Promise.all([wrongKey.end(15), wrongPassword.end(15)]), [1, 1]);
    assert.ok(performance.now() - begin < 15_000);
    assert.equal((await wrongKey.event('closed')).code, 'psk-mismatch', wrongKey.text);
    assert.match(String((await wrongKey.event('closed')).msg), /pre-shared key/);
    assert.equal((await wrongPassword.event('closed')).code, 'authentication-failed', wrongPassword.text);
    assert.match(String((await wrongPassword.event('closed')).msg), /password/);
    assert.deepEqual([hostState(network.client), hostState(direct)], before);
    await gateway.line('psk-mismatch', ({ code }) => code === 'psk-mismatch');
    await gateway.line('wrong-password', ({ code, msg }) => code === 'wrong-password' || /is wrong/.test(msg));
  });

  it('carries native ESP where there is no NAT, and ends everything in order on SIGTERM', async () => {
    const before = hostState(direct);
    const dan = connect(direct, 'dan', SERVER_FOR_DIRECT, ['--routes', '198.51.100.0/24']);
    const up = await dan.event('up');
    assert.equal(up.encapsulation, 'esp');
    const [down, sent] = await Promise.all([
      agentOf(direct).get(`http://${INNER_SERVER}:${PORT}/${2 * MEGABYTE}`),
      agentOf(direct).put(`http://${HOST_BEHIND}:${PORT}/`, MEGABYTE),
    ]);
    assert.equal(down.sha256, sha256(testBytes(2 * MEGABYTE)));
    assert.equal(sent.sha256, sha256(testBytes(MEGABYTE)));
    assert.equal(sent.seenFrom, SERVER_INSIDE);

    assert.equal(await gateway.stop('SIGTERM'), 0, gateway.text);
    const last = gateway.lines.findLast(({ event }) => event === 'session-ended')!;
    assert.deepEqual(
      [last.user, (last.peer as { address: string }).address, last.encapsulation],
      ['dan', DIRECT_CLIENT, 'esp'],
    );
    assert.equal(await dan.end(), 1, dan.text);
    assert.deepEqual(hostState(direct), before);
    // What is left are the sockets of the test's own name server.
    assert.deepEqual(withoutPort53(hostState(network.server)), serverBefore);
    assert.equal(existsSync(join(state, 'control.sock')), false, 'the control socket is gone');
  });

  function agentOf(namespace: Namespace): Agent {
    return agents.get(namespace)!;
  }

  function connect(
    namespace: Namespace,
    user: User,
    server: string,
    words: readonly string[] = [],
    options: ProgramOptions = {},
    wrong: { psk?: string; password?: string } = {},
  ): Program {
    const folder = join(world.folder, `${user}-${clients.length}`);
    const psk = wrong.psk ?? readFileSync(join(state, 'psk'), 'utf8');
    const secrets = [
      '--psk-file',
      secretFile(folder, 'psk', psk),
      '--password-file',
      secretFile(folder, 'password', wrong.password ?? USERS[user]),
    ];
    const given = ['--user', user, ...secrets, '--state', folder, '--log', 'json', ...words];
    const client = world.sallyport(namespace, ['connect', server, ...given], options);
    clients.push(client);
    return client;
  }

  /** What a command prints as JSON. */
  async function json<Answer>(...words: string[]): Promise<Answer> {
    const program = world.sallyport(network.server, [...words, '--state', state]);
    assert.equal(await program.end(), 0, program.text);
    return JSON.parse(program.text) as Answer;
  }

  /** A script that gives a program a resolv.conf of its own. */
  function mountResolver(name: string, server: string): string {
    const file = join(world.folder, `${name}.resolv`);
    writeFileSync(file, `nameserver ${server}\n`);
    return `mount --bind '${file}' /etc/resolv.conf`;
  }
});

function withoutPort53(state: HostState): HostState {
  return { ...state, sockets: state.sockets.filter((socket) => !socket.endsWith(':0035')) };
}
