/** An IKE SA of IKEv2 outlives its last child SA for a while: another one is made under it, or it goes. RFC 7296 §1.4.1, RFC 6023. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CREATE_CHILD_SA, Pair } from '../collisions/ikev2World.ts';
import { eapClient, V2Client, V2Gateway, v2GatewayConfig } from './ikev2World.ts';
import { logText, SECOND, SERVER, USERS, world } from './world.ts';

for (const tunnel of ['native', 'l2tp'] as const) {
  for (const closing of ['client', 'gateway'] as const) {
    test(`${tunnel}: the ${closing} deletes the last child SA, another one is made under the IKE SA, and the session goes on`, () => {
      const pair = new Pair({ tunnel }).connect();
      const [before] = pair.gateway.gateway.sessions();
      pair.closeChildren(pair[closing]);
      pair.run(500);
      assert.equal(pair.gateway.gateway.population.children, 0);
      assert.equal(pair.gateway.gateway.population.ikeSas, 1);
      pair.run(2 * SECOND);
      pair.forgive();
      pair.inStep(`${closing} closes`);
      const [after] = pair.gateway.gateway.sessions();
      assert.deepEqual([after!.id, after!.innerAddress], [before!.id, before!.innerAddress]);
      assert.equal(pair.count(pair.client, /IKE_AUTH 1 request/), 1, 'nobody authenticated anew');
      pair.leavesNothing(tunnel);
    });
  }
}

/** The gateway deletes each child SA so long after it was made. @returns how many there were in a quarter of an hour */
function deletesEach(pair: Pair, livesFor: number): number {
  const end = pair.network.now + 900 * SECOND;
  let made = 0;
  while (pair.network.now < end && pair.client.closed === undefined) {
    const isThere = () => pair.gateway.gateway.population.children > 0;
    if (!pair.network.run(end, () => isThere() || pair.client.closed !== undefined) || !isThere()) break;
    made++;
    pair.run(livesFor);
    pair.closeChildren(pair.gateway);
    pair.run(200);
  }
  return made;
}

for (const tunnel of ['native', 'l2tp'] as const) {
  test(`${tunnel}: a client whose server deletes each child SA at once gives up with the fifth, and says why`, () => {
    const pair = new Pair({ tunnel, step: 10 * SECOND }).connect();
    assert.equal(deletesEach(pair, 100), 5);
    assert.equal(pair.client.closed?.reason.code, 'child-sas-deleted');
    pair.leavesNothing('given up');
  });
}

test('a client whose child SAs live for a while asks for another one each time', () => {
  const pair = new Pair({ step: 10 * SECOND }).connect();
  const made = deletesEach(pair, 11 * SECOND);
  assert.ok(made > 60, `${made}`);
  pair.run(5 * SECOND);
  assert.equal(pair.client.closed, undefined);
  assert.equal(pair.gateway.gateway.population.children, 1);
});

test('where no other child SA is made the session ends after 30 s, and nothing is left at either end', () => {
  const pair = new Pair().connect();
  pair.closeChildren(pair.gateway);
  pair.lose(({ exchange }) => exchange === CREATE_CHILD_SA);
  pair.run(29 * SECOND);
  assert.equal(pair.gateway.gateway.sessions().length, 1);
  pair.run(2 * SECOND);
  assert.equal(pair.gateway.gateway.sessions().length, 0);
  assert.match(logText(pair.gateway), /and no other ESP SA took its place/);
  pair.leavesNothing('none made');
});

test('a peer that authenticates and asks for no child SA is let go', () => {
  const network = world();
  const gateway = new V2Gateway(network, SERVER, v2GatewayConfig({ times: { childless: 5000 } }), USERS);
  const client = new V2Client(
    network,
    '192.0.2.2',
    eapClient('ann', {}, { initiate: { authenticate: 'eap', childless: true } }),
  );
  network.tamper = (datagram) => (datagram.bytes.at(4 + 18) === CREATE_CHILD_SA ? undefined : datagram);
  client.connect();
  network.run(4 * SECOND);
  assert.equal(gateway.gateway.population.ikeSas, 1);
  network.run(network.now + 60 * SECOND);
  assert.match(logText(gateway), /no-child-sa|no ESP SA was set up/);
  const left = Object.entries(gateway.gateway.population).filter(([, count]) => count > 0);
  assert.deepEqual(left, []);
});
