/** AUTH: what it covers, by hand from the RFCs; signature schemes and their AlgorithmIdentifiers; cookies and tickets. */

import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import test from 'node:test';
import fc from 'fast-check';
import type { KeyPair } from '../../../../src/crypto/index.ts';
import { nodeCrypto as crypto, nodeKeyExchange } from '../../../../src/crypto/node/index.ts';
import type { SignatureScheme } from '../../../../src/ike/signature.ts';
import {
  AuthMethod,
  COOKIE_SECRET_LIFETIME,
  CookieJar,
  chooseScheme,
  decodeMessage,
  ExchangeType,
  FragmentReassembly,
  find,
  hashAlgorithmsData,
  type IkeKeys,
  type IkeV2Authentication,
  initialKeys,
  intermediateKeys,
  intermediateOctets,
  KeId,
  type MessageHead,
  nextIntermediate,
  readHashAlgorithms,
  readSignature,
  readTicketData,
  resumedAuth,
  SUPPORTED_HASHES,
  sealMessage,
  sharedKeyAuth,
  signatureAuthPayload,
  signedOctets,
  TicketSealer,
  type TicketState,
  ticketData,
} from '../../../../src/ike/v2/index.ts';
import { concat, fromHex, Malformed, toHex, utf8 } from '../../../../src/wire/index.ts';

const mac = (key: Uint8Array, ...data: readonly Uint8Array[]) =>
  new Uint8Array(
    createHmac('sha256', key)
      .update(concat(...data))
      .digest(),
  );

const side: IkeV2Authentication = {
  prf: 'sha256',
  message: utf8('IKE_SA_INIT as it was sent'),
  otherNonce: new Uint8Array(32).fill(9),
  idBody: concat(fromHex('02000000'), utf8('vpn.example.org')),
  skP: new Uint8Array(32).fill(5),
};

test('RFC 7296 §2.15: the message, the other side’s nonce, the MACed identity, and a shared key', () => {
  const octets = signedOctets(crypto, side);
  assert.equal(toHex(octets), toHex(concat(side.message, side.otherNonce, mac(side.skP, side.idBody))));
  const auth = sharedKeyAuth(crypto, 'sha256', utf8('secret'), octets);
  assert.equal(toHex(auth), toHex(mac(mac(utf8('secret'), utf8('Key Pad for IKEv2')), octets)));
  assert.equal(toHex(resumedAuth(crypto, 'sha256', side.skP, octets)), toHex(mac(side.skP, octets)));
});

test('RFC 9242 §3.3.2: both directions of every intermediate exchange, and the message id of IKE_AUTH', () => {
  const [keyOne, keyTwo] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)];
  const first = nextIntermediate(crypto, 'sha256', keyOne, undefined, utf8('A1P1'));
  const second = nextIntermediate(crypto, 'sha256', keyTwo, first, utf8('A2P2'));
  assert.equal(toHex(second), toHex(mac(keyTwo, mac(keyOne, utf8('A1P1')), utf8('A2P2'))));
  const responder = new Uint8Array(32).fill(7);
  const octets = signedOctets(crypto, { ...side, intermediate: { initiator: second, responder, messageId: 3 } });
  assert.equal(toHex(octets), toHex(concat(signedOctets(crypto, side), second, responder, fromHex('00000003'))));
});

