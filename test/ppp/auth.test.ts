/** Authentication packet by packet, with the values of RFC 2759 §9.2 and RFC 1994's rules. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chapMd5Response } from '../../src/crypto/chapMd5.ts';
import { msChapV2Authenticatee } from '../../src/ppp/auth/msChapV2.ts';
import { type AuthenticationMethod, judgeCredentials, type PppConfig, Protocol } from '../../src/ppp/index.ts';
import { concat, fromHex, fromUtf8, toHex, utf8 } from '../../src/wire/index.ts';
import { Peer } from './peer.ts';
import { crypto, environment, judge, NETWORK } from './sim.ts';

const { LCP, CHAP, PAP, IPCP } = Protocol;

/** RFC 2759 §9.2. */
const RFC2759 = {
  authenticatorChallenge: fromHex('5B5D7C7D7B3F2F3E3C2C602132262628'),
  peerChallenge: fromHex('21402324255E262A28295F2B3A337C7E'),
  ntHash: fromHex('44EBBA8D5312B8D611474411F56989AE'),
  ntResponse: fromHex('82309ECD8D708B5EA08FAA3981CD83544233114A3D85D6DF'),
  authenticatorResponse: 'S=407A5589115FD0D6209F510FE9C04566932CDA56',
};

function authenticating(method: AuthenticationMethod, config: PppConfig = {}): Peer {
  const peer = new Peer({ requirePeer: [method], name: 'gw', ...config });
  const request = peer.command({ type: 'up' });
  peer.ack(request);
  peer.send(LCP, 1, 1, '050611223344');
  return peer;
}

/** Our client, asked by a server that is written here. */
function client(option: string, config: PppConfig = {}): Peer {
  const peer = new Peer({ credentials: { user: 'User', password: 'clientPass' }, ...config });
  peer.ack(peer.command({ type: 'up' }));
  peer.send(LCP, 1, 1, option);
  return peer;
}

const challengeOf = (peer: Peer) => {
  const frame = peer.of('send').findLast(({ frame }) => frame[2] === 0xc2 && frame[4] === 1)!.frame;
  return {
    identifier: frame[5]!,
    value: frame.subarray(9, 9 + frame[8]!),
    name: fromUtf8(frame.subarray(9 + frame[8]!)),
  };
};

/** A server whose challenge is `challenge`: its second draw, after the magic number. */
function withChallenge(challenge: Uint8Array): Peer {
  const { random } = environment(7);
  let draws = 0;
  const scripted = { crypto, random: (length: number) => (++draws === 2 ? challenge.slice() : random(length)) };
  const peer = new Peer({ requirePeer: ['ms-chap-v2'] }, scripted);
  peer.ack(peer.command({ type: 'up' }));
  peer.send(LCP, 1, 1, '');
  return peer;
}

test('RFC 2759 §9.2 through the whole authenticator: the ask, the answer and the Success message', () => {
  const peer = withChallenge(RFC2759.authenticatorChallenge);
  const { identifier, value } = challengeOf(peer);
  assert.equal(toHex(value), toHex(RFC2759.authenticatorChallenge));
  const response = concat(RFC2759.peerChallenge, new Uint8Array(8), RFC2759.ntResponse, Uint8Array.of(0));
  peer.send(CHAP, 2, identifier, concat(Uint8Array.of(49), response, utf8('User')));
  const [ask] = peer.of('ask');
  assert.ok(ask?.credentials.method === 'ms-chap-v2');
  assert.deepEqual(ask.credentials.ntResponse, RFC2759.ntResponse);
  const answer = judgeCredentials(crypto, ask.credentials, { ntHash: RFC2759.ntHash }, NETWORK);
  const said = peer.command({ type: 'answer', id: ask.id, answer });
  assert.equal(said[0]!.code, 3);
  assert.equal(fromUtf8(said[0]!.data), `${RFC2759.authenticatorResponse} M=Welcome`);
  assert.equal(said[1]!.protocol, IPCP);
});

test('RFC 2759 §9.2 through the peer: response, and what Success it believes', () => {
  const challenge = { identifier: 1, value: RFC2759.authenticatorChallenge };
  const env = { crypto, random: () => RFC2759.peerChallenge };
  for (const user of ['User', 'BIGCO\\User']) {
    const response = msChapV2Authenticatee.respond(challenge, { user, password: 'clientPass' }, env);
    assert.equal(toHex(response.value.subarray(24, 48)), toHex(RFC2759.ntResponse), user);
    assert.equal(response.verify(utf8(`${RFC2759.authenticatorResponse} M=hi`)), undefined);
    for (const forged of ['', 'M=hi', 'S=', RFC2759.authenticatorResponse.replace('4', '5'), 'S=407A M=']) {
      assert.equal(response.verify(utf8(forged))?.code, 'server-authentication-failed', forged);
    }
  }
});

