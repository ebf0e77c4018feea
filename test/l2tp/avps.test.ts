import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { nodeCrypto } from '../../src/crypto/node/index.ts';
import {
  type AvpName,
  avps,
  decodeMessage,
  encodeMessage,
  hide,
  type MessageBody,
  type MessageName,
  MessageType,
  messages,
  unhide,
} from '../../src/l2tp/index.ts';
import { concat, fromHex, Malformed, Reader, sameBytes, Truncated, toHex, utf8, Writer } from '../../src/wire/index.ts';
import { seededEnvironment } from '../sim/random.ts';
import { rawAvp } from './rawAvp.ts';

const SEED = { seed: 26_61 };
const u16 = fc.integer({ min: 0, max: 0xffff });
const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const record = <T>(fields: { [K in keyof T]: fc.Arbitrary<T[K]> }) => fc.record(fields, { noNullPrototype: true });
const octets = fc.uint8Array({ minLength: 1, maxLength: 200 });
const text = fc.string({ minLength: 1, maxLength: 60 });
const counters = [
  'crcErrors',
  'framingErrors',
  'hardwareOverruns',
  'bufferOverruns',
  'timeoutErrors',
  'alignmentErrors',
];

/** Values of the AVPs that are not told by their kind. */
const special: Partial<Record<AvpName, fc.Arbitrary<unknown>>> = {
  resultCode: fc.oneof(
    record({ result: u16 }),
    record({ result: u16, error: u16 }),
    record({ result: u16, error: u16, message: text }),
  ),
  protocolVersion: record({ version: fc.nat(255), revision: fc.nat(255) }),
  q931CauseCode: record({ cause: u16, message: fc.nat(255), advisory: fc.string({ maxLength: 40 }) }),
  callErrors: record(Object.fromEntries([['reserved', fc.constant(0)], ...counters.map((name) => [name, u32])])),
  accm: record({ reserved: fc.constant(0), send: u32, receive: u32 }),
  sequencingRequired: fc.constant(true),
  tieBreaker: fc.uint8Array({ minLength: 8, maxLength: 8 }),
  challengeResponse: fc.uint8Array({ minLength: 16, maxLength: 16 }),
};

/** The kind of a plain value, found by what the codec makes of bytes. */
function valuesOf(name: AvpName): fc.Arbitrary<unknown> {
  const given = special[name];
  if (given !== undefined) return given;
  const from = new Reader(Uint8Array.of(0x41, 0x42, 0x43, 0x44));
  const value = avps[name].codec.read(from);
  if (typeof value === 'string') return text;
  if (value instanceof Uint8Array) return octets;
  return from.left === 2 ? u16 : u32;
}

const names = Object.keys(avps) as AvpName[];
const messageNames = Object.keys(messages) as MessageName[];
const withoutUndefined = (record: object) =>
  Object.fromEntries(Object.entries(record).filter(([, v]) => v !== undefined));

/** Any message with all that it requires and some of what it allows. */
const anyMessage: fc.Arbitrary<[MessageName, MessageBody<MessageName>]> = fc
  .constantFrom(...messageNames)
  .chain((name) => {
    const { requires, allows } = messages[name];
    const fields: Record<string, fc.Arbitrary<unknown>> = {};
    for (const avp of requires) fields[avp] = valuesOf(avp);
    for (const avp of allows) fields[avp] = fc.option(valuesOf(avp), { nil: undefined });
    return record(fields).map((body) => [name, withoutUndefined(body) as MessageBody<MessageName>]);
  });

test('every AVP reads back what it wrote, and truncations only give Truncated or Malformed', () => {
  for (const name of names) {
    const { codec } = avps[name] as { codec: { read(from: Reader): unknown; write(to: Writer, value: unknown): void } };
    fc.assert(
      fc.property(valuesOf(name), (value) => {
        const to = new Writer();
        codec.write(to, value);
        const bytes = to.finish();
        assert.deepEqual(codec.read(new Reader(bytes)), value, name);
        for (let length = 0; length < bytes.length; length++) {
          try {
            codec.read(new Reader(bytes.subarray(0, length)));
          } catch (error) {
            assert.ok(error instanceof Malformed, name);
          }
        }
      }),
      { ...SEED, numRuns: 20 },
    );
  }
});

