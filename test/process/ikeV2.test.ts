/** What configurations make of IKEv2: versions, proposals, who may log in with what, and how a client proves itself. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ClientSchema } from '../../src/config/clientSchema.ts';
import { parseConfig } from '../../src/config/load.ts';
import type { CertificateService } from '../../src/process/certificateService.ts';
import { clientConfig } from '../../src/process/clientConfig.ts';
import { clientIkeV2, ikeV2Mode, wantsUser } from '../../src/process/clientIkeV2.ts';
import { clientTlsRules } from '../../src/process/eapTls.ts';
import { gatewayConfig } from '../../src/process/gatewayConfig.ts';

const credential = { name: 'certificate-1', chain: [new Uint8Array(1)], key: 'ecdsa-p256' } as const;
const anchor = { subject: new Uint8Array(1), keyHash: new Uint8Array(20) };
const certificates = (ca: readonly string[] = ['root']) =>
  ({
    credentials: [credential],
    trustAnchors: [anchor],
    certificates: [],
    identity: { type: 'der-asn1-dn', value: '3000' },
    tls: { cert: '', key: '', ca },
  }) as unknown as CertificateService;

function gateway(yaml: string, given?: CertificateService) {
  return gatewayConfig(parseConfig(yaml, 'test.yaml'), {
    defaultPsk: () => 'a key of some length',
    dns: [],
    reserved: new Map(),
    keyLog: false,
    certificates: given,
    warn: () => {},
  });
}

const eapOf = ({ remoteAccess }: ReturnType<typeof gateway>) =>
  remoteAccess === false ? undefined : remoteAccess?.eap;

test('both versions are spoken unless told, and a key carries L2TP alone', () => {
  const config = gateway('');
  assert.deepEqual(config.ikeV2?.accept, ['pre-shared-key']);
  assert.notEqual(config.ike, undefined);
  assert.deepEqual(eapOf(config)?.methods, []);
  assert.equal(gateway('ike: {versions: [2]}').ike, undefined);
  const old = gateway('ike: {versions: [1]}');
  assert.deepEqual([old.ikeV2, old.remoteAccess], [undefined, false]);
});

test('with a certificate users log in, and with an authority by certificates too', () => {
  const config = gateway('', certificates());
  assert.deepEqual(config.ikeV2?.accept, ['signature', 'pre-shared-key', 'eap']);
  assert.deepEqual(eapOf(config), {
    methods: ['eap-mschapv2', 'eap-tls'],
    needsKey: true,
  });
  const ours = gateway('', certificates([]));
  assert.deepEqual(eapOf(ours)?.methods, ['eap-mschapv2']);
});

test('a certificate shows users who we are where machines prove themselves by a key alone', () => {
  const { ikeV2, ike } = gateway('ike: {authentication: [psk]}', certificates());
  assert.deepEqual(ikeV2?.accept, ['pre-shared-key', 'eap']);
  assert.deepEqual([ikeV2?.credentials?.length, ikeV2?.trustAnchors?.length, ike?.credentials?.length], [1, 0, 0]);
});

test('methods that are asked for and cannot be are an error that says what to do', () => {
  const failing = () => gateway('remote_access: {eap: [eap-mschapv2]}');
  assert.throws(failing, /remote_access\.eap names methods, and the gateway has no certificate/);
  assert.equal(gateway('remote_access: {enabled: false}', certificates()).remoteAccess, false);
  assert.deepEqual(gateway('remote_access: {eap: []}', certificates()).ikeV2?.accept, ['signature', 'pre-shared-key']);
  const shown = gateway('remote_access: {eap: [eap-gtc]}', certificates());
  assert.deepEqual([shown.ikeV2?.eapWithoutKey, eapOf(shown)?.needsKey], [true, false]);
});

test('EAP alone proves a server where it is asked for, and where nothing but EAP-TLS may be tried', () => {
  assert.equal(gateway('', certificates()).ikeV2?.eapOnly, false);
  assert.equal(gateway('remote_access: {eap: [eap-tls], eap_only: true}', certificates()).ikeV2?.eapOnly, true);
  const only = (auth: readonly string[], more: object = {}) => {
    const settings = client({ ike_version: 2, user: 'ann', auth, eap_only: true, ...more });
    const identity = { settings, password: 'x', psk: undefined, certificates: certificates() };
    const { ikeV2 } = clientIkeV2(identity, { isNative: true, authenticate: 'eap' }, 'vpn.example.org');
    return [ikeV2?.initiate?.eapOnly, clientTlsRules(settings).serverName];
  };
  assert.deepEqual(only(['eap-tls']), [true, 'vpn.example.org']);
  assert.deepEqual(only(['eap-tls'], { server_identity: 'gw.example.org' }), [true, 'gw.example.org']);
  assert.deepEqual(only(['eap-tls'], { tls_server_name: 'aaa.example.org' }), [true, 'aaa.example.org']);
  assert.deepEqual(only(['eap-tls', 'eap-mschapv2'])[0], false);
  assert.deepEqual(only(['eap-tls'], { eap_only: false }), [false, undefined]);
});

test('each version takes the proposals that it can read', () => {
  const { ike, ikeV2 } = gateway('ike: {proposals: [aes256gcm16-prfsha384-x25519, aes256-sha256-modp2048]}');
  assert.equal(ike?.profile?.accept.ike.proposals.length, 1);
  assert.equal(ikeV2?.profile?.accept.ike.proposals.length, 2);
  assert.throws(
    () => gateway('ike: {proposals: [aes256gcm16-prfsha384-x25519]}'),
    /proposals names no proposal that IKEv1 knows/,
  );
  assert.equal(gateway('ike: {versions: [2], proposals: [aes256gcm16-prfsha384-x25519]}').ike, undefined);
  assert.throws(() => parseConfig('ike: {proposals: [aes256-sha257]}', 'test.yaml'), /is no proposal/);
});

const client = (more: object) => ClientSchema.parse({ server: 'vpn.example.org', ...more });

const modes: readonly (readonly [object, string, string, 'no' | 'name' | 'password'])[] = [
  [{ user: 'ann' }, 'native', 'eap', 'password'],
  [{ user: 'ann', auth: ['eap-tls'], certificate: 'ann.p12' }, 'native', 'eap', 'name'],
  [{ certificate: 'ann.p12' }, 'native', 'signature', 'no'],
  [{ psk_file: 'psk' }, 'native', 'pre-shared-key', 'no'],
  [{ psk_file: 'psk', tunnel: 'l2tp' }, 'l2tp', 'pre-shared-key', 'password'],
  [{ certificate: 'ann.p12', tunnel: 'l2tp' }, 'l2tp', 'signature', 'password'],
  [{ certificate: 'ann.p12', psk_file: 'psk', ike_authentication: ['psk'] }, 'native', 'pre-shared-key', 'no'],
];
for (const [settings, tunnel, authenticate, user] of modes) {
  test(`a client with ${JSON.stringify(settings)}: ${tunnel}, ${authenticate}, ${user} of a user`, () => {
    const whole = client({ ...settings, ike_version: 2 });
    assert.deepEqual(ikeV2Mode(whole), { isNative: tunnel === 'native', authenticate });
    assert.equal(wantsUser(whole), user);
  });
}

test('a client believes a certificate for the name that it was told, wherever it is sent', () => {
  const identity = (more: object = {}) => ({
    settings: client({ ike_version: 2, user: 'ann', ...more }),
    password: 'x',
    psk: undefined,
    certificates: certificates(),
  });
  const eap = { isNative: true, authenticate: 'eap' } as const;
  const { ikeV2, tunnel } = clientIkeV2(identity(), eap, 'vpn.example.org');
  assert.deepEqual(ikeV2?.remoteIdentity, { type: 'fqdn', value: 'vpn.example.org' });
  assert.equal(tunnel, 'native');
  const named = clientIkeV2(identity({ server_identity: 'gw.example.org' }), eap, 'vpn.example.org');
  assert.deepEqual(named.ikeV2?.remoteIdentity, { type: 'fqdn', value: 'gw.example.org' });
  const way = { source: '192.0.2.9', mtu: 1500, local: false } as Parameters<typeof clientConfig>[2];
  const sent = clientConfig({ ...identity(), redirectedFrom: '192.0.2.1' }, '192.0.2.77', way, {}, false);
  assert.deepEqual(sent.ikeV2?.remoteIdentity, { type: 'fqdn', value: 'vpn.example.org' });
  assert.equal(sent.ikeV2?.initiate?.redirectedFrom, '192.0.2.1');
  assert.equal(sent.ikeV2?.followRedirects, true);
  const home = clientConfig({ ...identity(), followsRedirects: false }, '192.0.2.77', way, {}, false);
  assert.equal(home.ikeV2?.followRedirects, false);
  assert.equal(
    clientIkeV2(identity({ follow_redirects: false }), eap, 'vpn.example.org').ikeV2?.followRedirects,
    false,
  );
  const blind = { ...identity(), certificates: undefined };
  assert.throws(() => clientIkeV2(blind, eap, 'vpn.example.org'), /no authority by which/);
});
