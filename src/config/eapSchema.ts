/** The part of both configurations that is about how users prove themselves, EAP above all. */

import { z } from 'zod';

/** In PPP. The order of the list is the order of preference. */
export const userMethod = z.enum(['ms-chap-v2', 'eap-mschapv2', 'eap-tls', 'eap-gtc', 'chap-md5', 'eap-md5', 'pap']);

/** Newer clients fail with TLS 1.3 inside EAP now and then. */
export const tlsMaxVersion = z
  .enum(['1.2', '1.3'])
  .default('1.3')
  .describe('The highest TLS version inside EAP; `1.2` for peers that fail with TLS 1.3 there.');

/** Inside EAP the server may be another machine than the one that speaks IKE, and have a name of its own. */
export const tlsServerName = z
  .string()
  .min(1)
  .optional()
  .describe(
    'The name that the server’s certificate inside EAP must bear; any server of a trusted authority unless told.',
  );

/** RFC 5998. */
export const clientEapOnly = z
  .boolean()
  .default(false)
  .describe(
    'With IKEv2, where `auth` is `eap-tls` alone: let the server prove itself by EAP alone (RFC 5998). Its certificate there must then be for `tls_server_name`, else for `server_identity` or `server`.',
  );

export const gatewayEap = z.strictObject({
  tls_max_version: tlsMaxVersion,
  tls_resumption: z
    .boolean()
    .default(true)
    .describe('Let clients resume TLS sessions by tickets, for less than a day.'),
  certified_users: z
    .enum(['stored', 'any'])
    .default('stored')
    .describe(
      'Who may enter by a certificate: users that `sallyport user` knows by a name of the certificate, or `any` whom a trusted authority names. Disabled users never may.',
    ),
});
