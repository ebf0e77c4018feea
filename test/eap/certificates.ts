/** Certificates of an authority for EAP-TLS, a server and users, made once per test file. */

import type { TlsMaterial, TlsRole } from '../../src/driver/tls/index.ts';
import { certificatePem } from '../../src/driver/x509/index.ts';
import { keyOf, type Made, make, YEAR } from '../driver/x509/authority.ts';

/** Node's own check goes by the real clock. */
const LONG = { from: 0, to: 130 * YEAR };
const USER = { uses: 'clientAuth', ...LONG } as const;

export const authority = make({ name: 'Test CA', ca: true, key: keyOf('p256', 10), ...LONG });
const otherAuthority = make({ name: 'Other CA', ca: true, key: keyOf('p256', 11), ...LONG });
const intermediate = make({ name: 'Intermediate CA', ca: true, key: keyOf('p256', 12), by: authority, ...LONG });

const SERVER = { name: 'vpn.example.org', names: 'DNS:vpn.example.org', uses: 'serverAuth', ...LONG } as const;
export const serverCertificate = make({ ...SERVER, by: intermediate, key: keyOf('p256', 13) });
export const impostor = make({ ...SERVER, by: otherAuthority, key: keyOf('p256', 14) });

/** alice by common name, e-mail address and user principal name. */
export const alice = make({
  name: 'alice',
  names: 'email:alice@example.org,otherName:1.3.6.1.4.1.311.20.2.3;UTF8:alice@corp.example',
  by: authority,
  key: keyOf('p256', 15),
  ...USER,
});
export const stranger = make({ name: 'alice', by: otherAuthority, key: keyOf('p256', 16), ...USER });
export const expired = make({ name: 'alice', by: authority, key: keyOf('p256', 17), ...USER, to: YEAR });
export const wrongUse = make({ name: 'alice', by: authority, key: keyOf('p256', 18), ...USER, uses: 'serverAuth' });

export function roleOf(own: Made, more: Partial<TlsRole> = {}): TlsRole {
  const chain = own === serverCertificate ? [own, intermediate] : [own];
  return { material: () => materialOf(chain), ...more };
}

/** Of the first one's key. */
const materialOf = (chain: readonly Made[]): TlsMaterial => ({
  cert: chain.map(({ certificate }) => certificatePem(certificate)).join(''),
  key: chain[0]!.key.export({ type: 'pkcs8', format: 'pem' }) as string,
  ca: [certificatePem(authority.certificate)],
});

/** A client that has a trusted authority, but no certificate. */
export const bare = (): TlsRole => ({
  material: () => ({ cert: '', key: '', ca: [certificatePem(authority.certificate)] }),
});

/** A server with a chain so long that its flight takes many fragments. */
export const padded = (): TlsRole => {
  const names = `DNS:vpn.example.org,${'DNS:a-rather-long-name.example.org,'.repeat(150)}DNS:b`;
  const long = make({ ...SERVER, by: authority, names });
  return { material: () => materialOf([serverCertificate, intermediate, long]) };
};
