import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import fc from 'fast-check';
import { type EspSuite, suiteName } from '../../src/esp/index.ts';
import { outerPacketBytes, planMtu, type TunnelShape } from '../../src/net/index.ts';

const suites: readonly EspSuite[] = [
  { encryption: 'aes-cbc', keyBits: 128, integrity: 'hmac-sha1-96' },
  { encryption: 'aes-cbc', keyBits: 256, integrity: 'hmac-sha2-256-128' },
  { encryption: 'aes-cbc', keyBits: 256, integrity: 'hmac-sha2-384-192' },
  { encryption: 'aes-cbc', keyBits: 256, integrity: 'hmac-sha2-512-256' },
  { encryption: 'aes-gcm-16', keyBits: 256 },
  { encryption: '3des-cbc', keyBits: 192, integrity: 'hmac-md5-96' },
];

const documented: readonly EspSuite[] = [
  ...suites,
  { encryption: 'aes-gcm-16', keyBits: 256 },
  { encryption: 'aes-cbc', keyBits: 256, integrity: 'hmac-sha1-96' },
  { encryption: '3des-cbc', keyBits: 192, integrity: 'hmac-sha1-96' },
];

const plain: TunnelShape = {
  outerFamily: 4,
  pathMtu: 1500,
  lengthBit: true,
  sequencing: false,
  addressControl: true,
  compressProtocol: false,
};
const protectedBy = (suite: EspSuite): TunnelShape => ({ ...plain, esp: { suite, udpEncapsulation: true } });

test('the plan of a tunnel without IPsec is plain subtraction', () => {
  // 1500 - IP 20 - UDP 8 - L2TP 8 - PPP 4
  assert.deepEqual(planMtu(plain), { mtu: 1460, mss: 1420, overhead: 40 });
  assert.equal(planMtu({ ...plain, outerFamily: 6 }).mtu, 1440);
  assert.equal(planMtu({ ...plain, peerMru: 1400 }).mtu, 1400);
});

test('the plan of AES-CBC-256 with SHA-1 in UDP, by hand', () => {
  // 1500 - IP 20 - UDP 8 - ESP 8 - IV 16 - ICV 12 = 1436, in whole blocks 1424, less the trailer 1422,
  // less UDP 8, L2TP 8 and PPP 4: 1402
  assert.deepEqual(planMtu(protectedBy(suites[0]!)), { mtu: 1402, mss: 1362, overhead: 98 - 12 });
});

test('the plan of AES-GCM in UDP, by hand', () => {
  // 1500 - IP 20 - UDP 8 - ESP 8 - IV 8 - tag 16 = 1440, in whole words 1440, less trailer 2, UDP 8, L2TP 8, PPP 4
  assert.deepEqual(planMtu(protectedBy(suites[4]!)), { mtu: 1418, mss: 1378, overhead: 82 });
});

test('the planned packet fits and one byte more does not', () => {
  const shapes = fc.record({
    outerFamily: fc.constantFrom<4 | 6>(4, 6),
    pathMtu: fc.integer({ min: 576, max: 9000 }),
    esp: fc.record({ suite: fc.constantFrom(...suites), udpEncapsulation: fc.boolean() }),
    lengthBit: fc.boolean(),
    sequencing: fc.boolean(),
    addressControl: fc.boolean(),
    compressProtocol: fc.boolean(),
  });
  const property = fc.property(shapes, (shape) => {
    const { mtu, mss, overhead } = planMtu(shape);
    assert.ok(outerPacketBytes(shape, mtu) <= shape.pathMtu);
    assert.ok(outerPacketBytes(shape, mtu + 1) > shape.pathMtu);
    assert.equal(outerPacketBytes(shape, mtu), mtu + overhead);
    assert.equal(mss, mtu - 40);
  });
  fc.assert(property, { seed: 4303 });
});

test('a path too small for anything gives no MTU', () => {
  assert.equal(planMtu({ ...protectedBy(suites[0]!), pathMtu: 68 }).mtu, 0);
  assert.equal(planMtu({ ...plain, pathMtu: 40 }).mss, 0);
});

test('the table of docs/data-plane.md is what the plan says', () => {
  const page = readFileSync(new URL('../../docs/data-plane.md', import.meta.url), 'utf8');
  const rows = [...page.matchAll(/^\| (\S+) ((?:\| \d+ \/ \d+ ){4})\|$/gm)];
  assert.equal(rows.length, 7);
  for (const [, name, cells] of rows) {
    const suite = documented.find((candidate) => suiteName(candidate) === name)!;
    const expected = ([4, 6] as const).flatMap((outerFamily) =>
      [true, false].map((udpEncapsulation) => {
        const { mtu, mss } = planMtu({ ...plain, outerFamily, esp: { suite, udpEncapsulation } });
        return `| ${mtu} / ${mss} `;
      }),
    );
    assert.equal(cells, expected.join(''), name);
  }
});
