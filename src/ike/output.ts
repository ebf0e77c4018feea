/** What an IKE core tells its owner. The same for every IKE version, so that nothing above asks which one ran. */

import type { Dropped, Endpoint, Failure, Instant, Trace } from '../core/index.ts';
import type { GroupName } from '../crypto/index.ts';
import type { EspKeys, EspSuite } from '../esp/suite.ts';
import type { ConfigurationAsk, IkeAnswer, KeyAsk, RemoteConfiguration, SignatureAsk } from './ask.ts';
import type { Quirk } from './fingerprint.ts';
import type { AuthenticationMethod } from './signature.ts';

/** Identifies an IKE SA within one core; never reused in the life of the process. */
export type IkeSaId = number;

/** Identifies a child SA (a pair of ESP SAs) within one core; never reused. */
export type ChildSaId = number;

/** An identity as the peer or we state it. RFC 2407 §4.6.2. */
export interface Identity {
  readonly type: 'ipv4' | 'ipv6' | 'fqdn' | 'user-fqdn' | 'key-id' | 'der-asn1-dn' | 'ipv4-subnet' | 'other';
  /** The text form: an address, a name, or hexadecimal for what is not text. */
  readonly value: string;
}

/** What NAT detection found. RFC 3947 §3.2. */
export interface NatSituation {
  readonly localBehindNat: boolean;
  readonly remoteBehindNat: boolean;
}

/** Which inner traffic a child SA covers: protocol and port 0 mean any. */
export interface Selector {
  /** An address, or address/prefix length. */
  readonly address: string;
  readonly protocol: number;
  readonly port: number;
}

/** A traffic selector: a range of addresses and of ports. RFC 7296 §3.13.1. */
export interface TrafficSelector {
  readonly first: string;
  readonly last: string;
  /** 0 is any. */
  readonly protocol: number;
  readonly firstPort: number;
  readonly lastPort: number;
}

/** An IKE SA that is authenticated and ready to carry child SAs. */
export interface IkeEstablished {
  readonly type: 'ikeEstablished';
  readonly ikeSa: IkeSaId;
  readonly version: 1 | 2;
  readonly role: 'initiator' | 'responder';
  /** 'main' or 'aggressive' for IKEv1; 'ike-auth' for IKEv2, or 'ike-session-resume'. */
  readonly exchange: string;
  readonly local: Endpoint;
  readonly remote: Endpoint;
  readonly localIdentity: Identity;
  readonly remoteIdentity: Identity;
  readonly nat: NatSituation;
  /** E.g. `aes-cbc-256/hmac-sha2-256/modp2048`. */
  readonly algorithms: string;
  /** Names of the peer's known vendor ids, hexadecimal of the unknown ones. */
  readonly vendorIds: readonly string[];
  /** The peer's phase 1 proposals in its order, each in one line. */
  readonly offers: readonly string[];
  /** What is to be done differently for this peer. */
  readonly quirks: readonly Quirk[];
  /** The IKE SA whose child SAs this one takes over (a re-authentication by the same peer). */
  readonly adopts?: IkeSaId;
  /** True where the peer sent INITIAL-CONTACT: its earlier IKE SAs of the same identity were dropped. */
  readonly initialContact: boolean;
  /** How each side proved itself. Absent: pre-shared key. */
  readonly authentication?: { readonly local: AuthenticationMethod; readonly remote: AuthenticationMethod };
  /** The user whom EAP proved. */
  readonly user?: string;
  /** The peer can be sent to another gateway. RFC 5685. */
  readonly followsRedirects?: true;
}

/** A pair of ESP SAs to install. The receiving one must work before the peer can use it, so this precedes the `send`. */
export interface ChildEstablished {
  readonly type: 'childEstablished';
  readonly child: ChildSaId;
  readonly ikeSa: IkeSaId;
  /** Of the Quick Mode that made it: the initiator renews it. */
  readonly role: 'initiator' | 'responder';
  readonly inboundSpi: number;
  readonly outboundSpi: number;
  readonly mode: 'transport' | 'tunnel';
  readonly udpEncapsulation: boolean;
  /** Outer endpoints; the ports count only with UDP encapsulation. */
  readonly local: Endpoint;
  readonly remote: Endpoint;
  readonly suite: EspSuite;
  readonly inboundKeys: EspKeys;
  readonly outboundKeys: EspKeys;
  readonly localSelector: Selector;
  readonly remoteSelector: Selector;
  /** All traffic selectors of the peer's side and of ours where there are more than one (IKEv2). */
  readonly localSelectors?: readonly TrafficSelector[];
  readonly remoteSelectors?: readonly TrafficSelector[];
  /** Extended sequence numbers were agreed on. RFC 4304. Default false. */
  readonly extendedSequence?: boolean;
  /** Group of the PFS exchange, where there was one. */
  readonly pfs?: GroupName;
  readonly lifetimeSeconds: number;
  readonly lifetimeKilobytes?: number;
  /** The child SA that this one is the successor of: same IKE SA (or adopted), same selectors. */
  readonly replaces?: ChildSaId;
}

