/** The part of the gateway's configuration that is about remote access over IKEv2 without L2TP. */

import { z } from 'zod';
import { parsePrefix } from '../net/index.ts';

/** What clients of IKEv2 may log in with. The order of the list is the order of preference. */
export const remoteAccessMethod = z.enum(['eap-mschapv2', 'eap-tls', 'eap-gtc']);

export type RemoteAccessMethod = z.output<typeof remoteAccessMethod>;

const prefix = z.string().refine((text) => parsePrefix(text) !== undefined, 'is not a prefix such as 192.0.2.0/24');
const domain = z.string().regex(/^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/, 'is not a domain such as example.org');

export const remoteAccess = z.strictObject({
  enabled: z
    .boolean()
    .default(true)
    .describe('Whether IKEv2 gives clients tunnels of its own; else it carries L2TP alone.'),
  eap: z
    .array(remoteAccessMethod)
    .optional()
    .describe(
      'How users may log in inside IKEv2, the preferred first; `[]`: not by EAP. It needs a certificate of the gateway. `eap-tls` needs `certificates.ca` too, `eap-gtc` shows the gateway the password. Unless told: `eap-mschapv2` and `eap-tls`, as far as there are certificates for them.',
    ),
  eap_only: z
    .boolean()
    .default(false)
    .describe(
      'Leave it to EAP alone to prove the gateway to clients that offer so (RFC 5998), which spares a signature: for `eap-tls`, since other methods do not show who the gateway is.',
    ),
  certified_users: z
    .enum(['stored', 'any'])
    .default('any')
    .describe(
      'Who may enter by a certificate in IKEv2 itself: `any` whom a trusted authority names, or users that `sallyport user` knows by the name of the certificate. Disabled users never may.',
    ),
  pre_shared_key: z
    .boolean()
    .default(false)
    .describe('Whether a pre-shared key alone opens a tunnel: all who know it are then alike, and are no users.'),
  subnets: z
    .array(prefix)
    .default([])
    .describe('Networks that clients are let into, and route there. Unless told: everything.'),
  domains: z
    .array(domain)
    .max(64)
    .default([])
    .describe('Domains that only the gateway’s name servers know (RFC 8598).'),
});

export type RemoteAccessSettings = z.output<typeof remoteAccess>;
