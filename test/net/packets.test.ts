import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import {
  checksum,
  clampMss,
  decrementTtl,
  fragmentCount,
  ipv4Destination,
  ipv4Length,
  ipv4Source,
  mayAnswerWithIcmp,
  sum16,
  WordSum,
  writeFragment,
  writeFragmentationNeeded,
  writePacketTooBig,
  writeTimeExceeded,
} from '../../src/net/index.ts';
import { concat, fromHex } from '../../src/wire/index.ts';
import { ipv4Packet, readIpv4, reassemble, segmentIsRight, slowChecksum, tcpSegment } from './slow.ts';

const SEED = 791;
const source = Uint8Array.of(10, 0, 0, 1);
const destination = Uint8Array.of(192, 0, 2, 7);
const addresses = concat(source, destination);
const address = fc.uint8Array({ minLength: 4, maxLength: 4 });

/** Random bytes, long enough now and then that the sum is folded more than once. */
const someBytes = fc.uint8Array({ maxLength: 300 });

test('checksum of the example in RFC 1071 §3', () => {
  assert.equal(sum16(fromHex('0001 f203 f4f5 f6f7'), 0, 8), 0xddf2);
  assert.equal(checksum(fromHex('0001 f203 f4f5 f6f7'), 0, 8), 0x220d);
});

test('the checksum, the word-wise one and the slow one agree at every alignment', () => {
  const property = fc.property(someBytes, fc.nat(9), fc.nat(9), fc.nat(3), (bytes, at, less, shift) => {
    const outer = new Uint8Array(bytes.length + shift);
    const placed = outer.subarray(shift);
    placed.set(bytes);
    const from = Math.min(at, bytes.length);
    const length = Math.max(0, bytes.length - from - less);
    const expected = slowChecksum(bytes.slice(from, from + length));
    assert.equal(checksum(placed, from, length), expected);
    assert.equal(~new WordSum(placed).sum(from, length) & 0xffff, expected);
  });
  fc.assert(property, { seed: SEED, numRuns: 1000 });
});

test('sums of 64 KiB of ones do not overflow', () => {
  const ones = new Uint8Array(65_536).fill(0xff);
  for (const [at, length] of [
    [0, 65_536],
    [1, 65_535],
    [0, 65_535],
    [1, 65_534],
  ] as const) {
    assert.equal(new WordSum(ones).sum(at, length), sum16(ones, at, length));
    assert.equal(~sum16(ones, at, length) & 0xffff, slowChecksum(ones.subarray(at, at + length)));
  }
});

test('an IPv4 header is read where it stands, and only where it holds', () => {
  const packet = ipv4Packet({ source, destination, payload: new Uint8Array(12) });
  const bytes = concat(new Uint8Array(3), packet, new Uint8Array(5));
  assert.equal(ipv4Length(bytes, 3, packet.length + 5), packet.length);
  assert.equal(ipv4Source(bytes, 3), 0x0a000001);
  assert.equal(ipv4Destination(bytes, 3), 0xc0000207 | 0);
  for (let length = 0; length < packet.length; length++) assert.equal(ipv4Length(bytes, 3, length), 0);
  const broken: [offset: number, value: number][] = [
    [0, 0x65],
    [0, 0x44],
    [0, 0x4f],
    [2, 0xff],
    [3, 19],
  ];
  for (const [offset, value] of broken) {
    const copy = packet.slice();
    copy[offset] = value;
    assert.equal(ipv4Length(copy, 0, copy.length), 0);
  }
});

test('TTL goes down by one and the header checksum stays right', () => {
  const property = fc.property(
    address,
    address,
    fc.integer({ min: 1, max: 255 }),
    fc.nat(255),
    (from, to, ttl, tos) => {
      const packet = ipv4Packet({ source: from, destination: to, ttl, tos, payload: new Uint8Array(0) });
      decrementTtl(packet, 0);
      assert.deepEqual(
        packet,
        ipv4Packet({ source: from, destination: to, ttl: ttl - 1, tos, payload: new Uint8Array(0) }),
      );
    },
  );
  fc.assert(property, { seed: SEED });
});

test('MSS of a SYN is lowered, never raised, and the TCP checksum stays right', () => {
  const padding = fc.constantFrom([], [1], [1, 1], [1, 1, 1], [3, 3, 7], [4, 2]);
  const property = fc.property(
    padding,
    fc.nat(65_535),
    fc.integer({ min: 536, max: 1460 }),
    fc.boolean(),
    (before, mss, most, ack) => {
      const options = padded([...before, 2, 4, mss >> 8, mss & 255, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8]);
      const flags = ack ? 0x12 : 0x02;
      const packet = ipv4Packet({
        source,
        destination,
        protocol: 6,
        payload: tcpSegment(options, flags, new Uint8Array(0), addresses),
      });
      const expected = options.slice();
      expected[before.length + 2] = Math.min(mss, most) >> 8;
      expected[before.length + 3] = Math.min(mss, most) & 255;
      assert.equal(clampMss(packet, 0, packet.length, most), mss > most);
      const segment = readIpv4(packet).payload;
      assert.deepEqual(segment.subarray(20), expected);
      assert.ok(segmentIsRight(segment, addresses));
    },
  );
  fc.assert(property, { seed: SEED });
});

