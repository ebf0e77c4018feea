/** How the ends of native IKEv2 prove themselves: what each row is for strongSwan and for us. */

import { join } from 'node:path';
import { USER, type User } from '../stock/options.ts';
import { type Authority, HOLDER, type Issued, type KeyKind, SERVER_NAME } from './authority.ts';
import type { StrongSwanOptions, SwanctlFiles } from './strongSwan.ts';
import { SERVER } from './wire.ts';

export type Way = 'psk' | 'rsa' | 'ecdsa' | 'eap-mschapv2' | 'eap-tls';

export const WAYS: readonly Way[] = ['psk', 'rsa', 'ecdsa', 'eap-mschapv2', 'eap-tls'];

/** The keys of the certificates. */
export const KEYS: Readonly<Record<Way, KeyKind>> = {
  psk: 'p256',
  rsa: 'rsa3072',
  ecdsa: 'p256',
  'eap-mschapv2': 'rsa3072',
  'eap-tls': 'p256',
};

export const PSK = 'kE7vR2mQ9xW4tZ6bN8pL';
/** Where strongSwan is the server: its address inside, and its pools. */
export const STOCK_INNER = { v4: '10.73.0.1', v6: 'fd73::1' } as const;
export const STOCK_NETWORKS = ['10.73.0.0/24', 'fd73::/64'] as const;
/** Where our gateway is. */
export const OUR_INNER = { v4: '10.74.0.1', v6: 'fd74::1' } as const;
export const OUR_NETWORKS = ['10.74.0.0/24', 'fd74::/48'] as const;

/** What a case changes of a connection that works. */
export interface Changes {
  readonly psk?: string;
  readonly password?: string;
  /** In place of the certificate of the row. */
  readonly own?: Issued;
  /** PEM of the intermediate authorities. */
  readonly intermediate?: readonly string[];
  /** PEM of whom strongSwan trusts. */
  readonly root?: string;
  /** The identity that strongSwan states. */
  readonly id?: string;
  readonly ike?: string;
  readonly esp?: string;
  /** Further lines of the connection, of its child, and of the section of charon. */
  readonly connection?: string;
  readonly child?: string;
  readonly settings?: string;
}

const IKE = 'aes256-sha256-ecp256, aes256-sha256-x25519, aes256-sha256-modp2048';
const ESP = 'aes256gcm16-ecp256, aes256gcm16';

/** strongSwan as the client of our gateway. */
export function stockClient(way: Way, authority: Authority, changes: Changes = {}): StrongSwanOptions {
  const { id = HOLDER, password = USER.password, psk = PSK } = changes;
  const server = `remote { auth = pubkey\n id = ${SERVER_NAME}\n cacerts = root.pem }`;
  const ways: Readonly<Record<Way, readonly [sections: string, secrets: string]>> = {
    psk: ['local { auth = psk }\n remote { auth = psk }', `ike-lab { secret = "${psk}" }`],
    rsa: [`local { auth = pubkey\n id = ${id}\n certs = own.pem }\n ${server}`, ''],
    ecdsa: [`local { auth = pubkey\n id = ${id}\n certs = own.pem }\n ${server}`, ''],
    'eap-mschapv2': [
      `local { auth = eap-mschapv2\n id = ${USER.name}\n eap_id = ${USER.name} }\n ${server}`,
      `eap-lab { id = ${USER.name}\n secret = "${password}" }`,
    ],
    'eap-tls': [`local { auth = eap-tls\n id = ${id}\n certs = own.pem }\n ${server}`, ''],
  };
  const [sections, secrets] = ways[way];
  const role = `remote_addrs = ${SERVER}\n vips = 0.0.0.0, ::\n ${sections}`;
  const own = changes.own ?? authority.issued(HOLDER);
  return stock({
    role,
    secrets,
    selectors: `remote_ts = ${OUR_NETWORKS.join(', ')}`,
    files: filesOf(way, authority, own, changes),
    changes,
  });
}

