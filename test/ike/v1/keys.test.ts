/** IKEv1 key material against published vectors, and against a slow twin written straight from RFC 2409. */

import assert from 'node:assert/strict';
import { createHash, createHmac } from 'node:crypto';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { nodeCrypto } from '../../../src/crypto/node/index.ts';
import {
  cipherKey,
  derivePhase1Keys,
  espKeyBytes,
  espKeys,
  hash1,
  hash2,
  hash3,
  hashI,
  hashR,
  keyMaterial,
  phase2Iv,
  skeyidForPreSharedKey,
  skeyidForSignatures,
} from '../../../src/ike/index.ts';
import { concat, fromHex, toHex, utf8 } from '../../../src/wire/index.ts';

const EMPTY = new Uint8Array(0);

// NIST CAVP, SP 800-135 component test vectors, ikev1.zip: digital signature authentication, SHA-1.
test('NIST CAVP vector: SKEYID for signatures, SKEYID_d, SKEYID_a and SKEYID_e', () => {
  const cookies = { initiator: fromHex('382e5c8b0a3fa307'), responder: fromHex('ba4b7616700a2413') };
  const nonces = { initiator: fromHex('ced5635da6796075'), responder: fromHex('6244b427712fb776') };
  const sharedSecret = fromHex(`
    2a2e0bbe8da3657a83f3d35826e49e2d38e557e912a1b9e6c30c63577b3eab715466202862027f2c26f3090743555579
    611771db0b92bef93834432a3a7762fc8a0f4889fd281d6082770d10a40d7bad61e832f041e620d6787e7f62ab2861dd
    fbe272e0d9d3cdec5f1bbf750e24b8b32d6d714968ad69ce5086c32ad2742ebc`);
  const skeyid = skeyidForSignatures(nodeCrypto, 'sha1', nonces, sharedSecret);
  assert.equal(toHex(skeyid), 'dc37ac99de6dcfbd1ee74af7fb36f9b4b0a7829d');
  const keys = derivePhase1Keys(nodeCrypto, {
    encryption: '3des-cbc',
    keyBits: 192,
    hash: 'sha1',
    skeyid,
    sharedSecret,
    cookies,
    publicValues: { initiator: EMPTY, responder: EMPTY },
  });
  assert.equal(toHex(keys.skeyidD), '486293ed547adb562cefdaf43d3d8457b196f2b6');
  assert.equal(toHex(keys.skeyidA), 'f4053b5ca07e59bb41b8f401037ca90b72b3917e');
  assert.equal(toHex(keys.skeyidE), '49a1d53a80fb77e663552964fbbcb45092021473');
});

// The example hashes that hashcat publishes for its modes 5300 and 5400 (IKE-PSK), whose pre-shared key is `hashcat`:
// g^xr, g^xi, CKY-R, CKY-I, SAi_b, IDir_b, Ni_b, Nr_b, HASH_R.
const ikePsk = {
  md5: `50503326cac6e4bd892b8257805b5a59a285f464ad3f63dc01bd0335f8341ef52e00be0b8cb205422a3788f021e4e6e8ccbe34784bc85a
    be42f62545bac64888426a2f1264fa28cf384ff00b14cfa5eff562dda4fad2a31fd7a6715218cff959916deed856feea5bee2e773241c5fbebf2
    02958f0ce0c432955e0f1f6d1259da:688a7bfa8d5819630a970ed6d27018021a15fbb3e2fdcc36ce9b563d8ff95f510c4b3236c014d1cde9c2f
    1a999b121bc3ab1bc8049c8ac1e8c167a84f53c867492723eb01ab4b38074b38f4297d6fea8f44e01ea828fce33c433430938b1551f60673ce80
    88e7d2f41e3b49315344046fefee1e3860064331417562761db3ba4:c66606d691eaade4:8bdc88a2cdb4a1cf:c3b13137fae9f66684d9870993
    9e5c3454ee31a98c80a1c76427d805b5dea866eff045515e8fb42dd259b9448caba9d937f4b3b75ec1b092a92232b4c8c1e70a60a52076e907f8
    87b731d0f66e19e09b535238169c74c04a4b393f9b815c54eef4558cd8a22c9018bb4f24ee6db0e32979f9a353361cdba948f9027551ee40b1c9
    6ba81c28aa3e1a0fac105dc469efa83f6d3ee281b945c6fa8b4677bac26dda:53f757c5b08afad6:aa02d9289e1702e5d7ed1e4ebf35ab31c268
    8e00:aab8580015cf545ac0b7291d15a4f2c79e06defd:944a0df3939f3bd281c9d05fbc0e3d30`,
  sha1: `266b43c54636c062b6696b71f24b30999c98bd4c3ba57e2de56a7ae50bb17ebcbca1abcd33e9ad466d4df6e6f2a407600f0c5a983f79d493
    b0a3694080a81143d4bac7a8b7b008ae5364a04688b3cfae44824885ca96ade1e395936567ecad519b502c3a786c72847f79c67b777feb8ba4f7
    47303eb985709e92b3a5634f6513:60f861c6209c9c996ac0dcb49d6f6809faaaf0e8eb8041fe603a918170a801e94ab8ab10c5906d850f4282c
    0668029fa69dbc8576f7d86633dc2b21f0d79aa06342b02a4d2732841cd3266b84a7eb49ac489b307ba55562a17741142bac7712025f0a8cad59
    b11f19d9b756ce998176fd6b063df556957b257b3645549a138c2:f4dd079ed2b60e77:f1f8da1f38f76923:fd862602549f6949b33870f186d9
    6cb8926a19d78442c02af823460740be719eba41a79388aeefb072e1ec7cb46b2f0b72e21fb30bd3a6568d2b041af7f9dc0c9cce27ed577e5aab
    b9ab6c405f1c4b189adbee8c9fb6abf4788b63a3ae05a02c192187b9d7246efe5e46db9b01bf8f4be05f7599ae52bf137743e41d90dceb85bd6a
    e07397dcc168bbc904adfebb08e6bc67e653edeee97a7e4ab9dab5e63fec:56e3f0d49ea70514:e754055008febe970053d795d26bfe609f42ed
    a8:0c3283efd6396e7a2ecb008e1933fccb694a4ac0:8f79167724f4bdb2d76ee5d5e502b665e3445ea6`,
} as const;

