/** Lines of Wireshark's ESP table, in the words that Wireshark 4.0 reads. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { espSaLine } from '../../src/esp/index.ts';
import { keysFor, suites } from './fixtures.ts';

const ends = { source: '192.0.2.1', destination: '198.51.100.2', spi: 0x0000c0de };

test('AES-CBC with HMAC', () => {
  const keys = { encryption: new Uint8Array(16).fill(0x11), integrity: new Uint8Array(20).fill(0x22) };
  const suite = { encryption: 'aes-cbc', keyBits: 128, integrity: 'hmac-sha1-96' } as const;
  assert.equal(
    espSaLine({ ...ends, suite, keys }),
    `"IPv4","192.0.2.1","198.51.100.2","0x0000c0de","AES-CBC [RFC3602]","0x${'11'.repeat(16)}",` +
      `"HMAC-SHA-1-96 [RFC2404]","0x${'22'.repeat(20)}"`,
  );
});

test('AES-GCM: the salt stands behind the key, and there is no integrity', () => {
  const keys = { encryption: new Uint8Array(36).fill(0x33), integrity: new Uint8Array(0) };
  assert.equal(
    espSaLine({ source: '2001:db8::1', destination: '2001:db8::2', spi: 0xffffffff, suite: gcm, keys }),
    `"IPv6","2001:db8::1","2001:db8::2","0xffffffff","AES-GCM with 16 octet ICV [RFC4106]",` +
      `"0x${'33'.repeat(36)}","NULL",""`,
  );
});

test('SHA2-256 truncated to 96 bits has a name of its own', () => {
  const suite = { encryption: 'aes-cbc', keyBits: 256, integrity: 'hmac-sha2-256-128' } as const;
  const sa = { ...ends, suite, keys: keysFor(suite) };
  assert.match(espSaLine(sa), /"HMAC-SHA-256-128 \[RFC4868\]"/);
  assert.match(espSaLine({ ...sa, icvBytes: 12 }), /"HMAC-SHA-256-96 \[draft-ietf-ipsec-ciph-sha-256-00\]"/);
});

test('every suite makes eight quoted fields', () => {
  for (const suite of suites) {
    assert.match(espSaLine({ ...ends, suite, keys: keysFor(suite) }), /^"[^"]*"(,"[^"]*"){7}$/);
  }
});

const gcm = { encryption: 'aes-gcm-16', keyBits: 256 } as const;
