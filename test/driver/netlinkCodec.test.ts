import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  attribute,
  decodeAttributes,
  encodeAttributes,
  list,
  nested,
  raw,
  text,
  u8,
  u16,
  u32,
  u32be,
} from '../../src/driver/netlink/attributes.ts';
import { decodeMessages, decodeVerdict, encodeMessage, Flag, MessageType } from '../../src/driver/netlink/message.ts';
import { masqueradeRequests } from '../../src/driver/netlink/nftables.ts';
import {
  commentUserData,
  NETFILTER_HEADER_BYTES,
  readComment,
  ruleAttributes,
} from '../../src/driver/netlink/nftMessages.ts';
import { RouteMessageType, routeMessage } from '../../src/driver/netlink/routeMessages.ts';
import { fromHex, toHex } from '../../src/wire/index.ts';

const table = {
  small: attribute(1, u8),
  middle: attribute(2, u16),
  large: attribute(3, u32),
  network: attribute(4, u32be),
  name: attribute(5, text),
  bytes: attribute(6, raw),
  inner: attribute(7, nested({ flag: attribute(1, u32), label: attribute(2, text) })),
  several: attribute(8, list(attribute(1, u32))),
};

const values = fc.record(
  {
    small: fc.nat(0xff),
    middle: fc.nat(0xffff),
    large: fc.nat(0xffffffff),
    network: fc.nat(0xffffffff),
    name: fc.string({ maxLength: 40 }).filter((value) => !value.includes('\0')),
    bytes: fc.uint8Array({ maxLength: 40 }),
    inner: fc.record({ flag: fc.nat(0xffffffff), label: fc.constantFrom('', 'a', 'veth0') }, { noNullPrototype: true }),
    several: fc.array(fc.nat(0xffffffff), { maxLength: 5 }),
  },
  { requiredKeys: [], noNullPrototype: true },
);

describe('netlink attributes', () => {
  it('read back what they wrote, at multiples of four bytes', () => {
    fc.assert(
      fc.property(values, (value) => {
        const bytes = encodeAttributes(table, value);
        assert.equal(bytes.length % 4, 0);
        assert.deepEqual(decodeAttributes(table, bytes), value);
      }),
      { seed: 1 },
    );
  });

  it('skip what the table does not name', () => {
    const bytes = encodeAttributes(table, { small: 3, name: 'x', large: 9 });
    assert.deepEqual(decodeAttributes({ large: table.large }, bytes), { large: 9 });
  });

  it('stop without an error where the bytes are cut off or garbled', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        decodeAttributes({ bytes: table.bytes, inner: attribute(7, nested({ label: attribute(2, text) })) }, bytes);
      }),
      { seed: 2 },
    );
  });
});

describe('netlink messages', () => {
  it('split a datagram into its messages', () => {
    const one = { type: 16, flags: Flag.multi, sequence: 7, payload: Uint8Array.of(1, 2, 3, 4, 5) };
    const two = { type: 3, flags: 0, sequence: 7, payload: new Uint8Array() };
    const datagram = Uint8Array.from([...encodeMessage(one), ...encodeMessage(two)]);
    assert.deepEqual(decodeMessages(datagram), [one, two]);
    assert.deepEqual(decodeMessages(datagram.subarray(0, 20)), []);
  });

  it('tell the errno and the words of the kernel', () => {
    const words = encodeAttributes({ message: attribute(1, text) }, { message: 'Nexthop has invalid gateway' });
    const payload = new Uint8Array(4 + 16 + words.length);
    new DataView(payload.buffer).setInt32(0, -101, true);
    new DataView(payload.buffer).setUint32(4, 52, true);
    payload.set(words, 20);
    const message = { type: MessageType.error, flags: Flag.capped | Flag.ackTlvs, sequence: 1, payload };
    assert.deepEqual(decodeVerdict(message), { errno: 101, detail: 'Nexthop has invalid gateway' });
    assert.deepEqual(decodeVerdict({ ...message, flags: 0 }), { errno: 101 });
  });

  it('are byte for byte those of iproute2 for a route', () => {
    // `strace -e write=all ip route add 10.7.0.0/16 via 10.5.0.2 dev d0`, iproute2 6.1; d0 has index 3.
    const payload = routeMessage.encode(
      { family: 2, destinationLength: 16, table: 254, protocol: 3, scope: 0, type: 1 },
      { destination: Uint8Array.of(10, 7, 0, 0), outputDevice: 3, gateway: Uint8Array.of(10, 5, 0, 2) },
    );
    const flags = Flag.request | Flag.ack | Flag.create | Flag.exclusive;
    const bytes = encodeMessage({ type: RouteMessageType.newRoute, flags, sequence: 0x6b02a866, payload });
    assert.equal(
      toHex(bytes),
      toHex(
        fromHex(`34000000 18000506 66a8026b 00000000 02100000 fe030001 00000000
                 08000100 0a070000 08000500 0a050002 08000400 03000000`),
      ),
    );
    assert.deepEqual(routeMessage.decode(payload).attributes, {
      destination: Uint8Array.of(10, 7, 0, 0),
      outputDevice: 3,
      gateway: Uint8Array.of(10, 5, 0, 2),
    });
  });
});

