/** What may not happen: verdicts out of turn, foreign identifiers, methods in the middle of methods, lengths that lie. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type EapOutput, EapPeer, type EapPeerConfig, EapServer, type TlsProgress } from '../../src/eap/index.ts';
import { MOST_TLS_MESSAGE_BYTES } from '../../src/eap/limits.ts';
import { TlsFragments } from '../../src/eap/methods/tlsFragments.ts';
import { fromHex, Malformed, toHex } from '../../src/wire/index.ts';
import { environment, judge } from './sim.ts';

const credentials = { user: 'User', password: 'clientPass' };

function newPeer(config: Partial<EapPeerConfig> = {}): EapPeer {
  const peer = new EapPeer({ methods: ['eap-mschapv2'], credentials, ...config }, environment(1));
  peer.command({ type: 'start' }, 0);
  return peer;
}

const give = (core: EapPeer | EapServer, hex: string) => core.receive(fromHex(hex), 0);
const sent = (outputs: readonly EapOutput[]) =>
  outputs.flatMap((output) => (output.type === 'send' ? [toHex(output.bytes)] : []));
const codes = (outputs: readonly EapOutput[]) =>
  outputs.flatMap((output) => (output.type === 'dropped' ? [output.code] : []));
const ended = (outputs: readonly EapOutput[]) =>
  outputs.filter(({ type }) => type === 'success' || type === 'failure').map(({ type }) => type);

const IDENTITY = '0105000501';
const CHALLENGE = '0106001d1a0106001810 000102030405060708090a0b0c0d0e0f 677731';

test('Success before anything, after the identity, and in the middle of a method is none', () => {
  const peer = newPeer();
  assert.deepEqual(codes(give(peer, '03000004')), ['unexpected-verdict']);
  give(peer, IDENTITY);
  assert.deepEqual(codes(give(peer, '03050004')), ['early-success']);
  give(peer, CHALLENGE);
  assert.deepEqual(codes(give(peer, '03060004')), ['early-success']);
  assert.deepEqual(codes(give(peer, '03070004')), ['unexpected-verdict'], 'nor with a foreign identifier');
});

test('Failure with a foreign identifier is none; with the right one it is', () => {
  const peer = newPeer();
  give(peer, IDENTITY);
  assert.deepEqual(codes(give(peer, '04060004')), ['unexpected-verdict']);
  assert.deepEqual(ended(give(peer, '04050004')), ['failure']);
  assert.deepEqual(
    give(peer, CHALLENGE).filter(({ type }) => type === 'send'),
    [],
    'the end is the end',
  );
});

test('after the server has proved itself a Failure is not its word', () => {
  const server = new EapServer({ methods: ['eap-mschapv2'] }, environment(2));
  const peer = newPeer();
  let packets = sent(server.command({ type: 'start' }, 0));
  let success: readonly EapOutput[] = [];
  for (let i = 0; i < 3; i++) {
    success = give(peer, packets[0]!);
    const outputs = give(server, sent(success)[0]!);
    const ask = outputs.find((output) => output.type === 'ask');
    packets = sent(
      ask === undefined ? outputs : server.command({ type: 'answer', id: ask.id, answer: judge(ask.credentials) }, 0),
    );
  }
  const identifier = packets[0]!.slice(2, 4);
  assert.deepEqual(codes(give(peer, `04${identifier}0004`)), ['unexpected-verdict']);
  assert.deepEqual(ended(give(peer, packets[0]!)), ['success']);
});

test('duplicates get the same Response, also after the end; a stale Request gets none', () => {
  const peer = newPeer();
  const [identity] = sent(give(peer, IDENTITY));
  assert.deepEqual(sent(give(peer, IDENTITY)), [identity]);
  const [response] = sent(give(peer, CHALLENGE));
  assert.deepEqual(sent(give(peer, CHALLENGE)), [response]);
  assert.deepEqual(codes(give(peer, IDENTITY)), ['duplicate']);
});

test('within a method neither another method, nor a Nak, nor Identity', () => {
  const peer = newPeer({ methods: ['eap-mschapv2', 'eap-gtc'] });
  give(peer, IDENTITY);
  give(peer, CHALLENGE);
  for (const other of ['0107000606 50', '0107000501', '0107000503', '0107000604 00']) {
    assert.deepEqual(codes(give(peer, other)), ['unexpected-authentication'], other);
  }
});

test('Notifications are acknowledged and change nothing; unknown and expanded types are refused in their own form', () => {
  const peer = newPeer({ methods: ['eap-tls', 'eap-mschapv2'] });
  assert.deepEqual(sent(give(peer, '0101000802 6869')).length, 0, 'a length that lies');
  assert.deepEqual(sent(give(peer, '0101000702 6869')), ['0201000502']);
  assert.deepEqual(sent(give(peer, '0102000511')), ['02020007030d1a']);
  assert.deepEqual(sent(give(peer, '0103000cfe00013700000001')), [
    '0203001cfe00000000000003fe0000000000000dfe0000000000001a',
  ]);
  assert.deepEqual(ended(give(peer, '04030004')), ['failure']);
});

test('a server takes no foreign identifier, no Request, no other type, no second Response', () => {
  const server = new EapServer({ methods: ['eap-gtc', 'eap-md5'] }, environment(3));
  const [request] = sent(server.command({ type: 'start' }, 0));
  const id = Number.parseInt(request!.slice(2, 4), 16);
  const hex = (n: number) => ((id + n) & 255).toString(16).padStart(2, '0');
  assert.deepEqual(codes(give(server, `02${hex(1)}000901 55736572`)), ['duplicate']);
  assert.deepEqual(codes(give(server, `01${hex(0)}000901 55736572`)), ['unexpected-authentication']);
  assert.deepEqual(codes(give(server, `02${hex(0)}000706 7878`)), ['unexpected-authentication']);
  assert.equal(sent(give(server, `02${hex(0)}000901 55736572`)).length, 1);
  assert.deepEqual(codes(give(server, `02${hex(0)}000901 55736572`)), ['duplicate']);
  assert.deepEqual(codes(give(server, `02${hex(1)}0006 04 00`)), ['unexpected-authentication'], 'MD5 was not proposed');
  const outputs = give(server, `02${hex(1)}0007 06 7878`);
  assert.equal(
    outputs.some(({ type }) => type === 'ask'),
    true,
  );
  assert.deepEqual(codes(give(server, `02${hex(1)}0007 06 7878`)), ['duplicate'], 'while it is judged');
  const reason = { code: 'wrong-password', reason: 'No.' };
  assert.deepEqual(codes(server.command({ type: 'answer', id: 99, answer: { accepted: false, reason } }, 0)), []);
  const end = server.command({ type: 'answer', id: 1, answer: { accepted: false, reason } }, 0);
  assert.deepEqual(sent(end), [`04${hex(1)}0004`]);
  assert.deepEqual(sent(give(server, `02${hex(1)}0007 06 7878`)), [`04${hex(1)}0004`], 'the verdict again');
});

test('a Nak in the middle of a method is none', () => {
  const server = new EapServer({ methods: ['eap-mschapv2', 'eap-gtc'], identity: 'User', retries: 1 }, environment(4));
  const peer = newPeer({
    methods: ['eap-mschapv2'],
    credentials: { user: 'User', password: 'x', otherPasswords: ['y'] },
  });
  const response = sent(give(peer, sent(server.command({ type: 'start' }, 0))[0]!))[0]!;
  const ask = give(server, response).find((output) => output.type === 'ask')!;
  const again = sent(server.command({ type: 'answer', id: ask.id, answer: judge(ask.credentials) }, 0))[0]!;
  assert.deepEqual(codes(give(server, `02${again.slice(2, 4)}0006 03 06`)), ['unexpected-authentication']);
});

test('our own challenge sent back is not answered', () => {
  const peer = newPeer({ isOurChallenge: (challenge) => toHex(challenge) === '000102030405060708090a0b0c0d0e0f' });
  give(peer, IDENTITY);
  assert.deepEqual(codes(give(peer, CHALLENGE)), ['reflected-challenge']);
});

const established = (version: 'TLSv1.2' | 'TLSv1.3', data = ''): TlsProgress => ({
  state: 'established',
  output: fromHex('1603'),
  version,
  keys: new Uint8Array(128).fill(7),
  data: fromHex(data),
  peerNames: ['gw'],
});

function tlsPeer(progress: TlsProgress): { peer: EapPeer; outputs: readonly EapOutput[] } {
  const peer = newPeer({ methods: ['eap-tls'] });
  give(peer, '010100060d20');
  const hello = peer.command(
    { type: 'tlsAnswer', id: 1, progress: { state: 'handshaking', output: fromHex('16') } },
    0,
  );
  assert.equal(sent(hello).length, 1);
  give(peer, '010200070d0016');
  return { peer, outputs: peer.command({ type: 'tlsAnswer', id: 2, progress }, 0) };
}

test('RFC 9190 §2.1.1: with TLS 1.3 no Success without the protected one', () => {
  const { peer } = tlsPeer(established('TLSv1.3'));
  assert.deepEqual(codes(give(peer, '03020004')), ['early-success']);
  give(peer, '010300070d0017');
  const answer = peer.command({ type: 'tlsAnswer', id: 3, progress: established('TLSv1.3', '00') }, 0);
  assert.equal(sent(answer).length, 1);
  assert.deepEqual(codes(give(peer, '04030004')), ['unexpected-verdict']);
  assert.deepEqual(ended(give(peer, '03030004')), ['success']);
});

test('RFC 9190: other application data in its place is refused', () => {
  const { peer, outputs } = tlsPeer(established('TLSv1.3', '01'));
  assert.deepEqual(ended(outputs), ['failure']);
  assert.deepEqual(ended(give(peer, '03020004')), []);
});

test('RFC 5216: with TLS 1.2 the handshake is enough, and a Failure still counts', () => {
  assert.deepEqual(ended(give(tlsPeer(established('TLSv1.2')).peer, '03020004')), ['success']);
  assert.deepEqual(ended(give(tlsPeer(established('TLSv1.2')).peer, '04020004')), ['failure']);
});

test('a method with keys does not succeed without them', () => {
  const { peer } = tlsPeer({ ...established('TLSv1.2'), keys: new Uint8Array(128) } as TlsProgress);
  assert.deepEqual(ended(give(peer, '03020004')), ['success']);
  const server = new EapServer({ methods: ['eap-mschapv2'], needsKey: true, identity: 'User' }, environment(5));
  const end = newPeer();
  const response = sent(give(end, sent(server.command({ type: 'start' }, 0))[0]!))[0]!;
  const ask = give(server, response).find((output) => output.type === 'ask')!;
  const { masterKey: _, ...keyless } = judge(ask.credentials) as { accepted: true; masterKey?: Uint8Array };
  const success = sent(server.command({ type: 'answer', id: ask.id, answer: keyless }, 0))[0]!;
  const outputs = give(server, sent(give(end, success))[0]!);
  assert.deepEqual([sent(outputs)[0]!.slice(0, 2), ...ended(outputs)], ['04', 'failure']);
});

test('TLS fragments: lengths, flags and bounds', () => {
  const take = (...packets: string[]) => {
    const fragments = new TlsFragments(100);
    return packets.map((packet) => fragments.receive(fromHex(packet)).kind).join();
  };
  assert.equal(take('00'), 'ack');
  assert.equal(take(''), 'ack');
  assert.equal(take('20'), 'start');
  assert.equal(take('00 aa'), 'message');
  assert.equal(take('80 00000001 aa'), 'message', 'a length where none is needed is taken');
  assert.equal(take('c0 00000003 aa', '40 bb', '00 cc'), 'fragment,fragment,message');
  assert.equal(take('c0 00000003 aa', 'c0 00000003 bb', '80 00000003 cc'), 'fragment,fragment,message');
  for (const bad of [
    ['40 aa'],
    ['c0 00000001 aa'],
    ['c0 00000000'],
    ['c0 00000002'],
    ['80 00000005 aa'],
    ['80 0000'],
    ['60'],
    ['20 00'],
    [`c0 ${(MOST_TLS_MESSAGE_BYTES + 1).toString(16).padStart(8, '0')} aa`],
    ['c0 00000003 aa', '00 bb'],
    ['c0 00000003 aa', '40'],
    ['c0 00000003 aa', '00 bbccdd'],
    ['c0 00000003 aa', '40 bbcc'],
    ['c0 00000003 aa', 'c0 00000004 bb'],
    ['c0 00000003 aa', '20'],
  ]) {
    assert.throws(() => take(...bad), Malformed, bad.join());
  }
});

test('TLS fragments: any flight arrives whole, over any size of packet', () => {
  for (const [bytes, most] of [
    [1, 20],
    [15, 20],
    [16, 20],
    [1000, 37],
    [5000, 1015],
  ] as const) {
    const flight = Uint8Array.from({ length: bytes }, (_, i) => i & 255);
    const [from, to] = [new TlsFragments(most), new TlsFragments(most)];
    let packet = from.send(flight);
    let input = to.receive(packet);
    for (; from.sending; input = to.receive(packet)) {
      assert.ok(packet.length <= most);
      assert.equal(input.kind, 'fragment');
      packet = from.next();
    }
    assert.deepEqual(input, { kind: 'message', bytes: flight });
  }
});
