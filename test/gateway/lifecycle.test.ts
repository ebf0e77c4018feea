/** Whole connections between a gateway and clients: every layer real, network and clock simulated. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ClientConfig } from '../../src/client/index.ts';
import type { GatewayConfig } from '../../src/gateway/index.ts';
import { secretTable } from '../../src/ike/v1/index.ts';
import { utf8 } from '../../src/wire/index.ts';
import { type LinkQuality, PERFECT, SimulatedNetwork } from '../sim/network.ts';
import { ipv4Packet } from '../sim/packets.ts';
import { ClientEnd, GatewayEnd } from '../sim/stack.ts';

const SERVER = '198.51.100.1';
const PSK = utf8('a shared secret of some length');
const USERS = { ann: 'correct horse', bob: 'battery staple' };
const SECOND = 1000;

const gatewayConfig = (more: Partial<GatewayConfig> = {}): GatewayConfig => ({
  ike: { secrets: secretTable([{ secret: PSK }]) },
  network: { pool: ['10.9.0.0/24'], localAddress: '10.9.0.1', dns: ['192.0.2.53'] },
  ...more,
});

const clientConfig = (more: Partial<ClientConfig> = {}): Omit<ClientConfig, 'local'> => ({
  remote: { address: SERVER, port: 500 },
  ike: { secrets: secretTable([{ secret: PSK }]) },
  ppp: { credentials: { user: 'ann', password: USERS.ann } },
  ...more,
});

/** The same client without IPsec. */
function plainConfig(more: Partial<ClientConfig> = {}): Omit<ClientConfig, 'local'> {
  const { ike: _, ...plain } = clientConfig(more);
  return { ...plain, remote: { address: SERVER, port: 1701 } };
}

function milestones(view: { readonly timeline: readonly { readonly name: string }[] }): string[] {
  return view.timeline.map(({ name }) => name);
}

/** Runs until the client is up, fails with both logs otherwise. */
function connected(network: SimulatedNetwork, gateway: GatewayEnd, client: ClientEnd, within = 30 * SECOND): void {
  client.connect();
  // The client is up a message earlier than the gateway.
  const { ppp } = client.config;
  const up = network.run(
    network.now + within,
    () =>
      client.closed !== undefined ||
      (client.up !== undefined &&
        gateway.gateway.sessions().some(({ phase, user }) => phase === 'up' && user === ppp.credentials?.user)),
  );
  const text = () => [...client.log, ...gateway.log].map((entry) => `${entry.layer} ${entry.text}`).join('\n');
  assert.ok(up && client.up !== undefined, `the client came up:\n${text()}`);
}

/** An inner packet each way. */
function exchange(network: SimulatedNetwork, gateway: GatewayEnd, client: ClientEnd, word: string): void {
  const { localAddress } = client.up!.network;
  client.packets.length = 0;
  gateway.packets.length = 0;
  client.plane.fromTun(ipv4Packet(localAddress, '203.0.113.9', utf8(`${word} out`)));
  network.run(network.now + SECOND);
  assert.deepEqual(gateway.packets, [ipv4Packet(localAddress, '203.0.113.9', utf8(`${word} out`))]);
  gateway.plane.fromTun(ipv4Packet('203.0.113.9', localAddress, utf8(`${word} back`)));
  network.run(network.now + SECOND);
  assert.deepEqual(client.packets, [ipv4Packet('203.0.113.9', localAddress, utf8(`${word} back`))]);
}

/** Nothing of any connection is left, nothing waits. */
function nothingLeft(network: SimulatedNetwork, gateway: GatewayEnd): void {
  network.run(network.now + 120 * SECOND);
  assert.deepEqual(gateway.gateway.sessions(), [], 'no session is left at the gateway');
  assert.equal(gateway.deadline, undefined, 'the gateway waits for nothing');
}

function world(quality: Partial<LinkQuality> = {}, seed = 7) {
  return new SimulatedNetwork(seed, { ...PERFECT, ...quality });
}

