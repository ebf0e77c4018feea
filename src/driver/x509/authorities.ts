/** The authorities above a certificate of ours, by which peers ask for one: their names in IKEv1, hashes of their keys in IKEv2. */

import type { Credential } from '../../ike/signature.ts';
import { sameBytes } from '../../wire/index.ts';
import type { Certificate } from './certificate.ts';

/** Authorities between a certificate and its root. */
const MAX_AUTHORITIES = 8;

/**
 * @param chain ours first, each before the one that issued it
 * @param known others that may have issued the last of them: roots, which are not sent
 */
export function authoritiesAbove(
  chain: readonly Certificate[],
  known: readonly Certificate[],
): Required<Pick<Credential, 'issuers' | 'authorities'>> {
  const path = [...chain];
  while (path.length <= MAX_AUTHORITIES) {
    const last = path.at(-1)!;
    const issuer = isRoot(last) ? undefined : known.find((one) => !path.includes(one) && isIssuedBy(last, one));
    if (issuer === undefined) break;
    path.push(issuer);
  }
  // One that nobody else issued is its own authority.
  const above = path.length === 1 && isRoot(path[0]!) ? path : path.slice(1);
  const names = path.map(({ issuerDer }) => issuerDer);
  return {
    issuers: names.filter((name, i) => !names.slice(0, i).some((before) => sameBytes(before, name))),
    authorities: above.map(({ keyHash }) => keyHash),
  };
}

export const isRoot = ({ issuerDer, subjectDer }: Certificate): boolean => sameBytes(issuerDer, subjectDer);

/** By name and key: two authorities may have one name, as after a renewal. */
const isIssuedBy = (certificate: Certificate, issuer: Certificate): boolean =>
  certificate.view.checkIssued(issuer.view) && certificate.view.verify(issuer.publicKey);
