/** NAT detection, original addresses, vendor ids and the choice of a NAT traversal dialect. RFC 3947. */

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, test } from 'node:test';
import { nodeCrypto } from '../../src/crypto/node/index.ts';
import {
  canReassemble,
  deadPeerDetectionPayload,
  encapsulationNumber,
  evaluateNatDetection,
  hasVendorId,
  type NatDPayload,
  natDetectionHash,
  natDetectionPayloads,
  natTraversalOf,
  natTraversalPayloads,
  natTraversals,
  originalAddress,
  originalAddressPayload,
  type Payload,
  vendorIdPayload,
  vendorIds,
  vendorIdText,
  vendorIdTexts,
} from '../../src/ike/index.ts';
import { concat, fromHex, toHex, utf8 } from '../../src/wire/index.ts';

const cookies = { initiator: fromHex('0102030405060708'), responder: fromHex('1112131415161718') };
const rfc = natTraversals[0]!;
const client = { address: '10.0.0.5', port: 500 };
const router = { address: '203.0.113.9', port: 61_000 };
const gateway = { address: '198.51.100.1', port: 500 };
const inside = { address: '192.168.1.2', port: 500 };
const common = { hash: 'sha1', cookies } as const;

describe('NAT detection', () => {
  test('hashes cookies, address and port, of IPv4 and of IPv6', () => {
    const expected = (endpoint: string) =>
      createHash('sha256')
        .update(Buffer.from(`01020304050607081112131415161718${endpoint}`, 'hex'))
        .digest('hex');
    const v4 = natDetectionHash(nodeCrypto, 'sha256', cookies, { address: '192.0.2.1', port: 4500 });
    assert.equal(toHex(v4), expected('c00002011194'));
    const v6 = natDetectionHash(nodeCrypto, 'sha256', cookies, { address: '2001:db8::1', port: 500 });
    assert.equal(toHex(v6), expected('20010db800000000000000000000000101f4'));
  });

  const situation = (clientSees: typeof client, gatewaySees: typeof client, gatewayIs = gateway, force = false) => {
    const toGateway = natDetectionPayloads(nodeCrypto, { ...common, local: client, remote: clientSees, force }, rfc);
    const toClient = natDetectionPayloads(nodeCrypto, { ...common, local: gatewayIs, remote: gatewaySees }, rfc);
    const atGateway = { ...common, local: gatewayIs, remote: gatewaySees };
    const atClient = { ...common, local: client, remote: clientSees, force };
    return {
      gateway: evaluateNatDetection(nodeCrypto, atGateway, toGateway),
      client: evaluateNatDetection(nodeCrypto, atClient, toClient),
    };
  };

  // biome-ignore format: a table
  const table = [
    ['no NAT',              gateway, client, gateway, { localBehindNat: false, remoteBehindNat: false }, { localBehindNat: false, remoteBehindNat: false }],
    ['the client behind',   gateway, router, gateway, { localBehindNat: false, remoteBehindNat: true },  { localBehindNat: true,  remoteBehindNat: false }],
    ['the gateway behind',  gateway, client, inside,  { localBehindNat: true,  remoteBehindNat: false }, { localBehindNat: false, remoteBehindNat: true }],
    ['both behind',         gateway, router, inside,  { localBehindNat: true,  remoteBehindNat: true },  { localBehindNat: true,  remoteBehindNat: true }],
  ] as const;
  for (const [name, clientSees, gatewaySees, gatewayIs, atGateway, atClient] of table) {
    test(name, () => {
      assert.deepEqual(situation(clientSees, gatewaySees, gatewayIs), { gateway: atGateway, client: atClient });
    });
  }

  test('a forced encapsulation makes both ends see a NAT before the one that forces it', () => {
    const { gateway: atGateway, client: atClient } = situation(gateway, client, gateway, true);
    assert.deepEqual(atGateway, { localBehindNat: false, remoteBehindNat: true });
    assert.deepEqual(atClient, { localBehindNat: true, remoteBehindNat: false });
  });

  test('a peer with several addresses is not behind NAT when one of them matches', () => {
    const local = natDetectionHash(nodeCrypto, 'sha1', cookies, gateway);
    const other = natDetectionHash(nodeCrypto, 'sha1', cookies, inside);
    const real = natDetectionHash(nodeCrypto, 'sha1', cookies, client);
    const payloads = [local, other, real].map((hash): NatDPayload => ({ kind: 'NAT-D', hash }));
    const found = evaluateNatDetection(nodeCrypto, { ...common, local: gateway, remote: client }, payloads);
    assert.deepEqual(found, { localBehindNat: false, remoteBehindNat: false });
  });

  test('fewer than two payloads detect nothing', () => {
    const context = { ...common, local: gateway, remote: client };
    assert.equal(evaluateNatDetection(nodeCrypto, context, []), undefined);
    assert.equal(evaluateNatDetection(nodeCrypto, context, [{ kind: 'NAT-D', hash: new Uint8Array(20) }]), undefined);
  });

  test('payload numbers are those of the dialect', () => {
    const numbers = natTraversals.map((traversal) => {
      const [payload] = natDetectionPayloads(nodeCrypto, { ...common, local: client, remote: gateway }, traversal);
      return [payload?.number ?? 20, originalAddressPayload('10.0.0.5', traversal).number ?? 21];
    });
    assert.deepEqual(numbers, [
      [20, 21],
      [130, 131],
      [130, 131],
      [130, 131],
    ]);
  });
});

test('an original address is read where its length is its type', () => {
  for (const address of ['10.0.0.5', '2001:db8::5']) {
    assert.equal(originalAddress(originalAddressPayload(address, rfc)), address);
  }
  assert.equal(originalAddress({ kind: 'NAT-OA', idType: 1, address: new Uint8Array(16) }), undefined);
  assert.equal(originalAddress({ kind: 'NAT-OA', idType: 2, address: new Uint8Array(4) }), undefined);
});

