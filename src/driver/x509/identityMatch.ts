/** Is a certificate for an identity: by its alternative names, or its whole subject; never by the common name alone. RFC 4945 §3.1. */

import type { Failure } from '../../core/index.ts';
import type { Identity } from '../../ike/output.ts';
import { fromHex } from '../../wire/index.ts';
import type { Address } from '../ffi.ts';
import { type Certificate, certificateText, namesText, nameText } from './certificate.ts';
import { OpensslError, type Scope, withScope } from './scope.ts';

/** @param commonName whether a certificate without any alternative name may be for its common name */
export function isFor(certificate: Certificate, { type, value }: Identity, commonName: boolean): boolean {
  const { view, alternativeNames } = certificate;
  switch (type) {
    case 'ipv4':
    case 'ipv6':
      return view.checkIP(value) !== undefined;
    case 'fqdn':
      // A leading dot would mean every name below, and a wildcard is no name of a peer.
      if (!HOST_NAME.test(value)) return false;
      if (view.checkHost(value, { subject: 'never', wildcards: false }) !== undefined) return true;
      return (
        commonName && isEmpty(alternativeNames) && commonNameOf(certificate)?.toLowerCase() === value.toLowerCase()
      );
    case 'user-fqdn':
      return value.includes('@') && view.checkEmail(value, { subject: 'never' }) !== undefined;
    case 'der-asn1-dn':
      return sameName(certificate.subjectDer, value);
    case 'key-id':
    case 'ipv4-subnet':
    case 'other':
      return false;
  }
}

/** Undefined: the certificate is for that identity. */
export function identityFailure(
  certificate: Certificate,
  identity: Identity,
  commonName: boolean,
): Failure | undefined {
  if (isFor(certificate, identity, commonName)) return undefined;
  return {
    code: 'certificate-identity',
    reason: `the certificate ${certificateText(certificate)} is not for ${identityName(identity)}: it has ${namesText(certificate)}`,
    remedy: 'Set the identity to one of these names, or issue a certificate that has it as an alternative name.',
  };
}

/** The identity in words: a distinguished name as text. */
export function identityName({ type, value }: Identity): string {
  if (type !== 'der-asn1-dn') return `${type} ${value}`;
  try {
    return withScope((scope) => `the subject ${textOf(scope, value)}`);
  } catch (error) {
    if (error instanceof OpensslError) return `the name 0x${value.slice(0, 64)}`;
    throw error;
  }
}

const HOST_NAME = /^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/;
const MAX_NAME_BYTES = 4096;

const isEmpty = (names: Certificate['alternativeNames']) => Object.values(names).every(({ length }) => length === 0);

/** Node writes each part of a subject in a line of its own. */
function commonNameOf({ view }: Certificate): string | undefined {
  const names = [...view.subject.matchAll(/^CN=(.*)$/gm)].map(([, name]) => name!);
  return names.length === 1 ? names[0] : undefined;
}

/** As RFC 5280 §7.1 compares names: without regard to case and to blanks. */
function sameName(der: Uint8Array, hex: string): boolean {
  try {
    return withScope((scope) => {
      const one = scope.decode('d2i_X509_NAME', 'X509_NAME_free', der, 'read a name');
      return scope.lib.X509_NAME_cmp(one, decodeName(scope, hex)) === 0;
    });
  } catch (error) {
    if (error instanceof OpensslError) return false;
    throw error;
  }
}

function decodeName(scope: Scope, hex: string): Address {
  const der = fromHex(hex);
  if (der.length > MAX_NAME_BYTES) throw new OpensslError('read a name', 'it is too long');
  return scope.decode('d2i_X509_NAME', 'X509_NAME_free', der, 'read a name');
}

const textOf = (scope: Scope, hex: string): string => nameText(scope, decodeName(scope, hex));
