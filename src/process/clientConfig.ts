/** What the client's core is told, from the settings of a connection. */

import type { ClientConfig } from '../client/index.ts';
import type { ClientSettings } from '../config/clientSchema.ts';
import type { RouteTo } from '../driver/netlink/rtnetlink.ts';
import type { BoundPorts } from '../driver/openPorts.ts';
import { type IkeV1Config, secretTable } from '../ike/v1/index.ts';
import type { KeptTicket, PostquantumKeys } from '../ike/v2/index.ts';
import { utf8 } from '../wire/index.ts';
import { certificateChoice } from './certificateChoice.ts';
import type { CertificateService } from './certificateService.ts';
import { clientIkeV2, ikeV2Mode } from './clientIkeV2.ts';
import { identityOf } from './gatewayConfig.ts';
import { profileOf } from './ikeProposals.ts';

export interface ClientIdentity {
  readonly settings: ClientSettings;
  readonly password: string;
  /** Absent exactly without IPsec. */
  readonly psk: string | undefined;
  /** Absent where the client has none and trusts nobody. */
  readonly certificates?: CertificateService | undefined;
  /** The address of the server that has sent us to this one. RFC 5685. */
  readonly redirectedFrom?: string | undefined;
  /** Whether this server may send us on; where the settings let it. Default true. */
  readonly followsRedirects?: boolean;
  /** Absent: none. RFC 8784. */
  readonly ppk?: PostquantumKeys | undefined;
  /** Kept over all tries, so that a session may be resumed. Absent: none is. RFC 5723. */
  readonly tickets?: Map<string, KeptTicket> | undefined;
}

export const IKE_PORT = 500;
export const NAT_T_PORT = 4500;
export const L2TP_PORT = 1701;
/** A client that comes back by itself may give up soon. Seconds. */
const DPD_TIMEOUT = { persistent: 15, other: 60 };

/** @param keyLog whether keys are wanted for Wireshark */
export function clientConfig(
  identity: ClientIdentity,
  server: string,
  way: RouteTo,
  ports: BoundPorts,
  keyLog: boolean,
): ClientConfig {
  const { settings, password } = identity;
  const { ipsec, user = '', auth, path_mtu } = settings;
  const discovers = settings.path_mtu_discovery === 'on';
  return {
    local: { address: way.source, port: (ipsec ? ports.ike : ports.l2tp) ?? 0 },
    remote: { address: server, port: ipsec ? IKE_PORT : L2TP_PORT },
    ...(ipsec ? ikeConfigs(identity, ports, keyLog) : {}),
    ppp: { credentials: { user, password }, acceptFromPeer: auth, network: { ipv6: settings.ipv6 } },
    // The kernel may have what it knows of the way from an ICMP error that is long out of date, or forged.
    pathMtu: discovers ? path_mtu : Math.min(path_mtu, way.mtu),
    pathMtuDiscovery: discovers,
  };
}

function ikeConfigs(identity: ClientIdentity, { natT }: BoundPorts, keyLog: boolean): Partial<ClientConfig> {
  const { settings } = identity;
  const { persist, dpd_interval, dpd_timeout = persist ? DPD_TIMEOUT.persistent : DPD_TIMEOUT.other } = settings;
  const shared = {
    forceEncapsulation: settings.force_encapsulation,
    ...(natT === undefined ? {} : { localNatTraversalPort: natT }),
    deadPeerDetection: { interval: dpd_interval * 1000, timeout: dpd_timeout * 1000 },
    keyLog,
  };
  const mode = ikeV2Mode(settings);
  if (mode === undefined) return { ike: { ...ikeV1Config(identity), ...shared } };
  const { ikeV2, ...native } = clientIkeV2(identity, mode, settings.server);
  return { ...native, ikeV2: { ...ikeV2, ...shared } };
}

function ikeV1Config({ settings, psk, certificates }: ClientIdentity): IkeV1Config {
  const localIdentity = settings.identity === undefined ? undefined : identityOf(settings.identity);
  const choice = certificateChoice(certificates, settings.ike_authentication, ['certificate'], {
    field: 'ike_authentication',
    identity: localIdentity,
    warn: () => {},
  });
  // A pre-shared key says nothing of the server's name; a certificate must be for the one that was meant.
  const remote = settings.server_identity ?? (choice.accept.includes('signature') ? settings.server : undefined);
  return {
    secrets: secretTable(psk === undefined ? [] : [{ secret: utf8(psk) }]),
    ...choice,
    ...(remote === undefined ? {} : { remoteIdentity: identityOf(remote) }),
    profile: profileOf(settings),
    ...(localIdentity === undefined ? {} : { localIdentity }),
    aggressive: settings.aggressive,
    initiate: settings.aggressive === 'unsafe' ? 'aggressive' : 'main',
  };
}
