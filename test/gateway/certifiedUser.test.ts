/** Which user an IKE identity names. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { certifiedBy } from '../../src/gateway/certifiedUser.ts';
import { toHex } from '../../src/wire/index.ts';

test('a subject names its last common name, anything else itself', () => {
  // openssl: O = Example, CN = Staff, CN = ann
  const subject =
    '302f3110300e060355040a0c074578616d706c65310e300c06035504030c055374616666310b300906035504030c03616e6e';
  assert.equal(certifiedBy({ type: 'der-asn1-dn', value: subject }).user, 'ann');
  assert.equal(certifiedBy({ type: 'user-fqdn', value: 'ann@example.org' }).user, 'ann@example.org');
  assert.equal(certifiedBy({ type: 'fqdn', value: 'ann' }).user, 'ann');
  assert.equal(certifiedBy({ type: 'der-asn1-dn', value: '3000' }).user, '3000');
});

test('no bytes of a subject make it fail or name nobody', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      const value = toHex(Uint8Array.of(...bytes, 6, 3, 0x55, 4, 3, ...bytes.subarray(0, 5)));
      const { user, names } = certifiedBy({ type: 'der-asn1-dn', value });
      assert.ok(user.length > 0 && names[0] === user);
    }),
    { seed: 7, numRuns: 300 },
  );
});
