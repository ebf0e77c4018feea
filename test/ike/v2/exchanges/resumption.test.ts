/** Sessions that are resumed: over several endpoints, for how long, with what is lost on the way. RFC 5723. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { IkeV2Config, KeptTicket } from '../../../../src/ike/v2/index.ts';
import { utf8 } from '../../../../src/wire/index.ts';
import { AUTHORITY, credential, type End, sameChild, World } from './world.ts';

const MINUTE = 60_000;

const gateway: Partial<IkeV2Config> = {
  secrets: undefined as never,
  credentials: [credential('vpn.example')],
  trustAnchors: [AUTHORITY],
  accept: ['eap'],
  resumption: true,
};
const user: Partial<IkeV2Config> = {
  secrets: undefined as never,
  trustAnchors: [AUTHORITY],
  remoteIdentity: { type: 'fqdn', value: 'vpn.example' },
  localIdentity: { type: 'fqdn', value: 'alice.example' },
  initiate: { authenticate: 'eap' },
  resumption: true,
};

interface Meeting {
  readonly world: World;
  readonly server: End;
  readonly client: End;
  readonly tickets: Map<string, KeptTicket>;
}

function meet(server: Partial<IkeV2Config> = {}, client: Partial<IkeV2Config> = {}): Meeting {
  const world = new World();
  const tickets = new Map<string, KeptTicket>();
  const ends = {
    server: world.server({ ...gateway, ...server }),
    client: world.end('192.0.2.5', { ...user, keptTickets: tickets, ...client }),
  };
  ends.client.connect();
  world.run(5000);
  return { world, ...ends, tickets };
}

/** Ends what stands, and connects anew with an endpoint that has nothing but the tickets. @returns the exchange */
function again({ world, server, client }: Meeting, after = 25_000): string | undefined {
  for (const { ikeSa } of client.established) client.close(ikeSa);
  world.run(after);
  client.restart();
  const count = server.established.length;
  client.connect();
  world.run(20_000);
  assert.ok(server.established.length <= count + 1);
  return server.established[count]?.exchange;
}

/** What first requests of a client were, each that follows another of its kind left out: repetitions, and cookies. */
const begins = (end: End): string[] =>
  end.summaries
    .map((line) => /^out (IKE_SESSION_RESUME|IKE_SA_INIT) 0 request/.exec(line)?.[1])
    .filter((name) => name !== undefined)
    .filter((name, i, all) => name !== all[i - 1]);

test('tickets outlive the endpoint that got them', () => {
  const meeting = meet();
  const { server, client } = meeting;
  const asked = client.all('eap').length;
  assert.equal(again(meeting), 'ike-session-resume');
  assert.equal(client.all('eap').length, asked, 'nobody was asked for a password again');
  assert.deepEqual([server.established[1]!.user, server.established[1]!.authentication!.remote], ['alice', 'eap']);
  assert.ok(sameChild(client.children[1]!, server.children[1]!));
  assert.deepEqual(begins(client), ['IKE_SA_INIT', 'IKE_SESSION_RESUME']);
});

test('each session brings the ticket for the next, but none is older than a login may be', () => {
  const meeting = meet({ ticketLifetimeSeconds: 600 });
  for (let minutes = 2; minutes < 10; minutes += 2)
    assert.equal(again(meeting, 2 * MINUTE - 20_000), 'ike-session-resume');
  assert.equal(again(meeting, 2 * MINUTE), 'ike-auth', 'ten minutes after the login it is made anew');
  assert.equal(again(meeting), 'ike-session-resume');
});

test('a gateway that was started anew, or resumes no more, is connected to from the beginning', () => {
  const meeting = meet();
  meeting.server.restart();
  assert.equal(again(meeting), 'ike-auth');
  assert.deepEqual(begins(meeting.client), ['IKE_SA_INIT', 'IKE_SESSION_RESUME', 'IKE_SA_INIT']);
  assert.ok(meeting.server.dropped.includes('ticket-refused'));
});

test('a gateway that gives no tickets is asked for one, and nothing comes of it', () => {
  const meeting = meet({ resumption: false });
  assert.equal(meeting.tickets.size, 0);
  assert.equal(again(meeting), 'ike-auth');
});

test('a gateway that is out of reach for a while does not cost the ticket', () => {
  const meeting = meet();
  const { world, client, server } = meeting;
  for (const { ikeSa } of client.established) client.close(ikeSa);
  world.run(25_000);
  world.network.tamper = () => undefined;
  client.connect();
  world.run(30_000);
  assert.equal(client.all('ikeClosed').at(-1)!.reason.code, 'peer-not-responding');
  world.network.tamper = undefined;
  client.connect();
  world.run(10_000);
  assert.equal(server.established[1]!.exchange, 'ike-session-resume');
});

