/** The configuration of a client's connection, declared once; the command line's options stand beside it. */

import { z } from 'zod';
import { parsePrefix } from '../net/index.ts';
import { clientCertificates, ikeAuthentication } from './certificateSchema.ts';
import { clientEapOnly, tlsMaxVersion, tlsServerName, userMethod } from './eapSchema.ts';
import { ConfigError, parseWith, readConfigFile } from './load.ts';
import { packetCiphers } from './packetCiphersSchema.ts';
import { clientPpk } from './postquantumSchema.ts';
import { clientResumption } from './resumptionSchema.ts';
import { duration, espProposalText, ikeProposalText, optionalDuration } from './schema.ts';

const prefix = z.string().refine((text) => parsePrefix(text) !== undefined, 'is not a prefix such as 192.0.2.0/24');

const RetrySchema = z.strictObject({
  first: duration('1s', 'The first wait before another try. It doubles with each, and is drawn from its upper half.'),
  most: duration('60s', 'The longest wait.'),
  always: z
    .boolean()
    .default(false)
    .describe('Try again after a wrong password or key too, and whatever else time does not cure.'),
});

export const ClientSchema = z.strictObject({
  server: z.string().min(1).describe('Name or address of the server.'),
  user: z
    .string()
    .min(1)
    .optional()
    .describe('User name; not needed where a certificate or key alone opens an IKEv2 tunnel.'),
  password: z.string().min(1).optional().describe('The password; better in a file.'),
  password_file: z.string().min(1).optional().describe('A file (0600) that holds the password.'),
  psk: z.string().min(1).optional().describe('The pre-shared key; better in a file.'),
  psk_file: z.string().min(1).optional().describe('A file (0600) that holds the pre-shared key.'),
  ike_version: z.literal([1, 2]).default(1).describe('The version of IKE to speak.'),
  tunnel: z
    .enum(['native', 'l2tp'])
    .optional()
    .describe('With IKEv2: a tunnel of its own (`native`), or L2TP as with IKEv1. Unless told: `native`.'),
  ike_authentication: ikeAuthentication.describe(
    'How both ends prove themselves to each other, the preferred first: `psk` (pre-shared key), `certificate`. Unless told: `certificate` where there is one, then `psk`; with IKEv2 and neither, the user logs in with EAP, as is done too where `auth` names EAP methods alone.',
  ),
  ...clientCertificates,
  ...clientPpk,
  ipsec: z.boolean().default(true).describe('Without IPsec password and traffic go in the clear.'),
  profile: z.enum(['strict', 'compatible', 'legacy']).default('compatible').describe('Which algorithms are offered.'),
  proposals: z
    .array(ikeProposalText)
    .min(1)
    .optional()
    .describe('Exactly these IKE proposals, e.g. `aes256-sha256-modp2048`.'),
  esp_proposals: z
    .array(espProposalText)
    .min(1)
    .optional()
    .describe('Exactly these ESP proposals, e.g. `aes256gcm16`.'),
  identity: z.string().min(1).optional().describe('Our IKE identity; our address unless told.'),
  aggressive: z
    .enum(['off', 'unsafe'])
    .default('off')
    .describe('`unsafe` begins with Aggressive Mode, which some servers with group names demand.'),
  force_encapsulation: z.boolean().default(false).describe('ESP in UDP even without NAT.'),
  auth: z
    .array(userMethod)
    .min(1)
    .default(['ms-chap-v2', 'eap-mschapv2', 'chap-md5'])
    .describe(
      'Methods by which we prove ourselves; `pap` and `eap-gtc` show the server the password, `eap-tls` needs `certificate`.',
    ),
  eap_only: clientEapOnly,
  tls_max_version: tlsMaxVersion,
  tls_server_name: tlsServerName,
  routes: z.array(prefix).default([]).describe('Prefixes to reach through the tunnel.'),
  server_routes: z
    .boolean()
    .default(true)
    .describe(
      'Reach the networks that an IKEv2 server tells through the tunnel too. The kill switch does not hold these.',
    ),
  default_route: z
    .boolean()
    .default(false)
    .describe('Send all IPv4 traffic through the tunnel, and all of IPv6 where the server gives an address for it.'),
  ipv6: z.boolean().default(true).describe('Take an IPv6 address of the server, where it gives one.'),
  dns: z.boolean().default(false).describe('Use the name servers that the server tells, while connected.'),
  persist: z
    .boolean()
    .default(false)
    .describe('Connect again after any loss: of the server, of the network, after sleep, in another network.'),
  retry: RetrySchema.prefault({}),
  ...clientResumption,
  follow_redirects: z
    .boolean()
    .default(true)
    .describe(
      'With IKEv2: go to another gateway where the server sends us there (RFC 5685). It must prove itself as the server would.',
    ),
  kill_switch: z
    .boolean()
    .default(false)
    .describe(
      'While it runs, traffic for `routes` or the default route goes through the tunnel or nowhere, also while there is none.',
    ),
  allow_ipv6: z
    .boolean()
    .default(false)
    .describe('With `kill_switch` and `default_route`: let IPv6 go around the tunnel, instead of nowhere.'),
  dpd_interval: duration('10s', 'How long the server may be silent before it is asked whether it lives.'),
  dpd_timeout: optionalDuration('How long it may then leave that unanswered. 15 s with `persist`, else 60 s.'),
  lifetime: duration('8h', 'Lifetime of an IKE SA that we propose. The smaller of ours and the server’s counts.'),
  esp_lifetime: duration('1h', 'Lifetime of an ESP SA that we propose.'),
  offloads: z
    .boolean()
    .default(true)
    .describe('Exchange large packets with the kernel where it has them. Off with `--keylog`.'),
  packet_ciphers: packetCiphers,
  path_mtu: z
    .int()
    .min(1280)
    .max(9000)
    .default(1500)
    .describe('MTU of the path to the server; with `path_mtu_discovery` the most that is tried. Bytes.'),
  path_mtu_discovery: z
    .enum(['on', 'off'])
    .default('on')
    .describe('Find out what the path to the server carries, and send nothing larger.'),
});

export type ClientSettings = z.output<typeof ClientSchema>;

/** Keys that say the same in place and in a file. */
const EITHER = [
  ['psk', 'psk_file'],
  ['password', 'password_file'],
] as const;

/** @throws ConfigError for a file that cannot be read or that breaks the schema */
export function loadClientProfile(file: string): Partial<z.input<typeof ClientSchema>> {
  const profile = parseWith(ClientSchema.partial(), readConfigFile(file), file) as Partial<
    z.input<typeof ClientSchema>
  >;
  const both = EITHER.filter((keys) => keys.every((key) => profile[key] !== undefined));
  if (both.length === 0) return profile;
  throw new ConfigError(
    both.map(([key, inFile]) => ({ file, line: 0, field: '', message: `takes only one of ${key} and ${inFile}.` })),
  );
}

/** A profile with other values before its own: a secret that is given in another way is not the profile's any more. */
export function overlaid(profile: Readonly<Record<string, unknown>>, given: Readonly<Record<string, unknown>>) {
  const replaced = EITHER.filter((keys) => keys.some((key) => key in given)).flat() as readonly string[];
  return { ...Object.fromEntries(Object.entries(profile).filter(([key]) => !replaced.includes(key))), ...given };
}
