/** IPV6CP in both roles: by hand against RFC 5072 §4.1, and two real ends over a bad wire. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Code, Protocol, packetText } from '../../src/ppp/index.ts';
import { fromHex, toHex } from '../../src/wire/index.ts';
import { opened, optionsText, type Peer, type Said } from './peer.ts';
import { judge, NETWORK, Pair, type WireOptions } from './sim.ts';

const { IPCP, IPV6CP, LCP } = Protocol;
const NETWORK6 = { ...NETWORK, ipv6: true };
const THEIRS = '0211 2233 4455 6677'.replaceAll(' ', '');
const request = (identifier: string) => `010a${identifier}`;

/** The link's own Configure-Request, taken from its first outputs. */
function firstRequest(peer: Peer): { identifier: number; data: Uint8Array } {
  const trace = peer.of('trace').find(({ summary }) => summary.startsWith('IPV6CP ConfReq'))!;
  const [, id, text] = /id=(\d+) interface=([0-9a-f:]+)$/.exec(trace.summary)!;
  return { identifier: Number(id), data: fromHex(request(text!.replaceAll(':', ''))) };
}

const ours = (said: readonly Said[]) => said.find(({ protocol, code }) => protocol === IPV6CP && code === 1)!;

// RFC 5072 §4.1, what a received Configure-Request is answered with, in the order of its list.
test('an identifier that is not ours and not zero is acknowledged', () => {
  const peer = opened({}, NETWORK6);
  const [ack] = peer.send(IPV6CP, 1, 1, request(THEIRS));
  assert.deepEqual([ack!.code, optionsText(ack!)], [Code.configureAck, `1:${THEIRS}`]);
});

test('a zero identifier is answered with a Nak that suggests one: not zero, not ours, not universal', () => {
  const peer = opened({}, NETWORK6);
  const own = firstRequest(peer);
  const [nak] = peer.send(IPV6CP, 1, 1, request('0000000000000000'));
  assert.equal(nak!.code, Code.configureNak);
  const suggested = nak!.data.subarray(2);
  assert.notEqual(toHex(suggested), '0000000000000000');
  assert.notEqual(toHex(suggested), toHex(own.data.subarray(2)));
  assert.equal(suggested[0]! & 2, 0);
});

test('an identifier equal to ours is answered with a Nak that suggests another', () => {
  const peer = opened({}, NETWORK6);
  const own = firstRequest(peer);
  const [nak] = peer.send(IPV6CP, 1, 1, own.data);
  assert.equal(nak!.code, Code.configureNak);
  assert.notEqual(toHex(nak!.data), toHex(own.data));
});

test('a request without identifier is suggested one; compression is rejected', () => {
  const peer = opened({}, NETWORK6);
  assert.equal(peer.send(IPV6CP, 1, 1, '')[0]!.code, Code.configureNak);
  const [reject] = peer.send(IPV6CP, 1, 2, `${request(THEIRS)}0204004f`);
  assert.deepEqual([reject!.code, toHex(reject!.data)], [Code.configureReject, '0204004f']);
});

test('a suggestion is taken where it is usable, else another is made', () => {
  const peer = opened({}, NETWORK6);
  let next = ours(peer.send(IPV6CP, 3, firstRequest(peer).identifier, request('0000000000000009')));
  assert.equal(optionsText(next), '1:0000000000000009');
  for (const unusable of ['0000000000000000', '0000000000000009']) {
    const refused = optionsText(next);
    next = ours(peer.send(IPV6CP, 3, next.identifier, request(unusable)));
    assert.notEqual(optionsText(next), refused);
    if (refused.endsWith(unusable)) assert.notEqual(optionsText(next), `1:${unusable}`);
  }
  next = ours(peer.send(IPV6CP, 3, next.identifier, next.data));
  assert.equal(next.data.length, 10);
  peer.ack([next], IPV6CP);
  peer.send(IPV6CP, 1, 1, request(THEIRS));
  const [up] = peer.of('ipv6Up');
  assert.deepEqual([toHex(up!.localIdentifier), toHex(up!.peerIdentifier)], [toHex(next.data.subarray(2)), THEIRS]);
});

/** Opens IPCP by hand. */
function openIpcp(peer: Peer): void {
  const summary = peer.of('trace').find(({ summary }) => summary.startsWith('IPCP ConfReq'))!.summary;
  peer.send(IPCP, 2, Number(/id=(\d+)/.exec(summary)![1]), '03060a090001');
  peer.send(IPCP, 1, 1, '03060a09004d');
}

