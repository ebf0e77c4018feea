/** EAP-MSCHAPv2 against the published vectors of MS-CHAPv2 and its keys. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { msChapV2MasterKey, msChapV2Msk, msChapV2StartKey, ntPasswordHash } from '../../src/crypto/index.ts';
import { nodeCrypto } from '../../src/crypto/node/index.ts';
import { type EapOutput, EapPeer, EapServer, type EapUserAnswer } from '../../src/eap/index.ts';
import { readFailureMessage } from '../../src/eap/methods/msChapV2Message.ts';
import { concat, fromHex, toHex, utf8 } from '../../src/wire/index.ts';
import { judge } from './sim.ts';

/** RFC 2759 §9.2. */
const AUTHENTICATOR_CHALLENGE = fromHex('5B5D7C7D7B3F2F3E3C2C602132262628');
const PEER_CHALLENGE = fromHex('21402324255E262A28295F2B3A337C7E');
const NT_RESPONSE = fromHex('82309ECD8D708B5EA08FAA3981CD83544233114A3D85D6DF');
const PROOF = 'S=407A5589115FD0D6209F510FE9C04566932CDA56';
/** RFC 3079 §3.5.3. */
const MASTER_KEY = 'fdece3717a8c838cb388e527ae3cdd31';
const SEND_START_KEY = '8b7cdc149b993a1ba118cb153f56dccb';

const given = (...values: Uint8Array[]) => ({
  crypto: nodeCrypto,
  random: (length: number) => (length === 16 ? values.shift()! : new Uint8Array(length).fill(41)),
});
const sent = (outputs: readonly EapOutput[]): string =>
  outputs.flatMap((output) => (output.type === 'send' ? [toHex(output.bytes)] : [])).join();

test('RFC 3079 §3.5.3: master key, and the key that a server sends by', () => {
  const masterKey = msChapV2MasterKey(nodeCrypto, ntPasswordHash(nodeCrypto, 'clientPass'), NT_RESPONSE);
  assert.equal(toHex(masterKey), MASTER_KEY);
  assert.equal(toHex(msChapV2StartKey(nodeCrypto, masterKey, 'server')), SEND_START_KEY);
  const msk = msChapV2Msk(nodeCrypto, masterKey);
  assert.equal(msk.length, 64);
  assert.equal(toHex(msk.subarray(16, 32)), SEND_START_KEY);
  assert.deepEqual(msk.subarray(32), new Uint8Array(32));
});

const CHALLENGE = `012b001d1a 01 2b 0018 10 ${toHex(AUTHENTICATOR_CHALLENGE)} 677731`;
const RESPONSE = `022b003f1a 02 2b 003a 31 ${toHex(PEER_CHALLENGE)} 0000000000000000 ${toHex(NT_RESPONSE)} 00 55736572`;
const bytes = (hex: string) => fromHex(hex);
const same = (actual: string, expected: string) => assert.equal(actual, expected.replaceAll(' ', '').toLowerCase());

test('RFC 2759 §9.2 through the whole peer: the Response byte for byte, the proof, the MSK', () => {
  const config = { methods: ['eap-mschapv2'], credentials: { user: 'User', password: 'clientPass' } } as const;
  const peer = new EapPeer(config, given(PEER_CHALLENGE));
  peer.command({ type: 'start' }, 0);
  /* <-- Identity */
  same(sent(peer.receive(bytes('012a000501'), 0)), '022a0009 01 55736572');
  /* <-- Challenge */
  same(sent(peer.receive(bytes(CHALLENGE), 0)), RESPONSE);
  /* <-- Success */
  const message = utf8(`${PROOF} M=hi`);
  const success = concat(
    bytes('012c'),
    Uint8Array.of(0, 9 + message.length, 26, 3, 0x2b, 0, 4 + message.length),
    message,
  );
  same(sent(peer.receive(success, 0)), '022c0006 1a 03');
  /* <-- EAP Success */
  const [, end] = peer.receive(bytes('032c0004'), 0);
  assert.equal(end!.type, 'success');
  assert.equal(toHex((end as { msk: Uint8Array }).msk.subarray(16, 32)), SEND_START_KEY);
});

test('RFC 2759 §9.2 through the whole server: the credentials to judge, the proof, the MSK', () => {
  const server = new EapServer({ methods: ['eap-mschapv2'], name: 'gw1' }, given(AUTHENTICATOR_CHALLENGE));
  same(sent(server.command({ type: 'start' }, 0)), '012a000501');
  same(sent(server.receive(bytes('022a000901 55736572'), 0)), CHALLENGE);
  const ask = server.receive(bytes(RESPONSE), 0).find((output) => output.type === 'ask')!;
  assert.deepEqual(ask.credentials, {
    method: 'ms-chap-v2',
    user: 'User',
    name: utf8('User'),
    authenticatorChallenge: AUTHENTICATOR_CHALLENGE,
    peerChallenge: PEER_CHALLENGE,
    ntResponse: NT_RESPONSE,
  });
  const answer = judge(ask.credentials) as Extract<EapUserAnswer, { accepted: true }>;
  assert.equal(answer.authenticatorResponse, PROOF);
  const message = utf8(`${PROOF} M=Welcome`);
  same(
    sent(server.command({ type: 'answer', id: ask.id, answer }, 0)),
    `012c${toHex(Uint8Array.of(0, 9 + message.length))}1a 03 2b ${toHex(Uint8Array.of(0, 4 + message.length))} ${toHex(message)}`,
  );
  const outputs = server.receive(bytes('022c00061a03'), 0);
  same(sent(outputs), '032c0004');
  const end = outputs.at(-1)!;
  assert.equal(end.type, 'success');
  assert.equal(toHex((end as { msk: Uint8Array }).msk.subarray(16, 32)), SEND_START_KEY);
});

test('failure messages are read as far as they go', () => {
  const whole = readFailureMessage(utf8('E=691 R=1 C=000102030405060708090a0b0c0d0e0f V=3 M=Nope'));
  assert.deepEqual(
    [whole.error, whole.mayRetry, whole.detail],
    [691, true, 'unknown user name or wrong password: Nope'],
  );
  assert.equal(toHex(whole.challenge!), '000102030405060708090a0b0c0d0e0f');
  const bare = readFailureMessage(utf8('E=648'));
  assert.deepEqual([bare.mayRetry, bare.challenge, bare.detail], [false, undefined, 'the password has expired']);
  assert.equal(readFailureMessage(new Uint8Array(0)).detail, '');
});
