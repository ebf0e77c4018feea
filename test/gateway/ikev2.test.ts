/** IKEv2 through whole gateways and clients: native remote access and L2TP, on the same listener as IKEv1. RFC 7296, RFC 3193. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { utf8 } from '../../src/wire/index.ts';
import { ipv4Packet } from '../sim/packets.ts';
import { ClientEnd, type GatewayEnd } from '../sim/stack.ts';
import {
  certificateClient,
  eapClient,
  profile,
  pskClient,
  V2Client,
  V2Gateway,
  v2GatewayConfig,
} from './ikev2World.ts';
import { pretendedTls } from './pretendedTls.ts';
import { clientConfig, exchange, logText, SECOND, SERVER, USERS, world } from './world.ts';

type Config = ConstructorParameters<typeof ClientEnd>[2];

function up(network: ReturnType<typeof world>, client: ClientEnd, ...others: (ClientEnd | GatewayEnd)[]): void {
  client.connect();
  network.run(network.now + 30 * SECOND, () => client.up !== undefined || client.closed !== undefined);
  assert.ok(client.up !== undefined, `the client came up:\n${logText(client, ...others)}`);
}

/** All is over at the gateway, and nothing waits for time any more but what was refused. */
function nothingLeft(network: ReturnType<typeof world>, gateway: GatewayEnd): void {
  network.run(network.now + 60 * SECOND);
  assert.deepEqual(gateway.gateway.sessions(), []);
  const left = Object.entries(gateway.gateway.population).filter(([, count]) => count > 0);
  assert.deepEqual(left, []);
}

const ways: Record<string, { client: Config; user: string; authentication: string }> = {
  'EAP-MSCHAPv2': { client: eapClient(), user: 'ann', authentication: 'eap-mschapv2' },
  'EAP-TLS': {
    client: eapClient('ann', { eap: { methods: ['eap-tls'], credentials: { user: 'ann' } } }),
    user: 'ann',
    authentication: 'eap-tls',
  },
  'a certificate': { client: certificateClient('ann'), user: 'ann', authentication: 'signature' },
  'a pre-shared key': { client: pskClient(), user: 'ipv4 192.0.2.2', authentication: 'pre-shared-key' },
};

for (const [name, { client: config, user, authentication }] of Object.entries(ways)) {
  test(`a native tunnel with ${name}: an address, traffic, a record, and nothing left behind`, () => {
    const network = world();
    const gateway = new V2Gateway(network, SERVER, v2GatewayConfig({ remoteAccess: { preSharedKey: true } }), USERS);
    const client = new V2Client(network, '192.0.2.2', config);
    up(network, client, gateway);
    exchange(network, gateway, client, name);
    const [view] = gateway.gateway.sessions();
    assert.deepEqual(
      [view!.user, view!.authentication, view!.phase, view!.innerAddress],
      [user, authentication, 'up', '10.9.0.2'],
    );
    assert.match(view!.ike!, /^IKEv2 aes-gcm-16-128/);
    assert.deepEqual(client.up!.network.dns, ['10.9.0.1']);
    assert.ok(view!.bytesFromPeer > 0 && view!.bytesToPeer > 0);
    client.disconnect();
    nothingLeft(network, gateway);
    assert.equal(client.closed!.reason.code, 'user-request');
    assert.equal(client.deadline, undefined);
  });

  test(`L2TP over IKEv2 with ${name}`, () => {
    const network = world();
    const gateway = new V2Gateway(network, SERVER, v2GatewayConfig(), USERS);
    const ppp = { credentials: { user: 'bob', password: USERS.bob } };
    const client = new V2Client(network, '192.0.2.2', { ...config, tunnel: 'l2tp', ppp });
    up(network, client, gateway);
    exchange(network, gateway, client, name);
    const [view] = gateway.gateway.sessions();
    assert.deepEqual([view!.user, view!.authentication], ['bob', 'ms-chap-v2']);
    assert.equal(gateway.gateway.population.leases, 1, 'what EAP was given is free again');
    client.disconnect();
    nothingLeft(network, gateway);
  });
}

test('our own client says to the gateway alone who made it, also when it comes back with a ticket', () => {
  const network = world();
  const gateway = new V2Gateway(network, SERVER, v2GatewayConfig({}, { resumption: true }), USERS);
  const clear: string[] = [];
  network.tamper = (datagram) => {
    clear.push(Buffer.from(datagram.bytes).toString('latin1'));
    return datagram;
  };
  const kept = { resumption: true, keptTickets: new Map() };
  let host: V2Client['host'] | undefined;
  for (const authentication of ['eap-mschapv2', 'resumption']) {
    const client = new V2Client(network, '192.0.2.2', eapClient('ann', {}, kept), 2, host);
    up(network, client, gateway);
    const [view] = gateway.gateway.sessions();
    assert.deepEqual(
      [view!.client, view!.vendorIds, view!.authentication],
      ['Sallyport', ['Sallyport'], authentication],
    );
    client.disconnect();
    network.run(network.now + 30 * SECOND);
    host = client.host;
  }
  assert.ok(clear.length > 8 && !clear.some((text) => text.includes('Sallyport')));
});

