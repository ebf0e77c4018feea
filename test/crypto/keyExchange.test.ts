/** Key exchange: RFC 5903 §8 and RFC 7748 §6 vectors, ML-KEM against accumulated vectors, MODP groups against their defining formula, and what must be refused. */

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { ml_kem768 } from '@noble/post-quantum/ml-kem.js';
import type { GroupName, KemName } from '../../src/crypto/index.ts';
import { nodeKeyExchange } from '../../src/crypto/node/index.ts';
import { concat, fromHex, toHex } from '../../src/wire/index.ts';

const { generateKey, deriveSecret, encapsulate } = nodeKeyExchange;

// RFC 5903 §8.1, §8.2, §8.3
const ecpVectors = [
  {
    group: 'ecp256',
    i: 'c88f01f510d9ac3f70a292daa2316de544e9aab8afe84049c62a9c57862d1433',
    gi:
      'dad0b65394221cf9b051e1feca5787d098dfe637fc90b9ef945d0c3772581180' +
      '5271a0461cdb8252d61f1c456fa3e59ab1f45b33accf5f58389e0577b8990bb3',
    r: 'c6ef9c5d78ae012a011164acb397ce2088685d8f06bf9be0b283ab46476bee53',
    gr:
      'd12dfb5289c8d4f81208b70270398c342296970a0bccb74c736fc7554494bf63' +
      '56fbf3ca366cc23e8157854c13c58d6aac23f046ada30f8353e74f33039872ab',
    girx: 'd6840f6b42f6edafd13116e0e12565202fef8e9ece7dce03812464d04b9442de',
  },
  {
    group: 'ecp384',
    i: '099f3c7034d4a2c699884d73a375a67f7624ef7c6b3c0f160647b67414dce655e35b538041e649ee3faef896783ab194',
    gi:
      '667842d7d180ac2cde6f74f37551f55755c7645c20ef73e31634fe72b4c55ee6de3ac808acb4bdb4c88732aee95f41aa' +
      '9482ed1fc0eeb9cafc4984625ccfc23f65032149e0e144ada024181535a0f38eeb9fcff3c2c947dae69b4c634573a81c',
    r: '41cb0779b4bdb85d47846725fbec3c9430fab46cc8dc5060855cc9bda0aa2942e0308312916b8ed2960e4bd55a7448fc',
    gr:
      'e558dbef53eecde3d3fccfc1aea08a89a987475d12fd950d83cfa41732bc509d0d1ac43a0336def96fda41d0774a3571' +
      'dcfbec7aacf3196472169e838430367f66eebe3c6e70c416dd5f0c68759dd1fff83fa40142209dff5eaad96db9e6386c',
    girx: '11187331c279962d93d604243fd592cb9d0a926f422e47187521287e7156c5c4d603135569b9e9d09cf5d4a270f59746',
  },
  {
    group: 'ecp521',
    i:
      '0037ade9319a89f4dabdb3ef411aaccca5123c61acab57b5393dce47608172a0' +
      '95aa85a30fe1c2952c6771d937ba9777f5957b2639bab072462f68c27a57382d4a52',
    gi:
      '0015417e84dbf28c0ad3c278713349dc7df153c897a1891bd98bab4357c9ecbee1e3bf42e00b8e380aeae57c2d107564' +
      '941885942af5a7f4601723c4195d176ced3e' +
      '017cae20b6641d2eeb695786d8c946146239d099e18e1d5a514c739d7cb4a10ad8a788015ac405d7799dc75e7b7d5b6c' +
      'f2261a6a7f1507438bf01beb6ca3926f9582',
    r:
      '0145ba99a847af43793fdd0e872e7cdfa16be30fdc780f97bccc3f078380201e' +
      '9c677d600b343757a3bdbf2a3163e4c2f869cca7458aa4a4effc311f5cb151685eb9',
    gr:
      '00d0b3975ac4b799f5bea16d5e13e9af971d5e9b984c9f39728b5e5739735a219b97c356436adc6e95bb0352f6be64a6' +
      'c2912d4ef2d0433ced2b6171640012d9460f' +
      '015c68226383956e3bd066e797b623c27ce0eac2f551a10c2c724d9852077b87220b6536c5c408a1d2aebb8e86d678ae' +
      '49cb57091f4732296579ab44fcd17f0fc56a',
    girx:
      '01144c7d79ae6956bc8edb8e7c787c4521cb086fa64407f97894e5e6b2d79b04' +
      'd1427e73ca4baa240a34786859810c06b3c715a3a8cc3151f2bee417996d19f3ddea',
  },
] as const;

