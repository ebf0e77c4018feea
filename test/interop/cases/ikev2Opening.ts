/** Openings of IKEv2 that take more than two exchanges, or more than a packet: fragments, cookies, another group. */

import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Case } from '../case.ts';
import { Authority } from '../ikev2/authority.ts';
import { type Chain, largeChain } from '../ikev2/certificates.ts';
import {
  type Changes,
  OUR_INNER,
  ourClientProfile,
  ourGatewayConfig,
  STOCK_INNER,
  stockClient,
  stockServer,
  usersOf,
  type Way,
} from '../ikev2/connections.ts';
import { beginMany } from '../ikev2/halfOpen.ts';
import type { Wire } from '../ikev2/wire.ts';
import type { Lab } from '../lab.ts';
import { ping } from '../traffic.ts';

interface Opening {
  readonly name: string;
  readonly way: Way;
  /** What strongSwan does differently. */
  readonly stock?: (chain: Chain) => Changes;
  /** Keys of our gateway's sections, and of our client's profile. */
  readonly gateway?: (wire: Wire, chain: Chain) => Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly client?: (wire: Wire, chain: Chain) => Readonly<Record<string, unknown>>;
  /** What strongSwan's log must show, as client and as server. */
  readonly atGateway: readonly RegExp[];
  readonly atClient: readonly RegExp[];
  /** Unfinished exchanges that stand when the client comes. */
  readonly halfOpen?: number;
}

/** Set once by the first case that needs it: keys of 4096 bits take seconds. */
let chain: Promise<Chain> | undefined;

const OPENINGS: readonly Opening[] = [
  {
    name: 'fragments',
    way: 'rsa',
    stock: ({ root, intermediate }) => ({ root, intermediate: [intermediate] }),
    gateway: (wire, { root, intermediate, server }) => ({
      certificates: {
        certificate: wire.write('server', 'own.pem', server.certificate + intermediate + server.key),
        ca: [wire.write('server', 'root.pem', root)],
      },
    }),
    client: (wire, { root, intermediate, client }) => ({
      certificate: wire.write('client', 'own.pem', client.certificate + intermediate + client.key),
      ca: [wire.write('client', 'root.pem', root)],
      crl: [],
    }),
    atGateway: [
      /received fragment #1 of [2-9]/,
      /received issuer cert "O=Example/,
      /generating IKE_AUTH request 1 \[ EF\(1\/[2-9]\) \]/,
    ],
    atClient: [
      /received fragment #1 of [2-9]/,
      /received issuer cert "O=Example/,
      /generating IKE_AUTH response 1 \[ EF\(1\/[2-9]\) \]/,
    ],
  },
  {
    name: 'cookie',
    way: 'psk',
    stock: () => ({ settings: 'cookie_threshold = 4' }),
    atGateway: [
      /parsed IKE_SA_INIT response 0 \[ N\(COOKIE\) \]/,
      /generating IKE_SA_INIT request 0 \[ N\(COOKIE\) SA/,
    ],
    atClient: [/generating IKE_SA_INIT response 0 \[ N\(COOKIE\) \]/, /parsed IKE_SA_INIT request 0 \[ N\(COOKIE\) SA/],
    halfOpen: 10,
  },
  {
    name: 'another group',
    way: 'psk',
    stock: () => ({ ike: 'aes256-sha256-modp3072-modp2048' }),
    gateway: () => ({ ike: { proposals: ['aes256-sha256-modp2048'] } }),
    atGateway: [/parsed IKE_SA_INIT response 0 \[ N\(INVAL_KE\) \]/],
    atClient: [/generating IKE_SA_INIT response 0 \[ N\(INVAL_KE\) \]/],
  },
];

export const cases: readonly Case[] = OPENINGS.flatMap((opening) => {
  const beside = 'ikev2 opening';
  return [
    { name: `ikev2 gateway ${opening.name}`, beside, seconds: 90, run: (lab: Lab) => atGateway(lab, opening) },
    { name: `ikev2 client ${opening.name}`, beside, seconds: 90, run: (lab: Lab) => atClient(lab, opening) },
  ];
});

async function atGateway(lab: Lab, opening: Opening): Promise<void> {
  const { wire, authority, certificates, changes } = await prepare(lab, opening);
  const own = opening.name === 'fragments' ? { own: certificates.client } : {};
  const [gateway, client] = [wire.ourGateway(), wire.strongSwan('client')];
  const config = ourGatewayConfig(opening.way, authority);
  const { ike, ...sections } = opening.gateway?.(wire, certificates) ?? {};
  await Promise.all([
    gateway.start({ users: usersOf(opening.way), more: { ...config, ...sections, ike: { ...config.ike, ...ike } } }),
    client.start(stockClient(opening.way, authority, { ...changes, ...own })),
  ]);
  await beginMany(wire, opening.halfOpen ?? 0);
  await client.initiate('net');
  await ping(client, OUR_INNER.v4);
  for (const pattern of opening.atGateway) await client.logged(pattern, 1);
  await client.terminate();
  assert.deepEqual(
    (await gateway.leftovers()).filter(({ phase }) => phase === 'up'),
    [],
  );
  await gateway.stop();
}

async function atClient(lab: Lab, opening: Opening): Promise<void> {
  const { wire, authority, certificates, changes } = await prepare(lab, opening);
  const own = opening.name === 'fragments' ? { own: certificates.server } : {};
  const [server, client] = [wire.strongSwan('server'), wire.ourClient()];
  await server.holdAddresses(STOCK_INNER.v4, STOCK_INNER.v6);
  await server.start(stockServer(opening.way, authority, { ...changes, ...own }));
  let isUp = false;
  // strongSwan stops asking for cookies after ten seconds of peace, which may pass while our program starts.
  const beginning = (async () => {
    for (const count = opening.halfOpen ?? 0; count > 0 && !isUp; await sleep(1000)) await beginMany(wire, count);
  })();
  try {
    await client.startWith({ ...ourClientProfile(opening.way, authority), ...opening.client?.(wire, certificates) });
    await client.up();
  } finally {
    isUp = true;
    await beginning;
  }
  await ping(client, STOCK_INNER.v4);
  for (const pattern of opening.atClient) await server.logged(pattern, 1);
  await client.disconnect();
}

async function prepare(lab: Lab, { way, name, stock }: Opening) {
  if (name === 'fragments') chain ??= largeChain();
  const kind = way === 'rsa' ? 'rsa3072' : 'p256';
  const [wire, authority, certificates] = await Promise.all([lab.wire(), Authority.of(lab.folder, kind), chain]);
  const given = certificates ?? NO_CHAIN;
  return { wire, authority, certificates: given, changes: stock?.(given) ?? {} };
}

const NOTHING = { certificate: '', key: '' };
const NO_CHAIN: Chain = { root: '', intermediate: '', server: NOTHING, client: NOTHING };
