/** Published vectors of hashes, MACs and ciphers against the node:crypto provider. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HashName } from '../../src/crypto/index.ts';
import { nodeCrypto } from '../../src/crypto/node/index.ts';
import { fromHex, toHex, utf8 } from '../../src/wire/index.ts';

test('MD4: the test suite of RFC 1320 §A.5', () => {
  const suite: readonly (readonly [string, string])[] = [
    ['', '31d6cfe0d16ae931b73c59d7e0c089c0'],
    ['a', 'bde52cb31de33e46245e05fbdbd6fb24'],
    ['abc', 'a448017aaf21d8525fc10ae87aa6729d'],
    ['message digest', 'd9130a8164549fe818874806e1c7014b'],
    ['abcdefghijklmnopqrstuvwxyz', 'd79e1c308aa5bbcdeea8ed63df412da9'],
    ['ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789', '043f8582f241db351ce627e153e7f0e4'],
    ['1234567890'.repeat(8), 'e33b4ddc9c38f2199c3e7b164fcc0536'],
  ];
  for (const [text, digest] of suite) assert.equal(toHex(nodeCrypto.md4(utf8(text))), digest);
});

test('hashes of "abc": RFC 1321 §A.5 and FIPS 180-2 appendices A to D', () => {
  const digests: Readonly<Record<HashName, string>> = {
    md5: '900150983cd24fb0d6963f7d28e17f72',
    sha1: 'a9993e364706816aba3e25717850c26c9cd0d89d',
    sha256: 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
    sha384: 'cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7',
    sha512:
      'ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a' +
      '2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f',
  };
  for (const [name, digest] of Object.entries(digests)) {
    assert.equal(toHex(nodeCrypto.hash(name as HashName, utf8('a'), utf8('bc'))), digest, name);
  }
});

test('HMAC test case 2, "Jefe": RFC 2202 §2 and §3, RFC 4231 §4.3', () => {
  const macs: Readonly<Record<HashName, string>> = {
    md5: '750c783e6ab0b503eaa86e310a5db738',
    sha1: 'effcdf6ae5eb2fa2d27416d5f184df9c259a7c79',
    sha256: '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
    sha384: 'af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649',
    sha512:
      '164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554' +
      '9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737',
  };
  for (const [name, mac] of Object.entries(macs)) {
    const computed = nodeCrypto.hmac(name as HashName, utf8('Jefe'), utf8('what do ya want '), utf8('for nothing?'));
    assert.equal(toHex(computed), mac, name);
  }
});

test('AES-CBC: RFC 3602 §4 cases 1 and 2', () => {
  const cases = [
    {
      key: '06a9214036b8a15b512e03d534120006',
      iv: '3dafba429d9eb430b422da802c9fac41',
      plaintext: toHex(utf8('Single block msg')),
      ciphertext: 'e353779c1079aeb82708942dbe77181a',
    },
    {
      key: 'c286696d887c9aa0611bbb3e2025a45a',
      iv: '562e17996d093d28ddb3ba695a2e6f58',
      plaintext: '000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f',
      ciphertext: 'd296cd94c2cccf8a3a863028b5e1dc0a7586602d253cfff91b8266bea6d61ab1',
    },
  ];
  for (const { key, iv, plaintext, ciphertext } of cases) {
    const encrypted = nodeCrypto.cbcEncrypt('aes-cbc', fromHex(key), fromHex(iv), fromHex(plaintext));
    assert.equal(toHex(encrypted), ciphertext);
    assert.equal(toHex(nodeCrypto.cbcDecrypt('aes-cbc', fromHex(key), fromHex(iv), encrypted)), plaintext);
  }
});

test('AES-CBC with 192 and 256 bits: NIST SP 800-38A §F.2.3 and §F.2.5, first block', () => {
  const iv = fromHex('000102030405060708090a0b0c0d0e0f');
  const plaintext = fromHex('6bc1bee22e409f96e93d7e117393172a');
  const key192 = fromHex('8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b');
  const key256 = fromHex('603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4');
  assert.equal(toHex(nodeCrypto.cbcEncrypt('aes-cbc', key192, iv, plaintext)), '4f021db243bc633d7178183a9fa071e8');
  assert.equal(toHex(nodeCrypto.cbcEncrypt('aes-cbc', key256, iv, plaintext)), 'f58c4c04d6e5f1ba779eabfb5f7bfbd6');
});

test('3DES-CBC: NIST SP 800-67 §B.1, first block', () => {
  // The vector is of ECB; under an IV of zeros the first block of CBC is the same.
  const key = fromHex('0123456789abcdef23456789abcdef01456789abcdef0123');
  const encrypted = nodeCrypto.cbcEncrypt('3des-cbc', key, new Uint8Array(8), utf8('The qufc'));
  assert.equal(toHex(encrypted), 'a826fd8ce53b855f');
  assert.equal(toHex(nodeCrypto.cbcDecrypt('3des-cbc', key, new Uint8Array(8), encrypted)), toHex(utf8('The qufc')));
});

test('data that is no multiple of the block is refused, not padded', () => {
  assert.throws(() => nodeCrypto.cbcEncrypt('aes-cbc', new Uint8Array(16), new Uint8Array(16), new Uint8Array(15)));
  assert.throws(() => nodeCrypto.cbcDecrypt('aes-cbc', new Uint8Array(16), new Uint8Array(16), new Uint8Array(17)));
});

test('AES-GCM: test cases 4 and 16 of the GCM specification by McGrew and Viega', () => {
  const plaintext =
    'd9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72' +
    '1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39';
  const aad = fromHex('feedfacedeadbeeffeedfacedeadbeefabaddad2');
  const nonce = fromHex('cafebabefacedbaddecaf888');
  const half = 'feffe9928665731c6d6a8f9467308308';
  const cases = [
    {
      key: half,
      sealed:
        '42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e' +
        '21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e0915bc94fbc3221a5db94fae95ae7121a47',
    },
    {
      key: half + half,
      sealed:
        '522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa' +
        '8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f66276fc6ece0f4e1768cddf8853bb2d551b',
    },
  ];
  for (const { key, sealed } of cases) {
    const computed = nodeCrypto.gcmSeal(fromHex(key), nonce, aad, fromHex(plaintext));
    assert.equal(toHex(computed), sealed);
    assert.equal(toHex(nodeCrypto.gcmOpen(fromHex(key), nonce, aad, computed)!), plaintext);
    for (const bit of [0, 100, 8 * computed.length - 1]) {
      const altered = computed.slice();
      altered[bit >> 3]! ^= 1 << (bit & 7);
      assert.equal(nodeCrypto.gcmOpen(fromHex(key), nonce, aad, altered), undefined);
    }
    assert.equal(nodeCrypto.gcmOpen(fromHex(key), nonce, aad, computed.subarray(0, 15)), undefined);
  }
});

test('equal is false for different lengths and different bytes', () => {
  assert.equal(nodeCrypto.equal(Uint8Array.of(1, 2), Uint8Array.of(1, 2)), true);
  assert.equal(nodeCrypto.equal(Uint8Array.of(1, 2), Uint8Array.of(1, 3)), false);
  assert.equal(nodeCrypto.equal(Uint8Array.of(1, 2), Uint8Array.of(1)), false);
});

test('no Buffer leaves the provider', () => {
  const key = new Uint8Array(16);
  const results = [
    nodeCrypto.hash('sha1', key),
    nodeCrypto.hmac('sha1', key, key),
    nodeCrypto.cbcEncrypt('aes-cbc', key, key, key),
    nodeCrypto.cbcDecrypt('aes-cbc', key, key, key),
    nodeCrypto.gcmSeal(key, new Uint8Array(12), key, key),
    nodeCrypto.md4(key),
    nodeCrypto.desBlock(new Uint8Array(7), new Uint8Array(8)),
  ];
  for (const result of results) assert.equal(Object.getPrototypeOf(result), Uint8Array.prototype);
});