/** strongSwan as the server of our client. */
export function stockServer(way: Way, authority: Authority, changes: Changes = {}): StrongSwanOptions {
  const { id = SERVER_NAME, password = USER.password, psk = PSK } = changes;
  const local = `local { auth = pubkey\n id = ${id}\n certs = own.pem }`;
  const ways: Readonly<Record<Way, readonly [sections: string, secrets: string]>> = {
    psk: ['local { auth = psk }\n remote { auth = psk }', `ike-lab { secret = "${psk}" }`],
    rsa: [`${local}\n remote { auth = pubkey\n cacerts = root.pem }`, ''],
    ecdsa: [`${local}\n remote { auth = pubkey\n cacerts = root.pem }`, ''],
    'eap-mschapv2': [
      `${local}\n remote { auth = eap-mschapv2\n eap_id = %any }`,
      `eap-lab { id = ${USER.name}\n secret = "${password}" }`,
    ],
    'eap-tls': [`${local}\n remote { auth = eap-tls\n eap_id = %any }`, ''],
  };
  const [sections, secrets] = ways[way];
  const own = changes.own ?? authority.server;
  return stock({
    role: `pools = v4, v6\n ${sections}`,
    secrets,
    selectors: `local_ts = ${STOCK_NETWORKS.join(', ')}`,
    files: filesOf(way, authority, own, changes),
    changes,
    pools: `pools {
  v4 { addrs = 10.73.0.10-10.73.0.99\n dns = ${STOCK_INNER.v4} }
  v6 { addrs = fd73::10-fd73::99 }
}`,
  });
}

/** Who must be in our gateway's store: nobody who proves themselves by a key or a certificate. */
export const usersOf = (way: Way): readonly User[] => (way === 'eap-mschapv2' ? [USER] : []);

/** Sections of our gateway's configuration. */
export function ourGatewayConfig(way: Way, authority: Authority): Readonly<Record<string, Record<string, unknown>>> {
  const network = { ipv6_pool: OUR_NETWORKS[1] };
  if (way === 'psk') {
    return { network, ike: { versions: [2], authentication: ['psk'] }, remote_access: { pre_shared_key: true } };
  }
  const certificates = { authority: authority.directory };
  const ike = { versions: [2], authentication: ['certificate'] };
  // Who has a certificate alone is no stored user.
  const eap = { certified_users: 'any' };
  return { network, certificates, ike, eap, remote_access: { eap: way.startsWith('eap-') ? [way] : [] } };
}

/** The profile of our client; names of secrets are those that `ClientSchema` has. */
export function ourClientProfile(way: Way, authority: Authority): Readonly<Record<string, unknown>> {
  const trust = { ca: [authority.rootFile], crl: [join(authority.directory, 'ca.crl')], server_identity: SERVER_NAME };
  const own = { certificate: authority.issued(HOLDER).file };
  const ways: Readonly<Record<Way, Readonly<Record<string, unknown>>>> = {
    psk: { psk: PSK },
    rsa: { ...own, ...trust },
    ecdsa: { ...own, ...trust },
    'eap-mschapv2': { ...trust, user: USER.name, password: USER.password, auth: ['eap-mschapv2'] },
    'eap-tls': { ...own, ...trust, user: HOLDER, auth: ['eap-tls'] },
  };
  return { server: SERVER, ike_version: 2, routes: [...STOCK_NETWORKS], ...ways[way] };
}

interface Stock {
  readonly role: string;
  readonly selectors: string;
  readonly secrets: string;
  readonly pools?: string;
  readonly files: SwanctlFiles;
  readonly changes: Changes;
}

function stock({ role, selectors, secrets, pools = '', files, changes }: Stock): StrongSwanOptions {
  const { ike = IKE, esp = ESP, connection = '', child = '', settings = '' } = changes;
  const swanctl = `connections { lab {
  version = 2
  encap = yes
  proposals = ${ike}
  unique = never
  ${role}
  ${connection}
  children { net {
    ${selectors}
    esp_proposals = ${esp}
    ${child}
  } }
} }
secrets { ${secrets} }
${pools}
`;
  return { swanctl, files, settings };
}

function filesOf(way: Way, authority: Authority, own: Issued, { intermediate = [], root }: Changes): SwanctlFiles {
  if (way === 'psk') return {};
  const chain = intermediate.map((pem, at) => [`x509ca/intermediate${at}.pem`, pem] as const);
  return {
    'x509ca/root.pem': root ?? authority.root,
    'x509crl/root.pem': authority.crl,
    'x509/own.pem': own.certificate,
    'private/own.pem': own.key,
    ...Object.fromEntries(chain),
  };
}
