/** What judging certificates leaves in memory outside of JavaScript's heap: nothing. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ffiAvailable } from '../../../src/driver/index.ts';
import { TrustStore } from '../../../src/driver/x509/index.ts';
import { collectGarbage, nativeBytes } from '../nativeBytes.ts';
import { make, makeCrl, NOW } from './authority.ts';

const options = { skip: ffiAvailable() ? false : 'this platform has no FFI' };

test('a thousand judgements leave no memory behind', options, () => {
  const root = make({ name: 'root', ca: true });
  const leaf = make({ by: root });
  const broken = leaf.certificate.slice(0, -3);
  const files = { anchors: [root.certificate], crls: [makeCrl(root)], revocation: 'require' } as const;
  const run = (times: number) => {
    for (let i = 0; i < times; i++) {
      const store = new TrustStore(files);
      for (const certificate of [leaf.certificate, broken, leaf.certificate, broken, leaf.certificate]) {
        store.verifyChain({ chain: [certificate], purpose: 'server', now: NOW });
      }
      store.close();
      // Node's own view of a certificate holds memory until it is collected.
      if (i % 40 === 0) collectGarbage();
    }
  };
  run(40);
  const before = nativeBytes();
  run(200);
  // A certificate takes 5 kB and more inside of OpenSSL: 3,000 of them would show.
  const grown = nativeBytes() - before;
  assert.ok(grown < 4_000_000, `${grown} bytes`);
});
