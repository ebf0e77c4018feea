/** Two gateways of IKEv2 between real processes: keys against quantum computers, sessions that are resumed, clients that are sent on. */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { SessionView } from '../../src/session/record.ts';
import { join as link, type Namespace, noNamespaces } from '../driver/namespace.ts';
import { putUsers, secretFile } from './lab/accounts.ts';
import { hostState } from './lab/hostState.ts';
import { DIRECT_CLIENT, SERVER_FOR_DIRECT as FIRST } from './lab/network.ts';
import type { Program } from './lab/program.ts';
import { World } from './lab/world.ts';

const SALLYPORT = process.env.SALLYPORT_PROGRAM ?? fileURLToPath(new URL('../../bin/sallyport.js', import.meta.url));
const NAME = 'vpn.example.org';
const PASSWORD = 'ann has a password';
const SECOND = '192.0.3.1';
const INNER = '10.87.0.1';
const PPK = `0x${'c0ffee00'.repeat(8)}`;

describe('two gateways of IKEv2', { skip: noNamespaces() ?? false }, () => {
  let world: World;
  let host: Namespace;
  const gateways: { namespace: Namespace; state: string; program: Program }[] = [];
  const clients: Program[] = [];

  before(async () => {
    world = new World();
    host = world.namespace();
    for (const [i, address] of [FIRST, SECOND].entries()) {
      const namespace = world.namespace();
      const own = i === 0 ? DIRECT_CLIENT : '192.0.3.2';
      link(
        { namespace: host, device: `eth${i}`, address: `${own}/24` },
        { namespace, device: 'eth0', address: `${address}/24` },
      );
      const state = join(world.folder, `gateway-${i}`);
      putUsers(state, { ann: PASSWORD, bob: PASSWORD });
      if (i === 0) command(state, 'ca', 'init', '--server', NAME);
      const file = join(world.folder, `gateway-${i}.yaml`);
      secretFile(world.folder, 'ppks', `# id and key\noffice ${PPK}\n`);
      writeFileSync(
        file,
        [
          'ike: { resumption: { enabled: true }, ppk: { file: ppks } }',
          'network: { dns: [] }',
          'remote_access: { subnets: [10.87.0.0/24] }',
          `certificates: { authority: "${join(world.folder, 'gateway-0', 'ca')}" }`,
          ...(i === 0 ? [`redirect: { to: ["${SECOND}"] }`] : []),
        ].join('\n'),
      );
      const program = world.sallyport(namespace, ['serve', '-c', file, '--state', state, '--log', 'json']);
      gateways.push({ namespace, state, program });
      await program.event('ready');
    }
  });

  after(() => world?.close());
  afterEach(() => {
    for (const client of clients) client.kill();
  });

  it('mixes in a key that both have, and says so', async () => {
    const client = connect(['--ppk-id', 'office', '--ppk-file', key(PPK), '--ppk-required']);
    await client.event('up');
    ping(INNER);
    const [view] = await sessions(0);
    assert.match(view!.ike!, /\/ppk$/);
    assert.ok(view!.timeline.some(({ name, detail }) => name === 'ppk used' && detail === '"office"'));
    assert.equal(await client.stop('SIGINT'), 0, client.text);
  });

  it('says which key it was that did not fit', async () => {
    const other = connect(['--ppk-id', 'office', '--ppk-file', key(`0x${'0badcafe'.repeat(8)}`)]);
    assert.equal(await other.end(), 1, other.text);
    assert.equal((await other.event('closed')).code, 'authentication-failed');
    await gateways[0]!.program.line('ppk-mismatch', ({ code }) => code === 'ppk-mismatch');
    const unknown = connect(['--ppk-id', 'nobody', '--ppk-file', key(PPK), '--ppk-required']);
    assert.equal(await unknown.end(), 1, unknown.text);
    await gateways[0]!.program.line('ppk-unknown', ({ code }) => code === 'ppk-unknown');
    const old = connect(['--ppk-id', 'office']);
    assert.equal(await old.end(), 1);
    assert.match(old.text, /needs an id and a file/);
  });

  it('comes back without a login after a loss, and with a file after its own end', async () => {
    const profile = join(world.folder, 'resuming.yaml');
    writeFileSync(profile, `server: ${FIRST}\nticket_file: ${join(world.folder, 'tickets')}\n`);
    const client = connect(['--persist'], profile);
    await client.event('up');
    assert.equal((await sessions(0))[0]!.authentication, 'eap-mschapv2');
    await json(0, 'disconnect', 'ann', '--json');
    await upAgain(client, 2);
    ping(INNER);
    assert.equal((await sessions(0))[0]!.authentication, 'resumption');
    assert.equal(await client.stop('SIGINT'), 0, client.text);
    const next = connect([], profile);
    await next.event('up');
    assert.deepEqual(
      (await sessions(0)).map(({ user, authentication }) => [user, authentication]),
      [['ann', 'resumption']],
    );
    assert.equal(await next.stop('SIGINT'), 0, next.text);
    command(gateways[0]!.state, 'user', 'disable', 'ann');
    const refused = connect([], profile);
    assert.equal(await refused.end(), 1, refused.text);
    await gateways[0]!.program.line('user-disabled', ({ code }) => code === 'user-disabled');
    command(gateways[0]!.state, 'user', 'enable', 'ann');
    assert.deepEqual(await sessions(0), []);
  });

  it('goes where the administrator sends it, with its routes, and the kill switch in place', async () => {
    const before = hostState(host);
    const client = connect(['--default-route', '--kill-switch', '--persist']);
    await client.event('up');
    const answer = await json<{ sent: number }>(0, 'redirect', 'ann', '--to', SECOND, '--json');
    assert.equal(answer.sent, 1);
    assert.equal((await client.event('redirected')).gateway, SECOND);
    await upAgain(client, 2);
    ping(INNER);
    assert.deepEqual([await sessions(0), (await sessions(1)).map(({ user }) => user)], [[], ['ann']]);
    const [ended] = (await json<SessionView[]>(0, 'sessions', '--ended', '--json')).slice(-1);
    assert.equal(ended!.ended!.code, 'redirected');
    assert.equal(await client.stop('SIGINT'), 0, client.text);
    assert.deepEqual(hostState(host), before);
  });

  it('stays where it is when it is told not to follow', async () => {
    const client = connect(['--no-follow-redirects']);
    await client.event('up');
    const answer = await json<{ sent: number; staying: number }>(0, 'redirect', '--all', '--json');
    assert.deepEqual([answer.sent, answer.staying], [0, 1]);
    const late = connect([], FIRST, 'bob');
    assert.equal((await late.event('redirected')).gateway, SECOND);
    await late.event('up');
    assert.deepEqual(
      [await sessions(0), await sessions(1)].map((views) => views.map(({ user }) => user)),
      [['ann'], ['bob']],
    );
    assert.equal(await late.stop('SIGINT'), 0, late.text);
    assert.equal(await client.stop('SIGINT'), 0, client.text);
    await json(0, 'redirect', '--stop', '--json');
  });

  it('goes to the other gateway when its own stops', async () => {
    const client = connect(['--persist']);
    await client.event('up');
    assert.equal(await gateways[0]!.program.stop('SIGTERM'), 0, gateways[0]!.program.text);
    await upAgain(client, 2);
    ping(INNER);
    assert.deepEqual(
      (await sessions(1)).map(({ user }) => user),
      ['ann'],
    );
    assert.equal(await client.stop('SIGINT'), 0, client.text);
  });

  const upAgain = (client: Program, times: number) =>
    client.line(`up ${times}`, () => client.lines.filter(({ event }) => event === 'up').length >= times);

  function key(text: string): string {
    return secretFile(ownFolder(), 'ppk', text);
  }

  function ownFolder(): string {
    const folder = join(world.folder, `client-${clients.length}`);
    mkdirSync(folder, { recursive: true });
    return folder;
  }

  function connect(words: readonly string[], server: string = FIRST, user = 'ann'): Program {
    const folder = ownFolder();
    const client = world.sallyport(host, [
      ...['connect', server, '--ikev2', '--state', folder, '--log', 'json', '--user', user],
      ...['--password-file', secretFile(folder, 'password', PASSWORD)],
      ...['--ca', join(gateways[0]!.state, 'ca', 'ca.crt'), '--server-identity', NAME, ...words],
    ]);
    clients.push(client);
    return client;
  }

  function command(state: string, ...words: string[]): string {
    const more = { encoding: 'utf8', cwd: world.folder } as const;
    return execFileSync(process.execPath, [SALLYPORT, ...words, '--state', state], more);
  }

  const sessions = (which: number) => json<SessionView[]>(which, 'sessions', '--json');

  async function json<Answer>(which: number, ...words: string[]): Promise<Answer> {
    const { namespace, state } = gateways[which]!;
    const program = world.sallyport(namespace, [...words, '--state', state]);
    assert.equal(await program.end(), 0, program.text);
    return JSON.parse(program.text) as Answer;
  }

  /** @throws Error where no answer comes */
  function ping(to: string): void {
    host.run(() => execFileSync('ping', ['-c', '3', '-i', '0.5', '-W', '3', to], { stdio: 'pipe' }));
  }
});