test('a gateway that never answers to tickets is connected to without', () => {
  const meeting = meet();
  const { world, client, server } = meeting;
  for (const { ikeSa } of client.established) client.close(ikeSa);
  world.run(25_000);
  world.network.tamper = (datagram) => (datagram.bytes[18] === 38 ? undefined : datagram);
  for (let tries = 0; tries < 3; tries++) {
    client.connect();
    world.run(30_000);
  }
  assert.deepEqual(begins(client), ['IKE_SA_INIT', 'IKE_SESSION_RESUME', 'IKE_SA_INIT']);
  assert.equal(server.established[1]!.exchange, 'ike-auth');
});

test('a ticket that somebody else read is of no use without its keys', () => {
  const meeting = meet();
  const { world, server, tickets } = meeting;
  const [[address, kept]] = [...tickets] as [[string, KeptTicket]];
  const thief = world.end('192.0.2.66', {
    ...user,
    keptTickets: new Map([[address, { ...kept, skD: new Uint8Array(32) }]]),
  });
  thief.connect();
  world.run(40_000);
  assert.deepEqual([thief.established.length, server.established.length], [0, 1]);
  assert.equal(server.all('ikeClosed').filter(({ established }) => established).length, 0, 'the session itself stands');
});

test('a ticket is not taken for another identity than the one that it was given to', () => {
  const meeting = meet();
  const { world, server, tickets } = meeting;
  const bob = { type: 'fqdn', value: 'bob.example' } as const;
  const [[address, kept]] = [...tickets] as [[string, KeptTicket]];
  const keptTickets = new Map([[address, { ...kept, localIdentity: bob }]]);
  const other = world.end('192.0.2.66', { ...user, localIdentity: bob, keptTickets });
  other.connect();
  world.run(40_000);
  assert.equal(server.established.length, 1);
  assert.match(server.all('ikeClosed').at(-1)!.reason.reason, /another identity/);
});

test('a session that began with a post-quantum key is resumed with its keys, where one is required too', () => {
  const key = { id: 'k', keyFor: () => utf8('quantum'), required: true };
  const meeting = meet({ postquantumKeys: key }, { postquantumKeys: key });
  assert.equal(again(meeting), 'ike-session-resume');
  const { server, client } = meeting;
  for (const end of [server, client]) assert.match(end.established[1]!.algorithms, /\/ppk$/);
  assert.ok(sameChild(client.children[1]!, server.children[1]!));
  assert.ok(!client.summaries.some((line) => line.startsWith('out IKE_SESSION_RESUME') && line.includes('USE_PPK')));
});

test('a session without a post-quantum key is not resumed where one is required since', () => {
  const key = { id: 'k', keyFor: () => utf8('quantum') };
  const meeting = meet({ postquantumKeys: key });
  const { world, tickets, server } = meeting;
  const strict = world.end('192.0.2.6', {
    ...user,
    keptTickets: tickets,
    postquantumKeys: { ...key, required: true },
  });
  strict.connect();
  world.run(10_000);
  assert.deepEqual(begins(strict), ['IKE_SA_INIT']);
  assert.match(server.established[1]!.algorithms, /\/ppk$/);
});

test('a refusal that somebody forged costs a new beginning, and no more', () => {
  const meeting = meet();
  const { world, client, server } = meeting;
  for (const { ikeSa } of client.established) client.close(ikeSa);
  world.run(25_000);
  let forged = 0;
  world.network.tamper = (datagram) => {
    const { bytes } = datagram;
    if (bytes[18] !== 38 || datagram.from.address === '192.0.2.5' || forged++ > 0) return datagram;
    // The header of the answer, then N(TICKET_NACK) alone.
    const nack = [0, 0, 0, 8, 0, 0, 0x40, 0x1c];
    const said = new Uint8Array([...bytes.subarray(0, 28), ...nack]);
    said.set([41], 16);
    said.set([0, 0, 0, 36], 24);
    return { ...datagram, bytes: said };
  };
  client.connect();
  world.run(10_000);
  assert.equal(forged, 1);
  assert.equal(server.established[1]!.exchange, 'ike-auth');
});

test('it gets through loss, doubling and reordering, and under load with a cookie', () => {
  for (let seed = 1; seed < 7; seed++) {
    const world = new World(seed, { delay: 20, jitter: 60, drop: 0.1, duplicate: 0.2 });
    const server = world.server({ ...gateway, cookieThreshold: { perSource: 0, total: 0 } });
    const tickets = new Map<string, KeptTicket>();
    const client = world.end('192.0.2.5', { ...user, keptTickets: tickets });
    client.connect();
    world.run(25_000);
    const exchange = again({ world, server, client, tickets });
    assert.ok(exchange !== undefined, `seed ${seed}`);
    assert.ok(sameChild(client.children.at(-1)!, server.children.at(-1)!), `seed ${seed}`);
  }
});
