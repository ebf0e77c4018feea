/** The names that a certificate gives its holder, as a user is called by them. RFC 5216 §5.2. */

import type { X509Certificate } from 'node:crypto';

const MOST_NAMES = 32;

/** SAN e-mail addresses, then UPNs, then DNS names, then the common names of the subject. */
export function certificateNames({ subjectAltName, subject }: X509Certificate): string[] {
  const alternatives = alternativesOf(subjectAltName ?? '');
  const kind = (wanted: string) => alternatives.flatMap(([found, value]) => (found === wanted ? [value] : []));
  const upns = kind('othername').flatMap((value) => (value.startsWith('UPN:') ? [value.slice('UPN:'.length)] : []));
  const commonNames = (subject ?? '').split('\n').flatMap((part) => (part.startsWith('CN=') ? [part.slice(3)] : []));
  const names = [...kind('email'), ...upns, ...kind('DNS'), ...commonNames];
  // biome-ignore lint/suspicious/noControlCharactersInRegex: no user is called by them
  return [...new Set(names)].filter((name) => name !== '' && !/[\u0000-\u001f\u007f]/.test(name)).slice(0, MOST_NAMES);
}

/** Node's text: `DNS:a, email:b`, with values in JSON's quotes where they hold what could mislead. */
function alternativesOf(text: string): [kind: string, value: string][] {
  return [...text.matchAll(/(?:^|, )([A-Za-z ]+):("(?:[^"\\]|\\.)*"|[^,]*)/g)].map(([, kind, value]) => [
    kind!,
    unquoted(value!),
  ]);
}

function unquoted(value: string): string {
  if (!value.startsWith('"')) return value;
  try {
    return String(JSON.parse(value));
  } catch {
    return '';
  }
}