test('both versions on one listener, L2TP and native, many behind one NAT with equal addresses', () => {
  const network = world();
  const gateway = new V2Gateway(network, SERVER, v2GatewayConfig(), USERS);
  const nat = network.nat('203.0.113.5');
  const clients = [
    new V2Client(network, '192.168.1.2', eapClient('ann'), 11, nat),
    new V2Client(network, '192.168.1.3', eapClient('bob'), 12, nat),
    new V2Client(network, '192.168.1.4', pskClient({ tunnel: 'l2tp' }, 'ann'), 13, nat),
    new ClientEnd(network, '192.168.1.5', clientConfig({}, 'bob'), 14, nat),
    new V2Client(network, '192.0.2.9', eapClient('ann'), 15),
  ];
  for (const client of clients) up(network, client, gateway);
  for (const [i, client] of clients.entries()) exchange(network, gateway, client, `client ${i}`);
  const views = gateway.gateway.sessions();
  assert.equal(views.length, clients.length);
  assert.equal(new Set(views.map(({ innerAddress }) => innerAddress)).size, clients.length);
  assert.deepEqual(
    views.map(({ ike, encapsulation }) => `${ike!.slice(0, 5)} ${encapsulation}`),
    ['IKEv2 udp', 'IKEv2 udp', 'IKEv2 udp', 'IKEv1 udp', 'IKEv2 esp'],
  );
  for (const client of clients) client.disconnect();
  nothingLeft(network, gateway);
});

test('IPv6 beside IPv4 in a native tunnel, and alone where the client wants no other', async (t) => {
  const network = world();
  const config = v2GatewayConfig();
  const ipv6 = { ...config, network: { ...config.network, ipv6Pool: '2001:db8:100::/48' } };
  const gateway = new V2Gateway(network, SERVER, ipv6, USERS);
  const { innerPacket6 } = await import('../dataplane/ends.ts');
  const crosses = (client: ClientEnd, address: string) => {
    const [out, back] = [innerPacket6(address, '2001:db8:ffff::1'), innerPacket6('2001:db8:ffff::1', address)];
    gateway.packets.length = client.packets.length = 0;
    client.plane.fromTun(out);
    gateway.plane.fromTun(back);
    network.run(network.now + SECOND);
    assert.deepEqual([gateway.packets, client.packets], [[out], [back]]);
  };
  await t.test('both', () => {
    const client = new V2Client(network, '192.0.2.2', eapClient());
    up(network, client, gateway);
    exchange(network, gateway, client, 'IPv4');
    assert.equal(client.up!.network.localAddress6, '2001:db8:100:1::1');
    assert.equal(gateway.gateway.sessions()[0]!.innerPrefix, '2001:db8:100:1::1/128');
    crosses(client, '2001:db8:100:1::1');
    client.disconnect();
    nothingLeft(network, gateway);
  });
  await t.test('IPv6 alone', () => {
    const client = new V2Client(network, '192.0.2.3', eapClient('bob', { families: { ipv4: false, ipv6: true } }));
    up(network, client, gateway);
    crosses(client, client.up!.network.localAddress);
    client.disconnect();
    nothingLeft(network, gateway);
  });
});

const refusals: Record<string, { client: Config; code: string; told: string; gateway?: object }> = {
  'a wrong password': {
    client: eapClient('ann', {}, {}, 'guessed'),
    code: 'wrong-password',
    told: 'authentication-failed',
  },
  'a revoked certificate': {
    client: certificateClient('revoked ann'),
    code: 'certificate-revoked',
    told: 'authentication-failed',
  },
  'a pre-shared key alone': { client: pskClient(), code: 'no-address', told: 'no-address' },
  'no native access at all': {
    client: pskClient(),
    code: 'invalid-selectors',
    told: 'invalid-selectors',
    gateway: { remoteAccess: false },
  },
};
for (const [name, { client: config, code, told, gateway: more }] of Object.entries(refusals)) {
  test(`${name} is refused, and both ends say why`, () => {
    const network = world();
    const gateway = new V2Gateway(network, SERVER, v2GatewayConfig(more), USERS);
    const client = new V2Client(network, '192.0.2.2', config);
    client.connect();
    network.run(network.now + 30 * SECOND, () => client.closed !== undefined);
    assert.equal(client.closed?.reason.code, told, logText(client, gateway));
    assert.ok(
      gateway.log.some(({ fields }) => fields?.code === code),
      logText(gateway),
    );
    nothingLeft(network, gateway);
  });
}