test('the authenticator: its challenge names us, is 16 bytes, and is repeated unchanged', () => {
  const peer = authenticating('chap-md5');
  const first = challengeOf(peer);
  assert.deepEqual([first.value.length, first.name], [16, 'gw']);
  peer.wait(1000);
  assert.deepEqual(challengeOf(peer), first);
  peer.wait(40_000);
  assert.equal(peer.of('closed')[0]!.reason.code, 'authentication-timeout');
});

test('responses to another challenge, of a wrong size or from nowhere are ignored', () => {
  const peer = authenticating('chap-md5');
  const { identifier } = challengeOf(peer);
  peer.send(CHAP, 2, identifier + 1, `10${'00'.repeat(16)}55`);
  peer.send(CHAP, 2, identifier, `08${'00'.repeat(8)}55`);
  peer.send(CHAP, 2, identifier, 'ff00');
  peer.send(PAP, 1, 1, '0155 0155');
  peer.send(CHAP, 3, identifier, '');
  assert.equal(peer.of('ask').length, 0);
  assert.equal(peer.of('closed').length, 0);
});

test('one ask for many responses; the verdict is repeated, whatever a later response says', () => {
  const peer = authenticating('chap-md5');
  const { identifier, value } = challengeOf(peer);
  const right = concat(Uint8Array.of(16), chapMd5Response(crypto, identifier, utf8('clientPass'), value), utf8('User'));
  for (let i = 0; i < 4; i++) assert.deepEqual(peer.send(CHAP, 2, identifier, right), []);
  assert.equal(peer.of('ask').length, 1);
  const [ask] = peer.of('ask');
  peer.command({ type: 'answer', id: ask!.id + 5, answer: judge(ask!.credentials) });
  assert.equal(peer.of('authenticated').length, 0, 'an answer to another ask');
  peer.command({ type: 'answer', id: ask!.id, answer: judge(ask!.credentials) });
  assert.equal(peer.of('authenticated').length, 1);
  const [again] = peer.send(CHAP, 2, identifier, `10${'00'.repeat(16)}55`);
  assert.equal(again!.code, 3);
  assert.equal(peer.of('ask').length, 1);
});

test('an IPCP request while the answer is pending is not lost', () => {
  const peer = authenticating('pap');
  peer.send(PAP, 1, 1, concat(Uint8Array.of(4), utf8('User'), Uint8Array.of(10), utf8('clientPass')));
  assert.deepEqual(peer.send(IPCP, 1, 9, '030600000000'), []);
  const [ask] = peer.of('ask');
  const said = peer.command({ type: 'answer', id: ask!.id, answer: judge(ask!.credentials) });
  assert.deepEqual(
    said.map(({ protocol, code }) => [protocol, code]),
    [
      [PAP, 2],
      [IPCP, 1],
      [IPCP, 3],
    ],
  );
  assert.equal(said[2]!.identifier, 9);
});

test('PAP: the verdict goes to the latest request, and is repeated to later ones', () => {
  const request = concat(Uint8Array.of(4), utf8('User'), Uint8Array.of(10), utf8('clientPass'));
  const peer = authenticating('pap');
  peer.send(PAP, 1, 1, request);
  peer.send(PAP, 1, 2, request);
  assert.equal(peer.of('ask').length, 1);
  const [ask] = peer.of('ask');
  const [ack] = peer.command({ type: 'answer', id: ask!.id, answer: judge(ask!.credentials) });
  assert.deepEqual([ack!.code, ack!.identifier], [2, 2]);
  const [again] = peer.send(PAP, 1, 3, request);
  assert.deepEqual([again!.code, again!.identifier], [2, 3]);
});

test('PAP: a peer that never asks is given up', () => {
  const peer = authenticating('pap');
  peer.wait(40_000);
  assert.equal(peer.of('closed')[0]!.reason.code, 'authentication-timeout');
});

