/** EAP through whole gateways and clients: L2TP over IPsec, PPP, the users' rules, and questions of TLS to the owners. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ClientOutput } from '../../src/client/index.ts';
import type { GatewayOutput } from '../../src/gateway/index.ts';
import { ClientEnd, GatewayEnd } from '../sim/stack.ts';
import { pretendedTls } from './pretendedTls.ts';
import { clientConfig, connected, exchange, gatewayConfig, SECOND, SERVER, USERS, world } from './world.ts';

class TlsGateway extends GatewayEnd {
  asked = 0;
  protected override take(output: GatewayOutput) {
    if (output.type !== 'askTls') return super.take(output);
    this.asked++;
    const progress = pretendedTls(output.ask);
    this.network.schedule(this.network.now + 2, () =>
      this.perform((now) => this.gateway.command({ type: 'tlsAnswer', id: output.id, progress }, now)),
    );
  }
}

class TlsClient extends ClientEnd {
  protected override take(output: ClientOutput) {
    if (output.type !== 'askTls') return super.take(output);
    const progress = pretendedTls(output.ask);
    this.network.schedule(this.network.now + 2, () =>
      this.perform((now) => this.client.command({ type: 'tlsAnswer', id: output.id, progress }, now)),
    );
  }
}

for (const [method, password] of [
  ['eap-mschapv2', USERS.ann],
  ['eap-tls', ''],
] as const) {
  test(`${method} over L2TP and IPsec: an address, traffic, and the method in the record`, () => {
    const network = world();
    const gateway = new TlsGateway(network, SERVER, gatewayConfig({ ppp: { requirePeer: [method] } }), USERS);
    const ppp = { credentials: { user: 'ann', password }, acceptFromPeer: [method] };
    const client = new TlsClient(network, '192.0.2.10', clientConfig({ ppp }));
    connected(network, gateway, client);
    exchange(network, gateway, client, 'hello');
    const [view] = gateway.gateway.sessions();
    assert.deepEqual([view!.user, view!.authentication], ['ann', method]);
    assert.equal(gateway.asked > 0, method === 'eap-tls');
  });
}

test('a client that vanishes in the middle of TLS leaves nothing behind, and a late answer is for nobody', () => {
  const network = world();
  const gateway = new TlsGateway(network, SERVER, gatewayConfig({ ppp: { requirePeer: ['eap-tls'] } }), USERS);
  const ppp = { credentials: { user: 'ann', password: '' }, acceptFromPeer: ['eap-tls'] } as const;
  const client = new TlsClient(network, '192.0.2.10', clientConfig({ ppp }));
  client.connect();
  while (gateway.asked === 0) network.run(network.now + 1);
  gateway.perform((now) =>
    gateway.gateway.command({ type: 'disconnect', who: gateway.gateway.sessions()[0]!.id, reason: GONE }, now),
  );
  network.run(network.now + 60 * SECOND);
  assert.deepEqual(gateway.gateway.sessions(), []);
  assert.equal(client.up, undefined);
});

const GONE = { code: 'administrator', reason: 'An administrator ended the session.' };