for (const side of ['client', 'gateway'] as const) {
  test(`TLS that fails at the ${side} is told by an alert, and is over at both ends at once`, () => {
    const network = world();
    const gateway = new V2Gateway(network, SERVER, v2GatewayConfig(), USERS);
    const client = new V2Client(network, '192.0.2.2', ways['EAP-TLS']!.client);
    const failure = { code: 'tls-failed', reason: `refused by the ${side}` };
    const failing: typeof pretendedTls = (ask) => {
      const said = new TextDecoder().decode(ask.input);
      if (said === 'alert') return { state: 'failed', output: new Uint8Array(0), failure, alerted: true };
      const refuses = ask.role === 'client' ? said.startsWith('AAA') : said === 'finished';
      const isHere = ask.role === (side === 'client' ? 'client' : 'server');
      return refuses && isHere ? { state: 'failed', output: utf8('alert'), failure } : pretendedTls(ask);
    };
    gateway.tls = failing;
    client.tls = failing;
    client.connect();
    network.run(network.now + 5 * SECOND, () => client.closed !== undefined);
    assert.equal(client.closed?.reason.code, 'tls-failed', logText(client, gateway));
    assert.ok(
      gateway.log.some(({ fields }) => fields?.code === 'tls-failed'),
      logText(gateway),
    );
    nothingLeft(network, gateway);
  });
}

const givenUp: Record<string, { client: Config; told: string; code: string }> = {
  'a server of another name than was meant': {
    client: eapClient('ann', {}, { remoteIdentity: { type: 'fqdn', value: 'other.example.org' } }),
    told: 'certificate-identity',
    code: 'eap-given-up',
  },
  'no user and no password': {
    client: { ...eapClient('ann'), eap: undefined } as never,
    told: 'eap-not-configured',
    code: 'eap-given-up',
  },
  'no method that the server takes': {
    client: eapClient('ann', { eap: { methods: ['eap-gtc'], credentials: { user: 'ann', password: 'x' } } }),
    told: 'no-common-authentication',
    code: 'no-common-authentication',
  },
};
for (const [name, { client: config, told, code }] of Object.entries(givenUp)) {
  test(`${name}: the client gives EAP up, and the gateway knows at once`, () => {
    const network = world();
    const gateway = new V2Gateway(network, SERVER, v2GatewayConfig(), USERS);
    const client = new V2Client(network, '192.0.2.2', config);
    client.connect();
    network.run(network.now + SECOND);
    assert.equal(client.closed?.reason.code, told, logText(client, gateway));
    assert.ok(
      gateway.log.some(({ fields }) => fields?.code === code),
      logText(gateway),
    );
    assert.equal(gateway.gateway.population.halfOpen, 0);
    nothingLeft(network, gateway);
  });
}

test('no address is left: the client is told, and connects when there is one again', () => {
  const network = world();
  const config = v2GatewayConfig({ network: { pool: ['10.9.0.2-10.9.0.2'], localAddress: '10.9.0.1' } });
  const gateway = new V2Gateway(network, SERVER, config, USERS);
  const first = new V2Client(network, '192.0.2.2', eapClient('ann'), 11);
  up(network, first, gateway);
  const second = new V2Client(network, '192.0.2.3', eapClient('bob'), 12);
  second.connect();
  network.run(network.now + 30 * SECOND, () => second.closed !== undefined);
  assert.ok(second.closed !== undefined && second.up === undefined);
  assert.ok(
    gateway.log.some(({ fields }) => fields?.code === 'no-address'),
    logText(gateway),
  );
  first.disconnect();
  network.run(network.now + 10 * SECOND);
  const third = new V2Client(network, '192.0.2.4', eapClient('bob'), 13);
  up(network, third, gateway);
  third.disconnect();
  nothingLeft(network, gateway);
});

for (const [rule, left] of [
  ['replace', ['192.0.2.3']],
  ['deny', ['192.0.2.2']],
  ['allow', ['192.0.2.2', '192.0.2.3']],
] as const) {
  test(`single_session: ${rule}`, () => {
    const network = world();
    const gateway = new V2Gateway(network, SERVER, v2GatewayConfig({ singleSession: rule }), USERS);
    const first = new V2Client(network, '192.0.2.2', eapClient('ann'), 11);
    up(network, first, gateway);
    const second = new V2Client(network, '192.0.2.3', eapClient('ann'), 12);
    second.connect();
    network.run(network.now + 30 * SECOND);
    assert.deepEqual(
      gateway.gateway.sessions().map(({ peer }) => peer.address),
      left,
    );
    first.disconnect();
    second.disconnect();
    nothingLeft(network, gateway);
  });
}

