/** The demonstration, step by step. */

import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { callControl } from '../../src/admin/controlClient.ts';
import { ffiUnavailableReason } from '../../src/driver/index.ts';
import type { SessionView } from '../../src/session/record.ts';
import { firstUser, secretFile } from '../../test/e2e/lab/accounts.ts';
import { type Agent, sha256, testBytes } from '../../test/e2e/lab/agent.ts';
import { hostState } from '../../test/e2e/lab/hostState.ts';
import { NAT, type NatNetwork, natNetwork, PRIVATE_CLIENT, SERVER } from '../../test/e2e/lab/network.ts';
import type { Program } from '../../test/e2e/lab/program.ts';
import { World } from '../../test/e2e/lab/world.ts';
import { Ladder } from './ladder.ts';
import { type Check, compareHosts, runtimeFiles } from './leftovers.ts';
import { bold, cyan, dim, green, heading, padEnd, red } from './style.ts';
import { phaseBars } from './summary.ts';

const DOWNLOAD_BYTES = 20_000_000;
const HTTP_PORT = 8080;
const INNER_SERVER = '10.87.0.1';
const CONNECT_SECONDS = 30;

const print = (line = ''): void => {
  process.stdout.write(`${line}\n`);
};

/** Why the demonstration cannot run here, in a sentence; undefined where it can. */
export function demoObstacle(): string | undefined {
  if (process.platform !== 'linux') return 'The demo needs Linux, for its network namespaces.';
  if (process.getuid?.() !== 0) return 'The demo makes network namespaces and TUN devices: run it as root.';
  const ffi = ffiUnavailableReason();
  if (ffi !== undefined) return `The demo cannot reach the kernel: ${ffi}.`;
  if (spawnSync('ip', ['-V']).error !== undefined)
    return 'The demo joins its namespaces with `ip`: install the package iproute2.';
  return undefined;
}

/** @returns the exit code */
export async function runDemo(): Promise<number> {
  const begin = performance.now();
  const world = new World();
  try {
    const left = await demonstrate(world);
    const seconds = ((performance.now() - begin) / 1000).toFixed(1);
    print();
    print(
      left ? red(`Something is left behind (${seconds} s).`) : green(`Nothing is left behind. Done in ${seconds} s.`),
    );
    return left ? 1 : 0;
  } catch (error) {
    print();
    print(red(`The demo failed: ${error instanceof Error ? error.message : String(error)}`));
    return 1;
  } finally {
    await world.close();
  }
}

/** @returns whether anything is left */
async function demonstrate(world: World): Promise<boolean> {
  const network = natNetwork(world);
  const hosts = { client: network.client, router: network.router, server: network.server };
  const before = statesOf(hosts);
  const folders = { gateway: join(world.folder, 'gateway'), client: join(world.folder, 'client') };
  printTitle();

  const [ours, theirs] = [world.agent(network.client), world.agent(network.server)];
  const serving = theirs.serveHttp(HTTP_PORT);
  const gateway = await startGateway(world, network, folders.gateway);
  const client = startClient(world, network, folders);
  const ladder = new Ladder(print);
  client.follow((line) => ladder.take(line));
  await client.event('up', CONNECT_SECONDS);
  await serving;
  await transfer(ours, ladder);
  await Promise.all([ours.close(), theirs.close()]);
  await printSession(folders.gateway);

  const codes = { client: await client.stop('SIGINT'), gateway: 0 as number | string };
  const sessions = await callControl<SessionView[]>(join(folders.gateway, 'control.sock'), 'GET', '/sessions');
  codes.gateway = await gateway.stop('SIGINT');

  print();
  print(heading('Where the time went'));
  for (const line of phaseBars(ladder.spans)) print(line);

  const after = statesOf(hosts);
  return printChecks([
    { what: 'sessions', left: sessions.map(({ id, user }) => `${id} of ${user}`) },
    ...compareHosts({
      client: [before.client, after.client],
      router: [before.router, after.router],
      server: [before.server, after.server],
    }),
    runtimeFiles(Object.values(folders)),
    {
      what: 'processes',
      left: Object.entries(codes).flatMap(([name, code]) => (code === 0 ? [] : [`${name} ended with ${code}`])),
    },
  ]);
}

