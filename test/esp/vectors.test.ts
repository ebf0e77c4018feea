/** The published packets are sealed and opened, bit for bit. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nodeCrypto } from '../../src/crypto/node/index.ts';
import { type EspSuite, espGeometry, RandomPool } from '../../src/esp/index.ts';
import { concat, fromHex, sameBytes, toHex } from '../../src/wire/index.ts';
import { inbound, newCipher, outbound } from './fixtures.ts';
import { cbcCases, chachaCases, gcmCases } from './publishedPackets.ts';

for (const { name, key, packet, payload, nextHeader } of cbcCases) {
  test(`RFC 3602 §4 ${name}`, () => {
    const suite: EspSuite = { encryption: 'aes-cbc', keyBits: 128, integrity: 'hmac-sha1-96' };
    const keys = { encryption: fromHex(key), integrity: new Uint8Array(20).fill(0x0b) };
    const covered = fromHex(packet);
    const wire = concat(covered, nodeCrypto.hmac('sha1', keys.integrity, covered).subarray(0, 12));
    const spi = new DataView(covered.buffer).getUint32(0);
    const sequence = new DataView(covered.buffer).getUint32(4);

    const random = new RandomPool({ random: () => covered.slice(8, 24) }, 16);
    const sender = outbound(suite, { spi, keys, sequence: sequence - 1, random });
    const out = new Uint8Array(256);
    const plain = fromHex(payload);
    const length = sender.seal(nextHeader, plain, 0, plain.length, out, 0);
    assert.equal(toHex(out.subarray(0, length)), toHex(wire));

    const receiver = inbound(suite, { spi, keys });
    assert.equal(receiver.open(wire, 0, wire.length, out, 0), plain.length);
    assert.equal(toHex(out.subarray(0, plain.length)), payload);
    assert.equal(receiver.nextHeader, nextHeader);
    assert.equal(receiver.sequence, sequence);
  });
}

const aeadCases = [
  ...gcmCases.map((packet) => ({
    ...packet,
    source: 'draft-mcgrew-gcm-test-01 §4',
    encryption: 'aes-gcm-16' as const,
  })),
  ...chachaCases.map((packet) => ({ ...packet, source: 'RFC 7634 A', encryption: 'chacha20-poly1305' as const })),
];

for (const [i, { source, encryption, key, nonce, header, plaintext, sealed }] of aeadCases.entries()) {
  test(`${source}, case ${i + 1} of those taken`, () => {
    const suite: EspSuite = { encryption, keyBits: key.length * 4 };
    const keys = { encryption: fromHex(key + nonce.slice(0, 8)), integrity: new Uint8Array(0) };
    const wire = fromHex(header + nonce.slice(8) + sealed);
    const bare = fromHex(plaintext);
    const padding = bare.at(-2)!;
    const payload = bare.subarray(0, bare.length - 2 - padding);

    const cipher = newCipher(suite, keys, espGeometry(suite));
    const packet = new Uint8Array(wire.length);
    packet.set(fromHex(header + nonce.slice(8) + plaintext));
    cipher.seal(packet, 0, wire.length - 16);
    assert.equal(toHex(packet), toHex(wire));

    const receiver = inbound(suite, { spi: Number.parseInt(header.slice(0, 8), 16), keys });
    const out = new Uint8Array(256);
    assert.equal(receiver.open(wire, 0, wire.length, out, 0), payload.length);
    assert.ok(sameBytes(out.subarray(0, payload.length), payload));
    assert.equal(receiver.nextHeader, bare.at(-1));
  });
}
