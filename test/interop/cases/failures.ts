/** What cannot work fails soon, and our side says why. */

import assert from 'node:assert/strict';
import type { Case } from '../case.ts';
import type { GatewayOptions, ClientOptions as OurClientOptions } from '../ours.ts';
import type { ClientOptions as StockClientOptions } from '../stock/client.ts';
import { USER } from '../stock/options.ts';
import { SERVER_INNER_NETWORK, type ServerOptions } from '../stock/server.ts';

const SECONDS = 15;
const WRONG = 'notTheRightSecret42';
/** Only our legacy profile takes these. */
const OLD = { ike: '3des-md5-modp1024', esp: '3des-md5' };

interface Failing {
  readonly name: string;
  /** The reason code that our side must log. */
  readonly code: string;
  /** The gateway knows more than a client is told. */
  readonly gatewayCode?: string;
  /** What the stock end does differently from a connection that works, as client and as server. */
  readonly stockClient?: Partial<StockClientOptions>;
  readonly stockServer?: Partial<ServerOptions>;
  readonly ourGateway?: GatewayOptions;
  readonly ourClient?: Partial<OurClientOptions>;
}

const FAILING: readonly Failing[] = [
  { name: 'wrong psk', code: 'psk-mismatch', stockClient: { psk: WRONG }, ourClient: { psk: WRONG } },
  {
    name: 'wrong password',
    code: 'authentication-failed',
    gatewayCode: 'wrong-password',
    stockClient: { user: { ...USER, password: WRONG } },
    ourClient: { user: { ...USER, password: WRONG } },
  },
  {
    name: 'wrong password pap',
    code: 'authentication-failed',
    gatewayCode: 'wrong-password',
    stockClient: { user: { ...USER, password: WRONG }, method: 'pap' },
    ourClient: { user: { ...USER, password: WRONG }, method: 'pap' },
    stockServer: { method: 'pap' },
  },
  {
    name: 'no common ike proposal',
    code: 'no-proposal-chosen',
    stockClient: { ike: OLD.ike },
    stockServer: { ike: OLD.ike },
  },
  {
    name: 'no common esp proposal',
    code: 'no-proposal-chosen',
    stockClient: { esp: OLD.esp },
    stockServer: { esp: OLD.esp },
  },
  {
    name: 'no common authentication',
    code: 'no-common-authentication',
    stockClient: { method: 'pap' },
    ourGateway: { methods: ['mschapv2'] },
    stockServer: { method: 'pap' },
    ourClient: { method: 'mschapv2' },
  },
];

export const cases: readonly Case[] = FAILING.flatMap((failing) => [
  { name: `gateway ${failing.name}`, beside: failing.name, run: (lab) => atGateway(lab, failing) },
  { name: `client ${failing.name}`, beside: failing.name, run: (lab) => atClient(lab, failing) },
]);

async function atGateway(lab: Parameters<Case['run']>[0], failing: Failing): Promise<void> {
  await lab.topology.masquerade(true);
  const [gateway, client] = await Promise.all([lab.ourGateway(), lab.stockClient(1)]);
  await Promise.all([
    gateway.start(failing.ourGateway),
    client.configure({ method: 'mschapv2', server: gateway.address, ...failing.stockClient }),
  ]);
  const outcome = client.connect(SECONDS).then(
    () => 'connected',
    () => 'failed',
  );
  await gateway.reason(failing.gatewayCode ?? failing.code, SECONDS);
  await client.reset();
  assert.equal(await outcome, 'failed');
  assert.deepEqual(await gateway.leftovers(), []);
  await gateway.stop();
}

async function atClient(lab: Parameters<Case['run']>[0], failing: Failing): Promise<void> {
  await lab.topology.masquerade(true);
  const [server, client] = await Promise.all([lab.stockServer(), lab.ourClient(1)]);
  await server.configure({ method: 'mschapv2', ...failing.stockServer });
  await client.start({
    server: server.address,
    method: 'mschapv2',
    routes: SERVER_INNER_NETWORK,
    ...failing.ourClient,
  });
  const code = await client.over(SECONDS);
  assert.ok(code !== 0 && code !== null, `exit code ${code} instead of a failure`);
  await client.reason(failing.code, 1);
}