test('attribute types are unique, and the AVP and message tables say the same (RFC 2661 §4.4 and §6)', () => {
  assert.equal(new Set(names.map((name) => avps[name].type)).size, names.length);
  assert.equal(names.length, 39);
  for (const message of messageNames) {
    for (const name of [...messages[message].requires, ...messages[message].allows]) {
      const { in: used } = avps[name];
      assert.ok(used !== 'all' && (used as readonly string[]).includes(message), `${name} in ${message}`);
    }
  }
  for (const name of names) {
    const { in: used } = avps[name];
    for (const message of used === 'all' ? [] : used) {
      const { requires, allows } = messages[message];
      assert.ok(([...requires, ...allows] as string[]).includes(name), `${name} in ${message}`);
    }
  }
});

test('every message reads back what it wrote, in the clear and hidden', () => {
  const hiding = { crypto: nodeCrypto, secret: utf8('tunnel secret'), ...seededEnvironment(5) };
  fc.assert(
    fc.property(anyMessage, fc.boolean(), ([name, body], hidden) => {
      const bytes = encodeMessage(name, body, hidden ? hiding : undefined);
      const { avps: read, faults, name: readName } = decodeMessage(bytes, hiding);
      assert.equal(readName, name);
      assert.deepEqual(faults, []);
      const { messageType, randomVector, ...rest } = read;
      assert.equal(messageType, MessageType[name]);
      assert.deepEqual(rest, body);
      const couldHide = Object.keys(body).some((avp) => avps[avp as AvpName].hideable);
      assert.equal(randomVector !== undefined, hidden && couldHide);
    }),
    { ...SEED, numRuns: 300 },
  );
});

test('truncated messages and random bytes give Malformed and nothing else', () => {
  fc.assert(
    fc.property(anyMessage, ([name, body]) => {
      const bytes = encodeMessage(name, body);
      for (let length = 0; length < bytes.length; length++) {
        try {
          decodeMessage(bytes.subarray(0, length));
        } catch (error) {
          assert.ok(error instanceof Malformed);
        }
      }
    }),
    { ...SEED, numRuns: 40 },
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      try {
        decodeMessage(bytes, { crypto: nodeCrypto, secret: utf8('s') });
      } catch (error) {
        assert.ok(error instanceof Malformed);
      }
    }),
    { ...SEED, numRuns: 500 },
  );
});

const hello = rawAvp(0x8000, 0, 0, Uint8Array.of(0, 6));

test('unknown, reserved-bit and vendor AVPs are listed as faults; the M bit is told', () => {
  const body = concat(
    hello,
    rawAvp(0x8000, 0, 20, utf8('x')),
    rawAvp(0, 311, 1, utf8('y')),
    rawAvp(0x8400, 0, 7, utf8('host')),
  );
  const { faults, avps: read } = decodeMessage(body);
  assert.deepEqual(
    faults.map(({ kind, mandatory, vendor, attribute }) => [kind, mandatory, vendor, attribute]),
    [
      ['unknown', true, 0, 20],
      ['unknown', false, 311, 1],
      ['unknown', true, 0, 7],
    ],
  );
  assert.equal(read.hostName, undefined);
});

test('broken AVP lengths, a wrong first AVP and too many AVPs are malformed', () => {
  for (const bytes of [
    new Uint8Array(0),
    concat(hello, Uint8Array.of(0x80, 5, 0, 0, 0, 7)),
    concat(hello, Uint8Array.of(0x80, 0, 0, 0, 0, 7)),
    concat(hello, Uint8Array.of(0x83, 0xff, 0, 0, 0, 7)),
    rawAvp(0x8000, 0, 7, utf8('host')),
    rawAvp(0xc000, 0, 0, Uint8Array.of(0, 6)),
    concat(hello, ...Array(80).fill(rawAvp(0, 9, 9, new Uint8Array(0)))),
  ]) {
    assert.throws(() => decodeMessage(bytes), Malformed, toHex(bytes.subarray(0, 20)));
  }
});

