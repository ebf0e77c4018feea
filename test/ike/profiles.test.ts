/** What each profile picks from what each stock client offers. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  chooseEsp,
  chooseIke,
  decodePayloads,
  encodePayloads,
  mismatchText,
  PayloadType,
  type ProfileName,
  profiles,
  type SaPayload,
} from '../../src/ike/index.ts';
import { android, apple, type ClientOffer, chromeOs, clients, networkManager, windows } from './fixtures/index.ts';

const UDP_TRANSPORT = 4;
const REFUSED = 'refused';

type Row = readonly [ClientOffer, strict: string, compatible: string, legacy: string];

// biome-ignore format: a table
const phase1: readonly Row[] = [
  [windows,        REFUSED,                               'aes-cbc-256/hmac-sha1/ecp384',          'aes-cbc-256/hmac-sha1/ecp384'],
  [apple,          'aes-cbc-256/hmac-sha2-256/modp2048',  'aes-cbc-256/hmac-sha2-256/modp2048',   'aes-cbc-256/hmac-sha2-256/modp2048'],
  [android,        REFUSED,                               REFUSED,                                'aes-cbc-256/hmac-sha2-256/modp1024'],
  [chromeOs,       'aes-cbc-128/hmac-sha2-256/modp3072',  'aes-cbc-128/hmac-sha2-256/modp3072',   'aes-cbc-128/hmac-sha2-256/modp3072'],
  [networkManager, 'aes-cbc-256/hmac-sha2-256/modp2048',  'aes-cbc-256/hmac-sha2-256/modp2048',   'aes-cbc-256/hmac-sha2-256/modp2048'],
];

// biome-ignore format: a table
const phase2: readonly Row[] = [
  [windows,        REFUSED,                          'aes-cbc-256/hmac-sha1-96',       'aes-cbc-256/hmac-sha1-96'],
  [apple,          'aes-cbc-256/hmac-sha2-256-128',  'aes-cbc-256/hmac-sha2-256-128',  'aes-cbc-256/hmac-sha1-96'],
  [android,        'aes-cbc-256/hmac-sha2-256-128',  'aes-cbc-256/hmac-sha2-256-128',  'aes-cbc-256/hmac-sha2-512-256'],
  [chromeOs,       'aes-gcm-16-128',                 'aes-gcm-16-128',                 'aes-gcm-16-128'],
  [networkManager, REFUSED,                          'aes-cbc-256/hmac-sha1-96',       'aes-cbc-256/hmac-sha1-96'],
];

const names = ['strict', 'compatible', 'legacy'] as const satisfies readonly ProfileName[];

/** As the payload arrives: through the codec. */
function received(payload: SaPayload): SaPayload {
  const [decoded] = decodePayloads(PayloadType.SA, encodePayloads([payload]), 'exact').payloads;
  assert.ok(decoded?.kind === 'SA');
  return decoded;
}

for (const [client, ...expected] of phase1) {
  for (const [i, name] of names.entries()) {
    test(`phase 1: ${name} picks ${expected[i]} from ${client.name}`, () => {
      const offer = received(client.phase1);
      const chosen = chooseIke(offer, profiles[name].accept.ike);
      assert.equal(chosen.type === 'chosen' ? chosen.text : REFUSED, expected[i]);
      if (chosen.type === 'mismatch') return;
      const answer = chosen.answer.proposals[0]!;
      assert.equal(chosen.answer.proposals.length, 1);
      assert.equal(answer.transforms.length, 1);
      assert.ok(offer.proposals[0]!.transforms.includes(answer.transforms[0]!), 'the transform is echoed as it came');
    });
  }
}

for (const [client, ...expected] of phase2) {
  for (const [i, name] of names.entries()) {
    test(`phase 2: ${name} picks ${expected[i]} from ${client.name}`, () => {
      const offer = received(client.phase2(UDP_TRANSPORT, 0xabcdef01));
      const chosen = chooseEsp(offer, profiles[name].accept.esp, { udpEncapsulation: true });
      assert.equal(chosen.type === 'chosen' ? chosen.text : REFUSED, expected[i]);
      if (chosen.type === 'mismatch') return;
      assert.equal(chosen.mode, 'transport');
      assert.equal(chosen.udpEncapsulation, true);
      assert.equal(chosen.peerSpi, 0xabcdef01);
      const [answer] = chosen.answer(0x12345678).proposals;
      assert.deepEqual(answer?.spi, Uint8Array.of(0x12, 0x34, 0x56, 0x78));
      const origin = offer.proposals.find(({ number }) => number === answer?.number);
      assert.ok(origin?.transforms.includes(answer!.transforms[0]!), 'the transform is echoed as it came');
    });
  }
}

describe('lifetimes', () => {
  test('the smaller one is taken, and only a shortened one is told to the peer', () => {
    const esp = { ...profiles.compatible.accept.esp, lifetimeSeconds: 7_200 };
    const chosen = chooseEsp(windows.phase2(UDP_TRANSPORT), esp, { udpEncapsulation: true });
    assert.ok(chosen.type === 'chosen');
    assert.equal(chosen.lifetimeSeconds, 3_600);
    assert.equal(chosen.lifetimeKilobytes, 250_000);
    assert.equal(chosen.shortened, false);
    const shorter = { ...esp, lifetimeSeconds: 600, lifetimeKilobytes: 1_000 };
    const shortened = chooseEsp(windows.phase2(UDP_TRANSPORT), shorter, { udpEncapsulation: true });
    assert.ok(shortened.type === 'chosen');
    assert.equal(shortened.lifetimeSeconds, 600);
    assert.equal(shortened.lifetimeKilobytes, 1_000);
    assert.equal(shortened.shortened, true);
  });

  test('of phase 1: Apple asks for an hour, Windows for eight (as a four-byte attribute)', () => {
    const lifetimeOf = (client: ClientOffer) => {
      const chosen = chooseIke(client.phase1, profiles.compatible.accept.ike);
      return chosen.type === 'chosen' ? chosen.lifetimeSeconds : undefined;
    };
    assert.equal(lifetimeOf(apple), 3_600);
    assert.equal(lifetimeOf(windows), 28_800);
  });
});

