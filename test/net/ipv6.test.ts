/** IPv6 read in place, prefixes found, ICMPv6 errors: each against a plain twin. RFC 8200, RFC 4443, RFC 4291. */

import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import {
  type Icmpv6ErrorName,
  Ipv6Chain,
  ipv6Length,
  isNeighborDiscovery,
  mayAnswerWithIcmpv6,
  PrefixMatch,
  PrefixTable,
  parseIpv6,
  parsePrefix,
  prefixContains,
  writeIcmpv6Error,
} from '../../src/net/index.ts';
import { concat } from '../../src/wire/index.ts';
import { ipv6Packet, readIpv6, segmentIsRight, upperOf } from './slow.ts';

const SEED = 8200;
const address = (text: string) => parseIpv6(text)!;
const A = address('2001:db8::1');
const B = address('2001:db8:1::2');

test('the length is taken from a header that holds, and only from that', () => {
  const packet = ipv6Packet({ source: A, destination: B, payload: new Uint8Array(30) });
  assert.equal(ipv6Length(packet, 0, packet.length), 70);
  const padded = concat(Uint8Array.of(1, 2, 3), packet, new Uint8Array(9));
  assert.equal(ipv6Length(padded, 3, 79), 70);
  assert.equal(ipv6Length(packet, 0, 69), 0);
  assert.equal(ipv6Length(packet, 0, 39), 0);
  const v4 = packet.slice();
  v4[0] = 0x45;
  assert.equal(ipv6Length(v4, 0, 70), 0);
  // A jumbogram says 0 and has a hop-by-hop header. RFC 2675 §3.
  const jumbo = ipv6Packet({ source: A, destination: B, nextHeader: 0, payload: new Uint8Array(0) });
  assert.equal(ipv6Length(jumbo, 0, 40), 0);
  assert.equal(
    ipv6Length(ipv6Packet({ source: A, destination: B, nextHeader: 59, payload: new Uint8Array(0) }), 0, 40),
    40,
  );
});

test('extension headers are walked as the slow twin walks them, on random chains too', () => {
  const header = fc.tuple(fc.constantFrom(0, 43, 44, 51, 60, 6, 17, 58, 59), fc.integer({ min: 0, max: 3 }));
  const chain = new Ipv6Chain();
  fc.assert(
    fc.property(
      fc.array(header, { maxLength: 12 }),
      fc.uint8Array({ maxLength: 400 }),
      fc.nat(3),
      (kinds, noise, at) => {
        const payload = noise.slice();
        let offset = 0;
        for (const [i, [kind, length]] of kinds.entries()) {
          if (offset + 2 > payload.length) break;
          payload[offset] = kinds[i + 1]?.[0] ?? 6;
          payload[offset + 1] = length;
          if (kind === 44 && length < 3 && offset + 4 <= payload.length) payload.fill(0, offset + 2, offset + 4);
          offset += kind === 44 ? 8 : kind === 51 ? (length + 2) * 4 : (length + 1) * 8;
        }
        const packet = ipv6Packet({ source: A, destination: B, nextHeader: kinds[0]?.[0] ?? 6, payload });
        const expected = upperOf(packet);
        const shifted = concat(new Uint8Array(at), packet);
        assert.equal(chain.read(shifted, at, packet.length), expected !== undefined);
        if (expected === undefined) return;
        assert.deepEqual({ protocol: chain.protocol, offset: chain.offset, later: chain.isLaterFragment }, expected);
      },
    ),
    { seed: SEED, numRuns: 1500 },
  );
});

test('the longest prefix wins, as one finds by looking at all of them', () => {
  const nibble = fc.constantFrom(0, 1, 0x80, 0xff);
  const bytes = fc.array(nibble, { minLength: 16, maxLength: 16 }).map((list) => Uint8Array.from(list));
  const prefix = fc.tuple(bytes, fc.constantFrom(0, 1, 16, 31, 32, 33, 48, 64, 65, 127, 128)).map(([whole, length]) => {
    const address = whole.slice();
    for (let bit = length; bit < 128; bit++) address[bit >> 3]! &= ~(0x80 >> (bit & 7));
    return { address, length };
  });
  const step = fc.record({ prefix, add: fc.boolean(), value: fc.nat(3) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), fc.array(bytes, { minLength: 1, maxLength: 20 }), (steps, asked) => {
      const table = new PrefixTable<number>();
      const all = new Map<string, { prefix: { address: Uint8Array; length: number }; value: number }>();
      for (const { prefix, add, value } of steps) {
        const key = `${prefix.address}/${prefix.length}`;
        if (add) {
          table.set(prefix, value);
          all.set(key, { prefix, value });
        } else {
          table.delete(prefix, value);
          if (all.get(key)?.value === value) all.delete(key);
        }
      }
      for (const host of asked) {
        const known = [...all.values()].filter((entry) => prefixContains(entry.prefix, host));
        const longest = known.sort((one, other) => other.prefix.length - one.prefix.length)[0];
        assert.equal(table.find(concat(Uint8Array.of(9), host), 1), longest?.value);
        for (const entry of all.values()) {
          assert.equal(new PrefixMatch(entry.prefix).contains(host, 0), prefixContains(entry.prefix, host));
        }
      }
    }),
    { seed: SEED, numRuns: 300 },
  );
});

