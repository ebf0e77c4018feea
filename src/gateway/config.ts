/** What a gateway is told: plain values, so that the command line, a test and a library user give the same. */

import type { ReorderBounds } from '../dataplane/messages.ts';
import type { IkeV1Config } from '../ike/v1/index.ts';
import type { IkeV2Config } from '../ike/v2/index.ts';
import type { L2tpSettings } from '../l2tp/index.ts';
import type { PppConfig } from '../ppp/index.ts';
import type { ConnectionTimes } from '../session/connectionParts.ts';
import type { SessionLimits } from '../session/sessionClock.ts';
import type { SessionRates } from '../session/userSession.ts';
import type { SingleSession } from './output.ts';
import type { RedirectSettings } from './redirects.ts';
import type { RemoteAccessRules } from './remoteAccess.ts';

/** IKEv2 as a gateway speaks it: which child SAs it grants and what clients are given is the gateway's own to say. */
export type GatewayIkeV2Config = Omit<IkeV2Config, 'children' | 'configures' | 'spiInUse' | 'keptTickets'>;

/** The versions of IKE that are spoken: at least one. */
export interface IkeConfigs {
  readonly ike?: IkeV1Config;
  readonly ikeV2?: GatewayIkeV2Config;
}

/** A local address with rules of its own. */
export interface ListenerConfig extends IkeConfigs {
  readonly address: string;
}

/** `ike` and `ikeV2` are for every address that no listener names. */
export interface GatewayConfig extends IkeConfigs {
  readonly listeners?: readonly ListenerConfig[];
  readonly l2tp?: Partial<L2tpSettings>;
  readonly ppp?: PppConfig;
  readonly network: {
    /** Ranges of addresses for users: prefixes or `first-last`. */
    readonly pool: readonly string[];
    /** Static addresses by user, kept out of the pool for others. */
    readonly reserved?: ReadonlyMap<string, string>;
    /** The gateway's own address inside the tunnels. */
    readonly localAddress: string;
    readonly dns?: readonly string[];
    readonly nbns?: readonly string[];
    /** An IPv6 prefix shorter than /64: each session gets a /64 of it. Absent: no IPv6 inside. */
    readonly ipv6Pool?: string;
    /** Bytes; default 1500. */
    readonly pathMtu?: number;
    /** Whether the path is asked what it carries; needs a data plane that can set DF. Default: false. */
    readonly pathMtuDiscovery?: boolean;
    /** Whether a peer is followed to the address and port that its authenticated packets come from; default true. */
    readonly followPeers?: boolean;
  };
  /**
   * Remote access over IKEv2 without L2TP, where IKEv2 is spoken. Default: with EAP-MSCHAPv2, EAP-TLS or a certificate, to
   * everything behind the gateway. `false`: IKEv2 carries L2TP alone.
   */
  readonly remoteAccess?: Partial<RemoteAccessRules> | false;
  /** When clients of IKEv2 are sent to another gateway; default: when `redirect` of `ikeV2` or a command says so. */
  readonly redirect?: RedirectSettings;
  /** Local addresses on which L2TP without IPsec is served, or `all`. Default: none. */
  readonly plainL2tp?: 'all' | readonly string[];
  /** Sessions at once; default 10,000. */
  readonly mostSessions?: number;
  /**
   * Failed logins of one user from one address within a minute, after which more are refused for a growing time;
   * default 5.
   */
  readonly mostFailedLogins?: number;
  /** What becomes of a user who connects while a session of theirs stands, unless said of the user; default `allow`. */
  readonly singleSession?: SingleSession;
  /** How long sessions may last and stand idle, unless said of the user; default: without end. */
  readonly sessionLimits?: SessionLimits;
  /** How much a session may carry in each direction; default: as much as there is. */
  readonly sessionRates?: SessionRates;
  /** How long data messages with numbers wait for those before them; default: 32 packets, 50 ms. */
  readonly reorder?: ReorderBounds;
  readonly mostPlain?: number;
  readonly mostPlainPerSource?: number;
  readonly times?: Partial<ConnectionTimes>;
}
