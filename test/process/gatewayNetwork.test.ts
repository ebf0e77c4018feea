import assert from 'node:assert/strict';
import test from 'node:test';
import { parseConfig } from '../../src/config/load.ts';
import { changesFor, staticAddressFault } from '../../src/process/gatewayNetwork.ts';

test('a static address that no packet comes back to is told', () => {
  const prefix = { pool: '10.87.0.0/24', gateway_address: '10.87.0.1' };
  assert.equal(staticAddressFault('10.87.0.20', prefix), undefined);
  assert.match(staticAddressFault('10.87.0.1', prefix)!, /gateway_address/);
  assert.match(staticAddressFault('10.88.0.20', prefix)!, /outside of network\.pool/);
  const range = { pool: '10.87.0.10-10.87.0.200', gateway_address: '10.87.0.1' };
  assert.equal(staticAddressFault('10.87.0.200', range), undefined);
  assert.match(staticAddressFault('10.87.0.201', range)!, /outside of network\.pool/);
});

test('a way leads to the pool wherever the gateway’s own address lies', () => {
  const ways = (yaml: string) =>
    changesFor(parseConfig(`network: {nat: false, ${yaml}}`, 'test').network, 'tun9').flatMap((change) => {
      if (change.kind === 'address') return [`${change.address}/${change.prefixLength}`];
      return change.kind === 'route' ? [change.destination] : [];
    });
  assert.deepEqual(ways(''), ['10.87.0.1/24']);
  assert.deepEqual(ways('gateway_address: 10.99.0.1'), ['10.99.0.1/32', '10.87.0.0/24']);
  assert.deepEqual(ways('pool: 10.87.0.8-10.87.0.11'), ['10.87.0.1/32', '10.87.0.8/30']);
});