test('MS-CHAPv2 failure message to the letter, with and without a retry', () => {
  const refuse = (peer: Peer) => {
    const { id } = peer.of('ask').at(-1)!;
    return peer.command({
      type: 'answer',
      id,
      answer: judge({ ...peer.of('ask').at(-1)!.credentials, user: 'nobody' }),
    });
  };
  const respond = (peer: Peer, identifier: number) =>
    peer.send(CHAP, 2, identifier, concat(Uint8Array.of(49), new Uint8Array(49), utf8('User')));

  const strict = authenticating('ms-chap-v2');
  respond(strict, challengeOf(strict).identifier);
  const [failure, terminate] = refuse(strict);
  assert.match(fromUtf8(failure!.data), /^E=691 R=0 C=[0-9A-F]{32} V=3 M=Authentication failed$/);
  assert.deepEqual([terminate!.protocol, terminate!.code], [LCP, 5]);

  const lenient = authenticating('ms-chap-v2', { retries: 1 });
  const { identifier } = challengeOf(lenient);
  respond(lenient, identifier);
  const [first, ...nothing] = refuse(lenient);
  assert.deepEqual(nothing, []);
  const challenge = /R=1 C=([0-9A-F]{32})/.exec(fromUtf8(first!.data))![1]!;
  respond(lenient, identifier + 1);
  const retried = lenient.of('ask').at(-1)!.credentials;
  assert.ok(retried.method === 'ms-chap-v2');
  assert.equal(toHex(retried.authenticatorChallenge).toUpperCase(), challenge, 'the challenge of the failure message');
  const [last, end] = refuse(lenient);
  assert.match(fromUtf8(last!.data), /R=0/);
  assert.equal(end!.code, 5);
});

test('the reasons of an account are said in the error codes of RFC 2759 §6', () => {
  const peer = authenticating('ms-chap-v2');
  peer.send(CHAP, 2, challengeOf(peer).identifier, concat(Uint8Array.of(49), new Uint8Array(49), utf8('User')));
  const reason = { code: 'password-expired', reason: 'The password has expired.' };
  const [failure] = peer.command({ type: 'answer', id: peer.of('ask')[0]!.id, answer: { accepted: false, reason } });
  assert.match(fromUtf8(failure!.data), /^E=648 R=0/);
});

test('client: the error codes of a Failure become words', () => {
  const peer = client('0305c22381');
  peer.send(CHAP, 1, 7, `10${'5b'.repeat(16)}`);
  peer.send(CHAP, 4, 7, utf8('E=647 R=0 C=00000000000000000000000000000000 V=3 M=Go away'));
  peer.send(LCP, 6, 0);
  const { reason } = peer.of('closed')[0]!;
  assert.equal(reason.code, 'authentication-failed');
  assert.match(reason.reason, /the account is disabled: Go away/);
});

test('client: a Success that no response asked for is not believed', () => {
  const md5 = client('0305c22305');
  md5.send(CHAP, 3, 0, '');
  md5.send(CHAP, 3, 1, '');
  assert.equal(md5.of('authenticated').length, 0);
  const pap = client('0304c023');
  pap.send(PAP, 2, 0, '00');
  pap.send(PAP, 2, 200, '00');
  assert.equal(pap.of('authenticated').length, 0);
  pap.send(PAP, 2, 1, '00');
  assert.equal(pap.of('authenticated').length, 1);
});

test('client: a lost Success comes again because the response does', () => {
  const peer = client('0305c22305');
  const [first] = peer.send(CHAP, 1, 7, `10${'5b'.repeat(16)}`);
  const [second] = peer.wait(3000);
  assert.deepEqual(second, first);
  peer.send(CHAP, 3, 7, '');
  assert.equal(peer.of('authenticated').length, 1);
});

test('client: a server that never answers is given up', () => {
  for (const option of ['0305c22305', '0304c023', '0305c22381']) {
    const peer = client(option);
    if (option !== '0304c023') peer.send(CHAP, 1, 7, `10${'5b'.repeat(16)}`);
    peer.wait(60_000);
    assert.equal(peer.of('closed')[0]!.reason.code, 'authentication-timeout', option);
  }
});

test('our own challenge sent back is not answered: nobody proves himself by our response', () => {
  const peer = new Peer({ requirePeer: ['chap-md5'], credentials: { user: 'User', password: 'clientPass' } });
  peer.ack(peer.command({ type: 'up' }));
  peer.send(LCP, 1, 1, '0305c22305');
  const { identifier, value } = challengeOf(peer);
  assert.deepEqual(peer.send(CHAP, 1, identifier, concat(Uint8Array.of(16), value)), []);
  assert.equal(peer.of('dropped').at(-1)!.code, 'reflected-challenge');
});

test('the password stands in no trace, milestone, drop or reason', () => {
  const peer = client('0304c023');
  peer.send(PAP, 3, 1, `06${toHex(utf8('denied'))}`);
  const spoken = peer.outputs.filter(({ type }) => type !== 'send' && type !== 'ask');
  assert.doesNotMatch(JSON.stringify(spoken), /clientPass/);
  assert.match(JSON.stringify(spoken), /denied/);
});
