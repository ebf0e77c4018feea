import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CLIENT_KINDS, type ClientKind, clientSetup, type SetupFacts } from '../../src/clientSetup/index.ts';

/** Characters that mean something in one format or another. */
const NASTY = `o'Hara "x" <&> $(id) \\ 100% ’;#`;

const facts = (more: Partial<SetupFacts>): SetupFacts => ({
  protocol: 'l2tp',
  name: 'Office',
  server: 'vpn.example.org',
  serverIdentity: 'vpn.example.org',
  user: 'ann',
  psk: 'a pre-shared key',
  mtu: 1380,
  uuid: (purpose) => `uuid-of-${purpose}`,
  ...more,
});

const authority = { pem: 'PEM OF THE AUTHORITY\n', der: Uint8Array.of(1, 2, 3), commonName: 'Office CA' };
const certificate = {
  pkcs12: Uint8Array.of(4, 5, 6),
  password: 'opens it',
  certificatePem: 'PEM OF THE CERTIFICATE\n',
  keyPem: 'PEM OF THE KEY\n',
  key: 'ecdsa-p256',
} as const;

function textOf(kind: ClientKind, more: Partial<SetupFacts>, file = 0): string {
  const content = clientSetup(kind, facts(more)).files[file]?.content;
  assert.ok(typeof content === 'string');
  return content;
}

const kinds = Object.keys(CLIENT_KINDS) as ClientKind[];

