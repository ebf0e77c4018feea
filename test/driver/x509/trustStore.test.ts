/** Chains of certificates, good and bad, as OpenSSL judges them through this program. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ffiAvailable } from '../../../src/driver/index.ts';
import { readCertificate, TrustStore } from '../../../src/driver/x509/index.ts';
import { keyOf, type Made, make, makeCrl, NOW, YEAR } from './authority.ts';

const options = { skip: ffiAvailable() ? false : 'this platform has no FFI' };

interface Trust {
  readonly crls?: readonly Uint8Array[];
  readonly revocation?: 'when-known' | 'require';
  readonly purpose?: 'server' | 'client';
  readonly now?: number;
}

function judge(anchors: readonly Made[], chain: readonly Made[], trust: Trust = {}) {
  const { crls = [], revocation = 'when-known', purpose = 'server', now = NOW } = trust;
  const store = new TrustStore({ anchors: anchors.map(({ certificate }) => certificate), crls, revocation });
  try {
    return store.verifyChain({ chain: chain.map(({ certificate }) => certificate), purpose, now });
  } finally {
    store.close();
  }
}

const codeOf = (...of: Parameters<typeof judge>) => {
  const verdict = judge(...of);
  return verdict.ok ? 'ok' : verdict.failure.code;
};
const reasonOf = (...of: Parameters<typeof judge>) => {
  const verdict = judge(...of);
  return verdict.ok ? 'ok' : verdict.failure.reason;
};

test('a chain of two, with its intermediates in either order and strangers among them', options, () => {
  const root = make({ name: 'root', ca: true });
  const upper = make({ name: 'upper', ca: true, by: root });
  const lower = make({ name: 'lower', ca: true, by: upper });
  const leaf = make({ name: 'leaf', by: lower });
  const stranger = make({ name: 'stranger', ca: true });
  for (const others of [
    [lower, upper],
    [upper, lower],
    [root, upper, stranger, lower, lower],
  ]) {
    const verdict = judge([root], [leaf, ...others]);
    assert.ok(verdict.ok);
    assert.deepEqual(
      verdict.path.map(({ subject }) => subject.split(',')[0]),
      ['CN=leaf', 'CN=lower', 'CN=upper', 'CN=root'],
    );
  }
  assert.equal(codeOf([root], [leaf, upper]), 'certificate-unknown-ca');
  // An intermediate authority can be an anchor, and so can the peer's own certificate.
  assert.equal(codeOf([lower], [leaf]), 'ok');
  assert.equal(codeOf([leaf], [leaf]), 'ok');
});

test('each fault has its code, and a sentence that names the certificate', options, () => {
  const root = make({ name: 'root', ca: true });
  const other = make({ name: 'other', ca: true });
  const by = root;
  assert.equal(codeOf([root], []), 'certificate-missing');
  assert.match(
    reasonOf([root], [make({ name: 'ann', by, to: NOW - 86_400 })]),
    /^the certificate CN=ann, O=Sallyport tests \(serial 40[0-9a-f]{4}\) has expired on 2026-05-31$/,
  );
  assert.equal(codeOf([root], [make({ by, to: NOW - 86_400 })]), 'certificate-expired');
  assert.equal(codeOf([root], [make({ by, from: NOW + 60 })]), 'certificate-not-yet-valid');
  assert.equal(codeOf([root], [make({ by: other })]), 'certificate-unknown-ca');
  assert.equal(codeOf([root], [make({ by: other }), other]), 'certificate-unknown-ca');
  assert.equal(codeOf([root], [make({})]), 'certificate-self-signed');
  assert.equal(codeOf([], [make({ by })]), 'certificate-unknown-ca');
  const noCa = make({ name: 'noCa', by });
  assert.equal(codeOf([root], [make({ by: noCa }), noCa]), 'certificate-not-ca');
  assert.equal(codeOf([root], [make({ by, key: keyOf('rsa1024') })]), 'certificate-weak');
  assert.equal(codeOf([root], [make({ by, key: keyOf('rsaE3') })]), 'certificate-weak');
  assert.equal(codeOf([root], [make({ by, key: keyOf('rsa2048') })]), 'ok');
  const lower = make({ name: 'lower', ca: true, by });
  const short = make({ name: 'short', ca: 0, by });
  const below = make({ name: 'below', ca: true, by: short });
  assert.equal(codeOf([root], [make({ by: lower }), lower]), 'ok');
  assert.equal(codeOf([root], [make({ by: below }), below, short]), 'certificate-chain-too-long');
  assert.equal(codeOf([root], [make({ by }), ...Array<Made>(8).fill(lower)]), 'certificate-chain-too-long');
  assert.equal(codeOf([root], [make({ by, keyUsage: 'keyEncipherment' })]), 'certificate-wrong-use');
});

test('the extended key usage, of the certificate and of authorities above it', options, () => {
  const root = make({ name: 'root', ca: true });
  const by = root;
  const server = make({ by, uses: 'serverAuth,1.3.6.1.5.5.8.2.2' });
  const client = make({ by, uses: 'clientAuth' });
  assert.equal(codeOf([root], [server]), 'ok');
  assert.equal(codeOf([root], [client], { purpose: 'client' }), 'ok');
  assert.equal(codeOf([root], [client]), 'certificate-wrong-use');
  assert.equal(codeOf([root], [make({ by, uses: 'serverAuth' })], { purpose: 'client' }), 'certificate-wrong-use');
  assert.equal(codeOf([root], [make({ by, uses: 'codeSigning' })], { purpose: 'client' }), 'certificate-wrong-use');
  assert.equal(codeOf([root], [make({ by, uses: '1.3.6.1.5.5.7.3.17' })], { purpose: 'client' }), 'ok');
  assert.equal(codeOf([root], [make({ by, uses: 'anyExtendedKeyUsage' })]), 'ok');
  assert.equal(codeOf([root], [make({ by })], { purpose: 'client' }), 'ok');
  const clientsOnly = make({ name: 'clients only', ca: true, by, uses: 'clientAuth' });
  assert.equal(codeOf([root], [make({ by: clientsOnly }), clientsOnly]), 'certificate-wrong-use');
});

test('name constraints of an authority', options, () => {
  const root = make({
    name: 'root',
    ca: true,
    more: [['nameConstraints', 'critical,permitted;DNS:example.org,excluded;DNS:secret.example.org']],
  });
  const code = (names: string) => codeOf([root], [make({ by: root, names })]);
  assert.equal(code('DNS:vpn.example.org'), 'ok');
  assert.equal(code('DNS:vpn.example.net'), 'certificate-name-constraint');
  assert.equal(code('DNS:a.secret.example.org'), 'certificate-name-constraint');
});

test('revocation lists: of each authority that has one, or of all', options, () => {
  const root = make({ name: 'root', ca: true });
  const lower = make({ name: 'lower', ca: true, by: root });
  const good = make({ name: 'good', by: lower });
  const bad = make({ name: 'bad', by: lower });
  const byLower = [makeCrl(lower, [bad])];
  assert.equal(codeOf([root], [good, lower], { crls: byLower }), 'ok');
  assert.equal(codeOf([root], [bad, lower], { crls: byLower }), 'certificate-revoked');
  assert.match(
    reasonOf([root], [bad, lower], { crls: byLower }),
    /CN=bad, .* \(serial 40.* is revoked by its issuer CN=lower/,
  );
  assert.equal(codeOf([root], [good, lower], { crls: byLower, revocation: 'require' }), 'crl-missing');
  const both = [...byLower, makeCrl(root)];
  assert.equal(codeOf([root], [good, lower], { crls: both, revocation: 'require' }), 'ok');
  assert.equal(codeOf([root], [good, lower], { crls: [makeCrl(root, [lower])] }), 'certificate-revoked');
  assert.equal(codeOf([root], [good, lower], { crls: [makeCrl(lower, [], NOW - 60)] }), 'crl-expired');
  // Another authority of the same name cannot revoke, nor clear.
  const impostor = make({ name: 'lower', ca: true, by: root });
  assert.equal(codeOf([root], [bad, lower], { crls: [makeCrl(impostor)] }).startsWith('crl-'), true);
  // What was expired at some time is judged by the time that is asked for.
  assert.equal(codeOf([root], [good, lower], { now: NOW + 2 * YEAR }), 'certificate-expired');
});

test('hostile bytes never crash, and never pass', options, () => {
  const root = make({ name: 'root', ca: true });
  const leaf = make({ by: root, names: 'DNS:vpn.example.org' });
  const store = new TrustStore({ anchors: [root.certificate], crls: [], revocation: 'when-known' });
  const passes = (der: Uint8Array) => store.verifyChain({ chain: [der], purpose: 'server', now: NOW }).ok;
  assert.ok(passes(leaf.certificate));
  const { certificate } = leaf;
  fc.assert(
    fc.property(fc.nat(certificate.length - 1), fc.integer({ min: 1, max: 255 }), (at, by) => {
      const mutated = certificate.slice();
      mutated[at]! ^= by;
      return !passes(mutated) || readCertificate(mutated).serial === readCertificate(certificate).serial;
    }),
    { numRuns: 300, seed: 7 },
  );
  fc.assert(
    fc.property(fc.nat(certificate.length - 1), (length) => !passes(certificate.slice(0, length))),
    { numRuns: 100, seed: 7 },
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => !passes(bytes)),
    { numRuns: 200, seed: 7 },
  );
  assert.equal(passes(new Uint8Array([...certificate, 0])), false);
  assert.equal(passes(new Uint8Array(20_000)), false);
  store.close();
  assert.throws(() => passes(certificate));
});