test('MSS over IPv6 is 20 less, also behind extension headers', () => {
  const pseudo = new Uint8Array(32).map((_, i) => i);
  const segment = tcpSegment(Uint8Array.of(2, 4, 5, 180), 2, new Uint8Array(0), pseudo);
  const head = Uint8Array.of(0x60, 0, 0, 0, 0, segment.length + 8, 0, 64);
  const hopByHop = Uint8Array.of(6, 0, 1, 4, 0, 0, 0, 0);
  const packet = concat(head, pseudo, hopByHop, segment);
  assert.ok(clampMss(packet, 0, packet.length, 1300));
  const clamped = packet.subarray(48);
  assert.equal((clamped[22]! << 8) | clamped[23]!, 1280);
  assert.ok(segmentIsRight(clamped, pseudo));
});

test('MSS is left alone in other segments, later fragments and broken options', () => {
  const mss = Uint8Array.of(2, 4, 5, 180);
  const tcp = (options: Uint8Array, flags: number) => tcpSegment(options, flags, new Uint8Array(4), addresses);
  const packets = [
    ipv4Packet({ source, destination, protocol: 6, payload: tcp(mss, 0x10) }),
    ipv4Packet({ source, destination, protocol: 17, payload: tcp(mss, 0x02) }),
    ipv4Packet({ source, destination, protocol: 6, offset: 1, payload: tcp(mss, 0x02) }),
    ipv4Packet({ source, destination, protocol: 6, payload: tcp(Uint8Array.of(2, 3, 5, 180), 0x02) }),
    ipv4Packet({ source, destination, protocol: 6, payload: tcp(Uint8Array.of(5, 0, 2, 4, 5, 180, 0, 0), 0x02) }),
    ipv4Packet({ source, destination, protocol: 6, payload: tcp(Uint8Array.of(0, 0, 0, 0, 2, 4, 5, 180), 0x02) }),
    ipv4Packet({ source, destination, protocol: 6, payload: tcp(mss, 0x02).subarray(0, 19) }),
    ipv4Packet({ source, destination, protocol: 6, payload: tcp(mss, 0x02).subarray(0, 23) }),
  ];
  for (const packet of packets) {
    const before = packet.slice();
    assert.equal(clampMss(packet, 0, packet.length, 1200), false);
    assert.deepEqual(packet, before);
  }
});

test('random bytes never let the clamp write outside of the packet', () => {
  const property = fc.property(fc.uint8Array({ minLength: 40, maxLength: 120 }), fc.boolean(), (bytes, isV6) => {
    bytes[0] = isV6 ? 0x60 : 0x45;
    bytes[isV6 ? 6 : 9] = 6;
    const around = concat(new Uint8Array(8).fill(7), bytes, new Uint8Array(8).fill(7));
    clampMss(around, 8, bytes.length, 100);
    assert.ok(around.subarray(0, 8).every((byte) => byte === 7));
    assert.ok(around.subarray(8 + bytes.length).every((byte) => byte === 7));
  });
  fc.assert(property, { seed: SEED, numRuns: 500 });
});

test('fragmentation needed tells the MTU and quotes the packet', () => {
  const packet = ipv4Packet({ source, destination, flags: 2, payload: new Uint8Array(1400).map((_, i) => i) });
  const out = new Uint8Array(700);
  const length = writeFragmentationNeeded(out, 10, packet, 0, packet.length, 0x0a0000fe, 1381);
  assert.equal(length, 576);
  const error = readIpv4(out.subarray(10, 10 + length));
  assert.deepEqual(
    { ...error, payload: 0 },
    {
      tos: 0xc0,
      id: 0,
      flags: 0,
      offset: 0,
      ttl: 64,
      protocol: 1,
      source: Uint8Array.of(10, 0, 0, 254),
      destination: source,
      options: new Uint8Array(0),
      payload: 0,
    },
  );
  assert.equal(slowChecksum(out.subarray(10, 30)), 0);
  assert.equal(slowChecksum(error.payload), 0);
  assert.deepEqual([...error.payload.subarray(0, 2)], [3, 4]);
  assert.deepEqual([...error.payload.subarray(4, 8)], [0, 0, 1381 >> 8, 1381 & 255]);
  assert.deepEqual(error.payload.subarray(8), packet.subarray(0, 548));
});