test('a hybrid exchange by hand: Curve25519, then ML-KEM-768 in a fragmented IKE_INTERMEDIATE, one set of keys and AUTH', () => {
  const { generateKey, deriveSecret, encapsulate } = nodeKeyExchange;
  const suite = { encryption: 'aes-gcm-16', keyBits: 256, prf: 'sha384' } as const;
  const seed = {
    nonces: { initiator: new Uint8Array(32).fill(1), responder: new Uint8Array(32).fill(2) },
    spis: { initiator: new Uint8Array(8).fill(3), responder: new Uint8Array(8).fill(4) },
  };
  const [a, b] = [generateKey('curve25519'), generateKey('curve25519')];
  const first = (own: KeyPair, other: KeyPair) =>
    initialKeys(crypto, suite, seed, deriveSecret('curve25519', own.privateValue, other.publicValue)!);
  const [initiator, responder] = [first(a, b), first(b, a)];

  const by = { crypto, random: (length: number) => new Uint8Array(length) };
  const head = (response: boolean): MessageHead => ({
    initiatorSpi: seed.spis.initiator,
    responderSpi: seed.spis.responder,
    exchange: ExchangeType.IKE_INTERMEDIATE,
    messageId: 1,
    fromInitiator: !response,
    response,
  });
  /** Sends a KE payload in fragments. @returns what the other end reads, and what both add to AUTH */
  const carry = (from: IkeKeys, to: IkeKeys, data: Uint8Array, response: boolean) => {
    const payloads = [{ kind: 'KE', group: KeId.ML_KEM_768, data }] as const;
    const direction = response ? 'responder' : 'initiator';
    const pieces = sealMessage(by, from[direction], head(response), payloads, 576);
    assert.ok(pieces.length > 1);
    const reassembly = new FragmentReassembly();
    const results = pieces.map((piece) => reassembly.add('sa', crypto, to[direction], decodeMessage(piece), 0));
    const last = results.at(-1)!;
    assert.ok(last.type === 'message');
    const sent = intermediateOctets(head(response), payloads);
    assert.deepEqual(last.opened.intermediate, sent);
    return { data: find(last.opened, 'KE')!.data, octets: sent };
  };
  const kem = generateKey('mlkem768');
  const request = carry(initiator, responder, kem.publicValue, false);
  const { ciphertext, secret } = encapsulate('mlkem768', request.data)!;
  const answer = carry(responder, initiator, ciphertext, true);
  const second = intermediateKeys(crypto, suite, responder, seed, secret);
  const atInitiator = deriveSecret('mlkem768', kem.privateValue, answer.data)!;
  assert.deepEqual(intermediateKeys(crypto, suite, initiator, seed, atInitiator), second);

  const octetsOf = (keys: IkeKeys) =>
    signedOctets(crypto, {
      ...side,
      prf: 'sha384',
      skP: second.skPi,
      intermediate: {
        initiator: nextIntermediate(crypto, 'sha384', keys.skPi, undefined, request.octets),
        responder: nextIntermediate(crypto, 'sha384', keys.skPr, undefined, answer.octets),
        messageId: 2,
      },
    });
  assert.deepEqual(octetsOf(initiator), octetsOf(responder));
});

// RFC 7427 Appendix A.1.2, A.3.2 and A.4.3; RFC 8420 Appendix A.
const published: readonly (readonly [SignatureScheme, string])[] = [
  ['rsa-pkcs1-sha256', '300d06092a864886f70d01010b0500'],
  ['ecdsa-sha256', '300a06082a8648ce3d040302'],
  [
    'rsa-pss-sha256',
    '304106092a864886f70d01010a3034a00f300d06096086480165030402010500' +
      'a11c301a06092a864886f70d010108300d06096086480165030402010500a203020120',
  ],
  ['ed25519', '300506032b6570'],
];

for (const [scheme, identifier] of published) {
  test(`${scheme}: its AlgorithmIdentifier as published`, () => {
    const { method, data } = signatureAuthPayload(scheme, utf8('signature'));
    assert.equal(method, AuthMethod.DIGITAL_SIGNATURE);
    const length = (identifier.length / 2).toString(16).padStart(2, '0');
    assert.equal(toHex(data), length + identifier + toHex(utf8('signature')));
  });
}

const everyScheme: readonly SignatureScheme[] = [
  ...(['rsa-pkcs1-sha1', 'rsa-pkcs1-sha256', 'rsa-pkcs1-sha384', 'rsa-pkcs1-sha512'] as const),
  ...(['rsa-pss-sha256', 'rsa-pss-sha384', 'rsa-pss-sha512', 'ed25519', 'ed448'] as const),
  ...(['ecdsa-sha256-raw', 'ecdsa-sha384-raw', 'ecdsa-sha512-raw'] as const),
  ...(['ecdsa-sha256', 'ecdsa-sha384', 'ecdsa-sha512'] as const),
];

test('every scheme is read back from its payload', () => {
  for (const scheme of everyScheme) {
    assert.deepEqual(readSignature(signatureAuthPayload(scheme, utf8('s'))), { scheme, signature: utf8('s') });
  }
  assert.throws(() => signatureAuthPayload('rsa-ikev1', utf8('s')), RangeError);
});

test('parameters that are left out are taken, SHA-1 and unknown algorithms are not, and nothing else is thrown', () => {
  const digital = (hex: string) =>
    readSignature({ kind: 'AUTH', method: AuthMethod.DIGITAL_SIGNATURE, data: fromHex(hex) })?.scheme;
  assert.equal(digital('0d300b06092a864886f70d01010bff'), 'rsa-pkcs1-sha256');
  assert.equal(digital('0f300d06092a864886f70d0101050500ff'), undefined, 'RSA with SHA-1');
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 20 }), fc.uint8Array({ maxLength: 80 }), (method, data) => {
      try {
        readSignature({ kind: 'AUTH', method, data });
      } catch (error) {
        assert.ok(error instanceof Malformed);
      }
    }),
    { seed: 7427, numRuns: 300 },
  );
});

