/** Clients that come back with a ticket: whom the gateway still lets in, and what they get. RFC 5723. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ClientConfig } from '../../src/client/index.ts';
import type { IkeV2Config, KeptTicket } from '../../src/ike/v2/index.ts';
import { certificateClient, eapClient, pskClient, V2Client, V2Gateway, v2GatewayConfig } from './ikev2World.ts';
import { exchange, logText, SECOND, SERVER, USERS, world } from './world.ts';

type Config = Omit<ClientConfig, 'local'>;
type Network = ReturnType<typeof world>;

/** A client whose stacks come and go, with tickets that stay. */
class ComingBack {
  readonly #network: Network;
  readonly #config: Config;
  #seed = 2;
  readonly tickets = new Map<string, KeptTicket>();

  constructor(network: Network, { ikeV2, ...config }: Config) {
    this.#network = network;
    this.#config = { ...config, ikeV2: { ...ikeV2!, resumption: true, keptTickets: this.tickets } };
  }

  /** @returns the end, which is up or closed */
  connect(behind?: ConstructorParameters<typeof V2Client>[4]): V2Client {
    const network = this.#network;
    const client = new V2Client(network, '192.0.2.2', this.#config, this.#seed++, behind);
    client.connect();
    network.run(network.now + 30 * SECOND, () => client.up !== undefined || client.closed !== undefined);
    return client;
  }
}

const gatewayOf = (
  network: Network,
  ikeV2: Partial<IkeV2Config> = {},
  more: Parameters<typeof v2GatewayConfig>[0] = {},
) => new V2Gateway(network, SERVER, v2GatewayConfig(more, { resumption: true, ...ikeV2 }), { ...USERS });

const resumed = (gateway: V2Gateway) =>
  gateway.gateway
    .sessions()
    .map(({ user, authentication, timeline }) => [
      user,
      authentication,
      timeline.some(({ name }) => name === 'ike session resumed'),
    ]);

const ways: Record<string, { config: Config; user: string; first: string }> = {
  'EAP-MSCHAPv2': { config: eapClient(), user: 'ann', first: 'eap-mschapv2' },
  'a certificate': { config: certificateClient('ann'), user: 'ann', first: 'signature' },
  'a pre-shared key': { config: pskClient(), user: 'ipv4 192.0.2.2', first: 'pre-shared-key' },
};

for (const [name, { config, user, first }] of Object.entries(ways)) {
  test(`a user of ${name} comes back without another proof: an address, traffic, the same user`, () => {
    const network = world();
    const gateway = gatewayOf(network, {}, { remoteAccess: { preSharedKey: true } });
    const device = new ComingBack(network, config);
    const before = device.connect();
    exchange(network, gateway, before, 'first');
    assert.deepEqual(resumed(gateway), [[user, first, false]]);
    before.disconnect();
    network.run(network.now + 30 * SECOND);
    const after = device.connect(before.host);
    assert.ok(after.up !== undefined, logText(after, gateway));
    exchange(network, gateway, after, 'second');
    assert.deepEqual(resumed(gateway), [[user, 'resumption', true]]);
    assert.ok(!after.log.some(({ text }) => text.includes('IKE_SA_INIT')), logText(after));
    after.disconnect();
    network.run(network.now + 60 * SECOND);
    assert.deepEqual(gateway.gateway.sessions(), []);
    assert.equal(gateway.gateway.population.leases, 0);
  });
}

test('how a user logged in goes with the ticket: one of EAP-TLS is judged as such again, and again', () => {
  const network = world();
  const gateway = gatewayOf(network);
  const asked: unknown[] = [];
  const perform = gateway.perform.bind(gateway);
  gateway.perform = (work) =>
    perform((now) => {
      const outputs = work(now);
      for (const output of outputs) if (output.type === 'askUser') asked.push(output.credentials);
      return outputs;
    });
  const tls = eapClient('ann', { eap: { methods: ['eap-tls'], credentials: { user: 'ann' } } });
  let host: V2Client['host'] | undefined;
  for (const config of [tls, eapClient()]) {
    const device = new ComingBack(network, config);
    for (let times = 0; times < 3; times++) {
      const client = device.connect(host);
      assert.ok(client.up !== undefined, logText(client, gateway));
      client.disconnect();
      network.run(network.now + 30 * SECOND);
      host = client.host;
    }
  }
  const told = { method: 'certificate', user: 'ann', names: [] };
  assert.deepEqual(
    [...asked.slice(1, 3), ...asked.slice(4)],
    [told, told, ...[1, 2].map(() => ({ ...told, by: 'ticket' }))],
  );
});

test('a client that was cut off takes its session over: the old one goes, its address is free', () => {
  const network = world();
  const gateway = gatewayOf(network);
  const device = new ComingBack(network, eapClient());
  const before = device.connect();
  before.powerOff();
  const after = device.connect(before.host);
  assert.ok(after.up !== undefined, logText(after, gateway));
  network.run(network.now + 5 * SECOND);
  assert.deepEqual(resumed(gateway), [['ann', 'resumption', true]]);
  assert.equal(gateway.gateway.population.leases, 1);
  assert.equal(gateway.gateway.endedSessions().at(-1)!.ended!.code, 'initial-contact');
});

test('a user who was removed or disabled meanwhile stays out, and the next try asks for the password', () => {
  const network = world();
  const gateway = gatewayOf(network);
  const device = new ComingBack(network, eapClient());
  const before = device.connect();
  before.disconnect();
  network.run(network.now + 30 * SECOND);
  const users = gateway.users as Map<string, string>;
  users.delete('ann');
  const refused = device.connect(before.host);
  assert.equal(refused.up, undefined);
  assert.equal(refused.closed!.reason.code, 'no-address');
  network.run(network.now + 30 * SECOND);
  const told = gateway.log.find(({ event }) => event === 'authentication-failed');
  assert.match(told!.text, /for user "ann"/);
  assert.deepEqual(gateway.gateway.sessions(), []);
  assert.equal(device.tickets.size, 0);
  users.set('ann', USERS.ann);
  const again = device.connect(refused.host);
  assert.ok(again.up !== undefined, logText(again, gateway));
  assert.deepEqual(resumed(gateway), [['ann', 'eap-mschapv2', false]]);
});

for (const [name, config] of Object.entries({
  'EAP-MSCHAPv2': eapClient(),
  'a certificate': certificateClient('ann'),
})) {
  test(`a user of ${name} whose password was set anew is taken by a full login alone, and has a ticket again then`, () => {
    const network = world();
    const gateway = gatewayOf(network);
    const users = gateway.users as Map<string, string>;
    const device = new ComingBack(network, config);
    let client = device.connect();
    const leave = () => {
      client.disconnect();
      network.run(network.now + 30 * SECOND);
    };
    const comeBack = () => {
      leave();
      client = device.connect(client.host);
      return client.closed?.reason.code ?? gateway.gateway.sessions()[0]!.authentication;
    };
    // The ticket of a resumed session is no better than the first.
    assert.equal(comeBack(), 'resumption');
    assert.equal(device.tickets.size, 1);
    users.set('ann', 'another battery');
    assert.equal(comeBack(), 'no-address');
    assert.equal(device.tickets.size, 0);
    const [told, ...more] = gateway.log.filter(({ event }) => event === 'user-refused');
    assert.deepEqual(more, []);
    assert.match(told!.text, /for user "ann": The user comes back with a ticket of before/);
    assert.deepEqual(gateway.gateway.population.leases, 0);
    const isByPassword = name.startsWith('EAP');
    assert.equal(comeBack(), isByPassword ? 'authentication-failed' : 'signature');
    users.set('ann', USERS.ann);
    if (isByPassword) assert.equal(comeBack(), 'eap-mschapv2');
    else assert.equal(comeBack(), 'no-address', 'set back is set anew');
    if (!isByPassword) assert.equal(comeBack(), 'signature');
    assert.equal(comeBack(), 'resumption');
  });
}

test('a gateway that was started anew is connected to from the beginning, in the same try', () => {
  const network = world();
  const gateway = gatewayOf(network);
  const device = new ComingBack(network, eapClient());
  const before = device.connect();
  before.disconnect();
  network.run(network.now + 30 * SECOND);
  gateway.powerOff();
  const fresh = new V2Gateway(network, '198.51.100.2', v2GatewayConfig({}, { resumption: true }), USERS, 99);
  gateway.host.receiver = fresh.host.receiver;
  fresh.relocate(SERVER, gateway.host);
  const after = device.connect(before.host);
  assert.ok(after.up !== undefined, logText(after, fresh));
  assert.deepEqual(resumed(fresh), [['ann', 'eap-mschapv2', false]]);
});

test('L2TP over a resumed IKE SA: the user logs in to PPP, as ever', () => {
  const network = world();
  const gateway = gatewayOf(network);
  const ppp = { credentials: { user: 'bob', password: USERS.bob } };
  const device = new ComingBack(network, pskClient({ tunnel: 'l2tp', ppp }));
  const before = device.connect();
  before.disconnect();
  network.run(network.now + 30 * SECOND);
  const after = device.connect(before.host);
  assert.ok(after.up !== undefined, logText(after, gateway));
  assert.deepEqual(resumed(gateway), [['bob', 'ms-chap-v2', true]]);
});

test('a key that both ends share is shown in the session, and is in the resumed one', () => {
  const network = world();
  const postquantumKeys = { id: 'office', keyFor: () => new Uint8Array(32).fill(3), required: true };
  const gateway = gatewayOf(network, { postquantumKeys });
  const device = new ComingBack(network, eapClient('ann', {}, { postquantumKeys }));
  const before = device.connect();
  const [view] = gateway.gateway.sessions();
  assert.match(view!.ike!, /^IKEv2 .*\/ppk$/);
  assert.ok(view!.timeline.some(({ name, detail }) => name === 'ppk used' && detail === '"office"'));
  before.disconnect();
  network.run(network.now + 30 * SECOND);
  const after = device.connect(before.host);
  assert.ok(after.up !== undefined, logText(after, gateway));
  assert.match(gateway.gateway.sessions()[0]!.ike!, /\/ppk$/);
});
