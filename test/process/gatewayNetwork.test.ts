import assert from 'node:assert/strict';
import test from 'node:test';
import { staticAddressFault } from '../../src/process/gatewayNetwork.ts';

test('a static address that no packet comes back to is told', () => {
  const prefix = { pool: '10.87.0.0/24', gateway_address: '10.87.0.1' };
  assert.equal(staticAddressFault('10.87.0.20', prefix), undefined);
  assert.match(staticAddressFault('10.87.0.1', prefix)!, /gateway_address/);
  assert.match(staticAddressFault('10.88.0.20', prefix)!, /outside of network\.pool/);
  const range = { pool: '10.87.0.10-10.87.0.200', gateway_address: '10.87.0.1' };
  assert.equal(staticAddressFault('10.87.0.200', range), undefined);
  assert.match(staticAddressFault('10.87.0.201', range)!, /outside of network\.pool/);
});
