import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  dataHeaderBytes,
  encodeData,
  isControl,
  newDataHeader,
  readControlMessage,
  readDataHeader,
  readMessage,
  writeControlMessage,
  writeDataHeader,
  writeMessage,
} from '../../src/l2tp/index.ts';
import { fromHex, Malformed, Truncated, toHex } from '../../src/wire/index.ts';

const SEED = { seed: 31_93 };
const u16 = fc.integer({ min: 0, max: 0xffff });
const frame = fc.uint8Array({ maxLength: 64 });
const optional = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });

const dataMessage = fc
  .record({
    tunnel: u16,
    session: u16,
    ns: optional(u16),
    length: fc.boolean(),
    offset: optional(fc.nat(20)),
    priority: fc.boolean(),
    frame,
  })
  .map(({ ns, offset, ...rest }) => ({
    ...rest,
    ...(ns === undefined ? {} : { ns }),
    ...(offset === undefined ? {} : { offset }),
  }));

test('the ZLB of RFC 2661 appendix B.1, bit by bit (figure 3.1)', () => {
  const zlb = writeControlMessage({ tunnel: 0x1234, session: 0, ns: 1, nr: 2, body: new Uint8Array(0) });
  assert.equal(toHex(zlb), 'c802000c1234000000010002');
  assert.ok(isControl(zlb));
  assert.deepEqual(readControlMessage(zlb), { tunnel: 0x1234, session: 0, ns: 1, nr: 2, body: new Uint8Array(0) });
});

test('data and control messages read back what was written', () => {
  fc.assert(
    fc.property(dataMessage, (message) => {
      const read = readMessage(encodeData(message));
      assert.equal(read.control, false);
      assert.deepEqual(
        [read.tunnel, read.session, read.ns, read.offset, read.priority, toHex(read.payload)],
        [message.tunnel, message.session, message.ns, message.offset, message.priority, toHex(message.frame)],
      );
      assert.equal(read.length !== undefined, message.length);
      assert.deepEqual(writeMessage(read), encodeData(message));
    }),
    SEED,
  );
  fc.assert(
    fc.property(u16, u16, u16, u16, frame, (tunnel, session, ns, nr, body) => {
      const message = { tunnel, session, ns, nr, body };
      assert.deepEqual(readControlMessage(writeControlMessage(message)), message);
    }),
    SEED,
  );
});

test('the fast reader and the declarative reader agree on any bytes', () => {
  const header = newDataHeader();
  const agree = (bytes: Uint8Array) => {
    const buffer = new Uint8Array(bytes.length + 8).fill(0xee);
    buffer.set(bytes, 5);
    const fast = readDataHeader(buffer, 5, 5 + bytes.length, header);
    let slow: ReturnType<typeof readMessage> | undefined;
    try {
      slow = readMessage(bytes);
    } catch (error) {
      assert.ok(error instanceof Malformed);
    }
    assert.equal(fast, slow !== undefined && !slow.control, toHex(bytes));
    if (!fast || slow === undefined) return;
    assert.deepEqual(
      [header.tunnel, header.session, header.ns, header.nr, header.priority],
      [slow.tunnel, slow.session, slow.ns ?? -1, slow.nr ?? -1, slow.priority],
    );
    assert.equal(toHex(buffer.subarray(header.frameStart, header.frameEnd)), toHex(slow.payload));
  };
  fc.assert(
    fc.property(dataMessage, fc.nat(30), (message, cut) => {
      const bytes = encodeData(message);
      agree(bytes);
      agree(bytes.subarray(0, Math.max(0, bytes.length - cut)));
    }),
    SEED,
  );
  fc.assert(
    fc.property(
      fc.nat(0xff),
      fc.constantFrom(0x02, 0x02, 0x42, 0x03),
      fc.uint8Array({ maxLength: 40 }),
      (high, low, rest) => {
        agree(Uint8Array.of(high, low, ...rest));
      },
    ),
    { ...SEED, numRuns: 1_000 },
  );
});

test('the fast writer and the declarative writer agree', () => {
  fc.assert(
    fc.property(u16, u16, optional(u16), fc.boolean(), frame, (tunnel, session, ns, length, payload) => {
      const buffer = new Uint8Array(20).fill(0xee);
      const written = writeDataHeader(buffer, 3, tunnel, session, ns ?? -1, length ? payload.length : -1);
      const slow = encodeData({ tunnel, session, length, frame: payload, ...(ns === undefined ? {} : { ns }) });
      assert.equal(written, dataHeaderBytes(ns !== undefined, length));
      assert.equal(toHex(buffer.subarray(3, 3 + written)), toHex(slow.subarray(0, written)));
      assert.equal(slow.length, written + payload.length);
      assert.equal(buffer[2]! + buffer[3 + written]!, 2 * 0xee);
    }),
    SEED,
  );
});

test('control headers that must be discarded', () => {
  const bad = [
    '4802000c1234000000010002',
    '8802123400000001000200000000',
    'c002000c123400000001',
    'ca02000e12340000000100020000',
    'c801000c1234000000010002',
    'c803000c1234000000010002',
    'c802000b1234000000010002',
    'c802000d1234000000010002',
    '',
  ];
  for (const hex of bad) assert.throws(() => readControlMessage(fromHex(hex)), Malformed, hex);
  assert.throws(() => readControlMessage(fromHex('c802000c12340000000100')), Truncated);
  // Reserved bits are ignored, and so is what stands behind the length.
  assert.equal(readControlMessage(fromHex('fcf2000c1234000000010002ffff')).nr, 2);
});
