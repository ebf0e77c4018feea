/** Which identities a certificate is for, and names that only look like it. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ffiAvailable } from '../../../src/driver/index.ts';
import {
  encodeName,
  identityFailure,
  isFor,
  namesText,
  parseName,
  readCertificate,
} from '../../../src/driver/x509/index.ts';
import { parseIdentity } from '../../../src/ike/identity.ts';
import type { Identity } from '../../../src/ike/output.ts';
import { toHex } from '../../../src/wire/index.ts';
import { make } from './authority.ts';

const options = { skip: ffiAvailable() ? false : 'this platform has no FFI' };
const read = (wish: Parameters<typeof make>[0]) => readCertificate(make(wish).certificate);
const dn = (text: string): Identity => ({ type: 'der-asn1-dn', value: toHex(encodeName(parseName(text)!)) });

test('alternative names, each by its kind', options, () => {
  const names = 'DNS:vpn.example.org,DNS:*.wild.example.org,IP:192.0.2.1,IP:2001:db8::1,email:ann@example.org';
  const certificate = read({ name: 'cn.example.org', names: `${names},URI:https://example.org/ann` });
  const fits = (text: string) => isFor(certificate, parseIdentity(text), true);
  for (const name of ['vpn.example.org', 'VPN.Example.Org', '192.0.2.1', '2001:db8::1', 'ann@example.org']) {
    assert.ok(fits(name), name);
  }
  const others = ['example.org', '.example.org', 'x.wild.example.org', '*.wild.example.org', 'vpn.example.org.'];
  for (const name of [...others, 'cn.example.org', '192.0.2.2', 'bob@example.org', 'ann@example.org.', 'key-id:ann']) {
    assert.ok(!fits(name), name);
  }
  assert.deepEqual(certificate.alternativeNames, {
    dns: ['vpn.example.org', '*.wild.example.org'],
    ip: ['192.0.2.1', '2001:DB8:0:0:0:0:0:1'],
    email: ['ann@example.org'],
    uri: ['https://example.org/ann'],
  });
});

test('a common name counts only where the configuration says so and there is nothing else', options, () => {
  const certificate = read({ name: 'cn.example.org' });
  assert.equal(isFor(certificate, parseIdentity('cn.example.org'), false), false);
  assert.equal(isFor(certificate, parseIdentity('CN.example.org'), true), true);
  assert.equal(isFor(certificate, parseIdentity('other.example.org'), true), false);
});

test('the whole subject, without regard to case and blanks, but no part of it', options, () => {
  const certificate = read({ name: 'Ann' });
  const fits = (text: string) => isFor(certificate, dn(text), false);
  assert.ok(fits('CN=Ann, O=Sallyport tests'));
  assert.ok(fits('/O=Sallyport tests/CN=Ann'));
  assert.ok(fits('CN=ann, O=SALLYPORT  TESTS'));
  for (const text of ['CN=Ann', 'O=Sallyport tests', 'CN=Ann, O=Other', 'O=Sallyport tests, CN=Ann']) {
    assert.ok(!fits(text), text);
  }
  assert.equal(isFor(certificate, { type: 'der-asn1-dn', value: '30ff' }, false), false);
  assert.equal(isFor(certificate, { type: 'der-asn1-dn', value: '' }, false), false);
});

test('the sentence names what was asked, what there is, and what to change', options, () => {
  const certificate = read({ name: 'gate', names: 'DNS:vpn.example.org,IP:192.0.2.1' });
  const failure = identityFailure(certificate, parseIdentity('gate.example.org'), false);
  assert.equal(failure?.code, 'certificate-identity');
  assert.match(failure.reason, /CN=gate, O=Sallyport tests \(serial [0-9a-f]+\) is not for fqdn gate\.example\.org/);
  assert.match(failure.reason, /alternative names DNS vpn\.example\.org, IP 192\.0\.2\.1$/);
  assert.match(identityFailure(certificate, dn('CN=x, O=y'), false)!.reason, /not for the subject CN=x, O=y/);
  assert.equal(identityFailure(certificate, parseIdentity('vpn.example.org'), false), undefined);
  assert.match(namesText(read({ name: 'bare' })), /no alternative names/);
});

test('names as text: commas in values, unknown fields, what is no name', options, () => {
  assert.deepEqual(parseName('CN=Doe\\, Jane, O=Example'), [
    ['O', 'Example'],
    ['CN', 'Doe, Jane'],
  ]);
  assert.equal(parseName('vpn.example.org'), undefined);
  assert.equal(parseName('CN=a, b'), undefined);
  assert.throws(() => encodeName([['NoSuchField', 'x']]), /NoSuchField/);
});
