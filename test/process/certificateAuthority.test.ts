/** The authority of `sallyport ca`, held to what the `openssl` command says of its files. */

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { ffiAvailable } from '../../src/driver/index.ts';
import { loadCredential, readPkcs12, TrustStore } from '../../src/driver/x509/index.ts';
import { CaError, CertificateAuthority, caFiles } from '../../src/process/certificateAuthority.ts';

const hasOpenssl = spawnSync('openssl', ['version']).status === 0;
const options = { skip: ffiAvailable() ? false : 'this platform has no FFI' };
const withOpenssl = { skip: ffiAvailable() && hasOpenssl ? false : 'this machine has no openssl command' };
const base = mkdtempSync(join(tmpdir(), 'sallyport-ca-'));
after(() => rmSync(base, { recursive: true }));

let made = 0;
const newAuthority = (key: 'p256' | 'p384' = 'p256') =>
  CertificateAuthority.init(join(base, String(made++)), { name: 'Test CA', key, days: 400 });
const client = { role: 'client', names: [], key: 'p256', days: 100 } as const;
const server = { role: 'server', names: ['203.0.113.1', '2001:db8::1'], key: 'p256', days: 100 } as const;

const openssl = (...words: string[]): string => execFileSync('openssl', words, { encoding: 'utf8', stdio: 'pipe' });

test('openssl verifies what it issued, reads its list, and opens its PKCS #12 files', withOpenssl, () => {
  const authority = newAuthority();
  const { root, crl, server: current } = authority.files;
  authority.issue({ ...server, name: 'vpn.example.org' });
  const ann = authority.issue({ ...client, name: 'ann@example.org' });
  const bob = authority.issue({ ...client, name: 'bob', key: 'p384' });
  authority.revoke('bob');

  const verify = (file: string, purpose: string) =>
    openssl('verify', '-x509_strict', '-purpose', purpose, '-crl_check', '-CRLfile', crl, '-CAfile', root, file);
  assert.match(verify(current, 'sslserver'), /: OK/);
  assert.match(verify(ann.file, 'sslclient'), /: OK/);
  assert.throws(() => verify(ann.file, 'sslserver'), /purpose/);
  assert.throws(() => verify(bob.file, 'sslclient'), /revoked/);

  const text = openssl('x509', '-in', current, '-noout', '-ext', 'subjectAltName,extendedKeyUsage,basicConstraints');
  assert.match(text, /DNS:vpn\.example\.org, IP Address:203\.0\.113\.1, IP Address:2001:DB8:0:0:0:0:0:1/);
  assert.match(text, /TLS Web Server Authentication, 1\.3\.6\.1\.5\.5\.8\.2\.2/);
  assert.match(openssl('crl', '-in', crl, '-CAfile', root, '-noout', '-text'), new RegExp(bob.entry.serial, 'i'));

  for (const strength of ['compatible', 'modern'] as const) {
    const { bytes, password } = authority.exportPkcs12(ann.entry, strength);
    assert.match(password, /^([a-z2-9]{5}-){2}[a-z2-9]{5}$/);
    const file = join(base, `${strength}.p12`);
    writeFileSync(file, bytes);
    const shown = spawnSync('openssl', ['pkcs12', '-info', '-in', file, '-passin', `pass:${password}`, '-nodes'], {
      encoding: 'utf8',
    });
    assert.equal(shown.status, 0, shown.stderr);
    assert.match(shown.stdout, /BEGIN PRIVATE KEY/);
    assert.equal(shown.stdout.match(/BEGIN CERTIFICATE/g)?.length, 2);
    assert.match(shown.stdout, /friendlyName: ann@example\.org/);
    assert.match(shown.stderr, strength === 'compatible' ? /TripleDES/ : /AES-256-CBC/);
    assert.equal(readPkcs12(bytes, password).others.length, 1);
    assert.throws(() => readPkcs12(bytes, 'wrong'), /mac verify failure/);
  }
});

test('keys and the index are for the owner alone, and a gateway loads its certificate from one file', options, () => {
  const authority = newAuthority('p384');
  const { directory, files } = authority;
  authority.issue({ ...server, name: 'vpn.example.org' });
  authority.issue({ ...client, name: 'ann' });
  const modeOf = (path: string) => (statSync(path).mode & 0o777).toString(8);
  for (const file of [files.rootKey, files.index, files.server]) assert.equal(modeOf(file), '600', file);
  for (const file of readdirSync(files.issued)) assert.equal(modeOf(join(files.issued, file)), '600', file);
  assert.equal(modeOf(directory), '700');
  const loaded = loadCredential({ name: 'x', field: 'x', certificate: files.server, warn: assert.fail });
  assert.equal(loaded.credential.key, 'ecdsa-p256');
  const trust = new TrustStore({ anchors: [authority.root.der], crls: [], revocation: 'when-known' });
  const verdict = trust.verifyChain({ chain: loaded.credential.chain, purpose: 'server', now: Date.now() / 1000 });
  assert.ok(verdict.ok);
  trust.close();
  // Another process finds the same.
  assert.deepEqual(CertificateAuthority.open(directory).list(), authority.list());
});

test('what cannot be issued, found or made twice', options, () => {
  const authority = newAuthority();
  const bad = (name: string, more: object = {}) =>
    assert.throws(() => authority.issue({ ...client, name, ...more }), CaError, name);
  bad('ann,DNS:evil.example.org');
  bad('ann\nDNS:evil');
  bad('');
  bad('a'.repeat(65));
  bad('ann', { names: ['critical,DNS:x'] });
  bad('ann', { days: 500 });
  assert.throws(() => authority.revoke('ann'), CaError);
  assert.throws(() => authority.find('ann'), CaError);
  assert.throws(() => CertificateAuthority.init(authority.directory, { name: 'x', key: 'p256', days: 1 }), CaError);
  assert.throws(() => CertificateAuthority.open(join(base, 'none')), CaError);
  assert.deepEqual(authority.list(), []);
});

test('a revoked certificate is no more found, its successor is; a crash leaves no lock for long', options, () => {
  const authority = newAuthority();
  const first = authority.issue({ ...client, name: 'ann' });
  const second = authority.issue({ ...client, name: 'ann' });
  assert.equal(authority.find('ann').serial, second.entry.serial);
  assert.deepEqual(
    authority.revoke(first.entry.serial).map(({ serial }) => serial),
    [first.entry.serial],
  );
  const revokedAt = authority.list()[0]!.revokedAt;
  assert.equal(authority.revoke('ann').length, 2);
  assert.equal(authority.list()[0]!.revokedAt, revokedAt, 'the first word counts');
  assert.throws(() => authority.find('ann'), CaError);
  // A process that is gone held the lock.
  const { lock } = caFiles(authority.directory);
  const { pid } = spawnSync(process.execPath, ['-e', '']);
  writeFileSync(lock, String(pid));
  authority.issue({ ...client, name: 'ann' });
  writeFileSync(lock, String(process.pid));
  assert.throws(() => authority.issue({ ...client, name: 'ann' }), /Another process/);
  assert.match(readFileSync(lock, 'utf8'), /^\d+$/);
  rmSync(lock);
});