test('a credential signs as its peer can verify', () => {
  const { length } = SUPPORTED_HASHES;
  assert.equal(readHashAlgorithms(hashAlgorithmsData()).length, length);
  assert.equal(chooseScheme('rsa', readHashAlgorithms(fromHex('000200030004'))), 'rsa-pss-sha256');
  assert.equal(chooseScheme('rsa', [4]), 'rsa-pss-sha512');
  assert.equal(chooseScheme('rsa', undefined), 'rsa-pkcs1-sha1', 'the method of RFC 7296 needs no announcement');
  assert.equal(chooseScheme('ecdsa-p256', undefined), 'ecdsa-sha256-raw');
  assert.equal(chooseScheme('ecdsa-p384', [3]), 'ecdsa-sha384');
  assert.equal(chooseScheme('ed25519', [2, 3, 4]), undefined);
  assert.equal(chooseScheme('ed25519', [5]), 'ed25519');
});

const counting = () => {
  let calls = 0;
  return (bytes: number) => new Uint8Array(bytes).fill(++calls);
};

test('cookies: for their subject alone, for one or two lives of a secret', () => {
  const jar = new CookieJar(crypto, counting());
  const subject = {
    address: '192.0.2.7',
    port: 4500,
    initiatorSpi: new Uint8Array(8).fill(1),
    nonce: new Uint8Array(32),
  };
  const cookie = jar.make(subject, 0);
  assert.ok(cookie.length <= 64);
  assert.deepEqual(jar.make(subject, 1), cookie, 'nothing is kept between them');
  assert.ok(jar.isValid(cookie, subject, 1));
  for (const other of [
    { address: '192.0.2.8' },
    { port: 4501 },
    { initiatorSpi: new Uint8Array(8).fill(2) },
    { nonce: new Uint8Array(33) },
    { nonce: new Uint8Array(32).fill(1) },
  ]) {
    assert.ok(!jar.isValid(cookie, { ...subject, ...other }, 1), Object.keys(other)[0]);
  }
  assert.ok(!jar.isValid(cookie.subarray(1), subject, 1));
  assert.ok(!jar.isValid(new Uint8Array(0), subject, 1));
  assert.ok(jar.isValid(cookie, subject, COOKIE_SECRET_LIFETIME + 1));
  assert.ok(!jar.isValid(cookie, subject, 3 * COOKIE_SECRET_LIFETIME));
  // Secrets that nobody asked for in between are not passed over.
  const slow = new CookieJar(crypto, counting());
  const old = slow.make(subject, 0);
  assert.ok(!slow.isValid(old, subject, 10 * COOKIE_SECRET_LIFETIME));
});

const state: TicketState = {
  expiresAt: 1_000,
  initiatorId: concat(fromHex('02000000'), fromHex('ff00fe80')),
  responderId: utf8('bytes:'),
  proposal: { encryption: 'aes-gcm-16', keyBits: 256, prf: 'sha384', group: 'curve25519', additional: ['mlkem768'] },
  skD: new Uint8Array(48).fill(0xaa),
  user: 'bytes:alice',
  credential: 'bytes:1',
  method: 'eap',
  usesPostquantumKey: true,
};

test('tickets: opened once, by who sealed them, in time', () => {
  const sealer = new TicketSealer(crypto, counting());
  const ticket = sealer.seal(state, 0);
  const { length } = ticket;
  for (let at = 0; at < length; at += 7) {
    const changed = ticket.slice();
    changed[at]! ^= 1;
    assert.equal(sealer.open(changed, 1), undefined, `byte ${at}`);
  }
  assert.deepEqual(sealer.open(ticket, 1), state);
  assert.equal(sealer.open(ticket, 2), undefined, 'used before');
  assert.equal(new TicketSealer(crypto, counting()).open(ticket, 1), undefined);
  assert.equal(sealer.open(sealer.seal(state, 0), 1_000), undefined, 'expired');
  assert.equal(sealer.open(new Uint8Array(0), 0), undefined);
  assert.ok(!toHex(ticket).includes('aaaaaaaa'), 'sealed');
});

test('TICKET_LT_OPAQUE', () => {
  const data = ticketData(3600, fromHex('c0ffee'));
  assert.equal(toHex(data), '00000e10c0ffee');
  assert.deepEqual(readTicketData(data), { lifetimeSeconds: 3600, ticket: fromHex('c0ffee') });
  for (const short of ['', '000000', '00000e10']) assert.throws(() => readTicketData(fromHex(short)), Malformed);
});
