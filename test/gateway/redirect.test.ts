/** Gateways that send their clients of IKEv2 to each other: as they come, as they are many, one by one, and as they stop. RFC 5685. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RedirectSettings } from '../../src/gateway/index.ts';
import { ServerAddresses } from '../../src/process/serverAddresses.ts';
import type { ClientEnd } from '../sim/stack.ts';
import {
  certificateClient,
  credential as credentialOf,
  eapClient,
  pskClient,
  V2Client,
  V2Gateway,
  v2GatewayConfig,
} from './ikev2World.ts';
import { clientConfig, exchange, logText, SECOND, SERVER, USERS, world } from './world.ts';

const OTHER = '198.51.100.2';
type Config = ConstructorParameters<typeof ClientEnd>[2];
type Network = ReturnType<typeof world>;

function two(settings: Partial<RedirectSettings> | undefined, others?: Partial<RedirectSettings>) {
  const network = world();
  const of = (redirect: Partial<RedirectSettings> | undefined) =>
    v2GatewayConfig(redirect === undefined ? {} : { redirect: { to: [], when: 'draining', ...redirect } });
  const first = new V2Gateway(network, SERVER, of(settings), USERS);
  const second = new V2Gateway(network, OTHER, of(others), USERS, 11);
  return { network, first, second };
}

/** A device that goes where it is sent, as `sallyport connect` does. */
class Follower {
  readonly #network: Network;
  readonly #config: Config;
  readonly #address: string;
  readonly #addresses: ServerAddresses;
  readonly went: string[] = [];
  #seed = 2;
  end!: V2Client;

  constructor(network: Network, config: Config, address = '192.0.2.2') {
    this.#network = network;
    this.#config = config;
    this.#address = address;
    this.#addresses = new ServerAddresses(
      SERVER,
      async (server) => [server],
      () => network.now,
    );
  }

  /** @param seconds after which nothing has to have come of it any more */
  async connect(seconds = 30): Promise<V2Client> {
    const network = this.#network;
    for (let same = true; ; same = true) {
      const address = await this.#addresses.next(same);
      this.went.push(address);
      const { redirectedFrom, followsRedirects } = this.#addresses;
      const { ikeV2, ...config } = this.#config;
      const initiate = { ...ikeV2!.initiate, ...(redirectedFrom === undefined ? {} : { redirectedFrom }) };
      this.end = new V2Client(
        network,
        this.#address,
        {
          ...config,
          remote: { address, port: 500 },
          ikeV2: { ...ikeV2!, initiate, followRedirects: followsRedirects },
        },
        this.#seed++,
        this.end?.host,
      );
      this.end.connect();
      const isOver = () => this.end.up !== undefined || this.end.closed !== undefined;
      network.run(network.now + seconds * SECOND, isOver);
      if (this.end.up !== undefined) {
        this.#addresses.reached();
        return this.end;
      }
      const to = this.end.closed?.redirect;
      if (to === undefined) return this.end;
      this.#addresses.redirect(to);
    }
  }

  /** Waits to be sent away, and goes. */
  async leave(): Promise<V2Client> {
    this.#network.run(this.#network.now + 10 * SECOND, () => this.end.closed !== undefined);
    this.#addresses.redirect(this.end.closed!.redirect!);
    return this.connect();
  }
}

const users = ({ gateway }: V2Gateway) => gateway.sessions().map(({ user }) => user);

const ways: Record<string, Config> = {
  EAP: eapClient(),
  'a certificate': certificateClient('ann'),
  'L2TP inside': pskClient({ tunnel: 'l2tp' }),
};
for (const [name, config] of Object.entries(ways)) {
  test(`a client with ${name} goes to the other gateway at once, and its traffic too`, async () => {
    const { network, first, second } = two({ to: [OTHER], when: 'always' });
    const device = new Follower(network, config);
    const client = await device.connect();
    assert.ok(client.up !== undefined, logText(client, first, second));
    assert.deepEqual(device.went, [SERVER, OTHER]);
    exchange(network, second, client, name);
    assert.deepEqual([users(first), users(second)], [[], ['ann']]);
    client.disconnect();
    network.run(network.now + 60 * SECOND);
    for (const { gateway } of [first, second]) {
      assert.deepEqual(
        Object.entries(gateway.population).filter(([, count]) => count > 0),
        [],
      );
    }
  });
}

test('who cannot be sent is let in: IKEv1, and clients that do not follow', async () => {
  const { network, first } = two({ to: [OTHER], when: 'always' });
  for (const [i, config] of [clientConfig(), eapClient('bob', {}, { followRedirects: false })].entries()) {
    const client = new V2Client(network, `192.0.2.${i + 2}`, config);
    client.connect();
    network.run(network.now + 30 * SECOND, () => client.up !== undefined);
    assert.ok(client.up !== undefined, logText(client, first));
  }
  assert.deepEqual(users(first), ['ann', 'bob']);
});