describe('encapsulation', () => {
  const context = (udpEncapsulation: boolean) => ({ udpEncapsulation });
  const { esp } = profiles.legacy.accept;

  test('behind NAT the UDP modes of RFC 3947 and of its drafts are taken, plain transport is not', () => {
    for (const client of clients) {
      assert.equal(chooseEsp(client.phase2(4), esp, context(true)).type, 'chosen');
      assert.equal(chooseEsp(client.phase2(61_444), esp, context(true)).type, 'chosen');
      assert.equal(chooseEsp(client.phase2(2), esp, context(true)).type, 'mismatch');
    }
  });

  test('without NAT plain transport is taken, the UDP modes and tunnel mode are not', () => {
    for (const client of clients) {
      assert.equal(chooseEsp(client.phase2(2), esp, context(false)).type, 'chosen');
      assert.equal(chooseEsp(client.phase2(4), esp, context(false)).type, 'mismatch');
      assert.equal(chooseEsp(client.phase2(1), esp, context(false)).type, 'mismatch');
    }
  });

  test('tunnel mode is taken where it is allowed', () => {
    const chosen = chooseEsp(windows.phase2(3), esp, { udpEncapsulation: true, modes: ['transport', 'tunnel'] });
    assert.ok(chosen.type === 'chosen');
    assert.equal(chosen.mode, 'tunnel');
  });
});

describe('a mismatch', () => {
  test('names what was offered, what is accepted, and the profile that would match', () => {
    const mismatch = chooseIke(android.phase1, profiles.compatible.accept.ike);
    assert.ok(mismatch.type === 'mismatch');
    assert.equal(mismatch.offered.length, 16);
    assert.equal(mismatch.offered[0], 'aes-cbc-256/hmac-sha2-384/modp1024');
    assert.equal(mismatch.offered[15], 'des-cbc/hmac-md5/modp1024');
    assert.equal(mismatch.profile, 'legacy');
    assert.match(mismatchText(mismatch), /profile 'legacy' would accept/);
    assert.deepEqual(mismatch.accepted, [
      'aes-cbc-256|aes-cbc-192|aes-cbc-128/hmac-sha2-256|hmac-sha2-384|hmac-sha2-512|hmac-sha1/' +
        'ecp384|ecp256|ecp521|modp3072|modp4096|modp2048',
    ]);
  });

  test('of phase 2 names the mode and PFS as well', () => {
    const mismatch = chooseEsp(windows.phase2(2), profiles.strict.accept.esp, { udpEncapsulation: true });
    assert.ok(mismatch.type === 'mismatch');
    assert.deepEqual(mismatch.accepted, [
      'aes-gcm-16-256|aes-gcm-16-192|aes-gcm-16-128',
      'aes-cbc-256|aes-cbc-192|aes-cbc-128/hmac-sha2-256-128|hmac-sha2-512-256|hmac-sha2-384-192',
      'mode udp-transport',
      'pfs none|ecp384|ecp256|ecp521|modp3072|modp4096|modp2048',
    ]);
  });

  test('with no profile to help says so', () => {
    const { phase1 } = android;
    const des = phase1.proposals[0]!.transforms.slice(13);
    const mismatch = chooseIke(
      { ...phase1, proposals: [{ ...phase1.proposals[0]!, transforms: des }] },
      profiles.legacy.accept.ike,
    );
    assert.ok(mismatch.type === 'mismatch');
    assert.equal(mismatch.profile, undefined);
    assert.match(mismatchText(mismatch), /no profile/);
  });
});

test('profiles are nested: what a stricter one accepts, the next one accepts, and IKE before anything else', () => {
  for (const [stricter, wider] of [
    ['strict', 'compatible'],
    ['compatible', 'legacy'],
  ] as const) {
    const { ike, esp } = profiles[stricter].accept;
    assert.deepEqual(profiles[wider].accept.ike.proposals.slice(0, ike.proposals.length), ike.proposals);
    for (const suite of esp.suites)
      assert.ok(
        profiles[wider].accept.esp.suites.some((other) => JSON.stringify(other) === JSON.stringify({ ...suite })),
      );
    for (const group of esp.pfs) assert.ok(profiles[wider].accept.esp.pfs.includes(group));
  }
});

test('no profile but legacy has 3DES, MD5 or a group below 2048 bits, and strict has no SHA1', () => {
  const texts = (name: ProfileName) => JSON.stringify(profiles[name].accept) + JSON.stringify(profiles[name].offer);
  assert.doesNotMatch(texts('strict'), /3des|md5|sha1|modp1024|modp1536/);
  assert.doesNotMatch(texts('compatible'), /3des|md5|modp1024|modp1536/);
  assert.match(texts('legacy'), /3des/);
});