for (const method of ['pap', 'chap-md5', 'ms-chap-v2'] as const) {
  for (const path of ['native ESP', 'ESP in UDP through a NAT', 'plain L2TP'] as const) {
    test(`${method} over ${path}: connects, carries, and the client leaves in order`, () => {
      const network = world();
      const gateway = new GatewayEnd(
        network,
        SERVER,
        gatewayConfig({ ppp: { requirePeer: [method] }, plainL2tp: 'all' }),
        USERS,
      );
      const behind = path === 'ESP in UDP through a NAT' ? network.nat('203.0.113.77') : undefined;
      const ppp = { credentials: { user: 'ann', password: USERS.ann }, acceptFromPeer: [method] };
      const config = path === 'plain L2TP' ? plainConfig({ ppp }) : clientConfig({ ppp });
      const client = new ClientEnd(network, '10.0.0.2', config, 2, behind);
      connected(network, gateway, client);
      exchange(network, gateway, client, 'hello');

      const [session] = gateway.gateway.sessions();
      assert.equal(session?.user, 'ann');
      assert.equal(session?.phase, 'up');
      assert.equal(session?.authentication, method);
      assert.equal(session?.innerAddress, client.up!.network.localAddress);
      assert.equal(session?.encapsulation, path === 'plain L2TP' ? 'none' : behind === undefined ? 'esp' : 'udp');
      assert.deepEqual(client.up!.network.dns, ['192.0.2.53']);
      assert.equal(session?.packetsFromPeer, 1);
      assert.equal(session?.packetsToPeer, 1);

      client.disconnect();
      network.run(network.now + 20 * SECOND, () => client.closed !== undefined);
      assert.equal(client.closed?.reason.code, 'user-request');
      nothingLeft(network, gateway);
      assert.equal(client.deadline, undefined, 'the client waits for nothing');
      const [ended] = gateway.gateway.endedSessions();
      assert.ok(milestones(ended!).includes('first packet from the peer'), milestones(ended!).join(', '));
    });
  }
}

test('the gateway drains: LCP Terminate, CDN, StopCCN, then the IPsec and IKE deletes, in that order', () => {
  const network = world();
  const gateway = new GatewayEnd(network, SERVER, gatewayConfig(), USERS);
  const client = new ClientEnd(network, '192.0.2.2', clientConfig());
  connected(network, gateway, client);
  gateway.log.length = 0;
  gateway.perform((now) =>
    gateway.gateway.command({ type: 'drain', reason: { code: 'stop', reason: 'Stopping.' } }, now),
  );
  network.run(network.now + 20 * SECOND, () => gateway.drained && client.closed !== undefined);
  assert.ok(gateway.drained, 'the gateway is drained');
  assert.ok(client.closed !== undefined, 'the client knows');
  // A client whose last session was cleared may well send the StopCCN itself.
  const sent = gateway.log.filter(({ event }) => event === 'message').map(({ text }) => text);
  const at = (pattern: RegExp) => sent.findIndex((text) => pattern.test(text));
  const order = [at(/TermReq|Terminate-Request/i), at(/^CDN/), at(/^StopCCN/), at(/INFORMATIONAL.*D/i)];
  assert.ok(
    order.every((index) => index >= 0),
    `${order} in ${sent.join(' | ')}`,
  );
  assert.deepEqual(
    order,
    [...order].sort((a, b) => a - b),
    sent.join(' | '),
  );
  nothingLeft(network, gateway);
});

test('two clients with equal addresses behind one NAT each carry their own traffic', () => {
  const network = world();
  const gateway = new GatewayEnd(network, SERVER, gatewayConfig(), USERS);
  const nat = network.nat('203.0.113.77');
  const first = new ClientEnd(network, '10.0.0.2', clientConfig(), 2, nat);
  // Same address, same ports, and the same seed: even tunnel and session ids are equal.
  const second = new ClientEnd(
    network,
    '10.0.0.2',
    clientConfig({ ppp: { credentials: { user: 'bob', password: USERS.bob } } }),
    2,
    nat,
  );
  connected(network, gateway, first);
  connected(network, gateway, second);
  exchange(network, gateway, first, 'first');
  exchange(network, gateway, second, 'second');
  exchange(network, gateway, first, 'first again');
  assert.notEqual(first.up!.network.localAddress, second.up!.network.localAddress);
  first.disconnect();
  network.run(network.now + 20 * SECOND, () => first.closed !== undefined);
  exchange(network, gateway, second, 'second alone');
  second.disconnect();
  nothingLeft(network, gateway);
});