function statesOf<Name extends string>(hosts: Readonly<Record<Name, NatNetwork['client']>>) {
  const states = Object.entries<NatNetwork['client']>(hosts).map(([name, host]) => [name, hostState(host)] as const);
  return Object.fromEntries(states) as Record<Name, ReturnType<typeof hostState>>;
}

function printTitle(): void {
  print(
    `${bold('SALLYPORT')}  ${dim('a connection from its first packet to its last, in network namespaces of its own')}`,
  );
  print();
  print(
    `  ${bold('client')} ${PRIVATE_CLIENT} ${dim('──────')} ${bold('NAT router')} ${NAT} ${dim('──────')} ${bold('gateway')} ${SERVER}`,
  );
}

async function startGateway(world: World, { server }: NatNetwork, state: string): Promise<Program> {
  const gateway = world.sallyport(server, ['serve', '--state', state, '--log', 'json', '--log-level', 'debug']);
  const ready = await gateway.event('ready');
  print();
  print(`${green('✓')} ${ready.msg}`);
  return gateway;
}

function startClient(world: World, { client }: NatNetwork, folders: { gateway: string; client: string }): Program {
  const { user, password } = firstUser(folders.gateway);
  const words = [
    ...['--user', user, '--password-file', secretFile(folders.client, 'password', password)],
    ...['--psk-file', join(folders.gateway, 'psk'), '--state', folders.client],
    ...['--log', 'json', '--log-level', 'debug'],
  ];
  print(`${green('✓')} The client starts: ${cyan(`sallyport connect ${SERVER} --user ${user} --psk-file …`)}`);
  return world.sallyport(client, ['connect', SERVER, ...words]);
}

async function transfer(agent: Agent, ladder: Ladder): Promise<void> {
  const got = await agent.get(`http://${INNER_SERVER}:${HTTP_PORT}/${DOWNLOAD_BYTES}`);
  if (got.sha256 !== sha256(testBytes(DOWNLOAD_BYTES))) throw new Error('the download is damaged');
  const rate = (got.bytes * 8) / got.milliseconds / 1000;
  ladder.note(
    `${green('✓')} ${bold(`${got.bytes / 1_000_000} MB`)} over HTTP in ${Math.round(got.milliseconds)} ms: ${bold(`${rate.toFixed(0)} Mbit/s`)}${dim(`  SHA-256 ${got.sha256.slice(0, 16)}… is right`)}`,
  );
}

/** What `sallyport sessions` knows. */
async function printSession(state: string): Promise<void> {
  const [view] = await callControl<SessionView[]>(join(state, 'control.sock'), 'GET', '/sessions');
  if (view === undefined) throw new Error('the gateway has no session');
  print();
  print(`${heading('The session, as the gateway sees it')}  ${dim('sallyport sessions')}`);
  const facts = {
    User: `${view.user} at ${view.innerAddress}, by ${view.authentication}`,
    Peer: `${view.peer.address}:${view.peer.port}${view.nat?.remoteBehindNat ? ', behind NAT' : ''}`,
    IKE: view.ike,
    ESP: `${view.esp}${view.encapsulation === 'udp' ? ' in UDP' : ''}`,
    Traffic: `${view.packetsToPeer} packets down (${view.bytesToPeer} B), ${view.packetsFromPeer} up (${view.bytesFromPeer} B)`,
  };
  for (const [name, text] of Object.entries(facts)) print(`  ${padEnd(dim(name), 9)} ${text}`);
}

/** @returns whether anything is left */
function printChecks(checks: readonly Check[]): boolean {
  print();
  print(`${heading('What is left')}  ${dim('on client, router and server, against before')}`);
  for (const { what, left } of checks) {
    const well = left.length === 0;
    print(`  ${well ? green('✓') : red('✗')} ${padEnd(what, 42)} ${well ? dim('as before') : red(left.join('; '))}`);
  }
  return checks.some(({ left }) => left.length > 0);
}
