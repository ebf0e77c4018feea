/** A narrow link between two routers in the middle, told by ICMP or not: downloads and uploads go on, and nothing is fragmented. */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join as joinPath } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import type { SessionView } from '../../src/session/record.ts';
import { join, type Namespace, noNamespaces, withRtnetlink } from '../driver/namespace.ts';
import { putUsers, secretFile } from './lab/accounts.ts';
import { type Agent, sha256, testBytes } from './lab/agent.ts';
import type { Program } from './lab/program.ts';
import { World } from './lab/world.ts';

const SERVER = '203.0.113.1';
const INNER_SERVER = '10.87.0.1';
const PORT = 8080;
const NARROW = 1300;
/** Sizes are told apart as far as ESP's padding leaves any difference between them. */
const PADDING = 16;
const MEGABYTE = 1_000_000;
const PSK = 'a pre-shared key of some length';
const PASSWORD = 'ann has a password';
const NFT = '/usr/sbin/nft';
const skip = noNamespaces() ?? (existsSync(NFT) ? false : 'skipped: no nft to count fragments with');

describe('a path with a narrow link', { skip }, () => {
  let world: World;
  let client: Namespace;
  let server: Namespace;
  let routers: readonly [Namespace, Namespace];
  let fetcher: Agent;
  let gateway: Program;
  let state: string;
  let connected = 0;
  let running: Program | undefined;

  before(async () => {
    world = new World();
    client = world.namespace();
    server = world.namespace();
    routers = [world.namespace(), world.namespace()];
    const [near, far] = routers;
    join(
      { namespace: client, device: 'eth0', address: '192.0.2.2/24' },
      { namespace: near, device: 'lan', address: '192.0.2.1/24' },
    );
    join(
      { namespace: near, device: 'narrow', address: '198.51.100.1/24' },
      { namespace: far, device: 'narrow', address: '198.51.100.2/24' },
    );
    join(
      { namespace: far, device: 'lan', address: '203.0.113.2/24' },
      { namespace: server, device: 'eth0', address: `${SERVER}/24` },
    );
    setRoute(client, '192.0.2.1');
    setRoute(near, '198.51.100.2');
    setRoute(far, '198.51.100.1');
    setRoute(server, '203.0.113.2');
    for (const router of routers) {
      setNarrow(router, NARROW);
      router.run(() => writeFileSync('/proc/sys/net/ipv4/ip_forward', '1'));
    }
    fetcher = world.agent(client);
    const served = world.agent(server);
    state = joinPath(world.folder, 'gateway');
    putUsers(state, { ann: PASSWORD });
    const config = joinPath(world.folder, 'gateway.yaml');
    writeFileSync(
      config,
      `ike: { psk: "${PSK}" }\nnetwork: { nat: false, dns: [] }\nremote_access: { pre_shared_key: true, subnets: [10.87.0.0/24] }\n`,
    );
    gateway = world.sallyport(server, ['serve', '--state', state, '--config', config, '--log', 'json']);
    await Promise.all([gateway.event('ready'), served.serveHttp(PORT)]);
  });

  after(() => world?.close());
  afterEach(() => running?.kill());

  const cases = [true, false].flatMap((icmp) =>
    (['esp', 'udp'] as const).flatMap((encapsulation) =>
      [false, true].map((ikeV2) => ({ icmp, encapsulation, ikeV2 })),
    ),
  );
  for (const { icmp, encapsulation, ikeV2 } of cases) {
    const told = icmp ? 'that routers tell of' : 'that nobody tells of';
    const carrier = `${ikeV2 ? 'tunnel mode' : 'L2TP'} in ${encapsulation}`;
    it(`is learned at both ends, ${told}, with ${carrier}: all goes through, nothing in fragments`, async () => {
      for (const router of routers) watch(router, icmp);
      const seen = gateway.lines.length;
      const program = connect(ikeV2, encapsulation === 'udp' ? ['--force-encapsulation'] : []);
      await program.event('up');
      const learned = (lines: Program, from: number) =>
        lines.line('path MTU', (line) => line.name === 'path MTU' && lines.lines.indexOf(line) >= from);
      const [here, there] = await Promise.all([learned(program, 0), learned(gateway, seen)]);
      if (icmp) {
        assert.equal(here.detail, `${NARROW} (ICMP from 192.0.2.1)`);
        assert.equal(there.detail, `${NARROW} (ICMP from 203.0.113.2)`);
      }
      for (const router of routers) watch(router, icmp);
      const url = `http://${INNER_SERVER}:${PORT}`;
      const down = await fetcher.get(`${url}/${3 * MEGABYTE}`);
      const up = await fetcher.put(`${url}/`, 2 * MEGABYTE);
      assert.equal(down.sha256, sha256(testBytes(3 * MEGABYTE)));
      assert.equal(up.sha256, sha256(testBytes(2 * MEGABYTE)));
      const counts = routers.map(counted);
      for (const { bytes, fragments } of counts) {
        assert.ok(bytes > 5 * MEGABYTE, `${bytes} bytes`);
        assert.equal(fragments, 0);
      }
      const listed = world.sallyport(server, ['sessions', '--json', '--state', state]);
      assert.equal(await listed.end(), 0, listed.text);
      const [view] = JSON.parse(listed.text) as SessionView[];
      assert.equal(view?.encapsulation, encapsulation);
      const pathMtu = view?.pathMtu ?? 0;
      assert.ok(Math.abs(pathMtu - NARROW) < PADDING, `${pathMtu}`);
      assert.equal(await program.stop(), 0, program.text);
    });
  }

  function connect(ikeV2: boolean, words: readonly string[]): Program {
    const folder = joinPath(world.folder, `client-${++connected}`);
    const who = ikeV2 ? ['--ikev2'] : ['--user', 'ann', '--password-file', secretFile(folder, 'password', PASSWORD)];
    const given = ['--psk-file', secretFile(folder, 'psk', PSK), '--state', folder, '--log', 'json'];
    running = world.sallyport(client, ['connect', SERVER, ...who, ...words, ...given]);
    return running;
  }
});

function setRoute(namespace: Namespace, gateway: string): void {
  namespace.run(() => withRtnetlink((rtnetlink) => rtnetlink.addRoute({ destination: '0.0.0.0/0', gateway })));
}

function setNarrow(router: Namespace, mtu: number): void {
  router.run(() => withRtnetlink((rtnetlink) => rtnetlink.setLink('narrow', { mtu })));
}

/** Counts what a router forwards, anew. @param icmp whether it may tell that a packet is too long */
function watch(router: Namespace, icmp: boolean): void {
  const silence = icmp ? '' : 'icmp type destination-unreachable icmp code frag-needed drop';
  const rules = `
    table ip watch {}
    delete table ip watch
    table ip watch {
      chain forward {
        type filter hook forward priority -300;
        counter
        ip frag-off & 0x3fff != 0 counter
      }
      chain output { type filter hook output priority 0; ${silence}
      }
      chain narrow { type filter hook postrouting priority 300; ip frag-off & 0x3fff != 0 counter
      }
    }`;
  router.run(() => execFileSync(NFT, ['-f', '-'], { input: rules }));
}

function counted(router: Namespace): { readonly bytes: number; readonly fragments: number } {
  const text = router.run(() => execFileSync(NFT, ['list', 'table', 'ip', 'watch'], { encoding: 'utf8' }));
  const [all, ...fragments] = [...text.matchAll(/packets (\d+) bytes (\d+)/g)];
  return { bytes: Number(all?.[2]), fragments: fragments.reduce((sum, [, packets]) => sum + Number(packets), 0) };
}
