/** Frames, packets and option lists. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  decodeFrame,
  encodeFrame,
  headerLengthOf,
  NO_PROTOCOL,
  Protocol,
  protocolOf,
  readProtocol,
} from '../../src/ppp/frame.ts';
import { accm } from '../../src/ppp/options/accm.ts';
import { authenticationProtocol } from '../../src/ppp/options/authenticationProtocol.ts';
import { addressControlFieldCompression, protocolFieldCompression } from '../../src/ppp/options/fieldCompression.ts';
import { ipAddress } from '../../src/ppp/options/ipAddress.ts';
import { magicNumber } from '../../src/ppp/options/magicNumber.ts';
import { mru } from '../../src/ppp/options/mru.ts';
import { dns1, nbns2 } from '../../src/ppp/options/nameServers.ts';
import type { AnyOption } from '../../src/ppp/options/option.ts';
import { decodeOptions, decodePacket, encodeOptions, encodePacket } from '../../src/ppp/packet.ts';
import { packetText } from '../../src/ppp/packetText.ts';
import { fromHex, Malformed, Reader, Truncated, toHex, utf8, Writer } from '../../src/wire/index.ts';

fc.configureGlobal({ seed: 1661 });

test('all four forms of a frame are read, negotiated or not', () => {
  const forms: [string, number, number][] = [
    ['ff03c021 01', Protocol.LCP, 4],
    ['c021 01', Protocol.LCP, 2],
    ['ff030021 45', Protocol.IPv4, 4],
    ['0021 45', Protocol.IPv4, 2],
    ['ff0321 45', Protocol.IPv4, 3],
    ['21 45', Protocol.IPv4, 1],
  ];
  for (const [hex, protocol, header] of forms) {
    const read = readProtocol(fromHex(hex), 0, fromHex(hex).length);
    assert.deepEqual([protocolOf(read), headerLengthOf(read)], [protocol, header], hex);
  }
  for (const hex of ['', 'ff03', 'c0', 'c020', '0020', 'ff03c0', 'ff0300']) {
    assert.equal(readProtocol(fromHex(hex), 0, fromHex(hex).length), NO_PROTOCOL, hex);
  }
  const inside = fromHex('aaaa ff03 0021 45 bb');
  assert.equal(headerLengthOf(readProtocol(inside, 2, 7)), 4);
  assert.equal(readProtocol(inside, 2, 5), NO_PROTOCOL, 'the end is respected');
});

test('a frame reads back as it was written', () => {
  const odd = fc.integer({ min: 0, max: 0x7f7f }).map((n) => ((n & 0x7f00) << 1) | ((n & 0x7f) << 1) | 1);
  fc.assert(
    fc.property(odd, fc.uint8Array({ maxLength: 40 }), (protocol, information) => {
      const frame = decodeFrame(encodeFrame({ protocol, information }))!;
      assert.equal(frame.protocol, protocol);
      assert.deepEqual(frame.information, information);
    }),
  );
});

test('a packet reads back, padding is ignored, truncation is told', () => {
  const byte = fc.integer({ min: 0, max: 255 });
  fc.assert(
    fc.property(
      byte,
      byte,
      fc.uint8Array({ maxLength: 60 }),
      fc.uint8Array({ maxLength: 9 }),
      (code, identifier, data, pad) => {
        const bytes = encodePacket({ code, identifier, data });
        const padded = new Uint8Array([...bytes, ...pad]);
        assert.deepEqual(decodePacket(padded), { code, identifier, data });
        for (let n = 0; n < bytes.length; n++) assert.throws(() => decodePacket(bytes.subarray(0, n)), Truncated);
      },
    ),
    { numRuns: 50 },
  );
  assert.throws(() => decodePacket(fromHex('01 01 0003')), Malformed);
});

test('an option list reads back; a length below 2 never loops', () => {
  const option = fc
    .tuple(fc.integer({ min: 0, max: 255 }), fc.uint8Array({ maxLength: 253 }))
    .map(([type, data]) => ({ type, data }));
  fc.assert(
    fc.property(fc.array(option, { maxLength: 12 }), (options) => {
      assert.deepEqual(decodeOptions(encodeOptions(options)), options);
    }),
  );
  for (const hex of ['0100', '0101', '01040578 0300', '0106', '01']) {
    assert.throws(() => decodeOptions(fromHex(hex)), Malformed, hex);
  }
});

test('each option has the RFC’s bytes, both ways', () => {
  // RFC 1661 §6, RFC 1994 §3, RFC 2759 §2, RFC 1332 §3.3, RFC 1877.
  const md5 = { protocol: Protocol.CHAP, parameter: Uint8Array.of(5) };
  const cases: [AnyOption<never>, unknown, string][] = [
    [mru, 1400, '01040578'],
    [accm, 0, '020600000000'],
    [authenticationProtocol, { protocol: Protocol.PAP, parameter: new Uint8Array(0) }, '0304c023'],
    [authenticationProtocol, md5, '0305c22305'],
    [authenticationProtocol, { protocol: Protocol.CHAP, parameter: Uint8Array.of(0x81) }, '0305c22381'],
    [magicNumber, 0x01020304, '050601020304'],
    [protocolFieldCompression, true, '0702'],
    [addressControlFieldCompression, true, '0802'],
    [ipAddress, '10.9.0.77', '03060a09004d'],
    [dns1, '9.9.9.9', '810609090909'],
    [nbns2, '10.0.0.2', '84060a000002'],
  ];
  for (const [option, value, hex] of cases) {
    const to = new Writer();
    option.codec.write(to, value);
    assert.equal(toHex(encodeOptions([{ type: option.type, data: to.finish() }])), hex, option.name);
    assert.deepEqual(option.codec.read(new Reader(fromHex(hex).subarray(2))), value, option.name);
  }
});

test('packets in one line, without secrets', () => {
  const lcp = (code: number, hex: string) => packetText(Protocol.LCP, { code, identifier: 1, data: fromHex(hex) });
  assert.equal(lcp(1, '01040578 050601020304 0305c22381'), 'LCP ConfReq id=1 mru=1400 magic auth=ms-chap-v2');
  assert.equal(lcp(4, '0d0306 1104064e 1702abcd'.slice(0, 15)), 'LCP ConfRej id=1 callback mrru');
  assert.equal(lcp(1, '0104'), 'LCP ConfReq id=1 malformed');
  assert.equal(lcp(8, '8057 01010004'), 'LCP ProtRej id=1 IPV6CP');
  const pap = { code: 1, identifier: 9, data: new Uint8Array([4, ...utf8('User'), 10, ...utf8('clientPass')]) };
  assert.equal(packetText(Protocol.PAP, pap), 'PAP AuthReq id=9 user="User"');
  const success = { code: 3, identifier: 2, data: utf8(`S=${'AB'.repeat(20)} M=Hello`) };
  assert.equal(packetText(Protocol.CHAP, success), 'CHAP Success id=2 "S=… M=Hello"');
});
