/** Overhead arithmetic against real packets, and names. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  espGeometry,
  espKeyBytes,
  espLength,
  largestEspPayload,
  largestPayload,
  suiteName,
} from '../../src/esp/index.ts';
import { outbound, sealed, suites } from './fixtures.ts';

test('espLength is the length of the packet that seal makes', () => {
  for (const suite of suites) {
    const sa = outbound(suite);
    for (let length = 0; length <= 40; length++) {
      assert.equal(sealed(sa, 17, new Uint8Array(length)).length, espLength(sa.geometry, length));
    }
  }
});

test('largestEspPayload fits, and one byte more does not', () => {
  for (const suite of suites) {
    const geometry = espGeometry(suite);
    for (let room = 100; room <= 1500; room += 7) {
      const payload = largestEspPayload(geometry, room);
      assert.ok(espLength(geometry, payload) <= room);
      assert.ok(espLength(geometry, payload + 1) > room);
    }
    assert.equal(largestEspPayload(geometry, 10), 0);
  }
});

test('on Ethernet: figures worked out by hand', () => {
  const path = { pathMtu: 1500, ipVersion: 4, udpEncapsulation: true } as const;
  // 1500 - 20 - 8 = 1472; less 8 + 8 + 16 = 1440, a multiple of 4; less the trailer
  assert.equal(largestPayload(espGeometry({ encryption: 'aes-gcm-16', keyBits: 256 }), path), 1438);
  // 1472 less 8 + 16 + 12 = 1436, of which 89 whole blocks are 1424
  const cbc = espGeometry({ encryption: 'aes-cbc', keyBits: 256, integrity: 'hmac-sha1-96' });
  assert.equal(largestPayload(cbc, path), 1422);
  assert.equal(largestPayload(cbc, { ...path, udpEncapsulation: false }), 1438);
  // 1500 - 40 - 8 - 36 = 1416, of which 88 blocks are 1408
  assert.equal(largestPayload(cbc, { ...path, ipVersion: 6 }), 1406);
  assert.equal(largestPayload(cbc, { ...path, pathMtu: 60 }), 0);
});

test('names and key lengths of suites', () => {
  assert.equal(suiteName({ encryption: 'aes-gcm-16', keyBits: 128 }), 'aes-gcm-16-128');
  assert.equal(
    suiteName({ encryption: 'aes-cbc', keyBits: 256, integrity: 'hmac-sha2-256-128' }),
    'aes-cbc-256/hmac-sha2-256-128',
  );
  assert.equal(suiteName({ encryption: '3des-cbc', keyBits: 192, integrity: 'hmac-md5-96' }), '3des-cbc/hmac-md5-96');
  assert.equal(new Set(suites.map(suiteName)).size, suites.length);

  assert.deepEqual(espKeyBytes({ encryption: 'aes-gcm-16', keyBits: 256 }), { encryption: 36, integrity: 0 });
  assert.deepEqual(espKeyBytes({ encryption: '3des-cbc', keyBits: 192, integrity: 'hmac-sha2-512-256' }), {
    encryption: 24,
    integrity: 64,
  });
});