for (const { group, i, gi, r, gr, girx } of ecpVectors) {
  test(`${group}: RFC 5903 §8`, () => {
    assert.equal(toHex(deriveSecret(group, fromHex(i), fromHex(gr))!), girx);
    assert.equal(toHex(deriveSecret(group, fromHex(r), fromHex(gi))!), girx);
  });

  test(`${group}: points off the curve, of another length or at infinity are refused`, () => {
    const point = fromHex(gr);
    const offCurve = point.slice();
    offCurve[offCurve.length - 1]! ^= 1;
    const refused = [offCurve, point.subarray(1), concat(point, Uint8Array.of(0)), new Uint8Array(point.length)];
    refused.push(new Uint8Array(0), new Uint8Array(point.length).fill(0xff), concat(Uint8Array.of(4), point));
    for (const value of refused) assert.equal(deriveSecret(group, fromHex(i), value), undefined);
  });
}

// RFC 2409 §6.2 and RFC 3526 §2 to §5: 2^bits - 2^(bits-64) - 1 + 2^64 * ([2^(bits-130) pi] + offset)
const modpGroups: readonly (readonly [GroupName, bits: number, offset: bigint])[] = [
  ['modp1024', 1024, 129093n],
  ['modp1536', 1536, 741804n],
  ['modp2048', 2048, 124476n],
  ['modp3072', 3072, 1690314n],
  ['modp4096', 4096, 240904n],
];

for (const [group, bits, offset] of modpGroups) {
  test(`${group}: known answers from the group's formula, padding, and refused values`, () => {
    const n = BigInt(bits);
    const prime = 2n ** n - 2n ** (n - 64n) - 1n + 2n ** 64n * ((piTimes2ToThe(4096) >> (4096n - (n - 130n))) + offset);
    const bytes = bits / 8;
    const exponent = 0x10001n;
    const peer = 3n ** 50n;

    const secret = deriveSecret(group, toBytes(exponent, 3), toBytes(peer, bytes));
    assert.deepEqual(secret, toBytes(power(peer, exponent, prime), bytes));
    // 2^3 mod p is short: the secret is padded to the length of the prime all the same.
    assert.deepEqual(deriveSecret(group, Uint8Array.of(3), toBytes(2n, bytes)), toBytes(8n, bytes));

    const own = generateKey(group);
    assert.equal(own.publicValue.length, bytes);
    assert.deepEqual(deriveSecret(group, own.privateValue, toBytes(2n, bytes)), own.publicValue);

    for (const value of [0n, 1n, prime - 1n, prime, prime + 1n, 2n ** n - 1n]) {
      assert.equal(deriveSecret(group, own.privateValue, toBytes(value, bytes)), undefined, `${value}`);
    }
    assert.ok(deriveSecret(group, own.privateValue, toBytes(prime - 2n, bytes)));
    const short = own.publicValue.subarray(1);
    assert.equal(deriveSecret(group, own.privateValue, short), undefined);
    assert.equal(deriveSecret(group, own.privateValue, concat(Uint8Array.of(0), own.publicValue)), undefined);
    assert.equal(deriveSecret(group, own.privateValue, new Uint8Array(0)), undefined);
  });
}

// RFC 7748 §6.1 and §6.2
const montgomeryVectors = [
  {
    group: 'curve25519',
    a: '77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a',
    publicA: '8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a',
    b: '5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb',
    publicB: 'de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f',
    secret: '4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742',
  },
  {
    group: 'curve448',
    a:
      '9a8f4925d1519f5775cf46b04b5800d4ee9ee8bae8bc5565d498c28d' +
      'd9c9baf574a9419744897391006382a6f127ab1d9ac2d8c0a598726b',
    publicA:
      '9b08f7cc31b7e3e67d22d5aea121074a273bd2b83de09c63faa73d2c' +
      '22c5d9bbc836647241d953d40c5b12da88120d53177f80e532c41fa0',
    b:
      '1c306a7ac2a0e2e0990b294470cba339e6453772b075811d8fad0d1d' +
      '6927c120bb5ee8972b0d3e21374c9c921b09d1b0366f10b65173992d',
    publicB:
      '3eb7a829b0cd20f5bcfc0b599b6feccf6da4627107bdb0d4f345b430' +
      '27d8b972fc3e34fb4232a13ca706dcb57aec3dae07bdc1c67bf33609',
    secret:
      '07fff4181ac6cc95ec1c16a94a0f74d12da232ce40a77552281d282b' +
      'b60c0b56fd2464c335543936521c24403085d59a449a5037514a879d',
  },
] as const;

for (const { group, a, publicA, b, publicB, secret } of montgomeryVectors) {
  test(`${group}: RFC 7748 §6, and points of small order and other lengths are refused`, () => {
    assert.equal(toHex(deriveSecret(group, fromHex(a), fromHex(publicB))!), secret);
    assert.equal(toHex(deriveSecret(group, fromHex(b), fromHex(publicA))!), secret);
    const length = publicA.length / 2;
    for (const value of [0, 1]) {
      const small = new Uint8Array(length);
      small[0] = value;
      assert.equal(deriveSecret(group, fromHex(a), small), undefined);
    }
    assert.equal(deriveSecret(group, fromHex(a), fromHex(publicB).subarray(1)), undefined);
    assert.equal(deriveSecret(group, fromHex(a), new Uint8Array(length + 1).fill(9)), undefined);
  });
}