describe('configurations of clients', () => {
  for (const kind of kinds) {
    for (const protocol of CLIENT_KINDS[kind].protocols) {
      it(`say to ${kind} where to go over ${protocol}, and what to do with the files`, () => {
        const { files, steps } = clientSetup(kind, facts({ protocol, authority }));
        const told = [...files.map(({ content }) => content), ...steps].join('\n');
        assert.match(told, /vpn\.example\.org/);
        assert.ok(steps.length >= 3);
        for (const { name } of files) assert.match(name, /^[A-Za-z0-9./-]+$/);
      });

      it(`never let a value begin a line of its own for ${kind} over ${protocol}`, () => {
        for (const field of ['name', 'user', 'password', 'psk', 'serverIdentity'] as const) {
          for (const mark of ['\n', '\r', '\0', '\u2028', '\u0085']) {
            assert.throws(() => clientSetup(kind, facts({ protocol, [field]: `x${mark}y` })), /control character/);
          }
        }
        assert.throws(() => clientSetup(kind, facts({ protocol, server: 'a b' })), /no name or address/);
      });
    }
  }

  it('say of a file that it holds secrets exactly where it does', () => {
    for (const kind of ['windows', 'macos', 'ios', 'chromeos'] as const) {
      const last = (more: Partial<SetupFacts>) => clientSetup(kind, facts({ authority, ...more })).steps.at(-1)!;
      assert.match(last({}), /^Delete the (file|script): it holds secrets\.$/);
      assert.match(last({ protocol: 'ikev2' }), /^Delete the (file|script)\.$/);
      assert.match(last({ protocol: 'ikev2', password: 'secret' }), /holds secrets/);
      if (kind !== 'chromeos') assert.match(last({ protocol: 'ikev2', certificate }), /holds secrets/);
    }
  });

  it('refuse what a client does not have', () => {
    assert.throws(() => clientSetup('linux-swanctl', facts({})), /linux-swanctl is set up for ikev2 only/);
    assert.throws(() => clientSetup('linux-xl2tpd', facts({ protocol: 'ikev2' })), /for l2tp only/);
    const { psk: _, ...without } = facts({});
    assert.throws(() => clientSetup('windows', without), /the pre-shared key is needed/);
  });

  it('quote for PowerShell, typographic marks too', () => {
    const text = textOf('windows', { psk: NASTY });
    assert.ok(text.startsWith('\ufeff#Requires -RunAsAdministrator\r\n'));
    assert.ok(text.includes(`-L2tpPsk 'o''Hara "x" <&> $(id) \\ 100% ’’;#' `));
    assert.match(text, /AssumeUDPEncapsulationContextOnSendRule -PropertyType DWord -Value 2 /);
  });

  it('give Windows what it needs for IKEv2', () => {
    const eap = textOf('windows', { protocol: 'ikev2', authority });
    assert.match(eap, /NegotiateDH2048_AES256/);
    assert.match(eap, /FromBase64String\('AQID'\)/);
    assert.match(eap, /-TunnelType Ikev2 -AuthenticationMethod Eap -EapConfigXmlStream \(\[xml\]'<EapHostConfig /);
    const machine = textOf('windows', { protocol: 'ikev2', certificate });
    assert.match(machine, /Import-PfxCertificate .*ConvertTo-SecureString 'opens it'/);
    assert.match(machine, /-AuthenticationMethod MachineCertificate/);
  });

  it('escape for property lists and carry the key as data', () => {
    const text = textOf('macos', { user: NASTY, psk: 'key' });
    assert.ok(text.includes(`<string>${NASTY.replace('<&>', '&lt;&amp;&gt;')}</string>`));
    assert.match(text, /<key>SharedSecret<\/key>\n\s*<data>a2V5<\/data>/);
    assert.doesNotMatch(text, /AuthPassword/);
    const opened = [...text.matchAll(/<(dict|array|plist)[ >]/g)].length;
    assert.equal([...text.matchAll(/<\/(dict|array|plist)>/g)].length, opened);
  });

  it('name for Apple’s IKEv2 the identity, the issuer, the certificates and PFS', () => {
    const text = textOf('ios', { protocol: 'ikev2', authority, certificate });
    assert.match(text, /<key>RemoteIdentifier<\/key>\n\s*<string>vpn\.example\.org</);
    assert.match(text, /<key>ServerCertificateIssuerCommonName<\/key>\n\s*<string>Office CA</);
    assert.match(text, /<key>PayloadCertificateUUID<\/key>\n\s*<string>uuid-of-certificate</);
    assert.match(text, /<key>EnablePFS<\/key>\n\s*<integer>1</);
    assert.match(text, /com\.apple\.security\.root[\s\S]*com\.apple\.security\.pkcs12/);
  });

  it('write JSON for the strongSwan app and for ChromeOS', () => {
    const android = JSON.parse(textOf('android', { protocol: 'ikev2', user: NASTY, authority }));
    assert.equal(android.type, 'ikev2-eap');
    assert.deepEqual(android.remote, { addr: 'vpn.example.org', id: 'vpn.example.org', cert: 'AQID' });
    assert.equal(android.local.eap_id, NASTY);
    const withKey = JSON.parse(textOf('android', { protocol: 'ikev2', certificate }));
    assert.deepEqual([withKey.type, withKey.local.p12], ['ikev2-cert', 'BAUG']);
    const chrome = JSON.parse(textOf('chromeos', { password: NASTY }));
    assert.deepEqual(chrome.NetworkConfigurations[0].VPN, {
      Type: 'L2TP-IPsec',
      IPsec: { AuthenticationType: 'PSK', IKEVersion: 1, PSK: 'a pre-shared key', SaveCredentials: true },
      L2TP: { Username: 'ann', Password: NASTY, SaveCredentials: true },
      Host: 'vpn.example.org',
    });
  });

  it('write keyfiles of which NetworkManager reads back what was meant', () => {
    const read = keyfile(textOf('linux-nm', { password: `  ${NASTY}`, psk: NASTY }));
    assert.equal(read.get('vpn-secrets/password'), `  ${NASTY}`);
    assert.equal(read.get('vpn-secrets/ipsec-psk'), `0s${Buffer.from(NASTY).toString('base64')}`);
    assert.equal(read.get('vpn/service-type'), 'org.freedesktop.NetworkManager.l2tp');
    const ikev2 = clientSetup('linux-nm', facts({ protocol: 'ikev2', authority, certificate }));
    assert.deepEqual(
      ikev2.files.map(({ name }) => name),
      ['Office-ann.nmconnection', 'Office-ann-ca.pem', 'Office-ann-cert.pem', 'Office-ann-key.pem'],
    );
    assert.equal(keyfile(String(ikev2.files[0]?.content)).get('vpn/userkey'), '/etc/NetworkManager/Office-ann-key.pem');
  });

  it('write what strongSwan, xl2tpd and pppd read, secrets in base 64 or quoted', () => {
    const { files } = clientSetup('linux-xl2tpd', facts({ password: NASTY, psk: NASTY }));
    const [swanctl, xl2tpd, ppp] = files.map(({ content }) => String(content));
    assert.ok(swanctl!.includes(`secret = 0s${Buffer.from(NASTY).toString('base64')}\n`));
    assert.match(xl2tpd!, /^lns = vpn\.example\.org$/m);
    assert.ok(ppp!.includes(`password "${NASTY.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"\n`));
    const native = textOf('linux-swanctl', { protocol: 'ikev2', password: 'secret', authority });
    assert.match(native, /version = 2/);
    assert.match(native, /secret = 0sc2VjcmV0\n/);
    assert.match(native, /cacerts = sallyport\.pem/);
  });

  it('quote for RouterOS, which would take a dollar sign for a variable', () => {
    const text = textOf('mikrotik', { psk: NASTY, password: 'p' });
    assert.ok(text.includes('ipsec-secret="o\'Hara \\"x\\" <&> \\$(id) \\\\ 100% ’;#"'));
  });
});

/** What GLib's key file parser makes of a text. */
function keyfile(text: string): Map<string, string> {
  const out = new Map<string, string>();
  let section = '';
  for (const line of text.split('\n')) {
    const head = /^\[(.*)\]$/.exec(line);
    if (head !== null) section = head[1]!;
    const at = line.indexOf('=');
    if (head === null && at > 0) {
      const value = line.slice(at + 1).replace(/\\(.)/g, (_, mark) => (mark === 's' ? ' ' : mark));
      out.set(`${section}/${line.slice(0, at)}`, value);
    }
  }
  return out;
}
