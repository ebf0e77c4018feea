/** What happens to native IKEv2 while it stands: renewals begun by each side, a move, a child SA that ends. */

import assert from 'node:assert/strict';
import type { Case } from '../case.ts';
import { Authority } from '../ikev2/authority.ts';
import {
  type Changes,
  OUR_INNER,
  ourClientProfile,
  ourGatewayConfig,
  STOCK_INNER,
  stockClient,
  stockServer,
  usersOf,
} from '../ikev2/connections.ts';
import type { StrongSwan } from '../ikev2/strongSwan.ts';
import { CLIENT, CLIENT_LATER, type Wire } from '../ikev2/wire.ts';
import type { Lab } from '../lab.ts';
import type { OurClient, OurGateway } from '../ours.ts';
import type { Machine } from '../process.ts';
import { download, ping, serveHttp } from '../traffic.ts';

const WAY = 'ecdsa';
/** A download of 40 MB in 20 s. */
const TIMES = 2;
const RATE = 2_000_000;
/** Renewals that must have happened meanwhile. */
const LEAST = { child: 3, ike: 2 };
/** When a client moves in the middle of a download. Milliseconds. */
const MOVE_AFTER = 6000;
/** The longest time without a byte around a move. Milliseconds. */
const LONGEST_GAP = 8000;

/** strongSwan renews every few seconds, or not at all. */
const OFTEN: Changes = {
  connection: 'rekey_time = 7s\n over_time = 10s\n rand_time = 1s',
  child: 'rekey_time = 4s\n life_time = 14s\n rand_time = 1s',
};
const SELDOM: Changes = {
  connection: 'rekey_time = 0s',
  child: 'rekey_time = 0s',
};
const OUR_OFTEN = { lifetime: '9s', esp_lifetime: '5s' };

export const cases: readonly Case[] = [
  { name: 'ikev2 gateway rekey by strongSwan', run: rekeyAtGateway(OFTEN, {}) },
  { name: 'ikev2 client rekey by strongSwan', run: rekeyAtClient(OFTEN, {}) },
  { name: 'ikev2 gateway rekey by us', run: rekeyAtGateway(SELDOM, OUR_OFTEN) },
  { name: 'ikev2 client rekey by us', run: rekeyAtClient(SELDOM, OUR_OFTEN) },
  { name: 'ikev2 gateway mobike', run: moveAtGateway },
  { name: 'ikev2 client mobike', run: moveAtClient },
  { name: 'ikev2 gateway child deleted', run: childAtGateway },
  { name: 'ikev2 client child deleted', run: childAtClient },
].map((one) => ({ ...one, beside: 'ikev2 life', seconds: 90 }));

interface AtGateway {
  readonly wire: Wire;
  readonly gateway: OurGateway;
  readonly client: StrongSwan;
}

/** Our gateway, and a stock client that is connected. */
async function atGateway(lab: Lab, changes: Changes, ike: Readonly<Record<string, unknown>>): Promise<AtGateway> {
  const [wire, authority] = await Promise.all([lab.wire(), Authority.of(lab.folder, 'p256')]);
  const [gateway, client] = [wire.ourGateway(), wire.strongSwan('client')];
  const config = ourGatewayConfig(WAY, authority);
  await Promise.all([
    gateway.start({ users: usersOf(WAY), more: { ...config, ike: { ...config.ike, ...ike } } }),
    client.start(stockClient(WAY, authority, changes)),
  ]);
  await serveHttp(gateway);
  await client.initiate('net');
  await ping(client, OUR_INNER.v4);
  return { wire, gateway, client };
}

interface AtClient {
  readonly wire: Wire;
  readonly client: OurClient;
  readonly server: StrongSwan;
}

/** A stock server, and our client that is connected. */
async function atClient(lab: Lab, changes: Changes, profile: Readonly<Record<string, unknown>>): Promise<AtClient> {
  const [wire, authority] = await Promise.all([lab.wire(), Authority.of(lab.folder, 'p256')]);
  const [server, client] = [wire.strongSwan('server'), wire.ourClient()];
  await server.holdAddresses(STOCK_INNER.v4, STOCK_INNER.v6);
  await server.start(stockServer(WAY, authority, changes));
  await serveHttp(server);
  await client.startWith({ ...ourClientProfile(WAY, authority), ...profile });
  await client.up();
  await ping(client, STOCK_INNER.v4);
  return { wire, client, server };
}

function rekeyAtGateway(changes: Changes, ike: Readonly<Record<string, unknown>>): Case['run'] {
  return async (lab) => {
    const { gateway, client } = await atGateway(lab, changes, ike);
    const [before] = await gateway.sessions();
    const got = await watchedDownload(client, OUR_INNER.v4, client, changes === OFTEN);
    const [after] = await gateway.sessions();
    assert.equal(after?.id, before!.id, 'the session is the same');
    assert.equal(after?.innerAddress, before!.innerAddress);
    await ping(gateway, after!.innerAddress!);
    await client.terminate();
    assert.deepEqual(await gateway.leftovers(), []);
    await gateway.stop();
    return got;
  };
}