test('from so many sessions on newcomers go to the others, in turn, until there are fewer', async () => {
  const { network, first } = two({ to: [OTHER, '198.51.100.3'], when: 'above', sessions: 1 });
  const one = new Follower(network, eapClient('bob'));
  await one.connect();
  assert.deepEqual(users(first), ['bob']);
  const sent: (string | undefined)[] = [];
  for (let i = 0; i < 3; i++) {
    const client = new V2Client(network, `192.0.2.${10 + i}`, eapClient());
    client.connect();
    network.run(network.now + 10 * SECOND, () => client.closed !== undefined);
    sent.push(client.closed?.redirect);
  }
  assert.deepEqual(sent, [OTHER, '198.51.100.3', OTHER]);
  one.end.disconnect();
  network.run(network.now + 30 * SECOND);
  const next = new V2Client(network, '192.0.2.20', eapClient());
  next.connect();
  network.run(network.now + 10 * SECOND, () => next.up !== undefined);
  assert.ok(next.up !== undefined);
});

test('a user with a gateway of their own is sent there when they have logged in, and gives back what they got', async () => {
  const { network, first, second } = two({ users: new Map([['ann', OTHER]]) });
  for (const config of [eapClient(), certificateClient('ann')]) {
    const device = new Follower(network, config);
    const client = await device.connect();
    assert.ok(client.up !== undefined, logText(client, first, second));
    assert.deepEqual(device.went, [SERVER, OTHER]);
    assert.deepEqual(users(first), []);
    assert.equal(first.gateway.population.leases, 0);
    client.disconnect();
    network.run(network.now + 60 * SECOND);
  }
  const bob = new Follower(network, eapClient('bob'));
  await bob.connect();
  assert.deepEqual(bob.went, [SERVER]);
});

test('one user is sent away in the middle of the session, and others stay', async () => {
  const { network, first, second } = two(undefined);
  const ann = new Follower(network, eapClient());
  await ann.connect();
  const bob = new V2Client(network, '192.0.2.9', eapClient('bob'));
  bob.connect();
  network.run(network.now + 10 * SECOND, () => bob.up !== undefined);
  assert.deepEqual(first.gateway.redirectable('ann'), { following: 1, staying: 0 });
  assert.deepEqual(first.gateway.redirectable('carl'), { following: 0, staying: 0 });
  first.perform((now) => first.gateway.command({ type: 'redirect', who: 'ann', to: OTHER }, now));
  const client = await ann.leave();
  assert.ok(client.up !== undefined, logText(client, first, second));
  exchange(network, second, client, 'there');
  assert.deepEqual([users(first), users(second)], [['bob'], ['ann']]);
  assert.equal(first.gateway.endedSessions().at(-1)!.ended!.code, 'redirected');
});

test('all are sent away, and who comes, until clients are taken again; who cannot follow stays', async () => {
  const { network, first, second } = two({ to: [OTHER] });
  const ann = new Follower(network, eapClient());
  await ann.connect();
  const old = new V2Client(network, '192.0.2.9', clientConfig({}, 'bob'));
  old.connect();
  network.run(network.now + 10 * SECOND, () => old.up !== undefined);
  assert.deepEqual(first.gateway.redirectable(), { following: 1, staying: 1 });
  first.perform((now) => first.gateway.command({ type: 'redirect' }, now));
  await ann.leave();
  assert.deepEqual([users(first), users(second)], [['bob'], ['ann']]);
  const late = new Follower(network, certificateClient('bob'), '192.0.2.3');
  await late.connect();
  assert.deepEqual(late.went, [SERVER, OTHER]);
  late.end.disconnect();
  network.run(network.now + 30 * SECOND);
  first.perform((now) => first.gateway.command({ type: 'stopRedirecting' }, now));
  const again = new Follower(network, certificateClient('bob'), '192.0.2.4');
  await again.connect();
  assert.deepEqual(again.went, [SERVER]);
});

test('a gateway that stops sends its clients on, and is done in time also where one does not go', async () => {
  const { network, first, second } = two({ to: [OTHER] });
  const ann = new Follower(network, eapClient());
  await ann.connect();
  const stuck = new V2Client(network, '192.0.2.9', eapClient('bob'));
  stuck.connect();
  network.run(network.now + 10 * SECOND, () => stuck.up !== undefined);
  stuck.powerOff();
  const reason = { code: 'gateway-stopped', reason: 'The gateway was stopped.' };
  first.perform((now) => first.gateway.command({ type: 'drain', reason }, now));
  const client = await ann.leave();
  assert.ok(client.up !== undefined, logText(client, first, second));
  assert.deepEqual(users(second), ['ann']);
  network.run(network.now + 8 * SECOND, () => first.drained);
  assert.ok(first.drained);
});

test('gateways that send a client in a circle: it stops going, and is taken by the one that it meant', async () => {
  const { network, first, second } = two({ to: [OTHER], when: 'always' }, { to: [SERVER], when: 'always' });
  const device = new Follower(network, eapClient());
  const client = await device.connect();
  assert.ok(client.up !== undefined, logText(client, first, second));
  assert.deepEqual(device.went, [SERVER, OTHER, SERVER, OTHER, SERVER, OTHER, SERVER]);
  assert.deepEqual(users(first), ['ann']);
});

test('the other gateway must prove itself as the one that was meant', async () => {
  const { network, first, second } = two({ to: [OTHER], when: 'always' });
  const impostor = v2GatewayConfig({}, { credentials: [{ ...credentialOf('evil.example.org') }] });
  second.powerOff();
  const evil = new V2Gateway(network, '198.51.100.66', impostor, USERS, 13);
  evil.relocate(OTHER, second.host);
  const device = new Follower(network, eapClient());
  const client = await device.connect();
  assert.equal(client.up, undefined, logText(client, first, evil));
  assert.equal(client.closed!.reason.code, 'certificate-identity');
});
