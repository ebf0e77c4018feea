import assert from 'node:assert/strict';
import { test } from 'node:test';
import { acceptAnything, acceptRemoteAccess, type IkeV2Config } from '../../../../src/ike/v2/index.ts';
import { type End, profileOf, sameChild, sameChildren, World } from './world.ts';

const GIVEN = {
  addresses: ['10.9.0.7', '2001:db8:9::7'],
  dns: ['10.9.0.1', '2001:db8:9::1'],
  subnets: ['10.0.0.0/8', '2001:db8::/32'],
  domains: ['corp.example'],
};

const gateway: Partial<IkeV2Config> = { configures: true, children: acceptRemoteAccess };
const roadWarrior: Partial<IkeV2Config> = { initiate: { mode: 'tunnel', wantsIpv4: true, wantsIpv6: true } };

function connected(config: Partial<IkeV2Config> = {}, behindNat = false) {
  const world = new World();
  const server = world.server({ ...gateway, ...config });
  server.habits = { configuration: GIVEN };
  const nat = world.nat();
  const client = behindNat
    ? world.end('10.0.0.2', { ...roadWarrior, ...config }, nat)
    : world.end('192.0.2.5', { ...roadWarrior, ...config });
  client.connect();
  world.run(2000);
  return { world, server, client, nat };
}

test('a client is given addresses, DNS, networks and domains, and a tunnel for them', () => {
  const { server, client } = connected();
  assert.deepEqual(client.one('configured').configuration, GIVEN);
  assert.deepEqual(server.one('askConfiguration').wantsIpv6, true);
  const [child] = server.children;
  assert.equal(child!.mode, 'tunnel');
  assert.deepEqual(
    child!.remoteSelectors!.map(({ first, last }) => [first, last]),
    [
      ['10.9.0.7', '10.9.0.7'],
      ['2001:db8:9::7', '2001:db8:9::7'],
    ],
  );
  assert.equal(child!.localSelectors!.length, 2);
  assert.deepEqual(client.children[0]!.localSelectors, child!.remoteSelectors);
  assert.ok(sameChild(client.children[0]!, child!));
});

test('what the client asks for alone is given, and its earlier address is told to the owner', () => {
  const world = new World();
  const server = world.server(gateway);
  server.habits = { configuration: { addresses: ['10.9.0.8'], dns: [], subnets: [], domains: [] } };
  const client = world.end('192.0.2.5', { initiate: { mode: 'tunnel', wantsIpv4: true, preferred: ['10.9.0.8'] } });
  client.connect();
  world.run(2000);
  assert.deepEqual(server.one('askConfiguration').preferred, ['10.9.0.8']);
  assert.equal(server.one('askConfiguration').wantsIpv6, false);
  assert.equal(client.children[0]!.localSelector.address, '10.9.0.8');
  assert.equal(client.children[0]!.remoteSelector.address, '0.0.0.0/0');
});

test('an empty pool: INTERNAL_ADDRESS_FAILURE, with a code on both sides', () => {
  const world = new World();
  const server = world.server(gateway);
  server.habits = { configuration: { code: 'pool-empty', reason: 'no address is free' } };
  const client = world.end('192.0.2.5', roadWarrior);
  client.connect();
  world.run(5000);
  assert.equal(server.one('ikeFailed').failure.code, 'pool-empty');
  assert.equal(client.one('ikeFailed').failure.code, 'no-address');
  assert.equal(client.one('ikeClosed').reason.code, 'no-address');
});

test('a tunnel without an address is refused: FAILED_CP_REQUIRED', () => {
  const world = new World();
  const server = world.server(gateway);
  const client = world.end('192.0.2.5', { initiate: { mode: 'tunnel' } });
  client.connect();
  world.run(5000);
  assert.equal(server.one('ikeFailed').failure.code, 'invalid-selectors');
  assert.ok(server.summaries.some((line) => line.includes('N(FAILED_CP_REQUIRED)')));
  assert.equal(client.one('ikeClosed').reason.code, 'no-address');
});

test('selectors are narrowed to what both want', () => {
  const world = new World();
  const net = (first: string, last: string) => ({ first, last, protocol: 0, firstPort: 0, lastPort: 65_535 });
  const server = world.server({
    children: ({ mode }) => ({
      mode,
      local: [net('10.1.0.0', '10.1.255.255')],
      remote: [net('0.0.0.0', '255.255.255.255')],
    }),
  });
  const client = world.end('192.0.2.5', { initiate: { mode: 'tunnel' } });
  client.connect(server, { remoteSelector: { address: '10.0.0.0/8', protocol: 0, port: 0 } });
  world.run(5000);
  assert.equal(client.children[0]!.remoteSelector.address, '10.1.0.0/16');
  assert.ok(sameChild(client.children[0]!, server.children[0]!));
});