test('a table of many /64 looks no further than one does', () => {
  const table = new PrefixTable<number>();
  for (let i = 0; i < 20_000; i++) table.set(parsePrefix(`2001:db8:${i.toString(16)}::/64`)!, i);
  assert.equal(table.find(address('2001:db8:3039:0:1234::9'), 0), 0x3039);
  assert.equal(table.find(address('2001:db9::1'), 0), undefined);
});

test('ICMPv6 errors quote the packet, have a right checksum and fit the least MTU', () => {
  const expected: Record<Icmpv6ErrorName, readonly [number, number]> = {
    prohibited: [1, 1],
    addressUnreachable: [1, 3],
    packetTooBig: [2, 0],
    hopLimitExceeded: [3, 0],
  };
  for (const [name, [type, code]] of Object.entries(expected)) {
    for (const size of [10, 1200, 3000]) {
      const packet = ipv6Packet({ source: A, destination: B, payload: new Uint8Array(size).fill(7) });
      const to = new Uint8Array(1300);
      const length = writeIcmpv6Error(to, 2, packet, 0, packet.length, B, name as Icmpv6ErrorName, 1400);
      assert.ok(length <= 1280);
      const { source, destination, payload, nextHeader } = readIpv6(to.subarray(2, 2 + length));
      assert.deepEqual([source, destination, nextHeader], [B, A, 58]);
      assert.deepEqual([payload[0], payload[1]], [type, code]);
      assert.ok(segmentIsRight(payload, concat(source, destination), 58));
      assert.deepEqual(payload.subarray(8), packet.subarray(0, Math.min(packet.length, 1232)));
    }
  }
});

test('no error answers what RFC 4443 §2.4 (e) exempts', () => {
  const icmp = (type: number, more = {}) =>
    ipv6Packet({
      source: A,
      destination: B,
      nextHeader: 58,
      payload: Uint8Array.of(type, 0, 0, 0, 0, 0, 0, 0),
      ...more,
    });
  const may = (packet: Uint8Array, tooBig = false) => mayAnswerWithIcmpv6(packet, 0, packet.length, tooBig);
  assert.ok(may(icmp(128)));
  for (const type of [1, 2, 3, 4, 127, 137]) assert.ok(!may(icmp(type)), `type ${type}`);
  // Behind a destination options header it is the same.
  const behind = concat(Uint8Array.of(58, 0, 1, 4, 0, 0, 0, 0), Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0));
  assert.ok(!may(icmp(0, { nextHeader: 60, payload: behind })));
  const group = address('ff0e::1');
  assert.ok(!may(icmp(128, { destination: group })));
  assert.ok(may(icmp(128, { destination: group }), true));
  assert.ok(!may(icmp(128, { source: group })));
  assert.ok(!may(icmp(128, { source: address('::') })));
});

test('neighbor discovery is told by protocol, type and hop limit', () => {
  const packet = (type: number, hopLimit: number, nextHeader = 58) =>
    ipv6Packet({
      source: address('fe80::2'),
      destination: address('ff02::2'),
      nextHeader,
      hopLimit,
      payload: Uint8Array.of(type, 0, 0, 0, 0, 0, 0, 0),
    });
  const is = (bytes: Uint8Array) => isNeighborDiscovery(bytes, 0, bytes.length);
  for (const type of [133, 134, 135, 136]) assert.ok(is(packet(type, 255)));
  assert.ok(!is(packet(133, 254)));
  assert.ok(!is(packet(137, 255)));
  assert.ok(!is(packet(133, 255, 17)));
});
