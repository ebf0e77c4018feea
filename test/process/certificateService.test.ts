/** Certificates of a running process: sources, reloading, warnings, questions to responders, and bounds on these. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, mock, test } from 'node:test';
import { parseConfig } from '../../src/config/index.ts';
import { ffiAvailable, StartError } from '../../src/driver/index.ts';
import { certificatePem, issueCrl, readCertificate, signOctets } from '../../src/driver/x509/index.ts';
import { parseIdentity } from '../../src/ike/identity.ts';
import type { VerifyAsk } from '../../src/ike/output.ts';
import { CertificateAuthority } from '../../src/process/certificateAuthority.ts';
import { certificateChoice } from '../../src/process/certificateChoice.ts';
import { CertificateService, type CertificateSources } from '../../src/process/certificateService.ts';
import { gatewayCertificateSources } from '../../src/process/certificateSources.ts';
import { identityOf } from '../../src/process/gatewayConfig.ts';
import type { Log } from '../../src/process/logger.ts';
import { utf8 } from '../../src/wire/index.ts';
import { keyOf, type Made, make } from '../driver/x509/authority.ts';

const options = { skip: ffiAvailable() ? false : 'this platform has no FFI' };
const hasOpenssl = spawnSync('openssl', ['version']).status === 0;
const base = mkdtempSync(join(tmpdir(), 'sallyport-service-'));
const servers: Server[] = [];
after(() => {
  for (const server of servers) {
    server.close();
    server.closeAllConnections();
  }
  rmSync(base, { recursive: true });
});

const NOW = Date.now() / 1000;
const DAY = 86_400;
const times = { from: NOW - 400 * DAY, to: NOW + 400 * DAY };
const octets = utf8('what was signed');

function logOf() {
  const said: { event: string; text: string }[] = [];
  const say = (event: string, text: string) => void said.push({ event, text });
  const log: Log = { isVerbose: false, entry: () => {}, info: say, warn: say, error: say, flush: () => {} };
  return { log, said, events: () => said.map(({ event }) => event) };
}

function put(name: string, content: string | Uint8Array): string {
  const path = join(base, name);
  writeFileSync(path, content, { mode: 0o600 });
  return path;
}

const pem = ({ certificate, key }: Made) =>
  certificatePem(certificate) + (key.export({ type: 'pkcs8', format: 'pem' }) as string);

const sources = (own: string, ca: string, more: Partial<CertificateSources> = {}): CertificateSources => ({
  credentials: [{ name: 'own', field: 'certificates', certificate: own }],
  ca: [ca],
  crl: [],
  revocation: 'when-known',
  commonName: false,
  fetchFrom: [],
  warnBefore: 30 * DAY,
  ...more,
});

const verifying = (peer: Made, identity = parseIdentity('ann@example.org')): VerifyAsk => ({
  kind: 'verify',
  chain: [peer.certificate],
  identity,
  scheme: 'ecdsa-sha256',
  octets,
  signature: signOctets(peer.key, 'ecdsa-sha256', octets),
  purpose: 'client',
});

const verdict = async (service: CertificateService, peer: Made): Promise<string> => {
  const answer = await service.answer(verifying(peer));
  assert.equal(answer.kind, 'verify');
  return answer.kind === 'verify' ? (answer.failure?.code ?? 'ok') : '';
};

test(
  'a credential knows the authorities above it, by which a peer that trusts one of them asks for it',
  options,
  () => {
    const [one, other] = ['p256', 'p384'].map((kind, at) =>
      make({ ...times, name: `authority ${at}`, key: keyOf(kind as 'p256' | 'p384', 7), ca: true }),
    ) as [Made, Made];
    const between = make({ ...times, name: 'intermediate', key: keyOf('p256', 8), by: other, ca: true });
    const files = [
      make({ ...times, by: one, names: 'DNS:a.example' }),
      make({ ...times, by: between, names: 'DNS:b.example' }),
    ];
    const [first, second] = files.map((made, at) =>
      put(`asked-${at}.pem`, pem(made) + certificatePem(between.certificate)),
    );
    const ca = [one, other].map((made, at) => put(`asked-ca-${at}.pem`, certificatePem(made.certificate)));
    const given = sources(first!, ca[0]!);
    const { log } = logOf();
    const service = new CertificateService(
      { ...given, ca, credentials: [given.credentials[0]!, { name: 'second', field: 'more', certificate: second! }] },
      log,
    );
    const hashes = service.trustAnchors.map(({ keyHash }) => keyHash);
    const [a, b] = service.credentials.map(({ authorities = [] }) => authorities);
    assert.deepEqual(a, [hashes[0]]);
    assert.equal(b?.length, 2);
    assert.deepEqual(b?.[1], hashes[1]);
    service.close();
  },
);

test('the gateway finds an authority by its directory, and paths count from the configuration', options, async () => {
  const state = join(base, 'state');
  const authority = CertificateAuthority.init(join(state, 'ca'), { name: 'CA', key: 'p256', days: 800 });
  const configFile = join(base, 'sallyport.yaml');
  const settings = parseConfig('certificates: { authority: state }\n', configFile).certificates!;
  const context = { configFile, warn: assert.fail };
  assert.throws(() => gatewayCertificateSources(settings, context), /no server certificate/);
  authority.issue({ name: 'vpn.example.org', role: 'server', names: [], key: 'p256', days: 300 });
  const { log, events } = logOf();
  const service = new CertificateService(gatewayCertificateSources(settings, context), log);
  assert.equal(service.credentials.length, 1);
  assert.equal(service.trustAnchors.length, 1);
  assert.deepEqual(service.identity, identityOf('CN=vpn.example.org'));
  const signed = await service.answer({ kind: 'sign', credential: 'authority', scheme: 'ecdsa-ikev1', octets });
  assert.ok(signed.kind === 'sign' && signed.signature instanceof Uint8Array);
  const unknown = await service.answer({ kind: 'sign', credential: 'none', scheme: 'ecdsa-ikev1', octets });
  assert.ok(unknown.kind === 'sign' && !(unknown.signature instanceof Uint8Array));
  assert.match(service.tls?.cert ?? '', /BEGIN CERTIFICATE/);
  assert.deepEqual(events(), []);
  service.close();
});

test('changed files are taken over, unreadable ones are not; the end is announced', options, async () => {
  mock.timers.enable({ apis: ['setInterval'] });
  const root = make({ name: 'root', ca: true, ...times });
  const ca = put('root.pem', certificatePem(root.certificate));
  const own = put('own.pem', pem(make({ name: 'own', by: root, from: times.from, to: NOW + 10 * DAY })));
  const crl = put('root.crl', crlOf(root, []));
  const { log, said, events } = logOf();
  const service = new CertificateService(sources(own, ca, { crl: [crl] }), log);
  assert.deepEqual(events(), ['certificate-expires-soon']);
  assert.match(said[0]!.text, /CN=own, O=Sallyport tests \(serial .*\) expires in 9 days/);
  const { credentials } = service;
  const [before] = credentials;
  const ann = make({ name: 'ann', by: root, names: 'email:ann@example.org', ...times });
  assert.equal(await verdict(service, ann), 'ok');

  put('root.crl', crlOf(root, [ann]));
  put('own.pem', pem(make({ name: 'own', by: root, ...times })));
  mock.timers.tick(60_000);
  assert.equal(events().at(-1), 'certificates-reloaded');
  assert.equal(await verdict(service, ann), 'certificate-revoked');
  assert.equal(service.credentials, credentials, 'the list that the cores hold');
  assert.notDeepEqual(credentials[0], before);

  put('own.pem', 'no certificate any more');
  mock.timers.tick(60_000);
  assert.equal(events().at(-1), 'certificates-unreadable');
  assert.match(said.at(-1)!.text, /certificates\..*own\.pem/i);
  assert.equal(credentials.length, 1);
  put('own.pem', pem(make({ name: 'own', by: root, from: times.from, to: NOW - DAY })));
  mock.timers.tick(60_000);
  assert.equal(events().at(-1), 'certificate-is-expired');
  mock.timers.tick(86_400_000);
  assert.equal(events().filter((event) => event === 'certificate-is-expired').length >= 2, true);
  service.close();
  mock.timers.reset();
});

test('a credential names the authorities above it, up to a root that only `ca` has', options, () => {
  const root = make({ name: 'root', ca: true, ...times });
  const middle = make({ name: 'middle', by: root, ca: true, ...times });
  const own = put('d.pem', pem(make({ name: 'own', by: middle, ...times })) + certificatePem(middle.certificate));
  const shown = (ca: readonly Made[]) => {
    const files = ca.map((one, i) => put(`d-${i}.pem`, certificatePem(one.certificate)));
    const service = new CertificateService({ ...sources(own, files[0]!), ca: files }, logOf().log);
    service.close();
    return service.credentials[0]!;
  };
  const [above, below] = [readCertificate(root.certificate), readCertificate(middle.certificate)];
  const names = [below.subjectDer, above.subjectDer];
  const known = shown([make({ name: 'root', ca: true, ...times }), root]);
  assert.deepEqual(known.authorities, [below.keyHash, above.keyHash], 'not of another root of the same name');
  assert.deepEqual(known.issuers, names);
  const unknown = shown([make({ name: 'stranger', ca: true, ...times })]);
  assert.deepEqual(unknown.authorities, [below.keyHash]);
  assert.deepEqual(unknown.issuers, names);
});

test('what an IKE core is told follows the configuration', options, () => {
  const root = make({ name: 'root', ca: true, ...times });
  const own = put('c.pem', pem(make({ name: 'own', by: root, names: 'DNS:vpn.example.org', ...times })));
  const service = new CertificateService(
    sources(own, put('c-root.pem', certificatePem(root.certificate))),
    logOf().log,
  );
  const warnings: string[] = [];
  const choose = (
    given?: ('psk' | 'certificate')[],
    identity?: string,
    from: CertificateService | undefined = service,
  ) =>
    certificateChoice(from, given, ['certificate', 'psk'], {
      field: 'ike.authentication',
      identity: identity === undefined ? undefined : parseIdentity(identity),
      warn: (text) => warnings.push(text),
    });
  assert.deepEqual(choose().accept, ['signature', 'pre-shared-key']);
  assert.deepEqual(choose(['certificate']).accept, ['signature']);
  assert.deepEqual(choose(['psk']).credentials, []);
  assert.deepEqual(choose(['certificate'], 'vpn.example.org').certificateIdentity, parseIdentity('vpn.example.org'));
  assert.deepEqual(warnings, []);
  choose(['certificate'], 'other.example.org');
  assert.match(warnings[0] ?? '', /Peers will refuse our identity: .*not for fqdn other/);
  service.close();
  const none = (given?: ('psk' | 'certificate')[]) =>
    certificateChoice(undefined, given, ['certificate', 'psk'], { field: 'x', identity: undefined, warn: assert.fail });
  assert.deepEqual(none().accept, ['pre-shared-key']);
  assert.throws(() => none(['certificate']), StartError);
});

test(
  'a list of revoked certificates is fetched from a listed host alone, once, and within bounds',
  options,
  async () => {
    let asked = 0;
    let body: Uint8Array | undefined;
    const host = await listen((_, response) => {
      asked++;
      if (body === undefined) response.writeHead(404).end();
      else response.end(body);
    });
    const root = make({ name: 'root', ca: true, ...times });
    const ca = put('f-root.pem', certificatePem(root.certificate));
    const own = put('f-own.pem', pem(make({ name: 'own', by: root, ...times })));
    const point = (path: string) => [['crlDistributionPoints', `URI:http://${host}${path}`]] as const;
    const peer = (path = '/crl') =>
      make({ name: 'ann', by: root, names: 'email:ann@example.org', more: point(path), ...times });
    const service = (more: Partial<CertificateSources>) => new CertificateService(sources(own, ca, more), logOf().log);

    const off = service({});
    assert.equal(await verdict(off, peer()), 'ok');
    const others = service({ fetchFrom: ['crl.example.org', '127.0.0.1'], revocation: 'require' });
    assert.equal(await verdict(others, peer()), 'revocation-unknown');
    assert.equal(asked, 0);

    const soft = service({ fetchFrom: [host] });
    assert.equal(await verdict(soft, peer()), 'ok');
    assert.equal(asked, 1);
    const ann = peer();
    body = derOf(root, [ann]);
    assert.equal(await verdict(soft, ann), 'certificate-revoked');
    assert.equal(await verdict(soft, ann), 'certificate-revoked');
    assert.equal(asked, 2, 'the second time it is known');
    assert.equal(await verdict(soft, peer()), 'ok');

    const strict = service({ fetchFrom: [host], revocation: 'require' });
    assert.equal(await verdict(strict, peer()), 'ok');
    body = derOf(make({ name: 'root', ca: true, key: keyOf('p256', 9), ...times }), []);
    assert.equal(await verdict(strict, peer()), 'revocation-unknown', 'a list of another authority');
    body = new Uint8Array(5 * 1024 * 1024);
    assert.equal(await verdict(strict, peer()), 'revocation-unknown', 'too long');
    // Nothing is asked of a path that is not valid.
    const before = asked;
    const stranger = make({ name: 'x', ca: true, ...times });
    assert.equal(
      await verdict(strict, make({ by: stranger, more: point('/crl'), ...times })),
      'certificate-unknown-ca',
    );
    assert.equal(asked, before);
    for (const one of [off, others, soft, strict]) one.close();
  },
);

test('an OCSP responder is asked, and its answer verified', { skip: !hasOpenssl || options.skip }, async () => {
  const root = make({ name: 'root', ca: true, ...times });
  const other = make({ name: 'root', ca: true, key: keyOf('p256', 9), ...times });
  let responder = root;
  const host = await listen((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => response.end(ocspAnswer(responder, root, Buffer.concat(chunks), revoked)));
  });
  const peer = () =>
    make({
      name: 'ann',
      by: root,
      names: 'email:ann@example.org',
      more: [['authorityInfoAccess', `OCSP;URI:http://${host}/`]],
      ...times,
    });
  const [good, bad, unknown, forged] = [peer(), peer(), peer(), peer()];
  const revoked = new Map([
    [hex(good), 'V'],
    [hex(bad), 'R'],
    [hex(forged), 'V'],
  ]);
  const own = put('o-own.pem', pem(make({ name: 'own', by: root, ...times })));
  const ca = put('o-root.pem', certificatePem(root.certificate));
  const service = new CertificateService(sources(own, ca, { fetchFrom: [host], revocation: 'require' }), logOf().log);
  assert.equal(await verdict(service, good), 'ok');
  assert.equal(await verdict(service, bad), 'certificate-revoked');
  assert.equal(await verdict(service, unknown), 'revocation-unknown');
  responder = other;
  assert.equal(await verdict(service, forged), 'revocation-unknown');
  service.close();
});

const hex = ({ serial }: Made) => Buffer.from(serial).toString('hex').toUpperCase();

const derOf = (issuer: Made, revoked: readonly Made[]): Uint8Array =>
  issueCrl({
    issuer,
    thisUpdate: NOW - 3600,
    nextUpdate: NOW + DAY,
    number: 1,
    revoked: revoked.map(({ serial }) => ({ serial, at: NOW - 60 })),
  });

const crlOf = (issuer: Made, revoked: readonly Made[]): string =>
  `-----BEGIN X509 CRL-----\n${Buffer.from(derOf(issuer, revoked)).toString('base64')}\n-----END X509 CRL-----\n`;

/** What the `openssl` command answers as a responder with that index. */
function ocspAnswer(signer: Made, issuer: Made, request: Buffer, states: ReadonlyMap<string, string>): Buffer {
  const lines = [...states].map(([serial, state]) =>
    [state, '401231235959Z', state === 'R' ? '260101000000Z' : '', serial, 'unknown', `/CN=${serial}`].join('\t'),
  );
  const files = {
    index: put('ocsp.index', `${lines.join('\n')}\n`),
    ca: put('ocsp.ca', certificatePem(issuer.certificate)),
    signer: put('ocsp.signer', pem(signer)),
    request: put('ocsp.request', request),
    response: join(base, 'ocsp.response'),
  };
  const words = ['-index', files.index, '-CA', files.ca, '-rsigner', files.signer, '-rkey', files.signer];
  const more = ['-reqin', files.request, '-respout', files.response, '-ndays', '1', '-noverify'];
  const made = spawnSync('openssl', ['ocsp', ...words, ...more], { encoding: 'utf8' });
  assert.equal(made.status, 0, made.stderr);
  return readFileSync(files.response);
}

async function listen(handler: RequestListener): Promise<string> {
  const server = createServer(handler);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}