test('time exceeded quotes a short packet whole', () => {
  const packet = ipv4Packet({ source, destination, ttl: 1, payload: Uint8Array.of(1, 2, 3) });
  const out = new Uint8Array(100);
  const error = readIpv4(out.subarray(0, writeTimeExceeded(out, 0, packet, 0, packet.length, 0x0a0000fe)));
  assert.deepEqual([...error.payload.subarray(0, 2)], [11, 0]);
  assert.equal(slowChecksum(error.payload), 0);
  assert.deepEqual(error.payload.subarray(8), packet);
});

test('packet too big for IPv6 has a right checksum and fits the least MTU', () => {
  const packet = new Uint8Array(2000).map((_, i) => i);
  packet[0] = 0x60;
  const router = new Uint8Array(16).fill(9);
  const out = new Uint8Array(1400);
  const length = writePacketTooBig(out, 0, packet, 0, packet.length, router, 1300);
  assert.equal(length, 1280);
  assert.deepEqual(out.subarray(8, 24), router);
  assert.deepEqual(out.subarray(24, 40), packet.subarray(8, 24));
  const icmp = out.subarray(40, length);
  assert.ok(segmentIsRight(icmp, out.subarray(8, 40), 58));
  assert.deepEqual(
    [...icmp.subarray(0, 8)].filter((_, i) => i !== 2 && i !== 3),
    [2, 0, 0, 0, 5, 20],
  );
  assert.deepEqual(icmp.subarray(8), packet.subarray(0, 1232));
});

test('no ICMP error answers what RFC 1812 §4.3.2.7 exempts', () => {
  const may = (change: object) => {
    const packet = ipv4Packet({ source, destination, payload: Uint8Array.of(8, 0, 0, 0), ...change });
    return mayAnswerWithIcmp(packet, 0, packet.length);
  };
  assert.ok(may({}));
  assert.ok(may({ protocol: 1 }), 'an echo request may be answered');
  assert.ok(!may({ protocol: 1, payload: Uint8Array.of(3, 4) }), 'an ICMP error');
  assert.ok(!may({ protocol: 1, payload: new Uint8Array(0) }), 'ICMP without a type');
  assert.ok(!may({ offset: 4 }), 'a later fragment');
  for (const first of [0, 127, 224, 240, 255]) assert.ok(!may({ source: Uint8Array.of(first, 0, 0, 1) }));
  assert.ok(!may({ destination: Uint8Array.of(224, 0, 0, 251) }));
  assert.ok(!may({ destination: Uint8Array.of(255, 255, 255, 255) }));
});

test('fragments fit, are right, and give the packet back in any order', () => {
  const options = fc.constantFrom(
    new Uint8Array(0),
    Uint8Array.of(0x94, 4, 0, 0), // router alert: copied
    Uint8Array.of(7, 7, 4, 1, 2, 3, 4, 0), // record route: not copied
    Uint8Array.of(1, 0x94, 4, 0, 0, 0x07, 3, 4),
  );
  const property = fc.property(
    options,
    fc.integer({ min: 68, max: 600 }),
    fc.integer({ min: 0, max: 1500 }),
    fc.nat(4000),
    fc.boolean(),
    (optionBytes, mtu, size, offset, more) => {
      const payload = new Uint8Array(size).map((_, i) => i * 7);
      const packet = ipv4Packet({
        source,
        destination,
        id: 77,
        flags: more ? 1 : 0,
        offset,
        options: optionBytes,
        payload,
      });
      const count = fragmentCount(packet, 0, packet.length, mtu);
      const fragments = Array.from({ length: count }, (_, i) => {
        const out = new Uint8Array(mtu + 4);
        const length = writeFragment(out, 2, packet, 0, packet.length, mtu, i);
        assert.ok(length <= mtu || count === 1);
        return out.slice(2, 2 + length);
      });
      if (packet.length <= mtu) return;
      for (const [i, fragment] of fragments.entries()) {
        const read = readIpv4(fragment);
        assert.equal(slowChecksum(fragment.subarray(0, fragment.length - read.payload.length)), 0);
        assert.equal(read.id, 77);
        if (i === 0) assert.deepEqual(read.options, optionBytes);
        else assert.equal(read.options.includes(0x94), optionBytes.includes(0x94));
        if (i > 0) assert.ok(!read.options.includes(7));
        assert.equal(read.flags & 1, i < count - 1 || more ? 1 : 0);
      }
      const moved = fragments.map((fragment, i) => {
        const read = readIpv4(fragment);
        return ipv4Packet({ ...read, offset: read.offset - offset, flags: i < count - 1 ? 1 : 0 });
      });
      assert.deepEqual(reassemble(moved.reverse()), payload);
    },
  );
  fc.assert(property, { seed: SEED });
});

function padded(options: readonly number[]): Uint8Array {
  return Uint8Array.from({ length: Math.ceil(options.length / 4) * 4 }, (_, i) => options[i] ?? 0);
}