for (const seed of [1, 2, 3]) {
  test(`connects and leaves over a network that loses 20 % and reorders (seed ${seed})`, () => {
    const network = world({ drop: 0.2, jitter: 40, duplicate: 0.1 }, seed);
    const gateway = new GatewayEnd(network, SERVER, gatewayConfig(), USERS);
    const client = new ClientEnd(network, '10.0.0.2', clientConfig(), 2 + seed, network.nat('203.0.113.77'));
    connected(network, gateway, client, 60 * SECOND);
    network.quality = PERFECT;
    // A late duplicate of a Configure-Request makes IPCP negotiate once more (RFC 1661 §4.3).
    network.run(network.now + 5 * SECOND);
    exchange(network, gateway, client, 'through');
    network.quality = { ...PERFECT, drop: 0.2, jitter: 40, duplicate: 0.1 };
    client.disconnect();
    network.run(network.now + 60 * SECOND, () => client.closed !== undefined);
    assert.ok(client.closed !== undefined);
    network.run(network.now + 300 * SECOND);
    assert.deepEqual(gateway.gateway.sessions(), []);
  });
}

test('a wrong pre-shared key fails at both ends with psk-mismatch within 15 s, and is logged once', () => {
  const network = world();
  const gateway = new GatewayEnd(network, SERVER, gatewayConfig(), USERS);
  const client = new ClientEnd(
    network,
    '10.0.0.2',
    clientConfig({ ike: { secrets: secretTable([{ secret: utf8('another secret altogether') }]) } }),
  );
  client.connect();
  network.run(15 * SECOND, () => client.closed !== undefined);
  assert.equal(client.closed?.reason.code, 'psk-mismatch');
  nothingLeft(network, gateway);
  const said = gateway.log.filter(({ level, fields }) => level !== 'info' && fields?.code === 'psk-mismatch');
  assert.deepEqual(
    said.map(({ event, session }) => [event, session !== undefined]),
    [['ike-failed', true]],
    gateway.log.map(({ text }) => text).join('\n'),
  );
  assert.equal(gateway.gateway.endedSessions()[0]?.ended?.code, 'psk-mismatch');
});

test('a wrong password fails at both ends within 15 s and leaves nothing', () => {
  const network = world();
  const gateway = new GatewayEnd(network, SERVER, gatewayConfig(), USERS);
  const client = new ClientEnd(
    network,
    '10.0.0.2',
    clientConfig({ ppp: { credentials: { user: 'ann', password: 'wrong' } } }),
  );
  client.connect();
  network.run(15 * SECOND, () => client.closed !== undefined);
  assert.equal(client.closed?.reason.code, 'authentication-failed');
  assert.ok(gateway.log.some(({ event }) => event === 'authentication-failed'));
  nothingLeft(network, gateway);
});

test('what a refused peer is told is the same for an unknown user and for a wrong password', () => {
  const told = ['ann', 'nobody'].map((user) => {
    const network = world();
    const gateway = new GatewayEnd(network, SERVER, gatewayConfig(), USERS);
    const client = new ClientEnd(
      network,
      '10.0.0.2',
      clientConfig({ ppp: { credentials: { user, password: 'wrong' } } }),
    );
    client.connect();
    network.run(15 * SECOND, () => client.closed !== undefined);
    network.run(network.now + 60 * SECOND);
    assert.equal(gateway.gateway.endedSessions()[0]?.ended?.code, 'wrong-password', 'the gateway itself knows better');
    return client.log
      .filter(({ event, fields }) => event === 'message' && fields?.direction === 'in')
      .map(({ text }) => text.replace(/\d{3,}|0x[0-9a-f]+/g, '#'))
      .filter((text) => /^(LCP Term|CHAP Failure|CDN|StopCCN)/.test(text));
  });
  assert.deepEqual(told[0], told[1]);
  assert.ok(told[0]!.length > 0);
  assert.doesNotMatch(told[0]!.join(), /password is wrong|wrong-password|unknown/);
});

test('no common proposal fails at both ends with no-proposal-chosen', async () => {
  const { profiles } = await import('../../src/ike/index.ts');
  const network = world();
  const strict = { secrets: secretTable([{ secret: PSK }]), profile: profiles.strict };
  const gateway = new GatewayEnd(network, SERVER, gatewayConfig({ ike: strict }), USERS);
  const { legacy } = profiles;
  const weak = {
    ...legacy,
    offer: {
      ...legacy.offer,
      ike: {
        ...legacy.offer.ike,
        proposals: [{ encryption: '3des-cbc', keyBits: 192, hash: 'sha1', group: 'modp1024' } as const],
      },
    },
  };
  const client = new ClientEnd(
    network,
    '10.0.0.2',
    clientConfig({ ike: { secrets: secretTable([{ secret: PSK }]), profile: weak } }),
  );
  client.connect();
  network.run(15 * SECOND, () => client.closed !== undefined);
  assert.equal(client.closed?.reason.code, 'no-proposal-chosen');
  assert.ok(gateway.log.some(({ fields }) => fields?.code === 'no-proposal-chosen'));
  nothingLeft(network, gateway);
});