for (const hash of ['md5', 'sha1'] as const) {
  test(`hashcat's IKE-PSK example: SKEYID for a pre-shared key and HASH_R with ${hash}`, () => {
    const [gxr, gxi, ckyR, ckyI, saBody, idBody, ni, nr, expected] = ikePsk[hash]
      .split(':')
      .map(fromHex) as Uint8Array[];
    const nonces = { initiator: ni!, responder: nr! };
    const skeyid = skeyidForPreSharedKey(nodeCrypto, hash, utf8('hashcat'), nonces);
    const transcript = {
      cookies: { initiator: ckyI!, responder: ckyR! },
      publicValues: { initiator: gxi!, responder: gxr! },
      saBody: saBody!,
    };
    assert.equal(toHex(hashR(nodeCrypto, { hash, skeyid }, transcript, idBody!)), toHex(expected!));
  });
}

describe('a slow twin agrees', () => {
  type Hash = 'md5' | 'sha1' | 'sha256' | 'sha384' | 'sha512';
  const prf = (hash: Hash, key: string, message: string) =>
    createHmac(hash, Buffer.from(key, 'hex')).update(Buffer.from(message, 'hex')).digest('hex');
  const digest = (hash: Hash, message: string) => createHash(hash).update(Buffer.from(message, 'hex')).digest('hex');
  const hexOf = (bytes: number) => fc.uint8Array({ minLength: bytes, maxLength: bytes }).map(toHex);
  const input = fc.record({
    hash: fc.constantFrom<Hash>('md5', 'sha1', 'sha256', 'sha384', 'sha512'),
    psk: hexOf(20),
    ni: hexOf(32),
    nr: hexOf(20),
    ckyI: hexOf(8),
    ckyR: hexOf(8),
    gxi: hexOf(64),
    gxr: hexOf(64),
    gxy: hexOf(64),
    mid: fc.integer({ min: 1, max: 0xffffffff }),
    tail: hexOf(60),
    spi: fc.integer({ min: 256, max: 0xffffffff }),
  });
  const run = (check: (given: typeof input extends fc.Arbitrary<infer T> ? T : never) => void) =>
    fc.assert(fc.property(input, check), { seed: 5, numRuns: 60 });

  const derive = (v: Parameters<Parameters<typeof run>[0]>[0], encryption: 'aes-cbc' | '3des-cbc', keyBits: number) => {
    const nonces = { initiator: fromHex(v.ni), responder: fromHex(v.nr) };
    const skeyid = skeyidForPreSharedKey(nodeCrypto, v.hash, fromHex(v.psk), nonces);
    const cookies = { initiator: fromHex(v.ckyI), responder: fromHex(v.ckyR) };
    const publicValues = { initiator: fromHex(v.gxi), responder: fromHex(v.gxr) };
    const sharedSecret = fromHex(v.gxy);
    const keys = derivePhase1Keys(nodeCrypto, {
      encryption,
      keyBits,
      hash: v.hash,
      skeyid,
      sharedSecret,
      cookies,
      publicValues,
    });
    return { keys, nonces, cookies, publicValues };
  };

  test('on phase 1', () => {
    run((v) => {
      const { keys, cookies, publicValues } = derive(v, 'aes-cbc', 256);
      const skeyid = prf(v.hash, v.psk, v.ni + v.nr);
      const d = prf(v.hash, skeyid, `${v.gxy}${v.ckyI}${v.ckyR}00`);
      const a = prf(v.hash, skeyid, `${d}${v.gxy}${v.ckyI}${v.ckyR}01`);
      const e = prf(v.hash, skeyid, `${a}${v.gxy}${v.ckyI}${v.ckyR}02`);
      let ka = e;
      if (e.length < 64) {
        const k1 = prf(v.hash, e, '00');
        ka = k1 + prf(v.hash, e, k1);
      }
      assert.deepEqual([keys.skeyid, keys.skeyidD, keys.skeyidA, keys.skeyidE].map(toHex), [skeyid, d, a, e]);
      assert.equal(toHex(keys.cipher.key), ka.slice(0, 64));
      assert.equal(toHex(keys.phase1Iv), digest(v.hash, v.gxi + v.gxr).slice(0, 32));
      const transcript = { cookies, publicValues, saBody: fromHex(v.tail) };
      const expectedI = prf(v.hash, skeyid, v.gxi + v.gxr + v.ckyI + v.ckyR + v.tail + v.nr);
      const expectedR = prf(v.hash, skeyid, v.gxr + v.gxi + v.ckyR + v.ckyI + v.tail + v.nr);
      assert.equal(toHex(hashI(nodeCrypto, keys, transcript, fromHex(v.nr))), expectedI);
      assert.equal(toHex(hashR(nodeCrypto, keys, transcript, fromHex(v.nr))), expectedR);
    });
  });

  test('on Quick Mode: IV, HASH(1) to HASH(3), KEYMAT with and without PFS', () => {
    run((v) => {
      const { keys, nonces } = derive(v, '3des-cbc', 192);
      const a = toHex(keys.skeyidA);
      const d = toHex(keys.skeyidD);
      const mid = v.mid.toString(16).padStart(8, '0');
      const spi = v.spi.toString(16).padStart(8, '0');
      const lastBlock = v.gxy.slice(0, 16);
      assert.equal(
        toHex(phase2Iv(nodeCrypto, keys, fromHex(lastBlock), v.mid)),
        digest(v.hash, lastBlock + mid).slice(0, 16),
      );
      assert.equal(toHex(hash1(nodeCrypto, keys, v.mid, fromHex(v.tail))), prf(v.hash, a, mid + v.tail));
      const second = hash2(nodeCrypto, keys, v.mid, nonces.initiator, fromHex(v.tail));
      assert.equal(toHex(second), prf(v.hash, a, mid + v.ni + v.tail));
      assert.equal(toHex(hash3(nodeCrypto, keys, v.mid, nonces)), prf(v.hash, a, `00${mid}${v.ni}${v.nr}`));
      for (const secret of ['', v.gxy]) {
        const seed = `${secret}03${spi}${v.ni}${v.nr}`;
        let block = prf(v.hash, d, seed);
        let all = block;
        while (all.length < 256) {
          block = prf(v.hash, d, block + seed);
          all += block;
        }
        const sharedSecret = secret === '' ? {} : { sharedSecret: fromHex(secret) };
        const given = { protocol: 3, nonces, ...sharedSecret };
        assert.equal(toHex(keyMaterial(nodeCrypto, keys, given, fromHex(spi), 100)), all.slice(0, 200));
        const aes = espKeys(nodeCrypto, keys, given, v.spi, {
          encryption: 'aes-cbc',
          keyBits: 256,
          integrity: 'hmac-sha2-256-128',
        });
        assert.equal(toHex(aes.encryption), all.slice(0, 64));
        assert.equal(toHex(aes.integrity), all.slice(64, 128));
        const gcm = espKeys(nodeCrypto, keys, given, v.spi, { encryption: 'aes-gcm-16', keyBits: 128 });
        assert.equal(toHex(gcm.encryption), all.slice(0, 40));
        assert.equal(gcm.integrity.length, 0);
      }
    });
  });
});

test('a cipher key no longer than the PRF is cut from SKEYID_e, a longer one is expanded', () => {
  const skeyidE = new Uint8Array(20).fill(7);
  assert.deepEqual(cipherKey(nodeCrypto, 'sha1', skeyidE, 16), skeyidE.slice(0, 16));
  const k1 = nodeCrypto.hmac('sha1', skeyidE, Uint8Array.of(0));
  const k2 = nodeCrypto.hmac('sha1', skeyidE, k1);
  assert.deepEqual(cipherKey(nodeCrypto, 'sha1', skeyidE, 24), concat(k1, k2).slice(0, 24));
});

test('key bytes of the ESP suites', () => {
  assert.deepEqual(espKeyBytes({ encryption: '3des-cbc', keyBits: 192, integrity: 'hmac-md5-96' }), {
    encryption: 24,
    integrity: 16,
  });
  assert.deepEqual(espKeyBytes({ encryption: 'aes-cbc', keyBits: 128, integrity: 'hmac-sha1-96' }), {
    encryption: 16,
    integrity: 20,
  });
  assert.deepEqual(espKeyBytes({ encryption: 'aes-gcm-16', keyBits: 256 }), { encryption: 36, integrity: 0 });
});