test('selectors with nothing in common: TS_UNACCEPTABLE, and the IKE SA goes with its only child', () => {
  const world = new World();
  const server = world.server({ children: acceptAnything });
  const l2tpOnly = world.end('198.51.100.9', {});
  const client = world.end('192.0.2.5', { initiate: { mode: 'tunnel' } });
  client.connect(l2tpOnly);
  world.run(5000);
  assert.equal(l2tpOnly.one('ikeFailed').failure.code, 'invalid-selectors');
  assert.equal(client.one('ikeClosed').reason.code, 'invalid-selectors');
  void server;
});

test('childless (RFC 6023): the IKE SA first, the child SA in an exchange of its own', () => {
  const world = new World();
  const server = world.server();
  const client = world.end('192.0.2.5', { initiate: { childless: true } });
  client.connect();
  world.run(3000);
  assert.ok(client.summaries.some((line) => line.startsWith('out CREATE_CHILD_SA')));
  assert.equal(client.children[0]!.pfs, 'curve25519');
  assert.ok(sameChild(client.children[0]!, server.children[0]!));
});

test('a further child SA of a client: the same again is taken, one for something else is not', () => {
  let granted = '10.0.0.0/8';
  const { world, server, client } = connected({
    children: (request) => {
      const grant = acceptRemoteAccess(request);
      const [first, last] = granted === '10.0.0.0/8' ? ['10.0.0.0', '10.255.255.255'] : ['10.1.0.0', '10.1.255.255'];
      const local = { first: first!, last: last!, protocol: 0, firstPort: 0, lastPort: 0xffff };
      return 'code' in grant ? grant : { ...grant, local: [local] };
    },
  });
  const { ikeSa } = client.established[0]!;
  const ask = () => {
    client.command({ type: 'createChild', ikeSa });
    world.run(2000);
  };
  ask();
  assert.equal(server.children.length, 2);
  granted = '10.1.0.0/16';
  ask();
  assert.equal(server.children.length, 2);
  assert.equal(server.one('ikeFailed').failure.code, 'no-additional-sas');
  assert.ok(server.summaries.some((line) => line.includes('NO_ADDITIONAL_SAS')));
  assert.equal(client.all('ikeClosed').length, 0, 'the first one goes on');
});

/** The client's second network card. */
function move(client: End, world: World, address: string, behind?: Parameters<End['attach']>[1]): void {
  client.attach(address, behind);
  const { ikeSa } = client.established[0]!;
  client.command({
    type: 'moved',
    ikeSa,
    local: { address, port: 4500 },
    remote: { address: '203.0.113.1', port: 4500 },
  });
  world.run(3000);
}

test('MOBIKE: the client moves to another network, behind a NAT and back', () => {
  const { world, server, client } = connected();
  assert.equal(client.established[0]!.remote.port, 4500);
  move(client, world, '192.0.2.99');
  assert.deepEqual(server.one('ikeMoved').remote, { address: '192.0.2.99', port: 4500 });
  assert.equal(server.one('ikeMoved').udpEncapsulation, false);
  assert.equal(client.one('ikeMoved').local.address, '192.0.2.99');
  move(client, world, '10.0.0.3', world.nat('198.51.100.77'));
  assert.equal(server.all('ikeMoved').length, 2);
  assert.deepEqual(
    [server, client].map((end) => end.all('ikeMoved')[1]!.udpEncapsulation),
    [true, true],
  );
  assert.equal(server.all('ikeMoved')[1]!.remote.address, '198.51.100.77');
  // The server has seen that the client receives there before ESP goes there.
  assert.ok(server.summaries.some((line) => /^out INFORMATIONAL \d+ request N\(COOKIE2\)$/.test(line)));
  server.renewChild(server.children[0]!.child);
  world.run(2000);
  assert.equal(server.children[1]!.udpEncapsulation, true);
  assert.ok(sameChildren(client, server));
});

test('MOBIKE: a message from elsewhere alone moves nothing', () => {
  const { world, server, client } = connected({}, true);
  let replayed = 0;
  world.network.tamper = (datagram) => {
    const fromClient = datagram.from.address === '198.51.100.7';
    return fromClient && replayed++ === 0 ? { ...datagram, from: { address: '198.51.100.250', port: 666 } } : datagram;
  };
  client.command({ type: 'probe', ikeSa: client.established[0]!.ikeSa, within: 4000 });
  world.run(5000);
  assert.ok(replayed > 0);
  assert.deepEqual(server.all('ikeMoved'), []);
  assert.deepEqual(client.all('ikeClosed'), []);
});

test('MOBIKE: a NAT that forgets its mappings is noticed by the liveness check of the client', () => {
  const { world, server, client, nat } = connected({ keepaliveInterval: 0 }, true);
  const ask = () => {
    client.command({ type: 'probe', ikeSa: client.established[0]!.ikeSa, within: 4000 });
    world.run(5000);
  };
  ask();
  nat.flush();
  ask();
  assert.ok(client.summaries.some((line) => line.includes('N(UPDATE_SA_ADDRESSES)')));
  assert.equal(server.one('ikeMoved').remote.port, client.one('ikeMoved') && server.one('ikeMoved').remote.port);
  assert.notEqual(server.one('ikeMoved').remote.port, server.established[0]!.remote.port);
});

