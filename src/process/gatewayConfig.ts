/** From validated settings to what the cores are told: secrets read, proposals parsed, seconds made milliseconds. */

import { readFileSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { type GatewaySettings, type IkeSettings, SHORTEST_PSK } from '../config/schema.ts';
import { StartError } from '../driver/openPorts.ts';
import { encodeName, OpensslError, parseName } from '../driver/x509/index.ts';
import type { GatewayConfig, IkeConfigs } from '../gateway/config.ts';
import type { RedirectSettings } from '../gateway/index.ts';
import type { Identity } from '../ike/index.ts';
import { type SecretEntry, secretTable } from '../ike/v1/index.ts';
import { canonicalAddress, parseIpv4 } from '../net/index.ts';
import { fromUtf8, toHex, utf8 } from '../wire/index.ts';
import { certificateChoice } from './certificateChoice.ts';
import type { CertificateService } from './certificateService.ts';
import { ikeV2ProfileOf, profileOf } from './ikeProposals.ts';
import { gatewayPpks } from './postquantumKeys.ts';
import { makesKeys, remoteAccessMethods, remoteAccessRules } from './remoteAccessRules.ts';

export interface GatewayConfigContext {
  /** Relative paths of secrets count from here: the configuration file, or undefined. */
  readonly configFile?: string;
  /** The key where the configuration gives none. */
  readonly defaultPsk: () => string;
  readonly dns: readonly string[];
  readonly reserved: ReadonlyMap<string, string>;
  readonly keyLog: boolean;
  /** Absent without the section `certificates`. */
  readonly certificates?: CertificateService | undefined;
  /** Says what deserves a warning, e.g. a secret file that others may read. */
  warn(text: string): void;
}

type SecretContext = Pick<GatewayConfigContext, 'configFile' | 'warn'>;

export function gatewayConfig(settings: GatewaySettings, context: GatewayConfigContext): GatewayConfig {
  const { l2tp, ppp, network, limits, times, listeners } = settings;
  const tunnelSecret = secretText(l2tp.tunnel_secret, l2tp.tunnel_secret_file, context);
  const plain = listeners.filter((listener) => listener.without_ipsec === true).map(({ address }) => address);
  const remoteAccess = remoteAccessRules(settings, context.certificates);
  const ikeOf = (ike: IkeSettings) => ikeConfigs(ike, settings, context);
  return {
    ...ikeOf(settings.ike),
    listeners: listeners.flatMap(({ address, ike }) => (ike === undefined ? [] : [{ address, ...ikeOf(ike) }])),
    remoteAccess,
    redirect: redirectSettings(settings),
    l2tp: {
      hostName: l2tp.host_name,
      helloInterval: l2tp.hello_interval * 1000,
      receiveWindow: l2tp.receive_window,
      permissive: l2tp.permissive,
      acceptTunnelIdZero: l2tp.accept_tunnel_id_zero,
      sequencing: l2tp.sequencing,
      ...(tunnelSecret === undefined ? {} : { secret: utf8(tunnelSecret), requireAuthentication: true }),
    },
    ppp: {
      requirePeer: ppp.authentication,
      mru: ppp.mru,
      timers: { echoInterval: ppp.echo_interval * 1000, echoFailures: ppp.echo_failures },
    },
    network: {
      pool: [network.pool],
      reserved: context.reserved,
      localAddress: network.gateway_address,
      ...(network.ipv6_pool === undefined ? {} : { ipv6Pool: network.ipv6_pool }),
      dns: context.dns,
      nbns: network.nbns,
      pathMtu: network.path_mtu,
      pathMtuDiscovery: network.path_mtu_discovery === 'on',
      followPeers: network.follow_peers,
    },
    plainL2tp: l2tp.without_ipsec ? 'all' : plain,
    mostSessions: limits.sessions,
    mostFailedLogins: limits.failed_logins,
    singleSession: limits.single_session,
    sessionLimits: { sessionTimeout: limits.session_timeout * 1000, idleTimeout: limits.idle_timeout * 1000 },
    sessionRates: ratesOf(limits),
    reorder: { packets: l2tp.reorder_packets, milliseconds: l2tp.reorder_milliseconds },
    mostPlain: limits.tunnels_without_ipsec,
    mostPlainPerSource: limits.tunnels_without_ipsec_per_source,
    times: {
      tunnel: times.tunnel * 1000,
      network: times.network * 1000,
      idle: times.idle * 1000,
      close: times.close * 1000,
      childless: times.childless * 1000,
    },
  };
}

function redirectSettings({ redirect: { to, when, sessions, users } }: GatewaySettings): RedirectSettings {
  return {
    to,
    when,
    ...(sessions === undefined ? {} : { sessions }),
    users: new Map(users.map((user) => [user.name, user.to])),
  };
}

function ratesOf(limits: GatewaySettings['limits']): NonNullable<GatewayConfig['sessionRates']> {
  const { rate_to_user: toUser, rate_from_user: fromUser, rate_burst: burst } = limits;
  const limit = (bitsPerSecond: number) => ({ bitsPerSecond, ...(burst === undefined ? {} : { burstBytes: burst }) });
  return {
    ...(toUser === undefined ? {} : { limitToPeer: limit(toUser) }),
    ...(fromUser === undefined ? {} : { limitFromPeer: limit(fromUser) }),
  };
}

/** An identity as people write it: an address, a name, user@name, a subject (`CN=ann, O=Example`), or anything else as a key id. */
export function identityOf(text: string): Identity {
  const address = canonicalAddress(text);
  if (address !== undefined) return { type: parseIpv4(address) === undefined ? 'ipv6' : 'ipv4', value: address };
  const name = DISTINGUISHED_NAME.test(text) ? distinguishedName(text) : undefined;
  if (name !== undefined) return name;
  if (/^[^@\s]+@[^@\s]+\.[^@\s]+$/.test(text)) return { type: 'user-fqdn', value: text };
  return /^[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$/.test(text)
    ? { type: 'fqdn', value: text }
    : { type: 'key-id', value: text };
}

const DISTINGUISHED_NAME = /^\/?[A-Za-z0-9.]+\s*=/;

function distinguishedName(text: string): Identity | undefined {
  const parts = parseName(text);
  if (parts === undefined) return undefined;
  try {
    return { type: 'der-asn1-dn', value: toHex(encodeName(parts)) };
  } catch (error) {
    if (error instanceof OpensslError) return undefined;
    throw error;
  }
}

/** Both versions of IKE as one section of the configuration has them. */
function ikeConfigs(settings: IkeSettings, gateway: GatewaySettings, context: GatewayConfigContext): IkeConfigs {
  const { identity, authentication, versions } = settings;
  const localIdentity = identity === undefined ? undefined : identityOf(identity);
  const { certificates, warn } = context;
  const choice = certificateChoice(certificates, authentication, ['certificate', 'psk'], {
    field: 'ike.authentication',
    identity: localIdentity,
    warn,
  });
  const own = choice.accept.includes('pre-shared-key') ? [{ secret: utf8(ownPsk(settings, context)) }] : [];
  const rules = settings.secrets.map(({ identity, address, psk, psk_file }): SecretEntry => {
    const secret = utf8(pskText(psk, psk_file, context)!);
    return {
      secret,
      ...(identity === undefined ? {} : { remoteIdentity: identityOf(identity) }),
      ...(address === undefined ? {} : { remoteAddress: address }),
    };
  });
  const shared = {
    secrets: secretTable([...rules, ...own]),
    ...(localIdentity === undefined ? {} : { localIdentity }),
    forceEncapsulation: settings.force_encapsulation,
    ...(settings.quirks === undefined ? {} : { quirks: settings.quirks }),
    keepaliveInterval: settings.keepalive * 1000,
    deadPeerDetection: { interval: settings.dpd_interval * 1000, timeout: settings.dpd_timeout * 1000 },
    halfOpen: { perSource: settings.half_open_per_source, total: settings.half_open },
    fragmentBytes: settings.fragment_size,
    keyLog: context.keyLog,
  };
  const methods = remoteAccessMethods(gateway, certificates);
  if (settings.ppk?.required && versions.includes(1)) warn(PPK_NOT_OF_IKEV1);
  return {
    ...(versions.includes(1)
      ? { ike: { ...shared, ...choice, profile: profileOf(settings), aggressive: settings.aggressive } }
      : {}),
    ...(versions.includes(2)
      ? {
          ikeV2: {
            ...shared,
            profile: ikeV2ProfileOf(settings),
            // Users are shown our certificate whether or not machines are to have one.
            credentials: certificates?.credentials ?? [],
            trustAnchors: choice.accept.includes('signature') ? (certificates?.trustAnchors ?? []) : [],
            accept: [...choice.accept, ...(methods.length > 0 ? (['eap'] as const) : [])],
            eapWithoutKey: !makesKeys(methods),
            eapOnly: gateway.remote_access.eap_only,
            mobike: gateway.network.follow_peers,
            ...gatewayPpks(settings.ppk, {
              warn,
              identityOf,
              secret: (given, file) => secretText(given, file, context)!,
            }),
            resumption: settings.resumption.enabled,
            ticketLifetimeSeconds: settings.resumption.lifetime,
          },
        }
      : {}),
  };
}

const PPK_NOT_OF_IKEV1 =
  'ike.ppk.required holds for IKEv2 alone: peers of IKEv1 come in without such a key, unless ike.versions is [2].';

/**
 * The pre-shared key of peers that no entry of `secrets` names.
 * @throws StartError for a file that cannot be read or holds too short a key
 */
export function ownPsk(
  { psk, psk_file }: Pick<IkeSettings, 'psk' | 'psk_file'>,
  context: Pick<GatewayConfigContext, 'configFile' | 'defaultPsk' | 'warn'>,
): string {
  return pskText(psk, psk_file, context) ?? context.defaultPsk();
}

/** @throws StartError when the file cannot be read or is empty */
export function readSecretFile(file: string, warn: (text: string) => void): string {
  let text: string;
  try {
    text = fromUtf8(readFileSync(file)).replace(/\r?\n$/, '');
    if ((statSync(file).mode & 0o077) !== 0)
      warn(`The file ${file} holds a secret and others may read it. Set its mode to 0600.`);
  } catch (error) {
    throw new StartError({
      code: 'secret-file',
      reason: `the secret file ${file} cannot be read (${(error as NodeJS.ErrnoException).code})`,
      remedy: 'Correct its name in the configuration, or let this user read it.',
    });
  }
  if (text === '')
    throw new StartError({
      code: 'secret-file',
      reason: `the secret file ${file} is empty`,
      remedy: 'Write the secret into it.',
    });
  return text;
}

/** @throws StartError for a key in a file that is too short to be one; the schema has looked at one given in place */
function pskText(given: string | undefined, file: string | undefined, context: SecretContext): string | undefined {
  const psk = secretText(given, file, context);
  if (psk === undefined || psk.length >= SHORTEST_PSK) return psk;
  throw new StartError({
    code: 'short-psk',
    reason: `the pre-shared key in ${file} has fewer than ${SHORTEST_PSK} characters, which can be guessed`,
    remedy: `Take ${SHORTEST_PSK} or more; \`openssl rand -base64 24\` makes a good one.`,
  });
}

function secretText(given: string | undefined, file: string | undefined, context: SecretContext): string | undefined {
  if (given !== undefined || file === undefined) return given;
  const path = context.configFile === undefined ? file : resolve(dirname(context.configFile), file);
  return readSecretFile(path, context.warn);
}
