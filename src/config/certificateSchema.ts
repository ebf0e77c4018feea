/** The part of both configurations that is about certificates: ours, whom we trust, and how much is asked of a peer's. */

import { z } from 'zod';
import { duration } from './span.ts';

const file = z.string().min(1);

const methods = z
  .array(z.enum(['psk', 'certificate']))
  .min(1)
  .refine((given) => new Set(given).size === given.length, 'names a method twice');

/** How peers prove themselves to IKE. */
export const ikeAuthentication = methods
  .optional()
  .describe(
    'How both ends prove themselves to each other, the preferred first: `psk` (pre-shared key), `certificate`. Unless told: `certificate` where `certificates` has one, then `psk`.',
  );

const FORMS = 'Our certificate in PEM (with the intermediate ones behind it), DER, or PKCS #12 with the key in it.';

const credential = {
  certificate: file.describe(`${FORMS} A relative path counts from the configuration file.`),
  key: file.optional().describe('Its private key in PEM or PKCS #8 (0600).'),
  password_file: file.optional().describe('A file (0600) with the password of an encrypted key or of a PKCS #12 file.'),
};

/** What decides about the certificates of peers. */
const trust = {
  ca: z.array(file).default([]).describe('Certificates of the authorities that are trusted, in PEM or DER.'),
  crl: z
    .array(file)
    .default([])
    .describe('Lists of revoked certificates, in PEM or DER. They are read again when the files change.'),
  revocation: z
    .enum(['when-known', 'require'])
    .default('when-known')
    .describe('`require` refuses certificates whose authority has no list of revoked ones here.'),
  common_name: z
    .boolean()
    .default(false)
    .describe('Take the common name of certificates that have no alternative names at all for a host name.'),
  fetch_from: z
    .array(z.string().regex(/^[A-Za-z0-9.:_-]+$/, 'is not a host name or address'))
    .default([])
    .describe(
      'Hosts that may be asked by HTTP for lists of revoked certificates and by OCSP, where a certificate names them: nobody unless told. A host in a private network must be named by its address.',
    ),
};

export const gatewayCertificates = z
  .strictObject({
    authority: file
      .optional()
      .describe(
        'The directory of `sallyport ca`: its server certificate, its root and its list of revoked certificates are used.',
      ),
    ...credential,
    certificate: credential.certificate.optional(),
    more: z
      .array(z.strictObject(credential))
      .default([])
      .describe('Further certificates of ours with other kinds of keys, for peers that can use those only.'),
    ...trust,
    warn_before: duration(
      '30d',
      'How long before the end of a certificate of ours, or of an authority, the log warns each day.',
    ),
  })
  .refine((c) => c.authority !== undefined || c.certificate !== undefined, 'takes an authority or a certificate');

export type CertificateSettings = z.output<typeof gatewayCertificates>;

/** The client's, flat beside its other keys. */
export const clientCertificates = {
  certificate: file.optional().describe(FORMS),
  key: credential.key,
  certificate_password_file: credential.password_file,
  ...trust,
  ca: trust.ca.describe(
    'Certificates of the authorities that are trusted, in PEM or DER. Unless told: those inside the PKCS #12 file.',
  ),
  server_identity: z
    .string()
    .min(1)
    .optional()
    .describe('The identity that the server’s certificate must be for; the name or address of `server` unless told.'),
};
