/** Linux with NetworkManager: a keyfile for network-manager-l2tp or network-manager-strongswan. nm-settings-keyfile(5). */

import { base64Text, type ClientSetup, fileName, needed, type SetupFacts, type SetupFile } from './facts.ts';

/** The folder that NetworkManager reads keyfiles from. */
const CONNECTIONS = '/etc/NetworkManager/system-connections';
/** Where the plugin is told to find certificates and the key. */
const CERTIFICATES = '/etc/NetworkManager';
/** NetworkManager keeps the secret itself, or asks for it each time. */
const KEPT = '0';
const ASKED = '2';

export function networkManagerSetup(facts: SetupFacts): ClientSetup {
  const name = fileName(facts, '.nmconnection');
  const isL2tp = facts.protocol === 'l2tp';
  const files = [{ name, content: keyfile(isL2tp ? l2tp(facts) : ikev2(facts)) }, ...(isL2tp ? [] : pemFiles(facts))];
  const plugin = isL2tp ? 'network-manager-l2tp' : 'network-manager-strongswan libcharon-extra-plugins';
  return {
    files,
    steps: [
      `Install the plugin: apt install ${plugin}`,
      ...files.slice(1).map((file) => `sudo install -m 600 ${file.name} ${CERTIFICATES}/${file.name}`),
      `sudo install -m 600 ${name} ${CONNECTIONS}/ && sudo nmcli connection reload`,
      `nmcli connection up ${JSON.stringify(facts.name)}${facts.password === undefined && facts.certificate === undefined ? ' --ask' : ''}`,
    ],
  };
}

type Section = readonly [name: string, entries: Readonly<Record<string, string>>];

function l2tp(facts: SetupFacts): Section[] {
  const { name, server, user, password, mtu } = facts;
  const psk = needed(facts.psk, 'the pre-shared key');
  return [
    connection(name, facts.uuid('profile')),
    [
      'vpn',
      {
        'service-type': 'org.freedesktop.NetworkManager.l2tp',
        gateway: server,
        'user-auth-type': 'password',
        user,
        'password-flags': password === undefined ? ASKED : KEPT,
        'machine-auth-type': 'psk',
        'ipsec-enabled': 'yes',
        'ipsec-psk-flags': KEPT,
        'ipsec-ike': 'aes256-sha256-modp2048!',
        'ipsec-esp': 'aes256-sha256!',
        'refuse-eap': 'yes',
        'refuse-mschap': 'yes',
        mtu: `${mtu}`,
        mru: `${mtu}`,
      },
    ],
    // In base 64, for characters that ipsec.secrets cannot carry.
    ['vpn-secrets', { ...(password === undefined ? {} : { password }), 'ipsec-psk': `0s${base64Text(psk)}` }],
    ...ADDRESSES,
  ];
}

function ikev2(facts: SetupFacts): Section[] {
  const { name, server, serverIdentity, user, password, authority, certificate } = facts;
  const login =
    certificate === undefined
      ? { method: 'eap', user, 'password-flags': password === undefined ? ASKED : KEPT }
      : {
          method: 'cert',
          'cert-source': 'file',
          usercert: `${CERTIFICATES}/${fileName(facts, CERTIFICATE)}`,
          userkey: `${CERTIFICATES}/${fileName(facts, KEY)}`,
        };
  return [
    connection(name, facts.uuid('profile')),
    [
      'vpn',
      {
        'service-type': 'org.freedesktop.NetworkManager.strongswan',
        address: server,
        ...(serverIdentity === server ? {} : { 'remote-identity': serverIdentity }),
        ...(authority === undefined ? {} : { certificate: `${CERTIFICATES}/${fileName(facts, AUTHORITY)}` }),
        ...login,
        virtual: 'yes',
        encap: 'no',
        ipcomp: 'no',
        proposal: 'no',
      },
    ],
    ...(password === undefined || certificate !== undefined ? [] : [['vpn-secrets', { password }] as const]),
    ...ADDRESSES,
  ];
}

const connection = (id: string, uuid: string): Section => [
  'connection',
  { id, uuid, type: 'vpn', autoconnect: 'false' },
];

const ADDRESSES: readonly Section[] = [
  ['ipv4', { method: 'auto' }],
  ['ipv6', { method: 'auto' }],
];

const AUTHORITY = '-ca.pem';
const CERTIFICATE = '-cert.pem';
const KEY = '-key.pem';

function pemFiles(facts: SetupFacts): SetupFile[] {
  const { authority, certificate } = facts;
  const file = (ending: string, content: string) => ({ name: fileName(facts, ending), content });
  return [
    ...(authority === undefined ? [] : [file(AUTHORITY, authority.pem)]),
    ...(certificate === undefined
      ? []
      : [file(CERTIFICATE, certificate.certificatePem), file(KEY, certificate.keyPem)]),
  ];
}

function keyfile(sections: readonly Section[]): string {
  return sections
    .map(([name, entries]) =>
      [`[${name}]`, ...Object.entries(entries).map(([key, value]) => `${key}=${escaped(value)}`), ''].join('\n'),
    )
    .join('\n');
}

/** GLib's key files: a backslash begins an escape, and blanks at the beginning are cut off. */
function escaped(value: string): string {
  return value.replaceAll('\\', '\\\\').replace(/^ +/, (blanks) => '\\s'.repeat(blanks.length));
}