test('MOBIKE: a client that asks nothing, for its renewals are answered, notices by them that it is behind another NAT', () => {
  const { world, server, client, nat } = connected({ keepaliveInterval: 0 }, true);
  const renew = () => {
    client.renewChild(client.livingChildren.at(-1)!.child);
    world.run(2000);
  };
  renew();
  nat.flush();
  renew();
  assert.ok(client.summaries.some((line) => line.includes('N(UPDATE_SA_ADDRESSES)')));
  assert.notEqual(server.one('ikeMoved').remote.port, server.established[0]!.remote.port);
});

test('without MOBIKE a peer behind a NAT is where its last authentic message came from', () => {
  const { world, server, client, nat } = connected({ mobike: false }, true);
  nat.flush();
  client.command({ type: 'probe', ikeSa: client.established[0]!.ikeSa, within: 4000 });
  world.run(5000);
  assert.notEqual(server.one('ikeMoved').remote.port, server.established[0]!.remote.port);
  server.command({ type: 'probe', ikeSa: server.established[0]!.ikeSa, within: 4000 });
  world.run(5000);
  assert.deepEqual(server.all('ikeClosed'), []);
});

test('without MOBIKE a gateway follows a client that was behind no NAT, and asks it where it is now', () => {
  const { world, server, client } = connected({ mobike: false });
  const elsewhere = { address: '192.0.2.77', port: 20_500 };
  world.network.tamper = ({ from, to, bytes }) => {
    if (to.address === client.address) return undefined;
    const place = to.address === elsewhere.address ? { address: client.address, port: 500 } : to;
    if (place !== to) client.host.receiver({ local: place, remote: from, bytes }, world.network.now);
    return place === to ? { from: from.address === client.address ? elsewhere : from, to, bytes } : undefined;
  };
  client.command({ type: 'probe', ikeSa: client.established[0]!.ikeSa, within: 4000 });
  world.run(2000);
  assert.deepEqual(server.one('ikeMoved').remote, elsewhere);
  server.renewChild(server.children[0]!.child);
  world.run(5000);
  assert.equal(server.children.length, 2);
  for (const end of [server, client]) assert.deepEqual(end.all('ikeClosed'), []);
});

test('a peer that is gone is noticed, and one that is asked for more than it answers', () => {
  const { world, server, client } = connected({ deadPeerDetection: { interval: 10_000, timeout: 20_000 } });
  world.network.tamper = () => undefined;
  world.run(40_000);
  for (const end of [server, client]) {
    assert.equal(end.one('ikeClosed').reason.code, 'peer-dead');
    assert.equal(end.endpoint.deadline, undefined);
  }
});

test('a peer that is probed again and again has no more time to answer than one that is probed once', () => {
  const { world, client } = connected();
  const { ikeSa } = client.established[0]!;
  const probeOften = (seconds: number) => {
    for (let half = 0; half < 2 * seconds; half++) {
      client.command({ type: 'probe', ikeSa, within: 5000 });
      world.run(500);
    }
  };
  probeOften(20);
  assert.deepEqual(client.all('ikeClosed'), [], 'one that answers stays');
  world.network.tamper = () => undefined;
  probeOften(4);
  assert.deepEqual(client.all('ikeClosed'), []);
  probeOften(2);
  assert.equal(client.one('ikeClosed').reason.code, 'peer-dead');
});

test('what the owner has heard while a peer is probed is an answer', () => {
  const { world, client } = connected();
  const { ikeSa } = client.established[0]!;
  world.network.tamper = () => undefined;
  client.command({ type: 'probe', ikeSa, within: 5000 });
  world.run(3000);
  assert.ok(client.all('ikeSilent').length > 0, 'the owner is asked');
  client.command({ type: 'alive', ikeSa });
  world.run(4000);
  assert.deepEqual(client.all('ikeClosed'), []);
});

test('a sign of life that the owner has seen keeps the peer from being asked', () => {
  const { world, server } = connected({
    deadPeerDetection: { interval: 10_000, timeout: 20_000 },
    profile: profileOf(),
  });
  const perform = server.perform.bind(server);
  server.perform = (outputs) => {
    perform(outputs);
    for (const output of outputs)
      if (output.type === 'ikeSilent') server.command({ type: 'alive', ikeSa: output.ikeSa });
  };
  const before = server.summaries.filter(
    (line) => line.startsWith('out INFORMATIONAL') && line.includes('request'),
  ).length;
  world.run(60_000);
  assert.equal(
    server.summaries.filter((line) => line.startsWith('out INFORMATIONAL') && line.includes('request')).length,
    before,
  );
});