test('encapsulation numbers: plain, RFC 3947, drafts', () => {
  const numbers = (['none', 'rfc', 'draft'] as const).map((udp) => [
    encapsulationNumber('transport', udp),
    encapsulationNumber('tunnel', udp),
  ]);
  assert.deepEqual(numbers, [
    [2, 1],
    [4, 3],
    [61_444, 61_443],
  ]);
});

describe('vendor ids', () => {
  const chain = (...payloads: Payload[]) => ({ payloads, raw: [] });
  const vid = (...hex: string[]) => chain(...hex.map((h): Payload => ({ kind: 'VID', data: fromHex(h) })));

  // Most vendor ids are MD5 digests of a text that is known.
  const texts = {
    rfc3947: 'RFC 3947',
    natTraversal08: 'draft-ietf-ipsec-nat-t-ike-08',
    natTraversal07: 'draft-ietf-ipsec-nat-t-ike-07',
    natTraversal06: 'draft-ietf-ipsec-nat-t-ike-06',
    natTraversal05: 'draft-ietf-ipsec-nat-t-ike-05',
    natTraversal04: 'draft-ietf-ipsec-nat-t-ike-04',
    natTraversal03: 'draft-ietf-ipsec-nat-t-ike-03',
    natTraversal02n: 'draft-ietf-ipsec-nat-t-ike-02\n',
    natTraversal02: 'draft-ietf-ipsec-nat-t-ike-02',
    natTraversal01: 'draft-ietf-ipsec-nat-t-ike-01',
    natTraversal00: 'draft-ietf-ipsec-nat-t-ike-00',
    natTraversalApple: 'draft-ietf-ipsec-nat-t-ike',
    fragmentation: 'FRAGMENTATION',
    microsoft: 'MS NT5 ISAKMPOAKLEY',
    microsoftNegotiationDiscovery: 'MS-Negotiation Discovery Capable',
    microsoftInitialContact: 'Vid-Initial-Contact',
    microsoftCga: 'IKE CGA version 1',
    microsoftGssapi: 'GSSAPI',
    strongSwan: 'strongSwan',
    racoon: 'KAME/racoon',
  } as const;
  test('are the digests of their texts', () => {
    for (const [name, text] of Object.entries(texts)) {
      assert.deepEqual(vendorIds[name as keyof typeof texts].bytes, nodeCrypto.hash('md5', utf8(text)), name);
    }
    assert.deepEqual(vendorIds.unity.bytes, nodeCrypto.hash('md5', utf8('CISCO-UNITY')).slice(0, 14));
    assert.deepEqual(
      vendorIds.xauth.bytes,
      nodeCrypto.hash('md5', utf8('draft-ietf-ipsra-isakmp-xauth-06.txt')).slice(0, 8),
    );
  });

  test('are named, with what their suffix says, and the unknown ones are shown in hexadecimal', () => {
    assert.equal(
      vendorIdText(fromHex('1e2b516905991c7d7c96fcbfb587e46100000009')),
      'MS NT5 ISAKMPOAKLEY (Windows 8 or later)',
    );
    assert.equal(vendorIdText(fromHex('afcad71368a1f1c96b8696fc77570100')), 'DPD (1.0)');
    assert.equal(vendorIdText(fromHex('4048b7d56ebce88525e7de7f00d6c2d380000000')), 'FRAGMENTATION (80000000)');
    assert.equal(vendorIdText(fromHex('4048b7d56ebce88525e7de7f00d6c2d3')), 'FRAGMENTATION');
    assert.equal(vendorIdText(fromHex('4a131c81070358455c5728f20e95452f')), 'RFC 3947');
    assert.equal(vendorIdText(fromHex('4a131c81070358455c5728f20e95452f00')), '4a131c81070358455c5728f20e95452f00');
    assert.equal(vendorIdText(fromHex('c0ffee')), 'c0ffee');
    assert.equal(vendorIdText(new Uint8Array(0)), '');
  });

  test('of a message are listed once each', () => {
    assert.deepEqual(vendorIdTexts(vid('09002689dfd6b712', 'aa', 'aa')), ['XAUTH', 'aa']);
  });

  test('say that a peer knows DPD and fragmentation', () => {
    const windows = vid('4048b7d56ebce88525e7de7f00d6c2d3');
    const apple = vid('4048b7d56ebce88525e7de7f00d6c2d380000000', 'afcad71368a1f1c96b8696fc77570100');
    assert.ok(canReassemble(windows));
    assert.ok(canReassemble(apple));
    assert.ok(!hasVendorId(windows, 'deadPeerDetection'));
    assert.ok(hasVendorId(apple, 'deadPeerDetection'));
    assert.equal(toHex(deadPeerDetectionPayload.data), 'afcad71368a1f1c96b8696fc77570100');
  });

  test('choose the best dialect of NAT traversal that both speak', () => {
    const all = chain(...natTraversalPayloads());
    assert.equal(natTraversalOf(all)?.name, 'rfc3947');
    assert.equal(natTraversalOf(chain(...natTraversalPayloads().slice(1)))?.name, 'natTraversal03');
    assert.equal(natTraversalOf(chain(vendorIdPayload('natTraversal02')))?.encapsulation, 'draft');
    assert.equal(natTraversalOf(vid('aa')), undefined);
    assert.equal(
      natTraversalOf(chain({ kind: 'VID', data: concat(vendorIds.rfc3947.bytes, Uint8Array.of(0)) })),
      undefined,
    );
  });
});
