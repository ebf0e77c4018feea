/** What a connection survives with a stock peer at the other end: renewals, a NAT that forgets, restarts, a dead peer. */

import assert from 'node:assert/strict';
import type { Case } from '../case.ts';
import { ADDRESSES, type Lab } from '../lab.ts';
import { GATEWAY_INNER_ADDRESS, type OurGateway } from '../ours.ts';
import { type Machine, sh } from '../process.ts';
import { USERS } from '../stock/options.ts';
import type { StockPeer } from '../stock/peer.ts';
import { SERVER_INNER_ADDRESS, SERVER_INNER_NETWORK } from '../stock/server.ts';
import { type Downloaded, download, ping, serveHttp } from '../traffic.ts';

const METHOD = 'mschapv2';
const GATEWAY_NETWORK = '10.74.0.0/24';
/** Bytes a second, and how often the payload is fetched while SAs are renewed: 64 s. */
const RATE = 2_500_000;
const TIMES = 8;
/** The same while the NAT forgets: as fast as it goes. */
const FULL_RATE = 0;
const FULL_TIMES = 8;
const FLUSH_AFTER = 2500;
/** A download so slow that all of it is acknowledged at any moment: the client has nothing to send when the NAT forgets. */
const PACED_RATE = 400_000;
/** The bounds that are promised, milliseconds. */
const NAT_RECOVERY = 5000;
const RESTART_RECOVERY = 30_000;
/** strongSwan's keepalive comes after 20 s, and TCP tries again as late as 25 s after the first time. */
const KEEPALIVE_RECOVERY = 40_000;

export const cases: readonly Case[] = [
  { name: 'rekey gateway', beside: 'rekey', seconds: 150, run: rekeyAtGateway },
  { name: 'rekey client', beside: 'rekey', seconds: 150, run: rekeyAtClient },
  { name: 'nat flush gateway', beside: 'nat flush', seconds: 90, run: flushAtGateway },
  { name: 'nat flush client', beside: 'nat flush', seconds: 90, run: flushAtClient },
  { name: 'nat flush gateway paced', seconds: 150, run: flushPaced },
  { name: 'restart gateway', beside: 'restart', seconds: 120, run: restartGateway },
  { name: 'restart server', beside: 'restart', seconds: 120, run: restartServer },
  { name: 'dead peer gateway', beside: 'dead peer', run: deadClient },
  { name: 'dead peer client', beside: 'dead peer', run: deadServer },
];

/** The stock client begins each Main Mode and, by time, Quick Modes; our gateway begins Quick Modes by bytes. */
async function rekeyAtGateway(lab: Lab): Promise<string> {
  await lab.topology.masquerade(true);
  const [gateway, client] = await Promise.all([lab.ourGateway(), lab.stockClient(1)]);
  await Promise.all([
    gateway.start({ more: { ike: { esp_lifetime_kilobytes: 5120 } } }),
    client.configure({ method: METHOD, server: gateway.address, ikeRekey: [3, 5], espRekey: [2, 3] }),
    serveHttp(gateway),
  ]);
  const link = await client.connect();
  const before = await gateway.session();
  const got = await download(client, link.remote, TIMES, RATE);
  const after = await gateway.session();
  assert.deepEqual(standing(after), standing(before), 'the session is the same');
  assert.ok(after.bytesToPeer > got.bytes, 'the session has carried all of it');
  assert.equal(milestones(gateway, 'tunnel established'), 1, 'tunnels');
  return rekeyed(gateway, client, got);
}

async function rekeyAtClient(lab: Lab): Promise<string> {
  await lab.topology.masquerade(true);
  const [server, client] = await Promise.all([lab.stockServer(), lab.ourClient(2)]);
  await server.configure({ method: METHOD, ikeRekey: [4, 6], espRekey: [2, 3] });
  await serveHttp(server);
  const more = { lifetime: '5s', esp_lifetime: '3s' };
  await client.connect({ server: server.address, method: METHOD, routes: SERVER_INNER_NETWORK, more });
  const got = await download(client, SERVER_INNER_ADDRESS, TIMES, RATE);
  assert.equal(milestones(client, 'tunnel established'), 1, 'tunnels');
  assert.equal(client.lines.filter(({ event }) => event === 'up').length, 1, 'connections');
  const result = await rekeyed(client, server, got);
  await client.disconnect();
  assert.deepEqual(await server.leftovers(), []);
  return result;
}