// In each state of the negotiation a peer without IPv6 leaves IPv4 as it is.
test('a peer that rejects the protocol, the option or never answers keeps IPv4', () => {
  const refusals: readonly (readonly [string, (peer: Peer) => void])[] = [
    ['protocol rejected', (peer) => peer.send(LCP, 8, 9, '8057')],
    ['option rejected', (peer) => peer.send(IPV6CP, 4, firstRequest(peer).identifier, toHex(firstRequest(peer).data))],
    ['silence', (peer) => peer.wait(60_000)],
    ['terminated', (peer) => peer.send(IPV6CP, 5, 7)],
  ];
  for (const [name, refuse] of refusals) {
    const peer = opened({ timers: { echoInterval: 0 } }, NETWORK6);
    openIpcp(peer);
    refuse(peer);
    peer.wait(peer.now + 60_000);
    assert.equal(peer.of('networkUp').length, 1, name);
    assert.equal(peer.of('networkDown').length, 0, name);
    assert.equal(peer.of('ipv6Up').length, 0, name);
    assert.equal(peer.of('closed').length, 0, name);
    assert.ok(
      peer.of('milestone').some(({ name }) => name === 'no IPv6'),
      name,
    );
  }
});

test('IPv6 that the peer ends goes down, and IPv4 stands', () => {
  const peer = opened({}, NETWORK6);
  openIpcp(peer);
  const { identifier, data } = firstRequest(peer);
  peer.send(IPV6CP, 2, identifier, data);
  peer.send(IPV6CP, 1, 1, request(THEIRS));
  assert.equal(peer.of('ipv6Up').length, 1);
  const [ack] = peer.send(IPV6CP, 5, 2);
  assert.equal(ack!.code, Code.terminateAck);
  assert.equal(peer.of('ipv6Down').length, 1);
  assert.equal(peer.of('networkDown').length, 0);
});

test('where IPv6 is not configured its packets are rejected as an unknown protocol', () => {
  const peer = opened({}, NETWORK);
  const [reject] = peer.send(IPV6CP, 1, 1, request(THEIRS));
  assert.deepEqual([reject!.protocol, reject!.code], [LCP, Code.protocolReject]);
  assert.equal(toHex(reject!.data).slice(0, 4), '8057');
});

test('an IPv6 packet that overtakes the opening is dropped, and rejects nothing', () => {
  const peer = opened({}, NETWORK6);
  assert.deepEqual(peer.receive(fromHex('ff030057 60000000 00003bff'.replaceAll(' ', ''))), []);
  assert.equal(peer.of('dropped').at(-1)!.code, 'early-data');
  const without = opened({}, NETWORK);
  assert.equal(without.receive(fromHex('ff03005760000000'))[0]!.code, Code.protocolReject);
});

test('IPv6 is down with the link', () => {
  const peer = opened({}, NETWORK6);
  openIpcp(peer);
  const { identifier, data } = firstRequest(peer);
  peer.send(IPV6CP, 2, identifier, data);
  peer.send(IPV6CP, 1, 1, request(THEIRS));
  peer.command({ type: 'down', reason: { code: 'lost', reason: 'The tunnel is gone.' } });
  assert.equal(peer.of('ipv6Down').length, 1);
});

test('traces name it', () => {
  const data = fromHex(request(THEIRS));
  assert.equal(
    packetText(IPV6CP, { code: 1, identifier: 3, data }),
    'IPV6CP ConfReq id=3 interface=0211:2233:4455:6677',
  );
});

const credentials = { user: 'User', password: 'clientPass' };
const wires: Record<string, WireOptions> = {
  'a good wire': {},
  'loss, doubles and reordering': { loss: 0.25, duplicates: 0.2, jitter: 40 },
};
for (const [name, wire] of Object.entries(wires)) {
  test(`two real ends over ${name} agree on identifiers`, () => {
    for (let seed = 1; seed <= 20; seed++) {
      const pair = new Pair(
        { config: { credentials, network: { ipv6: true } } },
        {
          config: {},
          judge: (presented) => {
            const answer = judge(presented);
            return answer.accepted ? { ...answer, network: NETWORK6 } : answer;
          },
        },
        { ...wire, seed },
      )
        .start()
        .run(40_000);
      const [client, server] = [pair.last('client', 'ipv6Up')!, pair.last('server', 'ipv6Up')!];
      assert.ok(client !== undefined && server !== undefined, `seed ${seed}`);
      assert.deepEqual(client.localIdentifier, server.peerIdentifier);
      assert.deepEqual(client.peerIdentifier, server.localIdentifier);
      assert.notDeepEqual(client.localIdentifier, client.peerIdentifier);
      assert.ok(pair.last('client', 'networkUp'));
    }
  });
}
