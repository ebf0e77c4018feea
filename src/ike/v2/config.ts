/** What an IKEv2 endpoint is told: identities, credentials, policy, times and bounds, each with its default. */

import type { Endpoint, Milliseconds } from '../../core/index.ts';
import { type CommonConfig, commonDefaults } from '../commonConfig.ts';
import type { Identity } from '../output.ts';
import type { RetransmissionSchedule } from '../v1/retransmission.ts';
import type { Secrets } from '../v1/secrets.ts';
import { acceptL2tpAndRemoteAccess, type ChildPolicy } from './childPolicy.ts';
import type { KeptTicket } from './exchanges/resumption.ts';
import { type IkeV2Profile, ikeV2Profiles } from './policy.ts';

/** How a peer may prove itself. */
export type AcceptedMethod = 'pre-shared-key' | 'signature' | 'eap';

/** What an initiator does. */
export interface Initiation {
  /** How it proves itself. Default: `eap` is never guessed; `signature` where there are credentials, else the secret. */
  readonly authenticate?: AcceptedMethod;
  /** Default `transport`. */
  readonly mode?: 'transport' | 'tunnel';
  /** Asks for an address of that family, in tunnel mode. Default: neither. */
  readonly wantsIpv4?: boolean;
  readonly wantsIpv6?: boolean;
  /** Addresses that it had and would like again. */
  readonly preferred?: readonly string[];
  /** Begins without a child SA where the peer can (RFC 6023); the owner asks for children later. Default false. */
  readonly childless?: boolean;
  /** Lets EAP alone prove the server too (RFC 5998): the method must do so and make a key. Default false. */
  readonly eapOnly?: boolean;
  /** Says IDr, for gateways that have several identities. Default: `remoteIdentity`. */
  readonly sayRemoteIdentity?: boolean;
  /** The gateway that redirected us here. RFC 5685 §6. */
  readonly redirectedFrom?: string;
}

/** Post-quantum pre-shared keys. RFC 8784. */
export interface PostquantumKeys {
  /** The key of that id; undefined where there is none. A responder says who `peer` claims to be: ids may be theirs alone. */
  keyFor(id: string, peer?: Identity): Uint8Array | undefined;
  /** The one that an initiator uses. */
  readonly id?: string;
  /** Peers without one are refused. Default false. */
  readonly required?: boolean;
}

/** Who asks for an IKE SA. */
export interface Newcomer {
  readonly local: Endpoint;
  readonly remote: Endpoint;
  /** Absent before it has proved itself. */
  readonly identity?: Identity;
  /** The user whom EAP proved. */
  readonly user?: string;
}

/**
 * A peer that follows redirects may be told the name or address of another gateway: asked on its first message, and again
 * when it has proved itself. RFC 5685 §3, §6.
 */
export type RedirectRule = (asks: Newcomer) => string | undefined;

/** Half-open IKE SAs from which on first messages must bring a cookie. RFC 7296 §2.6. */
export interface CookieThreshold {
  readonly perSource: number;
  readonly total: number;
}

export interface IkeV2Config extends CommonConfig {
  /** Default: none. */
  readonly secrets?: Secrets;
  /** How a peer may prove itself. Default: by what there are secrets and trust anchors for; `eap` must be named. */
  readonly accept?: readonly AcceptedMethod[];
  /** Believes EAP that made no key (MD5, GTC): only a certificate of the server then protects it. Default false. */
  readonly eapWithoutKey?: boolean;
  /** As responder: leaves it to EAP to prove us to peers that offer so (RFC 5998), certificate or not. Default false. */
  readonly eapOnly?: boolean;
  /** Default: `compatible`. */
  readonly profile?: IkeV2Profile;
  /** Default: the subject that a credential is chosen for, else our address. */
  readonly localIdentity?: Identity;
  /** An initiator refuses a peer of another identity. Default: any that proves itself. */
  readonly remoteIdentity?: Identity;
  /** Default: transport mode for L2TP, tunnel mode for clients that were given an address. */
  readonly children?: ChildPolicy;
  /** Answers CFG_REQUEST by asking the owner. Default false. */
  readonly configures?: boolean;
  readonly initiate?: Initiation;
  /** Default: none. */
  readonly postquantumKeys?: PostquantumKeys;
  /** Default: nobody is redirected. */
  readonly redirect?: RedirectRule;
  /** Follows redirects as initiator, by telling the owner. Default true. */
  readonly followRedirects?: boolean;
  /** Default true. RFC 4555. */
  readonly mobike?: boolean;
  /** Our other addresses, told to peers. RFC 4555 §3.6. Default: none. */
  readonly additionalAddresses?: readonly string[];
  /** Gives and takes tickets for session resumption (RFC 5723). Default false. */
  readonly resumption?: boolean;
  /** Counts from when the peer proved itself, over all sessions that are resumed in a row. Default 3600 s. */
  readonly ticketLifetimeSeconds?: number;
  /**
   * As initiator: the tickets, by the gateway's address. Give it to the next endpoint too where that is to resume. It is
   * written to. Default: one of the endpoint's own.
   */
  readonly keptTickets?: Map<string, KeptTicket>;
  /** Default: 8 per source, 64 in all. */
  readonly cookieThreshold?: CookieThreshold;
  /** The same once EAP has begun: people type passwords. Default 120 s. */
  readonly eapTimeout?: Milliseconds;
  /** Requests before the IKE SA stands. Later ones are repeated for as long as dead peer detection is patient. */
  readonly retransmission?: RetransmissionSchedule;
}

type Optional = 'localIdentity' | 'remoteIdentity' | 'quirks' | 'postquantumKeys' | 'redirect';

export type ResolvedConfig = Required<Omit<IkeV2Config, Optional | 'secrets'>> &
  Pick<IkeV2Config, Optional> & { readonly secrets: Secrets | undefined };

/** Gives up after 13 s, so that a user has the reason within 15 s. */
const SCHEDULE: RetransmissionSchedule = { initial: 1000, factor: 2, cap: 2500, sends: 6 };

/** @throws RangeError where a value contradicts another */
export function resolveConfig(config: IkeV2Config): ResolvedConfig {
  const authenticate = config.initiate?.authenticate;
  if (authenticate === 'signature' && (config.credentials ?? []).length === 0) {
    throw new RangeError("initiate.authenticate: 'signature' needs credentials");
  }
  return {
    ...commonDefaults(config),
    accept: defaultMethods(config),
    eapWithoutKey: false,
    eapOnly: false,
    profile: ikeV2Profiles.compatible,
    children: acceptL2tpAndRemoteAccess,
    configures: false,
    initiate: {},
    followRedirects: true,
    mobike: true,
    additionalAddresses: [],
    resumption: false,
    ticketLifetimeSeconds: 3600,
    keptTickets: new Map(),
    cookieThreshold: { perSource: 8, total: 64 },
    eapTimeout: 120_000,
    retransmission: SCHEDULE,
    ...config,
    secrets: config.secrets,
  };
}

function defaultMethods({ secrets, trustAnchors = [] }: IkeV2Config): readonly AcceptedMethod[] {
  return [
    ...(secrets === undefined ? [] : (['pre-shared-key'] as const)),
    ...(trustAnchors.length === 0 ? [] : (['signature'] as const)),
  ];
}
