/** The configuration of a gateway, declared once: validation, types, defaults, JSON Schema and reference come from here. */

import { z } from 'zod';
import { parseEspProposal, parseIkeProposal } from '../ike/index.ts';
import { parseChildProposal, parseIkeV2Proposal } from '../ike/v2/index.ts';
import { AddressPool, canonicalAddress, PrefixPool, parseIpv4, parsePrefix } from '../net/index.ts';
import { gatewayCertificates, ikeAuthentication } from './certificateSchema.ts';
import { gatewayEap, userMethod } from './eapSchema.ts';
import { packetCiphers } from './packetCiphersSchema.ts';
import { gatewayPpk } from './postquantumSchema.ts';
import { rate } from './rateSchema.ts';
import { redirect } from './redirectSchema.ts';
import { remoteAccess } from './remoteAccessSchema.ts';
import { gatewayResumption } from './resumptionSchema.ts';
import { duration } from './span.ts';

export { duration, optionalDuration } from './span.ts';

/** Shorter than this a pre-shared key can be guessed offline by whoever sees one handshake. */
export const SHORTEST_PSK = 12;

const address = z
  .string()
  .refine((text) => canonicalAddress(text) !== undefined, 'is not an IPv4 or IPv6 address')
  .transform((text) => canonicalAddress(text)!);
const ipv4 = z.string().refine((text) => parseIpv4(text) !== undefined, 'is not an IPv4 address');
const prefix = z
  .string()
  .refine(
    (text) => parsePrefix(text) !== undefined || canonicalAddress(text) !== undefined,
    'is not an address or prefix such as 192.0.2.0/24',
  );

const psk = z
  .string()
  .min(SHORTEST_PSK, `has fewer than ${SHORTEST_PSK} characters, which can be guessed; take ${SHORTEST_PSK} or more`);
const file = z.string().min(1);

const parses = (parse: (text: string) => unknown) => (text: string, context: z.RefinementCtx) => {
  try {
    parse(text);
  } catch (error) {
    context.addIssue({ code: 'custom', message: `is no proposal: ${(error as Error).message}` });
  }
};
/** For either version of IKE. Where neither knows it, the complaint is the one about words that both have. */
const either = (one: (text: string) => unknown, other: (text: string) => unknown) => (text: string) => {
  try {
    one(text);
  } catch {
    other(text);
  }
};
export const ikeProposalText = z.string().superRefine(parses(either(parseIkeV2Proposal, parseIkeProposal)));
export const espProposalText = z.string().superRefine(parses(either(parseChildProposal, parseEspProposal)));

const profile = z
  .enum(['strict', 'compatible', 'legacy'])
  .describe(
    'Which algorithms are accepted: `strict`, `compatible` (what current stock clients offer, without 3DES, MD5 and small groups) or `legacy` (Android 11 and older, old routers).',
  );

const secret = z
  .strictObject({
    identity: z.string().min(1).optional().describe('The peer’s IKE identity: an address, name, user@name or key id.'),
    address: prefix.optional().describe('The peer’s address or prefix.'),
    psk: psk.optional().describe('The pre-shared key.'),
    psk_file: file
      .optional()
      .describe('A file (0600) that holds the pre-shared key; a relative path counts from the configuration file.'),
  })
  .refine((s) => (s.psk === undefined) !== (s.psk_file === undefined), 'takes exactly one of psk and psk_file')
  .refine(
    (s) => s.identity !== undefined || s.address !== undefined,
    'takes an identity or an address; a key for everybody is ike.psk_file',
  );

