/** IPCP in both roles against a peer written by hand. RFC 1332, RFC 1877. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Code, Protocol } from '../../src/ppp/index.ts';
import { toHex } from '../../src/wire/index.ts';
import { opened, optionsText, type Said } from './peer.ts';
import { NETWORK } from './sim.ts';

const { IPCP, LCP } = Protocol;
const requestOf = (said: readonly Said[]) => said.find(({ protocol, code }) => protocol === IPCP && code === 1)!;
const ADDRESS = '03060a09004d';

test('server: a request of 0.0.0.0 with DNS and WINS is answered with what is assigned, in one Nak', () => {
  const peer = opened({}, NETWORK);
  const [nak] = peer.send(IPCP, 1, 1, '030600000000 810600000000 820600000000 830600000000 840600000000');
  assert.equal(nak!.code, Code.configureNak);
  // One WINS server is configured, so it stands in both places.
  assert.equal(optionsText(nak!), '3:0a09004d 129:0a090001 130:0a090003 131:09090909 132:0a090003');
  const [ack] = peer.send(IPCP, 1, 2, `${ADDRESS} 81060a090001 82060a090003 830609090909 84060a090003`);
  assert.equal(ack!.code, Code.configureAck);
});

test('server: a wrong address is Nak’d, a missing one is suggested, a peer that never takes it is refused', () => {
  const peer = opened({}, NETWORK);
  assert.equal(optionsText(peer.send(IPCP, 1, 1, '0306c0a80001')[0]!), '3:0a09004d');
  assert.equal(optionsText(peer.send(IPCP, 1, 2, '')[0]!), '3:0a09004d');
  for (let i = 3; i < 6; i++) peer.send(IPCP, 1, i, '');
  assert.equal(peer.send(IPCP, 1, 6, '')[0]!.code, Code.configureAck, 'no more is appended');
  peer.send(IPCP, 2, 1, '03060a090001');
  const terminate = peer.of('milestone').at(-1)!;
  assert.equal(terminate.name, 'LCP terminate sent');
  peer.send(LCP, 6, 0);
  assert.equal(peer.of('closed')[0]!.reason.code, 'ipcp-no-address');
});

test('server: VJ compression, the deprecated IP-Addresses and name servers that are not configured are rejected together', () => {
  const peer = opened({}, { ...NETWORK, dns: [], nbns: [] });
  const [reject] = peer.send(IPCP, 1, 1, `0206002d0f01 010a0a09004d0a090001 ${ADDRESS} 810600000000 820600000000`);
  assert.equal(reject!.code, Code.configureReject);
  assert.equal(toHex(reject!.data), '0206002d0f01010a0a09004d0a090001810600000000820600000000');
});

test('client: asks for address and DNS, takes the Nak, gives up what is rejected', () => {
  const peer = opened({ network: { requestNbns: true } });
  const first = peer.of('send').at(-1)!;
  assert.ok(first);
  const request = peer.of('trace').findLast(({ summary }) => summary.startsWith('IPCP ConfReq'))!;
  assert.equal(request.summary, 'IPCP ConfReq id=1 addr=0.0.0.0 dns1=0.0.0.0 nbns1=0.0.0.0 dns2=0.0.0.0 nbns2=0.0.0.0');
  const second = requestOf(peer.send(IPCP, 4, 1, '820600000000 840600000000'));
  assert.equal(optionsText(second), '3:00000000 129:00000000 131:00000000');
  const third = requestOf(peer.send(IPCP, 3, second.identifier, `${ADDRESS} 810601010101 830608080808`));
  assert.equal(optionsText(third), '3:0a09004d 129:01010101 131:08080808');
  peer.ack([third], IPCP);
  peer.send(IPCP, 1, 1, '03060a090001');
  assert.deepEqual(peer.of('networkUp'), [
    {
      type: 'networkUp',
      family: 'ipv4',
      localAddress: '10.9.0.77',
      peerAddress: '10.9.0.1',
      dns: ['1.1.1.1', '8.8.8.8'],
      nbns: [],
    },
  ]);
});

test('client: a server that gives its only name server twice has one', () => {
  const peer = opened({ network: {} });
  const second = requestOf(peer.send(IPCP, 3, 1, `${ADDRESS} 81060a090001 83060a090001`));
  peer.ack([second], IPCP);
  peer.send(IPCP, 1, 1, '03060a090001');
  assert.deepEqual(peer.of('networkUp')[0]!.dns, ['10.9.0.1']);
});

test('client: DNS rejected altogether, the link comes up without it', () => {
  const peer = opened({ network: {} });
  const second = requestOf(peer.send(IPCP, 4, 1, '810600000000 830600000000'));
  const third = requestOf(peer.send(IPCP, 3, second.identifier, ADDRESS));
  peer.ack([third], IPCP);
  peer.send(IPCP, 1, 1, '');
  assert.deepEqual(peer.of('networkUp')[0]!.dns, []);
  assert.equal(peer.of('networkUp')[0]!.peerAddress, '0.0.0.0');
});

test('client: a server without an address for us is told apart from silence', () => {
  const rejecting = opened({ network: {} });
  rejecting.send(IPCP, 4, 1, '030600000000');
  rejecting.send(LCP, 6, 0);
  assert.equal(rejecting.of('closed')[0]!.reason.code, 'ipcp-no-address');

  const nothing = opened({ network: { requestDns: false } });
  nothing.send(IPCP, 2, 1, '030600000000');
  nothing.send(IPCP, 1, 1, '03060a090001');
  nothing.send(LCP, 6, 0);
  assert.equal(nothing.of('closed')[0]!.reason.code, 'ipcp-no-address');

  const silent = opened({ network: {} });
  silent.wait(40_000);
  assert.equal(silent.of('closed')[0]!.reason.code, 'ipcp-timeout');
});

test('client: addresses that no host can have are not taken', () => {
  for (const address of ['00000000', '7f000001', 'e0000001', 'ffffffff']) {
    const peer = opened({ network: { requestDns: false } });
    const again = requestOf(peer.send(IPCP, 3, 1, `0306${address}`));
    assert.equal(optionsText(again), '3:00000000', address);
  }
});

test('an address configured here is not given up to a Nak', () => {
  const peer = opened({}, NETWORK);
  assert.equal(optionsText(requestOf(peer.send(IPCP, 3, 1, '0306c0a80001'))), '3:0a090001');
});

test('IPCP terminated by the peer takes the network and the link down', () => {
  const peer = opened({}, NETWORK);
  peer.send(IPCP, 1, 1, ADDRESS);
  peer.send(IPCP, 2, 1, '03060a090001');
  assert.equal(peer.of('networkUp').length, 1);
  assert.equal(peer.send(IPCP, 5, 2)[0]!.code, Code.terminateAck);
  assert.equal(peer.of('networkDown').length, 1);
  peer.wait(10_000);
  assert.equal(peer.of('closed')[0]!.reason.code, 'ipcp-terminated');
});

test('early IPv4 is counted and nothing else; IPCP knows no further codes', () => {
  const peer = opened({}, NETWORK);
  assert.deepEqual(peer.receive(Uint8Array.of(0x21, 0x45, 0, 0, 20)), []);
  assert.equal(peer.of('dropped').at(-1)!.code, 'early-data');
  assert.equal(peer.send(IPCP, 9, 1, '00000000')[0]!.code, Code.codeReject);
});

test('an address that is none ends the link with the reason, and nothing throws', () => {
  const peer = opened({}, { ...NETWORK, peerAddress: '10.9.0.777' });
  peer.send(LCP, 6, 0);
  assert.equal(peer.of('closed')[0]!.reason.code, 'ipcp-no-address');
});
