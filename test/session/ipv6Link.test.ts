/** Router and host on a PPP link: what they say, and what is believed. RFC 4861 §6, RFC 4862 §5.5.3, RFC 8106. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatIpv6, isNeighborDiscovery, parseIpv6, parsePrefix } from '../../src/net/index.ts';
import { HostLink, RouterLink } from '../../src/session/ipv6Link.ts';
import {
  addressesOf,
  linkLocalOf,
  type RouterAdvertisement,
  readNeighborMessage,
  routerAdvertisement,
  routerSolicitation,
} from '../../src/session/neighborDiscovery.ts';
import { concat, fromHex, toHex } from '../../src/wire/index.ts';
import { segmentIsRight } from '../net/slow.ts';

const LOCAL = fromHex('0011223344556677');
const PEER = fromHex('00aabbccddeeff01');
const PREFIX = parsePrefix('2001:db8:0:7::/64')!;
const DNS = parseIpv6('2001:db8::53')!;
const router = () => new RouterLink({ local: LOCAL, peer: PEER }, PREFIX, [DNS], 1400);
const host = () => new HostLink({ local: PEER, peer: LOCAL });

const said: RouterAdvertisement = {
  hopLimit: 64,
  routerLifetime: 1800,
  prefixes: [
    {
      prefix: PREFIX.address,
      length: 64,
      onLink: false,
      autonomous: true,
      validLifetime: 86_400,
      preferredLifetime: 14_400,
    },
  ],
  mtu: 1380,
  dns: [DNS, parseIpv6('2001:db8::54')!],
};

test('an advertisement stands on the wire as RFC 4861 §4.2 and RFC 8106 §5.1 draw it', () => {
  const packet = routerAdvertisement(said, linkLocalOf(LOCAL));
  assert.ok(isNeighborDiscovery(packet, 0, packet.length));
  const { source, destination } = addressesOf(packet);
  assert.equal(formatIpv6(source), 'fe80::11:2233:4455:6677');
  assert.equal(formatIpv6(destination), 'ff02::1');
  assert.ok(segmentIsRight(packet.subarray(40), concat(source, destination), 58));
  const body = toHex(packet.subarray(40));
  assert.equal(
    body.slice(0, 4) + body.slice(8),
    `8600${'40000708'}${'00'.repeat(8)}${[
      ...['0304', '4040', '00015180', '00003840', '00000000', toHex(PREFIX.address)],
      ...['0501', '0000', '00000564'],
      ...['1905', '0000', 'ffffffff', toHex(said.dns[0]!), toHex(said.dns[1]!)],
    ].join('')}`,
  );
});

test('what is written is read, and every truncation and random change is read or refused, never thrown', () => {
  const packet = routerAdvertisement(said, linkLocalOf(LOCAL));
  const message = readNeighborMessage(packet);
  assert.ok(message?.type === 'routerAdvertisement');
  assert.deepEqual(message.advertisement, said);
  for (let length = 0; length < packet.length; length++) readNeighborMessage(packet.subarray(0, length));
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(200), (noise, at) => {
      const changed = packet.slice();
      changed.set(noise.subarray(0, Math.max(0, changed.length - at)), Math.min(at, changed.length));
      readNeighborMessage(changed);
      host().receive(changed);
      router().receive(changed, 0);
    }),
    { seed: 4861, numRuns: 500 },
  );
  const endless = concat(packet.subarray(0, 56), Uint8Array.of(3, 0, 0, 0, 0, 0, 0, 0));
  assert.equal(readNeighborMessage(endless), undefined);
});

test('the host asks soon and ever more slowly, and stops when it has an address', () => {
  const link = host();
  assert.deepEqual(link.start(0), { send: [] });
  const asked: number[] = [];
  while (link.deadline! < 60_000) {
    const at = link.deadline!;
    const { send } = link.expire(at);
    assert.equal(readNeighborMessage(send[0]!)?.type, 'routerSolicitation');
    asked.push(at);
  }
  assert.deepEqual(asked, [100, 500, 1500, 5500, 9500, 39_500]);
  const { learned } = link.receive(routerAdvertisement(said, linkLocalOf(LOCAL)));
  assert.deepEqual(learned, {
    address: '2001:db8:0:7:aa:bbcc:ddee:ff01',
    router: 'fe80::11:2233:4455:6677',
    dns: ['2001:db8::53', '2001:db8::54'],
  });
  assert.equal(link.deadline, undefined);
  assert.deepEqual(link.receive(routerAdvertisement(said, linkLocalOf(LOCAL))), { send: [] }, 'nothing new');
});

test('the host makes no address of what RFC 4862 §5.5.3 lets it not', () => {
  const [prefix] = said.prefixes;
  const refused: Partial<RouterAdvertisement>[] = [
    { routerLifetime: 0 },
    { prefixes: [] },
    { prefixes: [{ ...prefix!, autonomous: false }] },
    { prefixes: [{ ...prefix!, length: 63 }] },
    { prefixes: [{ ...prefix!, validLifetime: 0, preferredLifetime: 0 }] },
    { prefixes: [{ ...prefix!, preferredLifetime: 90_000 }] },
    { prefixes: [{ ...prefix!, prefix: parseIpv6('fe80::')! }] },
  ];
  for (const change of refused) {
    assert.equal(host().receive(routerAdvertisement({ ...said, ...change }, linkLocalOf(LOCAL))).learned, undefined);
  }
  assert.equal(host().receive(routerAdvertisement(said, parseIpv6('2001:db8::1')!)).learned, undefined);
});

test('the router answers who asks, at most once a second, and repeats itself before the lifetime ends', () => {
  const link = router();
  link.start(0);
  assert.equal(link.deadline, 500);
  const ask = routerSolicitation(linkLocalOf(PEER));
  assert.equal(link.receive(ask, 100).send.length, 1);
  assert.equal(link.receive(ask, 200).send.length, 0);
  assert.equal(link.receive(ask, 1100).send.length, 1);
  const sent: number[] = [];
  while (link.deadline! < 8 * 3_600_000) {
    sent.push(link.deadline!);
    link.expire(link.deadline!);
  }
  for (const [i, at] of sent.entries()) if (i > 0) assert.ok(at - sent[i - 1]! <= 3_000_000);
});

test('each end says that its link-local address is its own', () => {
  const solicitation = (target: Uint8Array) => {
    const packet = routerSolicitation(linkLocalOf(PEER));
    const body = concat(packet.subarray(0, 44), new Uint8Array(4), target);
    body[40] = 135;
    body[5] = 24;
    return body;
  };
  const [answer] = router().receive(solicitation(linkLocalOf(LOCAL)), 0).send;
  assert.deepEqual([answer![40], answer![44]! >> 5], [136, 7]);
  assert.equal(toHex(answer!.subarray(48, 64)), toHex(linkLocalOf(LOCAL)));
  assert.deepEqual(router().receive(solicitation(linkLocalOf(PEER)), 0).send, []);
  assert.equal(host().receive(solicitation(linkLocalOf(PEER))).send.length, 1);
});
