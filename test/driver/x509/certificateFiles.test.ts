/** Certificates and keys from files, in every form, and the sentence for each fault. */

import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { ffiAvailable, StartError } from '../../../src/driver/index.ts';
import {
  certificatePem,
  loadCertificates,
  loadCredential,
  loadCrls,
  writePkcs12,
} from '../../../src/driver/x509/index.ts';
import { keyOf, type Made, make, makeCrl } from './authority.ts';

const options = { skip: ffiAvailable() ? false : 'this platform has no FFI' };
const folder = mkdtempSync(join(tmpdir(), 'sallyport-certificates-'));
after(() => rmSync(folder, { recursive: true }));

const root = make({ name: 'root', ca: true });
const lower = make({ name: 'lower', ca: true, by: root });
const own = make({ name: 'own', by: lower });

function put(name: string, content: string | Uint8Array, mode = 0o600): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  chmodSync(path, mode);
  return path;
}

const pemOf = (...made: readonly Made[]) => made.map(({ certificate }) => certificatePem(certificate)).join('');
const keyPem = ({ key }: Made, secret = {}) => key.export({ type: 'pkcs8', format: 'pem', ...secret }) as string;
const load = (
  files: { certificate: string; key?: string; password?: string },
  warn: (text: string) => void = assert.fail,
) => loadCredential({ name: 'own', field: 'certificates', warn, ...files });

test('PEM with intermediates in any order, DER, encrypted keys and PKCS #12', options, () => {
  const key = put('own.key', keyPem(own));
  const chainOf = (files: { certificate: string; key?: string; password?: string }) =>
    load(files).certificates.map(({ subject }) => subject.split(',')[0]);
  assert.deepEqual(chainOf({ certificate: put('chain.pem', pemOf(own, root, lower)), key }), ['CN=own', 'CN=lower']);
  assert.deepEqual(chainOf({ certificate: put('own.der', own.certificate), key }), ['CN=own']);
  assert.deepEqual(chainOf({ certificate: put('both.pem', pemOf(own, lower) + keyPem(own)) }), ['CN=own', 'CN=lower']);
  const der = put('own.key.der', own.key.export({ type: 'pkcs8', format: 'der' }));
  assert.deepEqual(chainOf({ certificate: join(folder, 'own.der'), key: der }), ['CN=own']);
  const locked = put('locked.key', keyPem(own, { cipher: 'aes-256-cbc', passphrase: 'open sesame' }));
  const certificate = join(folder, 'own.der');
  assert.deepEqual(chainOf({ certificate, key: locked, password: 'open sesame' }), ['CN=own']);
  const contents = { key: own.key, certificate: own.certificate, others: [root.certificate, lower.certificate] };
  const box = writePkcs12(contents, { password: 'secret', friendlyName: 'own', strength: 'modern' });
  const loaded = load({ certificate: put('own.p12', box), password: 'secret' });
  assert.deepEqual(
    loaded.certificates.map(({ subject }) => subject.split(',')[0]),
    ['CN=own', 'CN=lower'],
  );
  assert.equal(loaded.authorities.length, 1);
});

test('a key that others may read is used, and said', options, () => {
  const said: string[] = [];
  load({ certificate: put('a.pem', pemOf(own)), key: put('open.key', keyPem(own), 0o644) }, (text) => said.push(text));
  assert.equal(said.length, 1);
  assert.match(said[0]!, /open\.key.*0600/);
});

test('each fault names its file and field', options, () => {
  const certificate = put('good.pem', pemOf(own));
  const key = put('good.key', keyPem(own));
  const fails = (files: Parameters<typeof load>[0], expected: RegExp) => {
    assert.throws(
      () => load(files),
      (error: StartError) => {
        assert.ok(error instanceof StartError);
        assert.equal(error.failure.code, 'certificate-file');
        assert.match(error.failure.reason, expected);
        assert.ok(error.failure.remedy);
        return true;
      },
    );
  };
  fails(
    { certificate: join(folder, 'none.pem'), key },
    /certificates\.certificate: the file .*none\.pem cannot be read/,
  );
  fails({ certificate, key: join(folder, 'none.key') }, /certificates\.key: the file .*none\.key cannot be read/);
  fails({ certificate }, /certificates\.key: there is no private key/);
  fails({ certificate, key: certificate }, /certificates\.key: .* holds no private key that can be read/);
  fails({ certificate: key, key }, /certificates\.certificate: .* holds no certificate/);
  fails({ certificate, key: put('other.key', keyPem(root)) }, /is not that of the certificate CN=own/);
  fails({ certificate: put('text.p12', 'hello'), key }, /cannot be read/);
  fails({ certificate: put('bad.p12', own.certificate.slice(0, 50)) }, /bad\.p12 cannot be opened/);
  const weak = make({ by: root, key: keyOf('rsa1024') });
  fails({ certificate: put('weak.pem', pemOf(weak)), key: put('weak.key', keyPem(weak)) }, /fewer than 2048 bits/);
  const locked = put('locked2.key', keyPem(own, { cipher: 'aes-256-cbc', passphrase: 'right' }));
  fails({ certificate, key: locked, password: 'wrong' }, /with the given password/);
});

test('authorities and revocation lists, several in a file', options, () => {
  assert.equal(loadCertificates([put('cas.pem', pemOf(root, lower)), put('ca.der', root.certificate)], 'ca').length, 3);
  assert.throws(() => loadCertificates([put('no.pem', '-----BEGIN NOTHING-----\n')], 'ca'), StartError);
  assert.equal(loadCrls([put('one.crl', makeCrl(root))], 'crl').length, 1);
  assert.throws(() => loadCrls([put('none.crl', pemOf(root))], 'crl'), StartError);
});