describe('nf_tables messages', () => {
  // `strace -e write=all nft -f -` of nft 1.0.6 for `ip saddr 10.99.0.0/23 oifname != "sallyport0" masquerade`.
  const rule = fromHex(`
    02000000 0e000100 73616c6c 79706f72 74000000 10000200 706f7374 726f7574 696e6700
    18010480 34000180 0c000100 7061796c 6f616400 24000280 08000100 00000001 08000200 00000001 08000300 0000000c
    08000400 00000004 44000180 0c000100 62697477 69736500 34000280 08000100 00000001 08000200 00000001 08000300 00000004
    0c000480 08000100 fffffe00 0c000580 08000100 00000000 2c000180 08000100 636d7000 20000280 08000100 00000001
    08000200 00000000 0c000380 08000100 0a630000 24000180 09000100 6d657461 00000000 14000280 08000200 00000007
    08000100 00000001 38000180 08000100 636d7000 2c000280 08000100 00000001 08000200 00000001 18000380 14000100
    73616c6c 79706f72 74300000 00000000 14000180 09000100 6d617371 00000000 04000280`);
  const chain = fromHex(`
    02000000 0e000100 73616c6c 79706f72 74000000 10000300 706f7374 726f7574 696e6700 08000700 6e617400
    08000500 00000001 14000480 08000100 00000004 08000200 00000064`);
  const wanted = { table: 'sallyport', pools: ['10.99.0.0/23'], device: 'sallyport0' };

  it('are byte for byte those of nft for the masquerade rule', () => {
    assert.equal(toHex(masqueradeRequests(wanted)[2]!.payload), toHex(rule));
  });

  it('are byte for byte those of nft for the chain', () => {
    assert.equal(toHex(masqueradeRequests(wanted)[1]!.payload), toHex(chain));
  });

  it('read a rule back, and keep expressions that are not known', () => {
    const { expressions = [] } = decodeAttributes(ruleAttributes, rule.subarray(NETFILTER_HEADER_BYTES));
    assert.deepEqual(
      expressions.map(({ name }) => name),
      ['payload', 'bitwise', 'cmp', 'meta', 'cmp', 'masq'],
    );
    const odd = { name: 'unknown', kernelName: 'counter', data: Uint8Array.of(4, 0, 1, 0) } as const;
    const bytes = encodeAttributes(ruleAttributes, { table: 't', expressions: [odd] });
    assert.deepEqual(decodeAttributes(ruleAttributes, bytes).expressions, [odd]);
  });

  it('refuse a pool that is no IPv4 prefix', () => {
    assert.throws(() => masqueradeRequests({ ...wanted, pools: ['10.99.0.0/33'] }), RangeError);
    assert.throws(() => masqueradeRequests({ ...wanted, pools: ['2001:db8::/64'] }), RangeError);
  });

  it('carry a comment', () => {
    assert.equal(readComment(commentUserData('sallyport sallyport0')), 'sallyport sallyport0');
    assert.equal(readComment(Uint8Array.of(0, 9, 1)), undefined);
  });
});