function rekeyAtClient(changes: Changes, profile: Readonly<Record<string, unknown>>): Case['run'] {
  return async (lab) => {
    const { client, server } = await atClient(lab, changes, profile);
    const got = await watchedDownload(client, STOCK_INNER.v4, server, changes === OFTEN);
    await client.disconnect();
    await server.none();
    return got;
  };
}

/** A download during which SAs are renewed by strongSwan or by us, as its log shows. */
async function watchedDownload(
  machine: Machine,
  address: string,
  stock: StrongSwan,
  byStock: boolean,
): Promise<string> {
  const seen = stock.log().length;
  const { bytes, longestGap } = await download(machine, address, TIMES, RATE);
  const log = stock.log().slice(seen);
  const count = (pattern: RegExp) => [...log.matchAll(pattern)].length;
  const verb = byStock ? 'generating' : 'parsed';
  const child = count(new RegExp(`${verb} CREATE_CHILD_SA request \\d+ \\[ .*N\\(REKEY_SA\\)`, 'g'));
  const ike = count(new RegExp(`${verb} CREATE_CHILD_SA request \\d+ \\[ SA No KE \\]`, 'g'));
  assert.ok(child >= LEAST.child && ike >= LEAST.ike, `${child} child SAs and ${ike} IKE SAs were renewed`);
  assert.equal(count(/giving up after|TEMP_FAIL/g), 0, 'all went well');
  return `${Math.round(bytes / 1e6)} MB, ${child} renewals of the child SA, ${ike} of the IKE SA, longest gap ${longestGap} ms`;
}

async function moveAtGateway(lab: Lab): Promise<string> {
  const { wire, gateway, client } = await atGateway(lab, {}, {});
  const [before] = await gateway.sessions();
  assert.equal(before?.peer.address, CLIENT);
  const got = await movedDownload(wire, client, OUR_INNER.v4);
  const [after] = await gateway.sessions();
  assert.equal(after?.id, before!.id, 'the session is the same');
  assert.equal(after?.peer.address, CLIENT_LATER);
  await client.logged(/generating INFORMATIONAL request \d+ \[ N\(UPD_SA_ADDR\)/);
  await client.terminate();
  assert.deepEqual(await gateway.leftovers(), []);
  await gateway.stop();
  return got;
}

async function moveAtClient(lab: Lab): Promise<string> {
  const { wire, client, server } = await atClient(lab, {}, {});
  const got = await movedDownload(wire, client, STOCK_INNER.v4);
  assert.match(await server.sas(), new RegExp(`remote .* @ ${CLIENT_LATER.replaceAll('.', '\\.')}\\[4500\\]`));
  await server.logged(/parsed INFORMATIONAL request \d+ \[ N\(UPD_SA_ADDR\)/);
  // The host is to be left as it was found.
  await wire.moveClient(CLIENT_LATER, CLIENT);
  await ping(client, STOCK_INNER.v4);
  await client.disconnect();
  await server.none();
  return got;
}

/** A download in whose middle the client's network card gets another address. */
async function movedDownload(wire: Wire, client: Machine, address: string): Promise<string> {
  const timer = setTimeout(() => void wire.moveClient(CLIENT, CLIENT_LATER), MOVE_AFTER);
  try {
    const { bytes, longestGap } = await download(client, address, TIMES, RATE);
    assert.ok(longestGap < LONGEST_GAP, `nothing came for ${longestGap} ms`);
    return `${Math.round(bytes / 1e6)} MB, longest gap ${longestGap} ms`;
  } finally {
    clearTimeout(timer);
  }
}

/** The IKE SA outlives its child SA: the next one is made under it, and the session is the same. */
async function childAtGateway(lab: Lab): Promise<void> {
  const { gateway, client } = await atGateway(lab, {}, {});
  const [before] = await gateway.sessions();
  const seen = client.log().length;
  await client.swanctl('--terminate', '--child', 'net', '--timeout', '10');
  await client.logged(/parsed INFORMATIONAL response \d+ \[ D \]/, 5, seen);
  await client.initiate('net');
  await ping(client, OUR_INNER.v4);
  const [after] = await gateway.sessions();
  assert.deepEqual([after?.id, after?.innerAddress], [before!.id, before!.innerAddress]);
  await client.terminate();
  assert.deepEqual(await gateway.leftovers(), []);
  await gateway.stop();
}

async function childAtClient(lab: Lab): Promise<void> {
  const { client, server } = await atClient(lab, {}, {});
  const seen = server.log().length;
  await server.swanctl('--terminate', '--child', 'net', '--timeout', '10');
  await server.logged(/parsed CREATE_CHILD_SA request/, 5, seen);
  await ping(client, STOCK_INNER.v4);
  await client.disconnect();
  await server.none();
}