test('a short value of a non-mandatory AVP is ignored (the example of RFC 2661 §7.1)', () => {
  const good = encodeMessage('ICCN', { txConnectSpeed: 1, framingType: 1 });
  const { faults, avps: read } = decodeMessage(concat(good, rawAvp(0, 0, 38, Uint8Array.of(0, 1))));
  assert.deepEqual(
    faults.map(({ kind, mandatory }) => [kind, mandatory]),
    [['malformed', false]],
  );
  assert.equal(read.rxConnectSpeed, undefined);
  assert.equal(read.txConnectSpeed, 1);
});

/** RFC 2661 §4.3 in its own terms, for values of up to 32 octets: b1 = MD5(AV + S + RV), c1 = p1 xor b1, … */
function hideByTheBook(attribute: number, value: Uint8Array, secret: Uint8Array, randomVector: Uint8Array): Uint8Array {
  const p = concat(Uint8Array.of(value.length >> 8, value.length & 255), value);
  const xor = (a: Uint8Array, b: Uint8Array) => a.map((octet, i) => octet ^ b[i]!);
  const b1 = nodeCrypto.hash('md5', concat(Uint8Array.of(attribute >> 8, attribute & 255), secret, randomVector));
  const c1 = xor(p.subarray(0, 16), b1);
  const b2 = nodeCrypto.hash('md5', concat(secret, c1));
  const c2 = xor(p.subarray(16, 32), b2);
  const b3 = nodeCrypto.hash('md5', concat(secret, c2));
  return concat(c1, c2, xor(p.subarray(32), b3));
}

test('hiding agrees with a plain transcription of RFC 2661 §4.3 and is undone', () => {
  fc.assert(
    fc.property(u16, fc.uint8Array({ maxLength: 40 }), octets, octets, (attribute, value, secret, vector) => {
      const hiding = { crypto: nodeCrypto, secret };
      const hidden = hide(attribute, value, hiding, vector, new Uint8Array(0));
      assert.equal(toHex(hidden), toHex(hideByTheBook(attribute, value, secret, vector)));
      const padded = hide(attribute, value, hiding, vector, Uint8Array.of(9, 9, 9));
      assert.ok(sameBytes(unhide(attribute, padded, hiding, vector), value));
    }),
    { ...SEED, numRuns: 200 },
  );
});

test('hidden AVPs: fixed bytes, a wrong secret, no secret, no Random Vector', () => {
  const secret = utf8('secret');
  const vector = fromHex('000102030405060708090a0b0c0d0e0f');
  const hiding = { crypto: nodeCrypto, secret };
  const hidden = hide(9, Uint8Array.of(0x12, 0x34), hiding, vector, new Uint8Array(0));
  const mask = nodeCrypto.hash('md5', fromHex('0009'), secret, vector);
  assert.equal(toHex(hidden), toHex(Uint8Array.of(0 ^ mask[0]!, 2 ^ mask[1]!, 0x12 ^ mask[2]!, 0x34 ^ mask[3]!)));
  assert.throws(() => unhide(9, Uint8Array.of(1), hiding, vector), Truncated);

  const sccrq = rawAvp(0x8000, 0, 0, Uint8Array.of(0, 1));
  const withVector = concat(sccrq, rawAvp(0x8000, 0, 36, vector), rawAvp(0xc000, 0, 9, hidden));
  assert.equal(decodeMessage(withVector, hiding).avps.assignedTunnelId, 0x1234);
  const kinds = (body: Uint8Array, using?: typeof hiding) =>
    decodeMessage(body, using)
      .faults.filter(({ attribute }) => attribute === 9)
      .map(({ kind }) => kind);
  assert.deepEqual(kinds(withVector), ['undecipherable', 'missing']);
  assert.deepEqual(kinds(concat(sccrq, rawAvp(0xc000, 0, 9, hidden)), hiding), ['undecipherable', 'missing']);
  assert.deepEqual(kinds(withVector, { crypto: nodeCrypto, secret: utf8('other') }), ['malformed', 'missing']);
});