/** From now on send on this child SA (message 3 of Quick Mode was authenticated, or we are its initiator). */
export interface ChildConfirmed {
  readonly type: 'childConfirmed';
  readonly child: ChildSaId;
}

export interface ChildClosed {
  readonly type: 'childClosed';
  readonly child: ChildSaId;
  readonly ikeSa: IkeSaId;
  readonly inboundSpi: number;
  readonly outboundSpi: number;
  readonly reason: Failure;
}

/** An IKE SA is gone, established or half-open. `childClosed` of each of its children came before it. */
export interface IkeClosed {
  readonly type: 'ikeClosed';
  readonly ikeSa: IkeSaId;
  readonly local: Endpoint;
  readonly remote: Endpoint;
  readonly established: boolean;
  readonly reason: Failure;
}

/** A negotiation that failed without (yet) ending the IKE SA, e.g. Quick Mode without a common proposal. */
export interface IkeFailed {
  readonly type: 'ikeFailed';
  readonly ikeSa: IkeSaId;
  readonly remote: Endpoint;
  readonly failure: Failure;
}

/** A milestone for the session record's timeline. */
export interface IkeMilestone {
  readonly type: 'milestone';
  readonly ikeSa: IkeSaId;
  readonly local: Endpoint;
  readonly remote: Endpoint;
  /** E.g. `ike first message`, `ike proposal agreed`, `nat found`, `ike keys agreed`. */
  readonly name: string;
  readonly detail?: string;
}

/** Keys for Wireshark, given only where the owner asked for them. */
export interface KeyLog {
  readonly type: 'keyLog';
  /** One line of Wireshark's `ikev1_decryption_table`, `ikev2_decryption_table` or `esp_sa` table. */
  readonly table: 'ikev1_decryption_table' | 'ikev2_decryption_table' | 'esp_sa';
  readonly line: string;
}

/**
 * EAP inside IKE_AUTH (RFC 7296 §2.16): an EAP packet of the peer. As responder the first one comes with empty `bytes`
 * when EAP may begin. The owner runs the EAP state machine and answers with the command `eap`.
 */
export interface EapReceived {
  readonly type: 'eap';
  readonly ikeSa: IkeSaId;
  readonly role: 'initiator' | 'responder';
  /** The peer's identity as IKE states it: to the server usually the user, not yet believed. */
  readonly remoteIdentity: Identity;
  readonly bytes: Uint8Array;
}

/** The gateway has given this client its inner addresses. */
export interface Configured {
  readonly type: 'configured';
  readonly ikeSa: IkeSaId;
  readonly configuration: RemoteConfiguration;
}

/** The gateway sends the client to another one. RFC 5685. */
export interface Redirected {
  readonly type: 'redirected';
  readonly ikeSa: IkeSaId;
  /** An address or a name. */
  readonly gateway: string;
}

/** An ISAKMP message to send, without the non-ESP marker: whoever owns port 4500 puts it on (RFC 3948 §2.2). */
export interface IkeSend {
  readonly type: 'send';
  readonly local: Endpoint;
  readonly remote: Endpoint;
  readonly bytes: Uint8Array;
  /** Whole or not at all. */
  readonly dontFragment?: boolean;
}

/** A NAT keepalive to send: one byte FF (RFC 3948 §2.3). */
export interface IkeKeepalive {
  readonly type: 'keepalive';
  readonly local: Endpoint;
  readonly remote: Endpoint;
}

/** An authenticated message of an established IKE SA came from another address or port: it is sent to there from now. */
export interface IkeMoved {
  readonly type: 'ikeMoved';
  readonly ikeSa: IkeSaId;
  readonly local: Endpoint;
  readonly remote: Endpoint;
  /** Whether the child SAs travel in UDP from now on, where that may have changed too (MOBIKE). */
  readonly udpEncapsulation?: boolean;
}

/**
 * The peer has said nothing to IKE for long and is about to be asked whether it lives. The owner that has heard of it
 * otherwise answers with `alive` at once.
 */
