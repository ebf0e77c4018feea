/** How the gateway starts and ends: what it keeps, what it refuses in one sentence, what it leaves behind: nothing. */

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { type Namespace, noNamespaces } from '../driver/namespace.ts';
import { hostState } from './lab/hostState.ts';
import type { Program, ProgramOptions } from './lab/program.ts';
import { World } from './lab/world.ts';

const READY = /The gateway is ready/;
const NO_CAPABILITIES = ['setpriv', '--bounding-set=-all', '--inh-caps=-all'];

describe('sallyport serve', { skip: noNamespaces() ?? false }, () => {
  let world: World;
  let server: Namespace;

  before(() => {
    world = new World();
    server = world.namespace();
  });
  after(() => world?.close());

  it('keeps its state, cleans up after `kill -9`, and leaves the host as it was', async () => {
    const before = hostState(server);
    const first = serve(server, 'state');
    await first.match(READY);
    const running = hostState(server);
    assert.ok(running.devices.includes('sallyport0'));
    assert.ok(running.addresses.includes('sallyport0 10.87.0.1/24'));
    assert.deepEqual(running.tables, ['ip sallyport_sallyport0']);
    assert.equal(running.forwarding, '1');
    assert.equal(existsSync(join(world.folder, 'state', 'host-changes.journal')), true);

    // Others that want the same are told so, and change nothing.
    const sameState = serve(server, 'state');
    const samePort = serve(server, 'other');
    await refuses(sameState, new RegExp(`^Error: Process ${first.pid} uses this state directory\\. `));
    await refuses(samePort, /^Error: UDP port 500 is in use by .*\b(node|sallyport)\b.*\. /);
    assert.deepEqual(hostState(server), running);

    first.kill();
    await first.exited;
    const left = hostState(server);
    assert.deepEqual([left.tables, left.forwarding], [['ip sallyport_sallyport0'], '1']);
    assert.ok(!left.devices.includes('sallyport0'), 'the TUN device goes with its process');

    const second = serve(server, 'state');
    await second.match(READY);
    assert.match(second.text, /Undid what an earlier run had left on the host: .*sallyport_sallyport0/);
    assert.deepEqual(hostState(server), running);
    assert.deepEqual(card(second), card(first), 'the same key, user and password');
    assert.match(card(first).key, /^([a-z0-9]{5}-){4}[a-z0-9]{5}$/);
    assert.match(card(first).password, /^([a-z0-9]{5}-){2}[a-z0-9]{5}$/);
    assert.equal(card(first).key, readFileSync(join(world.folder, 'state', 'psk'), 'utf8').trim());

    assert.equal(await second.stop('SIGINT'), 0, second.text);
    assert.deepEqual(hostState(server), before);
    assert.equal(existsSync(join(world.folder, 'state', 'host-changes.journal')), false);
    assert.equal(existsSync(join(world.folder, 'state', 'control.sock')), false);
  });

  it('undoes everything on a signal that comes while it starts', async () => {
    const namespace = world.namespace();
    const before = hostState(namespace);
    const early = serve(namespace, 'early');
    while (!forwards(namespace) && !early.ended) await setTimeout(2);
    assert.equal(await early.stop('SIGHUP'), 0, early.text);
    assert.deepEqual(hostState(namespace), before);
  });

  it('says in one sentence what is missing', async () => {
    const namespace = world.namespace();
    const before = hostState(namespace);
    await Promise.all([
      refuses(serve(namespace, 'a', { under: NO_CAPABILITIES }), /^Error: .*\broot\b.*CAP_NET_ADMIN/),
      refuses(serve(namespace, 'b', { mounts: 'mount -t tmpfs none /dev/net' }), /^Error: .*\/dev\/net\/tun/),
    ]);
    assert.deepEqual(hostState(namespace), before);
  });

  function serve(namespace: Namespace, state: string, options?: ProgramOptions): Program {
    return world.sallyport(namespace, ['serve', '--state', join(world.folder, state)], options);
  }
});

function forwards(namespace: Namespace): boolean {
  return namespace.run(() => readFileSync('/proc/sys/net/ipv4/ip_forward', 'utf8').startsWith('1'));
}

/** One line, an exit code, and nothing else. */
async function refuses(program: Program, sentence: RegExp): Promise<void> {
  assert.equal(await program.end(), 1, program.text);
  assert.match(program.errors, sentence);
  assert.equal(program.errors.trim().split('\n').length, 1, program.errors);
  assert.doesNotMatch(program.text, READY);
}

function card({ text }: Program): { key: string; user: string; password: string } {
  const value = (label: string) => new RegExp(`│\\s+${label}\\s+(\\S+)`).exec(text)?.[1] ?? '';
  return { key: value('Pre-shared key'), user: value('User'), password: value('Password') };
}