test('an administrator ends a session, a drain ends all, and a session lasts as long as it may', () => {
  const network = world();
  const gateway = new V2Gateway(
    network,
    SERVER,
    v2GatewayConfig({ sessionLimits: { sessionTimeout: 120 * SECOND } }),
    USERS,
  );
  const [ann, bob, late] = (['ann', 'bob', 'bob'] as const).map(
    (user, i) => new V2Client(network, `192.0.2.${i + 2}`, eapClient(user), i + 11),
  ) as [V2Client, V2Client, V2Client];
  up(network, ann, gateway);
  up(network, bob, gateway);
  const reason = { code: 'administrator', reason: 'An administrator ended the session.' };
  gateway.perform((now) => gateway.gateway.command({ type: 'disconnect', who: 'ann', reason }, now));
  network.run(network.now + 5 * SECOND);
  assert.ok(ann.closed !== undefined && bob.closed === undefined);
  network.run(network.now + 130 * SECOND);
  assert.ok(bob.closed !== undefined, 'the session timeout');
  up(network, late, gateway);
  gateway.perform((now) => gateway.gateway.command({ type: 'drain', reason }, now));
  network.run(network.now + 5 * SECOND);
  assert.ok(gateway.drained && late.closed !== undefined);
  nothingLeft(network, gateway);
});

test('SAs are renewed by either end under a session that goes on, with its address', () => {
  for (const lifetimes of [{ esp: 60 }, { ike: 90 }, { esp: 50, ike: 70 }]) {
    const network = world();
    const gateway = new V2Gateway(
      network,
      SERVER,
      v2GatewayConfig({}, { profile: profile(undefined, undefined, lifetimes) }),
      USERS,
    );
    const client = new V2Client(
      network,
      '192.0.2.2',
      eapClient('ann', {}, { profile: profile(undefined, undefined, lifetimes) }),
    );
    up(network, client, gateway);
    const began = network.now;
    while (network.now < began + 400 * SECOND) {
      exchange(network, gateway, client, `${network.now}`);
      network.run(network.now + 7 * SECOND);
    }
    const views = gateway.gateway.sessions();
    assert.equal(views.length, 1);
    const rekeyed = views[0]!.timeline.filter(({ name }) => name === 'ESP SA rekeyed').length;
    assert.ok(rekeyed >= ('esp' in lifetimes ? 5 : 0), `${rekeyed} renewals`);
    assert.equal(client.closed, undefined);
    client.disconnect();
    nothingLeft(network, gateway);
  }
});

test('the networks and domains that clients are told are all that they reach', () => {
  const network = world();
  const remoteAccess = { subnets: ['203.0.113.0/24'], domains: ['intern.example.org'] };
  const gateway = new V2Gateway(network, SERVER, v2GatewayConfig({ remoteAccess }), USERS);
  const client = new V2Client(network, '192.0.2.2', eapClient());
  up(network, client, gateway);
  assert.deepEqual(client.up!.network.subnets, remoteAccess.subnets);
  assert.deepEqual(client.up!.network.domains, remoteAccess.domains);
  exchange(network, gateway, client, 'inside');
  for (const [to, passes] of [
    ['203.0.113.77', true],
    ['10.9.0.1', true],
    ['198.18.0.1', false],
  ] as const) {
    gateway.packets.length = 0;
    client.plane.fromTun(ipv4Packet(client.up!.network.localAddress, to, new Uint8Array(10)));
    network.run(network.now + SECOND);
    assert.equal(gateway.packets.length > 0, passes, to);
  }
  client.disconnect();
  nothingLeft(network, gateway);
});

test('a gateway that sends clients on is left at once, and says where to', () => {
  const network = world();
  const gateway = new V2Gateway(network, SERVER, v2GatewayConfig({}, { redirect: () => 'gw2.example.org' }), USERS);
  const client = new V2Client(network, '192.0.2.2', eapClient());
  client.connect();
  network.run(network.now + 10 * SECOND, () => client.closed !== undefined);
  assert.deepEqual([client.closed!.reason.code, client.closed!.redirect], ['redirected', 'gw2.example.org']);
  nothingLeft(network, gateway);
});

test('who asks for no address gets no session', () => {
  const network = world();
  const gateway = new V2Gateway(network, SERVER, v2GatewayConfig(), USERS);
  const silent = new V2Client(network, '192.0.2.2', eapClient('ann', { families: { ipv4: false, ipv6: false } }));
  silent.connect();
  network.run(network.now + 30 * SECOND, () => silent.closed !== undefined);
  assert.notEqual(silent.closed, undefined, logText(silent, gateway));
  nothingLeft(network, gateway);
});