/** Counts the renewals at both ends, each of which has begun some. */
async function rekeyed(ours: OurEnd, stock: StockPeer, got: Downloaded): Promise<string> {
  const ike = milestones(ours, 'ike main mode done') - 1;
  const esp = milestones(ours, 'ESP SA rekeyed');
  const count = async (what: string) => Number(await sh(stock, `grep -c ${what} /run/lab/charon.log || true`));
  const theirMain = await count(`'initiating Main Mode'`);
  const theirQuick = await count(`'generating QUICK_MODE request .* SA '`);
  const text = `${ike} IKE (${Math.min(ike, theirMain)} begun by strongSwan), ${esp} ESP (${theirQuick} by strongSwan), longest gap ${got.longestGap} ms`;
  assert.ok(ike >= 10, text);
  assert.ok(esp >= 30, text);
  assert.ok(theirQuick >= 5 && esp - theirQuick >= 5, text);
  return text;
}

function flushAtGateway(lab: Lab): Promise<string> {
  return movedAtGateway(lab, 1, (client, address) => flushedDownload(lab, client, ADDRESSES.clients[1], address));
}

/** The client says nothing but its NAT keepalive, which shows the gateway where to ask for it. */
function flushPaced(lab: Lab): Promise<string> {
  return movedAtGateway(lab, 2, async (client, address) => {
    const flush = setTimeout(() => void lab.topology.forgetFlows(ADDRESSES.clients[2]), 2 * FLUSH_AFTER);
    try {
      const { bytes, longestGap } = await download(client, address, 1, PACED_RATE);
      assert.ok(longestGap < KEEPALIVE_RECOVERY, `nothing came for ${longestGap} ms`);
      return `${Math.round(bytes / 1e6)} MB, longest gap ${longestGap} ms`;
    } finally {
      clearTimeout(flush);
    }
  });
}

/** A stock client downloads from our gateway while its NAT forgets it: the session stays, at another port. */
async function movedAtGateway(
  lab: Lab,
  number: 1 | 2,
  transfer: (client: Machine, address: string) => Promise<string>,
): Promise<string> {
  await lab.topology.masquerade(true);
  const [gateway, client] = await Promise.all([lab.ourGateway(), lab.stockClient(number)]);
  await Promise.all([
    gateway.start(),
    client.configure({ method: METHOD, server: gateway.address }),
    serveHttp(gateway),
  ]);
  const link = await client.connect();
  const before = await gateway.session();
  const got = await transfer(client, link.remote);
  const after = await gateway.session();
  assert.deepEqual(standing(after), standing(before), 'the session is the same');
  assert.notEqual(after.peer.port, before.peer.port, 'the NAT has given another port');
  return got;
}

async function flushAtClient(lab: Lab): Promise<string> {
  await lab.topology.masquerade(true);
  const [server, client] = await Promise.all([lab.stockServer(), lab.ourClient(2)]);
  await server.configure({ method: METHOD });
  await serveHttp(server);
  await client.connect({ server: server.address, method: METHOD, routes: SERVER_INNER_NETWORK });
  const got = await flushedDownload(lab, client, ADDRESSES.ourClients[2], SERVER_INNER_ADDRESS);
  assert.equal(milestones(client, 'tunnel established'), 1, 'tunnels');
  await client.disconnect();
  assert.deepEqual(await server.leftovers(), []);
  return got;
}

/** A download during which the NAT forgets this client. */
async function flushedDownload(lab: Lab, client: Machine, outer: string, address: string): Promise<string> {
  // Nothing gets in until the client sends, and whether its TCP has anything to say at that moment is chance.
  const stopPinging = await keepPinging(client, address);
  const flush = setTimeout(() => void lab.topology.forgetFlows(outer), FLUSH_AFTER);
  const at = performance.now();
  try {
    const { bytes, longestGap } = await download(client, address, FULL_TIMES, FULL_RATE);
    assert.ok(longestGap < NAT_RECOVERY, `nothing came for ${longestGap} ms`);
    assert.ok(performance.now() - at > 2 * FLUSH_AFTER, 'it flushed in mid-download');
    return `${Math.round(bytes / 1e6)} MB in ${seconds(at)}, longest gap ${longestGap} ms`;
  } finally {
    clearTimeout(flush);
    await stopPinging();
  }
}

