/** LCP against peers that real systems are: what they ask, in the bytes in which they ask it. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Code, encodePacket, Protocol } from '../../src/ppp/index.ts';
import { PROTOCOL_REJECTS_PER_WINDOW } from '../../src/ppp/lcp.ts';
import { KEPT_PACKETS } from '../../src/ppp/networkPhase.ts';
import { fromHex, toHex } from '../../src/wire/index.ts';
import { opened, optionsText, Peer } from './peer.ts';
import { NETWORK } from './sim.ts';

const { LCP, IPCP } = Protocol;
const codes = (said: readonly { code: number }[]) => said.map(({ code }) => code);

test('our request: MRU, authentication, magic number; in full form on the wire', () => {
  const peer = new Peer({});
  const [request] = peer.command({ type: 'up' });
  assert.match(optionsText(request!), /^1:0578 3:c22381 5:[0-9a-f]{8}$/);
  assert.equal(toHex(peer.of('send')[0]!.frame).slice(0, 10), 'ff03c02101');
  assert.equal(peer.of('trace')[0]!.summary, 'LCP ConfReq id=1 mru=1400 auth=ms-chap-v2 magic');
});

test('Windows: callback, multilink MRRU, short sequence numbers and endpoint are rejected together, the rest stands', () => {
  const peer = new Peer({});
  peer.command({ type: 'up' });
  const endpoint = '1317 01 000102030405060708090a0b0c0d0e0f10111213';
  const [reject] = peer.send(LCP, 1, 0, `01040578 05061a2b3c4d 0702 0802 0d0306 1104064e 1202 ${endpoint}`);
  assert.equal(reject!.code, Code.configureReject);
  assert.equal(toHex(reject!.data), toHex(fromHex(`0d0306 1104064e 1202 ${endpoint}`)));
  const [ack] = peer.send(LCP, 1, 1, '01040578 05061a2b3c4d 0702 0802');
  assert.equal(ack!.code, Code.configureAck);
  assert.equal(toHex(ack!.data), '0104057805061a2b3c4d07020802', 'repeated unmodified');
});

test('what is agreed is told: the peer’s MRU, and how frames to it may be shortened', () => {
  const peer = new Peer({ requirePeer: [] });
  const request = peer.command({ type: 'up' });
  peer.send(LCP, 1, 1, '010404f6 0702 0802');
  peer.ack(request);
  const [short] = peer.of('lcpUp');
  assert.ok(short!.localMagic > 0);
  assert.deepEqual(
    { ...short, localMagic: 1 },
    { type: 'lcpUp', peerMru: 1270, localMru: 1400, sendAddressControl: false, compressProtocol: true, localMagic: 1 },
  );
  const [plain] = opened().of('lcpUp');
  assert.deepEqual(
    { ...plain, localMagic: 1 },
    { type: 'lcpUp', peerMru: 1500, localMru: 1400, sendAddressControl: true, compressProtocol: false, localMagic: 1 },
  );
});

test('each other declined option is rejected alone: quality, FCS alternatives, self-describing padding, unknown ones', () => {
  for (const option of [
    '0408c02500000064',
    '090301',
    '0a0301',
    '0c04000a',
    '0f02',
    '170400ff',
    'c803aa',
    '0502',
    '010305',
  ]) {
    const peer = new Peer({});
    peer.command({ type: 'up' });
    const [reject] = peer.send(LCP, 1, 5, option);
    assert.deepEqual([reject!.code, reject!.identifier, toHex(reject!.data)], [Code.configureReject, 5, option]);
  }
});

test('an MRU too small to be of use is answered with the least one; an option said twice is rejected', () => {
  const peer = new Peer({});
  peer.command({ type: 'up' });
  assert.equal(optionsText(peer.send(LCP, 1, 1, '01040020')[0]!), '1:0080');
  assert.equal(peer.send(LCP, 1, 2, '01040578 010404b0')[0]!.code, Code.configureReject);
});

test('a server that asks us to authenticate is given our methods, or a reject without credentials', () => {
  const asClient = new Peer({ credentials: { user: 'u', password: 'p' }, acceptFromPeer: ['ms-chap-v2', 'pap'] });
  asClient.command({ type: 'up' });
  assert.equal(optionsText(asClient.send(LCP, 1, 1, '0304c227')[0]!), '3:c22381');
  assert.equal(asClient.send(LCP, 1, 2, '0304c023')[0]!.code, Code.configureAck);
  const asServer = new Peer({});
  asServer.command({ type: 'up' });
  assert.equal(asServer.send(LCP, 1, 1, '0304c023')[0]!.code, Code.configureReject);
});

test('after five Naks the option is rejected, and an Ack begins anew', () => {
  const peer = new Peer({});
  peer.command({ type: 'up' });
  const answers = Array.from({ length: 6 }, (_, i) => peer.send(LCP, 1, i, '01040020')[0]!.code);
  assert.deepEqual(answers, [3, 3, 3, 3, 3, 4]);
  peer.send(LCP, 1, 9, '01040578');
  assert.equal(peer.send(LCP, 1, 10, '01040020')[0]!.code, Code.configureNak);
});

test('a smaller MRU is taken, a larger one is not, a rejected option is left out', () => {
  const peer = new Peer({ requirePeer: [] });
  const [first] = peer.command({ type: 'up' });
  const [second] = peer.send(LCP, 3, first!.identifier, '010404b0');
  assert.match(optionsText(second!), /^1:04b0 5:/);
  const [third] = peer.send(LCP, 3, second!.identifier, '010405dc');
  assert.match(optionsText(third!), /^1:04b0 5:/);
  const [fourth] = peer.send(LCP, 4, third!.identifier, third!.data);
  assert.equal(optionsText(fourth!), '');
  assert.equal(new Set([first, second, third, fourth].map((one) => one!.identifier)).size, 4);
});

test('a peer that Naks for ever is given up', () => {
  const peer = new Peer({ requirePeer: [] });
  let said = peer.command({ type: 'up' });
  for (let i = 0; i < 20 && said[0]?.code === 1; i++) said = peer.send(LCP, 3, said[0].identifier, '010405dc');
  assert.equal(said[0]!.code, Code.terminateRequest);
  peer.send(LCP, 6, said[0]!.identifier);
  assert.equal(peer.of('closed')[0]!.reason.code, 'lcp-not-converging');
});

test('replies with a wrong identifier, other options, or told twice move nothing', () => {
  const peer = new Peer({ requirePeer: [] });
  const [request] = peer.command({ type: 'up' });
  peer.send(LCP, 1, 1, '01040578');
  assert.deepEqual(peer.send(LCP, 2, request!.identifier + 1, request!.data), []);
  assert.deepEqual(peer.send(LCP, 2, request!.identifier, '01040579'), []);
  assert.deepEqual(peer.send(LCP, 4, request!.identifier, '0702'), [], 'a reject of what was not asked');
  assert.equal(peer.of('lcpUp').length, 0);
  peer.ack([request!]);
  assert.equal(peer.of('lcpUp').length, 1);
  assert.deepEqual(peer.ack([request!]), [], 'a duplicate of the Ack on a datagram path is no crossed connection');
  assert.equal(peer.of('lcpUp').length, 1);
});

test('a peer that lets go of authentication by Ack without it cannot be: a Reject fails at once', () => {
  const peer = new Peer({});
  const [request] = peer.command({ type: 'up' });
  const [terminate] = peer.send(LCP, 4, request!.identifier, '0305c22381');
  assert.equal(terminate!.code, Code.terminateRequest);
  peer.send(LCP, 6, terminate!.identifier);
  assert.equal(peer.of('closed')[0]!.reason.code, 'authentication-refused');
});

test('a looped-back link is found out, and its own requests are never acknowledged', () => {
  const peer = new Peer({});
  let wire = peer.command({ type: 'up' });
  const seen: number[] = [];
  for (let i = 0; i < 60 && wire.length > 0; i++) {
    wire = wire.flatMap((packet) => {
      seen.push(packet.code);
      return peer.send(packet.protocol, packet.code, packet.identifier, packet.data);
    });
  }
  assert.equal(peer.of('closed')[0]?.reason.code, 'loopback');
  assert.match(peer.of('closed')[0]!.reason.remedy!, /this machine/);
  assert.ok(!seen.includes(Code.configureAck));
});

test('a loop that closes later is found out by the echoes', () => {
  const peer = opened({ timers: { echoInterval: 1000, echoFailures: 100 } });
  for (let now = 0; now < 20_000 && peer.of('closed').length === 0; now += 1000) {
    const said = peer.wait(now);
    for (const { protocol, code, identifier, data } of said) peer.send(protocol, code, identifier, data);
  }
  assert.equal(peer.of('closed')[0]?.reason.code, 'loopback');
});

test('Echo-Reply: our magic number in front, the rest repeated, cut to the peer’s MRU', () => {
  const peer = new Peer({ requirePeer: [] });
  const request = peer.command({ type: 'up' });
  const magic = optionsText(request[0]!).slice(-8);
  peer.ack(request);
  peer.send(LCP, 1, 1, '010400c8 050611223344');
  const [reply] = peer.send(LCP, 9, 77, '11223344 cafe');
  assert.deepEqual([reply!.code, reply!.identifier, toHex(reply!.data)], [10, 77, `${magic}cafe`]);
  const [long] = peer.send(LCP, 9, 78, `11223344${'ab'.repeat(900)}`);
  assert.equal(encodePacket(long!).length, 200);
  assert.deepEqual(peer.send(LCP, 9, 79, '1122'), [], 'too short for a magic number');
});

test('no echo is answered before LCP is open', () => {
  const peer = new Peer({});
  peer.command({ type: 'up' });
  assert.deepEqual(peer.send(LCP, 9, 1, '11223344'), []);
});

test('Identification and Time-Remaining are taken in silence, unknown codes are Code-Rejected', () => {
  const peer = opened();
  assert.deepEqual(peer.send(LCP, 12, 1, '11223344 4d5352415356352e3230'), []);
  assert.equal(peer.of('trace').at(-1)!.summary, 'LCP Ident id=1 "MSRASV5.20"');
  assert.deepEqual(peer.send(LCP, 13, 2, '11223344 00000e10'), []);
  assert.deepEqual(peer.send(LCP, 11, 3, '11223344'), []);
  const [reject] = peer.send(LCP, 99, 4, 'abcd');
  assert.deepEqual([reject!.code, toHex(reject!.data)], [Code.codeReject, '63040006abcd']);
});

test('a Code-Reject of Echo-Request ends the echoes, one of Configure-Request the link', () => {
  const peer = opened({ timers: { echoInterval: 1000 } });
  const [echo] = peer.wait(1500);
  assert.equal(echo!.code, Code.echoRequest);
  peer.send(LCP, 7, 1, encodePacket(echo!));
  assert.deepEqual(peer.wait(9000), []);
  const [terminate] = peer.send(LCP, 7, 2, '01010004');
  assert.equal(terminate!.code, Code.terminateRequest);
  peer.send(LCP, 6, terminate!.identifier);
  assert.equal(peer.of('closed')[0]!.reason.code, 'lcp-rejected');
});

test('pppd: CCP, IPV6CP, ECP, BACP and unknown protocols get a Protocol-Reject once the network may come', () => {
  const peer = opened({}, NETWORK);
  for (const protocol of [Protocol.CCP, Protocol.IPV6CP, Protocol.ECP, Protocol.BACP, 0x8281]) {
    const [reject] = peer.send(protocol, 1, 1, '120601000060');
    assert.deepEqual([reject!.protocol, reject!.code], [LCP, Code.protocolReject]);
    assert.equal(toHex(reject!.data), `${protocol.toString(16)}0101000a120601000060`);
  }
});

test('… but not before authentication is through, and not without bound', () => {
  const early = new Peer({});
  early.ack(early.command({ type: 'up' }));
  early.send(LCP, 1, 1, '050611223344');
  assert.equal(early.of('lcpUp').length, 1);
  for (const protocol of [Protocol.CCP, Protocol.IPV6CP]) assert.deepEqual(early.send(protocol, 1, 1, ''), []);
  for (let i = 0; i < 20; i++) assert.deepEqual(early.send(IPCP, 1, i, ''), [], `at most ${KEPT_PACKETS} are kept`);

  const peer = opened({}, NETWORK);
  let rejects = 0;
  for (let i = 0; i < 100; i++) rejects += peer.send(Protocol.CCP, 1, i, '').length;
  assert.equal(rejects, PROTOCOL_REJECTS_PER_WINDOW);
});

test('Protocol-Reject of IPCP ends the link with the remedy; of CCP it is no matter', () => {
  const peer = opened({}, NETWORK);
  assert.deepEqual(peer.send(LCP, 8, 1, '80fd 01010004'), []);
  assert.deepEqual(codes(peer.send(LCP, 8, 2, '8021 01010004')), [Code.terminateRequest]);
  peer.send(LCP, 6, 0);
  assert.equal(peer.of('closed')[0]!.reason.code, 'ipcp-rejected');
});

test('LCP of the peer before ours: nothing is lost', () => {
  const peer = new Peer({ requirePeer: [] });
  assert.deepEqual(peer.send(LCP, 1, 1, '01040578'), []);
  const request = peer.command({ type: 'up' });
  assert.deepEqual(codes(peer.send(LCP, 1, 1, '01040578')), [Code.configureAck]);
  peer.ack(request);
  assert.equal(peer.of('lcpUp').length, 1);
});

test('a renegotiation of an open link brings the network down and requires authentication anew', () => {
  const peer = opened({}, NETWORK);
  peer.send(IPCP, 1, 1, '03060a09004d');
  const ours = peer.outputs.filter((o) => o.type === 'trace' && o.summary.startsWith('IPCP ConfReq'));
  assert.equal(ours.length, 2);
  peer.send(IPCP, 2, 1, '03060a090001');
  assert.equal(peer.of('networkUp').length, 1);
  const again = peer.send(LCP, 1, 2, '050699887766');
  assert.deepEqual(codes(again), [Code.configureRequest, Code.configureAck]);
  assert.equal(peer.of('networkDown').length, 1);
  assert.deepEqual(codes(peer.ack(again)), [Code.configureRequest], 'IPCP begins anew');
});

test('a peer that terminates in the middle of LCP is believed after a moment, unless it begins again', () => {
  const peer = new Peer({});
  peer.command({ type: 'up' });
  assert.deepEqual(codes(peer.send(LCP, 5, 3, '6e6f')), [Code.terminateAck]);
  peer.wait(3000);
  assert.equal(peer.of('closed')[0]!.reason.code, 'peer-terminated');
  assert.match(peer.of('closed')[0]!.reason.reason, /"no"/);

  const fickle = new Peer({ requirePeer: [] });
  const request = fickle.command({ type: 'up' });
  fickle.send(LCP, 5, 3);
  fickle.send(LCP, 1, 4, '');
  fickle.ack(request);
  assert.equal(fickle.of('lcpUp').length, 1);
  fickle.wait(5000);
  assert.equal(fickle.of('closed').length, 0);
});

test('a terminated link acknowledges repeated requests for a moment', () => {
  const peer = opened({}, NETWORK);
  assert.deepEqual(codes(peer.send(LCP, 5, 8)), [Code.terminateAck]);
  assert.deepEqual(codes(peer.send(LCP, 5, 8)), [Code.terminateAck]);
  assert.equal(peer.of('closed').length, 0);
  peer.wait(1000);
  assert.equal(peer.of('closed').length, 1);
  assert.deepEqual(peer.send(LCP, 5, 8), []);
});

test('Terminate-Requests without an answer: two, then closed by the one who asked', () => {
  const peer = opened({}, NETWORK);
  const reason = { code: 'shutdown', reason: 'The gateway stops.' };
  assert.deepEqual(codes(peer.command({ type: 'close', reason })), [Code.terminateRequest]);
  assert.deepEqual(codes(peer.wait(1999)), [Code.terminateRequest]);
  peer.wait(2000);
  assert.deepEqual(peer.of('closed'), [{ type: 'closed', by: 'local', reason }]);
  assert.equal(peer.link.deadline, undefined);
});