const ike = z
  .strictObject({
    profile: profile.default('compatible'),
    proposals: z
      .array(ikeProposalText)
      .min(1)
      .optional()
      .describe(
        'Exactly these IKE proposals instead of the profile’s, in order of preference, e.g. `aes256-sha256-modp2048`.',
      ),
    esp_proposals: z
      .array(espProposalText)
      .min(1)
      .optional()
      .describe('Exactly these ESP proposals instead of the profile’s, e.g. `aes256gcm16`, `aes256-sha256-modp2048`.'),
    psk: psk.optional().describe('The pre-shared key of peers that no entry of `secrets` names.'),
    psk_file: file.optional().describe('The same in a file (0600).'),
    secrets: z.array(secret).default([]).describe('Pre-shared keys per identity, address or prefix.'),
    ppk: gatewayPpk.optional().describe('Post-quantum pre-shared keys of IKEv2 (RFC 8784).'),
    identity: z.string().min(1).optional().describe('Our IKE identity; our address unless told.'),
    versions: z
      .array(z.literal([1, 2]))
      .min(1)
      .default([1, 2])
      .describe('Versions of IKE that are spoken. IKEv2 carries L2TP and the tunnels of `remote_access`.'),
    authentication: ikeAuthentication,
    aggressive: z
      .enum(['off', 'unsafe'])
      .default('off')
      .describe('`unsafe` answers Aggressive Mode, which hands a hash of the pre-shared key to whoever asks.'),
    force_encapsulation: z
      .boolean()
      .default(false)
      .describe('Encapsulate ESP in UDP even where no NAT was found, for paths that drop protocol 50.'),
    keepalive: duration('20s', 'How often a NAT is reminded of an idle path.'),
    dpd_interval: duration('40s', 'How long a peer may be silent before it is asked whether it lives.'),
    dpd_timeout: duration('150s', 'How long it may then leave that unanswered.'),
    lifetime: duration('8h', 'Lifetime of an IKE SA. The smaller of ours and the peer’s counts.'),
    esp_lifetime: duration('1h', 'Lifetime of an ESP SA.'),
    esp_lifetime_kilobytes: z
      .int()
      .min(1024)
      .optional()
      .describe(
        'Kilobytes that an ESP SA may carry in either direction; the smaller of ours and the peer’s counts. Unless told: what the peer says.',
      ),
    quirks: z
      .array(z.enum(['sha2-96']))
      .optional()
      .describe(
        'What is done differently for the clients of this section, instead of what the habits of each ask for: `sha2-96` takes HMAC-SHA2-256 truncated to 96 bits, as old Androids do it, where the first packet shows it. `[]` does nothing.',
      ),
    resumption: gatewayResumption.prefault({}).describe('Clients of IKEv2 that come back (RFC 5723).'),
    half_open: z.int().min(1).max(100_000).default(1000).describe('IKE SAs that may be half-open at once.'),
    half_open_per_source: z
      .int()
      .min(1)
      .max(10_000)
      .default(50)
      .describe('The same from one source address (many clients may share one behind a NAT).'),
    fragment_size: z
      .int()
      .min(256)
      .max(1400)
      .default(1280)
      .describe('Largest IKE message sent in one piece to peers that take fragments. Bytes.'),
  })
  .refine((i) => i.psk === undefined || i.psk_file === undefined, 'takes only one of psk and psk_file');

const l2tp = z.strictObject({
  without_ipsec: z
    .boolean()
    .default(false)
    .describe('Serve L2TP that IPsec does not protect. Passwords and traffic are then in the clear.'),
  host_name: z.string().min(1).max(64).default('sallyport').describe('The Host Name AVP.'),
  hello_interval: duration('60s', 'How long a tunnel may be silent before a HELLO is sent.'),
  receive_window: z
    .int()
    .min(1)
    .max(1024)
    .default(16)
    .describe('Control messages that the peer may send unacknowledged.'),
  tunnel_secret: z
    .string()
    .min(1)
    .optional()
    .describe('Shared secret of the L2TP tunnel authentication; required of the peer where given.'),
  tunnel_secret_file: file.optional().describe('The same in a file (0600).'),
  permissive: z.boolean().default(false).describe('Ignore unknown mandatory AVPs instead of ending the tunnel.'),
  accept_tunnel_id_zero: z
    .boolean()
    .default(false)
    .describe(
      'Take control messages with tunnel id 0 for the only tunnel of their peer, as some routers (D-Link DIR-300) send them.',
    ),
  sequencing: z.boolean().default(false).describe('Number the data messages to clients, who then number theirs.'),
  reorder_packets: z
    .int()
    .min(0)
    .max(4096)
    .default(32)
    .describe('Numbered data messages that may wait for those before them; 0: late ones are dropped at once.'),
  reorder_milliseconds: z.int().min(1).max(1000).default(50).describe('How long one of them may wait. Milliseconds.'),
});

const ppp = z.strictObject({
  authentication: z
    .array(userMethod)
    .min(1)
    .default(['ms-chap-v2', 'eap-mschapv2', 'chap-md5', 'pap'])
    .describe(
      'Methods by which users may prove themselves, the preferred first. `eap-tls` needs `certificates`; `eap-gtc` and `pap` show the gateway the password, `eap-md5` and `chap-md5` can be guessed at.',
    ),
  mru: z.int().min(576).max(1500).default(1400).describe('Largest packet that we take from a peer inside PPP. Bytes.'),
  echo_interval: duration('30s', 'How long a link may be silent before an LCP echo is sent.'),
  echo_failures: z.int().min(1).max(100).default(4).describe('Unanswered echoes after which the link is dead.'),
});

const pool = z.string().superRefine((text, context) => {
  try {
    new AddressPool({ ranges: [text] });
  } catch (error) {
    context.addIssue({ code: 'custom', message: `is no pool: ${(error as Error).message}` });
  }
});

const ipv6Pool = z.string().superRefine((text, context) => {
  try {
    new PrefixPool(text);
  } catch (error) {
    context.addIssue({ code: 'custom', message: `is no pool: ${(error as Error).message}` });
  }
});