/** The gateway is killed: a stock client and one of ours come back by themselves, both with some traffic of their own. */
async function restartGateway(lab: Lab): Promise<string> {
  await lab.topology.masquerade(true);
  const [gateway, stock, ours] = await Promise.all([lab.ourGateway(), lab.stockClient(1), lab.ourClient(2)]);
  await Promise.all([
    gateway.start(),
    stock.configure({
      method: METHOD,
      server: gateway.address,
      user: USERS[0]!,
      redialAfter: 6,
      dpd: { delay: 3, timeout: 6 },
    }),
  ]);
  await stock.connect();
  const options = { server: gateway.address, method: METHOD, user: USERS[1]!, routes: GATEWAY_NETWORK } as const;
  await ours.connect({ ...options, more: { persist: true } });
  const stop = await Promise.all([stock, ours].map((client) => keepPinging(client, GATEWAY_INNER_ADDRESS)));
  await gateway.kill();
  const at = performance.now();
  const lost = ours.lines.length;
  await gateway.again();
  const back = async (name: string, comesBack: Promise<unknown>, client: Machine) => {
    await comesBack;
    await ping(client, GATEWAY_INNER_ADDRESS);
    return `${name} after ${seconds(at)}`;
  };
  const results = await Promise.all([
    back('stock client', stock.guest.event(/ppp-up/, 60), stock),
    back('our client', ours.upAgain(lost, 60), ours),
  ]);
  assert.ok(performance.now() - at < RESTART_RECOVERY, results.join(', '));
  for (const end of stop) await end();
  await Promise.all([gateway.session(USERS[0]), gateway.session(USERS[1])]);
  await ours.disconnect();
  return results.join(', ');
}

async function restartServer(lab: Lab): Promise<string> {
  await lab.topology.masquerade(true);
  const [server, client] = await Promise.all([lab.stockServer(), lab.ourClient(1)]);
  await server.configure({ method: METHOD });
  const options = { server: server.address, method: METHOD, routes: SERVER_INNER_NETWORK } as const;
  await client.connect({ ...options, more: { persist: true } });
  await ping(client, SERVER_INNER_ADDRESS);
  await lab.powerOff(server);
  const at = performance.now();
  const lost = client.lines.length;
  const again = await lab.stockServer();
  await again.configure({ method: METHOD });
  const booted = performance.now();
  await client.upAgain(lost, 90);
  await ping(client, SERVER_INNER_ADDRESS);
  const text = `our client after ${seconds(at)}, ${seconds(booted)} of them with the server back`;
  assert.ok(performance.now() - booted < RESTART_RECOVERY, text);
  await client.disconnect();
  assert.deepEqual(await again.leftovers(), []);
  return text;
}

/** The only address of the pool is free again once the dead client is noticed. */
async function deadClient(lab: Lab): Promise<string> {
  await lab.topology.masquerade(true);
  const [gateway, stock, next] = await Promise.all([lab.ourGateway(), lab.stockClient(1), lab.ourClient(2)]);
  await Promise.all([
    gateway.start({
      more: { ike: { dpd_interval: '3s', dpd_timeout: '6s' }, network: { pool: '10.74.0.10-10.74.0.10' } },
    }),
    stock.configure({ method: METHOD, server: gateway.address, user: USERS[0]! }),
  ]);
  await stock.connect();
  await ping(stock, GATEWAY_INNER_ADDRESS);
  await lab.powerOff(stock);
  const at = performance.now();
  assert.deepEqual(await gateway.leftovers(20), []);
  const text = `clean after ${seconds(at)}`;
  assert.ok(performance.now() - at < 15_000, text);
  await gateway.reason('peer-dead', 1);
  await next.connect({ server: gateway.address, method: METHOD, user: USERS[1]!, routes: GATEWAY_NETWORK });
  assert.equal((await gateway.session(USERS[1])).innerAddress, '10.74.0.10');
  await next.disconnect();
  await gateway.stop();
  return text;
}

async function deadServer(lab: Lab): Promise<string> {
  await lab.topology.masquerade(true);
  const [server, client] = await Promise.all([lab.stockServer(), lab.ourClient(1)]);
  await server.configure({ method: METHOD });
  const more = { dpd_interval: '3s', dpd_timeout: '6s' };
  await client.connect({ server: server.address, method: METHOD, routes: SERVER_INNER_NETWORK, more });
  await ping(client, SERVER_INNER_ADDRESS);
  await lab.powerOff(server);
  const at = performance.now();
  assert.equal(await client.over(20), 1);
  const text = `over after ${seconds(at)}`;
  assert.ok(performance.now() - at < 15_000, text);
  await client.reason('peer-dead', 1);
  return text;
}

type OurEnd = Pick<OurGateway, 'lines'>;

const milestones = ({ lines }: OurEnd, name: string) =>
  lines.filter((line) => line.event === 'milestone' && line.name === name).length;

const seconds = (since: number) => `${((performance.now() - since) / 1000).toFixed(1)} s`;

const standing = ({ id, user, innerAddress }: Awaited<ReturnType<OurGateway['session']>>) => ({
  id,
  user,
  innerAddress,
});

/** Two packets a second through the tunnel until the returned function is called. */
async function keepPinging(machine: Machine, address: string): Promise<() => Promise<unknown>> {
  await sh(machine, `setsid ping -n -q -i 0.5 ${address} > /dev/null 2>&1 < /dev/null & echo $! > ${machine.lab}/ping`);
  return () => machine.run(`kill $(cat ${machine.lab}/ping)`);
}