test('a client that vanishes leaves nothing, and its address returns to the pool', () => {
  const network = world();
  const config = gatewayConfig({ network: { pool: ['10.9.0.2-10.9.0.2'], localAddress: '10.9.0.1' } });
  const gateway = new GatewayEnd(network, SERVER, config, USERS);
  const client = new ClientEnd(network, '10.0.0.2', clientConfig());
  connected(network, gateway, client);
  client.powerOff();
  network.run(network.now + 600 * SECOND, () => gateway.gateway.sessions().length === 0);
  assert.deepEqual(gateway.gateway.sessions(), []);
  const other = new ClientEnd(
    network,
    '10.0.0.3',
    clientConfig({ ppp: { credentials: { user: 'bob', password: USERS.bob } } }),
    9,
  );
  connected(network, gateway, other);
  assert.equal(other.up!.network.localAddress, '10.9.0.2');
});

test('a client that vanishes at any moment of connecting leaves nothing', () => {
  for (let cut = 20; cut < 500; cut += 30) {
    const network = world({}, cut);
    const gateway = new GatewayEnd(network, SERVER, gatewayConfig(), USERS);
    const client = new ClientEnd(network, '10.0.0.2', clientConfig());
    client.connect();
    network.run(cut);
    client.powerOff();
    network.run(600 * SECOND);
    assert.deepEqual(gateway.gateway.sessions(), [], `cut after ${cut} ms`);
    assert.equal(gateway.deadline, undefined, `nothing waits, cut after ${cut} ms`);
  }
});

test('L2TP without IPsec is refused unless the listener allows it', () => {
  const network = world();
  const gateway = new GatewayEnd(network, SERVER, gatewayConfig(), USERS);
  const client = new ClientEnd(network, '10.0.0.2', plainConfig());
  client.connect();
  network.run(60 * SECOND);
  assert.equal(client.up, undefined);
  assert.ok(gateway.log.some(({ fields }) => fields?.code === 'ipsec-required'));
  assert.deepEqual(gateway.gateway.sessions(), []);
});

test('a user with a static address gets it, and replaces the session that was left behind', () => {
  const network = world();
  const gateway = new GatewayEnd(network, SERVER, gatewayConfig(), USERS, 1, { ann: '10.9.0.77' });
  const ghost = new ClientEnd(network, '10.0.0.2', clientConfig());
  connected(network, gateway, ghost);
  assert.equal(ghost.up!.network.localAddress, '10.9.0.77');
  ghost.powerOff();
  const again = new ClientEnd(network, '10.0.0.9', clientConfig(), 5);
  connected(network, gateway, again);
  assert.equal(again.up!.network.localAddress, '10.9.0.77');
  network.run(network.now + 60 * SECOND);
  assert.equal(gateway.gateway.sessions().length, 1, 'the ghost is gone');
  exchange(network, gateway, again, 'mine');
});

test('the administrator ends one user’s session; the other stays', () => {
  const network = world();
  const gateway = new GatewayEnd(network, SERVER, gatewayConfig(), USERS);
  const ann = new ClientEnd(network, '10.0.0.2', clientConfig());
  const bob = new ClientEnd(
    network,
    '10.0.0.3',
    clientConfig({ ppp: { credentials: { user: 'bob', password: USERS.bob } } }),
    3,
  );
  connected(network, gateway, ann);
  connected(network, gateway, bob);
  const reason = { code: 'administrator', reason: 'Goodbye.' };
  gateway.perform((now) => gateway.gateway.command({ type: 'disconnect', who: 'ann', reason }, now));
  network.run(network.now + 20 * SECOND, () => ann.closed !== undefined);
  assert.ok(ann.closed !== undefined);
  exchange(network, gateway, bob, 'still here');
  assert.deepEqual(
    gateway.gateway.sessions().map(({ user }) => user),
    ['bob'],
  );
});