export interface IkeSilent {
  readonly type: 'ikeSilent';
  readonly ikeSa: IkeSaId;
}

/** The peer has answered a probe: the path carries outer IP packets of `proved` bytes. */
export interface PathProbed {
  readonly type: 'pathProbed';
  readonly ikeSa: IkeSaId;
  /** What was asked for; the probe may have been less, where padding is coarse. */
  readonly size: number;
  readonly proved: number;
}

export type IkeOutput =
  | IkeSend
  | IkeKeepalive
  | KeyAsk
  | SignatureAsk
  | ConfigurationAsk
  | IkeMilestone
  | IkeEstablished
  | IkeClosed
  | IkeFailed
  | IkeMoved
  | IkeSilent
  | PathProbed
  | EapReceived
  | Configured
  | Redirected
  | ChildEstablished
  | ChildConfirmed
  | ChildClosed
  | KeyLog
  | Trace
  | Dropped;

export type IkeCommand =
  /** Starts an IKE SA and, when it stands, its first child SA. `localPort` 500 unless told. */
  | {
      readonly type: 'connect';
      readonly ikeSa: IkeSaId;
      readonly local: Endpoint;
      readonly remote: Endpoint;
      readonly localSelector: Selector;
      readonly remoteSelector: Selector;
    }
  | { readonly type: 'answer'; readonly id: number; readonly answer: IkeAnswer }
  /**
   * The next EAP packet to the peer. `done` ends EAP: with the MSK (64 bytes) where the method made one, or with why it
   * failed. `user` is the identity that EAP proved, `method` how: a ticket for the next session keeps both.
   */
  | {
      readonly type: 'eap';
      readonly ikeSa: IkeSaId;
      readonly bytes: Uint8Array;
      readonly done?:
        | { readonly msk?: Uint8Array; readonly user: string; readonly method?: string }
        | { readonly failure: Failure };
    }
  /** Says goodbye to one child SA. */
  | { readonly type: 'closeChild'; readonly child: ChildSaId; readonly reason?: Failure }
  /** The child SA is nearly used up: a successor is made now, where there is none yet. */
  | { readonly type: 'renewChild'; readonly child: ChildSaId }
  /**
   * IKEv2, as initiator: the child SA that it was connected for is gone, and is asked for anew in a second, under the
   * IKE SA that stands.
   */
  | { readonly type: 'createChild'; readonly ikeSa: IkeSaId }
  /** Deletes the children, then the IKE SA, with authenticated Delete payloads. */
  | { readonly type: 'close'; readonly ikeSa: IkeSaId; readonly reason: Failure }
  /**
   * As responder: sends a peer that follows redirects (others: nothing is done) to another gateway, by name or address.
   * Where it has not left `within` milliseconds the IKE SA is closed. RFC 5685 §5.
   */
  | { readonly type: 'redirect'; readonly ikeSa: IkeSaId; readonly gateway: string; readonly within: number }
  /** Authenticated inbound ESP or L2TP traffic was seen, `at` that time or now: proof of life. */
  | { readonly type: 'alive'; readonly ikeSa: IkeSaId; readonly at?: Instant }
  /** Asks the peer at once whether it lives; without a sign of life `within` milliseconds the IKE SA is gone. */
  | { readonly type: 'probe'; readonly ikeSa: IkeSaId; readonly within: number }
  /** IKEv2: asks the peer there too whether it lives. An answer from there is the proof that it is: `ikeMoved`. */
  | { readonly type: 'askAt'; readonly ikeSa: IkeSaId; readonly local: Endpoint; readonly remote: Endpoint }
  /** IKEv2: asks the peer in a request of which the outer IP packet has `size` bytes, whole or not at all. */
  | { readonly type: 'probePath'; readonly ikeSa: IkeSaId; readonly size: number }
  /** ESP of `bytes` bytes came for an SA that is not there; ports are 0 without UDP. The sender is told. */
  | {
      readonly type: 'unknownSpi';
      readonly spi: number;
      readonly bytes: number;
      readonly local: Endpoint;
      readonly remote: Endpoint;
    }
  /** Authenticated ESP of the peer came from there: IKE goes there too. */
  | { readonly type: 'moved'; readonly ikeSa: IkeSaId; readonly local: Endpoint; readonly remote: Endpoint };

/** What arrives from the network: without the non-ESP marker. */
export interface IkeDatagram {
  readonly local: Endpoint;
  readonly remote: Endpoint;
  readonly bytes: Uint8Array;
}

export type * from './ask.ts';
export type { Instant };