const network = z.strictObject({
  pool: pool
    .default('10.87.0.0/24')
    .describe('Addresses for users: a prefix, or a range such as `10.87.0.10-10.87.0.200`.'),
  gateway_address: ipv4.default('10.87.0.1').describe('The gateway’s own address inside the tunnels.'),
  ipv6_pool: ipv6Pool
    .optional()
    .describe(
      'An IPv6 prefix such as `2001:db8:100::/48`, routed to this host: each session gets a /64 of it, and the first /64 is the gateway’s. Unless told: no IPv6 inside the tunnels.',
    ),
  dns: z
    .array(ipv4)
    .max(2)
    .optional()
    .describe('Name servers handed to users (two at most). Unless told: those that the host uses.'),
  nbns: z.array(ipv4).max(2).default([]).describe('WINS servers handed to users.'),
  nat: z.boolean().default(true).describe('Translate users’ addresses to the host’s on the way out.'),
  client_to_client: z.boolean().default(false).describe('Let users reach each other.'),
  offloads: z
    .boolean()
    .default(true)
    .describe(
      'Exchange large packets with the kernel (UDP_SEGMENT, UDP_GRO, TSO, USO) where it has them. Off with `--keylog`.',
    ),
  packet_ciphers: packetCiphers,
  workers: z
    .int()
    .min(1)
    .max(8)
    .optional()
    .describe(
      'Threads that carry packets; each session is one’s. Best a power of two. Unless told: 1 on one or two processors, else half of them, 8 at most.',
    ),
  follow_peers: z
    .boolean()
    .default(true)
    .describe('Follow a client to the address and port that its authenticated packets come from: NATs forget.'),
  path_mtu: z
    .int()
    .min(1280)
    .max(9000)
    .default(1500)
    .describe('MTU of the path to the clients; with `path_mtu_discovery` the most that is tried. Bytes.'),
  path_mtu_discovery: z
    .enum(['on', 'off'])
    .default('on')
    .describe('Find out for each client what its path carries, and send nothing larger.'),
  tun: z
    .string()
    .regex(/^[A-Za-z][A-Za-z0-9_.-]{0,14}$/, 'is not an interface name')
    .default('sallyport0')
    .describe('Name of the TUN device.'),
});

const limits = z.strictObject({
  sessions: z.int().min(1).max(65_536).default(10_000).describe('Sessions at once.'),
  failed_logins: z
    .int()
    .min(1)
    .max(1000)
    .default(5)
    .describe(
      'Failed logins of one user from one address within a minute, after which more are refused for a growing time: half a minute, doubled each time, a quarter of an hour at most.',
    ),
  single_session: z
    .enum(['replace', 'deny', 'allow'])
    .default('allow')
    .describe(
      'A user who connects while a session of theirs stands: `replace` ends that session, `deny` refuses the new one, `allow` lets both stand (but two never share a static address: the new session takes it). `user add --single-session` says it of one user.',
    ),
  session_timeout: duration('0', 'How long a session may last; 0 is without end.'),
  idle_timeout: duration(
    '0',
    'How long a session may stand without a packet of its user in either direction; 0 is without end.',
  ),
  rate_to_user: rate('What one session may carry to its user.'),
  rate_from_user: rate('What one session may carry from its user.'),
  rate_burst: z
    .int()
    .min(1500)
    .optional()
    .describe('Bytes that may pass at once above these rates. Unless told: what a tenth of a second carries.'),
  tunnels_without_ipsec: z.int().min(1).default(1000).describe('Connections without IPsec at once.'),
  tunnels_without_ipsec_per_source: z.int().min(1).default(16).describe('The same from one source address.'),
  drain_seconds: z.int().min(1).max(60).default(8).describe('How long an orderly stop may take.'),
});

const times = z.strictObject({
  tunnel: duration('30s', 'From IPsec to an L2TP tunnel.'),
  network: duration('60s', 'From an L2TP session to an address.'),
  idle: duration('10s', 'How long a tunnel without a session is kept.'),
  close: duration('8s', 'How long the orderly end of a connection may take.'),
  childless: duration('30s', 'How long an IKE SA of IKEv2 is kept without any ESP SA.'),
});

const listener = z.strictObject({
  address: address.describe('A local address to serve under rules of its own.'),
  ike: ike.optional(),
  without_ipsec: z.boolean().optional().describe('Overrides l2tp.without_ipsec.'),
});

export const GatewaySchema = z.strictObject({
  listen: z.array(address).default([]).describe('Local addresses to serve; all of the host’s unless told.'),
  ike: ike.prefault({}),
  certificates: gatewayCertificates.optional().describe('Certificates for IKE: ours, and whom we trust.'),
  l2tp: l2tp.prefault({}),
  ppp: ppp.prefault({}),
  eap: gatewayEap.prefault({}),
  remote_access: remoteAccess.prefault({}),
  redirect: redirect.prefault({}),
  network: network.prefault({}),
  limits: limits.prefault({}),
  times: times.prefault({}),
  listeners: z
    .array(listener)
    .default([])
    .describe('Local addresses with an `ike` section of their own (profile, keys, aggressive …).'),
});

/** A validated configuration, with defaults filled in and spans of time in seconds. */
export type GatewaySettings = z.output<typeof GatewaySchema>;
export type IkeSettings = z.output<typeof ike>;