// The accumulated vectors of C2SP CCTV in the form that Go's crypto/mlkem tests with 100 rounds: inputs come of SHAKE-128
// of nothing, and of all encapsulation keys, ciphertexts and secrets one SHAKE-128 is taken.
test('ML-KEM-768: the accumulated vectors', () => {
  const rounds = 100;
  const inputs = createHash('shake128', { outputLength: rounds * (64 + 32 + 1088) }).digest();
  let at = 0;
  const take = (length: number) => {
    at += length;
    return new Uint8Array(inputs.subarray(at - length, at));
  };
  const all = createHash('shake128', { outputLength: 32 });
  for (let i = 0; i < rounds; i++) {
    const { publicKey, secretKey } = ml_kem768.keygen(take(64));
    const { cipherText, sharedSecret } = ml_kem768.encapsulate(publicKey, take(32));
    if (i < 40) assert.deepEqual(deriveSecret('mlkem768', secretKey, cipherText), sharedSecret);
    all.update(publicKey).update(cipherText).update(sharedSecret);
    all.update(deriveSecret('mlkem768', secretKey, take(1088))!);
  }
  assert.equal(all.digest('hex'), '1114b1b6699ed191734fa339376afa7e285c9e6acf6ff0177d346696ce564415');
});

// FIPS 203 §8, table 3.
const kemSizes = { mlkem512: [800, 768], mlkem768: [1184, 1088], mlkem1024: [1568, 1568] } as const;

for (const [name, [keyBytes, ciphertextBytes]] of Object.entries(kemSizes)) {
  test(`${name}: the initiator's key, the responder's ciphertext, one secret; what is no key is refused`, () => {
    const kem = name as KemName;
    const own = generateKey(kem);
    assert.equal(own.publicValue.length, keyBytes);
    const { ciphertext, secret } = encapsulate(kem, own.publicValue)!;
    assert.equal(ciphertext.length, ciphertextBytes);
    assert.equal(secret.length, 32);
    assert.deepEqual(deriveSecret(kem, own.privateValue, ciphertext), secret);
    // A ciphertext for nobody gives a secret that nobody else has: FIPS 203 §6.3.
    const other = ciphertext.slice();
    other[7]! ^= 1;
    assert.notDeepEqual(deriveSecret(kem, own.privateValue, other), secret);
    assert.equal(deriveSecret(kem, own.privateValue, ciphertext.subarray(1)), undefined);
    assert.equal(encapsulate(kem, own.publicValue.subarray(1)), undefined);
    // Coefficients of 4095 are not below the modulus: FIPS 203 §7.2.
    assert.equal(encapsulate(kem, new Uint8Array(keyBytes).fill(0xff)), undefined);
  });
}

test('two ends agree in every group, on secrets of the group', () => {
  const lengths: Readonly<Record<Exclude<GroupName, KemName>, number>> = {
    modp1024: 128,
    modp1536: 192,
    modp2048: 256,
    modp3072: 384,
    modp4096: 512,
    ecp256: 32,
    ecp384: 48,
    ecp521: 66,
    curve25519: 32,
    curve448: 56,
  };
  for (const [name, length] of Object.entries(lengths)) {
    const group = name as GroupName;
    const a = generateKey(group);
    const b = generateKey(group);
    const secret = deriveSecret(group, a.privateValue, b.publicValue)!;
    assert.equal(secret.length, length);
    assert.deepEqual(deriveSecret(group, b.privateValue, a.publicValue), secret);
    assert.notDeepEqual(a.publicValue, b.publicValue);
    assert.equal(a.publicValue.length, group.startsWith('ecp') ? 2 * length : length);
  }
});

/** floor(pi * 2^bits) by Machin's formula. */
function piTimes2ToThe(bits: number): bigint {
  const guard = 64n;
  const one = 1n << (BigInt(bits) + guard);
  return (4n * (4n * arctanOfInverse(5n, one) - arctanOfInverse(239n, one))) >> guard;
}

function arctanOfInverse(x: bigint, one: bigint): bigint {
  let sum = 0n;
  let term = one / x;
  for (let k = 1n; term !== 0n; k += 2n) {
    sum += k % 4n === 1n ? term / k : -(term / k);
    term /= x * x;
  }
  return sum;
}

function power(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n;
  for (let square = base, left = exponent; left > 0n; left >>= 1n, square = (square * square) % modulus) {
    if (left & 1n) result = (result * square) % modulus;
  }
  return result;
}

function toBytes(value: bigint, length: number): Uint8Array {
  return fromHex(value.toString(16).padStart(2 * length, '0'));
}
