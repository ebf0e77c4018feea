/**
 * Remote access over IKEv2 without L2TP: who proves themselves with EAP or a certificate of their own, the addresses that
 * they get, and the session that each has. RFC 7296 §2.16 and §2.19.
 */

import type { Endpoint, Failure, Instant } from '../core/index.ts';
import { type EapOutput, EapServer, type EapServerConfig, type TlsAsk } from '../eap/index.ts';
import { identityText } from '../ike/identity.ts';
import type { ConfigurationAsk, EapReceived, IkeAnswer, IkeCommand, IkeSaId } from '../ike/output.ts';
import type { AuthenticationAnswer, Credentials } from '../ppp/output.ts';
import type { StackEnvironment } from '../session/environment.ts';
import { layerEntry } from '../session/log.ts';
import type { SessionRecord } from '../session/record.ts';
import { TunnelSession } from '../session/tunnelSession.ts';
import { certifiedBy } from './certifiedUser.ts';
import type { GatewayOutput } from './output.ts';
import type { TlsQuestions } from './tlsQuestions.ts';
import type { Login, Users } from './users.ts';

export interface RemoteAccessRules {
  /** What clients may prove themselves with inside IKEv2's EAP. */
  readonly eap: EapServerConfig;
  /**
   * Lets in whoever holds a pre-shared key, with an address of the pool and no user: all who share the key are alike.
   * Clients of EAP and of certificates are judged as users.
   */
  readonly preSharedKey: boolean;
  /** Networks that clients are told of, as prefixes; empty: everything. */
  readonly subnets: readonly string[];
  /** Names that only our name servers know. */
  readonly domains: readonly string[];
}

export interface RemoteAccessParts {
  readonly rules: RemoteAccessRules;
  readonly environment: StackEnvironment;
  readonly users: Users;
  readonly tls: TlsQuestions;
  /** Gives a command to IKE, and returns what follows from it. */
  ike(command: IkeCommand, now: Instant): GatewayOutput[];
}

/** Somebody who asks for access over one IKE SA. */
interface Visitor {
  readonly session: TunnelSession;
  readonly peer: Endpoint;
  eap?: EapServer;
  /** The last EAP packet for the peer, kept until the verdict: both travel in one command. */
  packet?: Uint8Array;
  /** What the user's ticket is to bring back. */
  credential?: string | undefined;
  /** Why the user was refused, which has been told. */
  refused?: Failure;
}

export class RemoteAccess {
  readonly #parts: RemoteAccessParts;
  readonly #visitors = new Map<IkeSaId, Visitor>();

  constructor(parts: RemoteAccessParts) {
    this.#parts = parts;
  }

  /** An EAP packet of the peer, or, where it is empty, the moment to begin. */
  eap({ ikeSa, bytes }: EapReceived, record: SessionRecord, now: Instant): GatewayOutput[] {
    const visitor = this.#visitorOf(ikeSa, record);
    if (visitor.eap !== undefined) return this.#answered(ikeSa, visitor, visitor.eap.receive(bytes, now), now);
    if (bytes.length > 0) return [];
    visitor.eap = new EapServer({ ...this.#parts.rules.eap }, this.#parts.environment);
    return this.#fromEap(ikeSa, visitor.eap.command({ type: 'start' }, now), now);
  }

  /** A client asks for addresses: whom EAP proved has been judged, who proved themselves to IKE is judged now. */
  configuration(ask: ConfigurationAsk, record: SessionRecord, now: Instant): GatewayOutput[] {
    const { ikeSa, id, identity, user, authentication, resumed } = ask;
    const visitor = this.#visitorOf(ikeSa, record);
    const tell = (configuration: Extract<IkeAnswer, { kind: 'configuration' }>['configuration'], at: Instant) =>
      this.#parts.ike(
        { type: 'answer', id, answer: { kind: 'configuration', configuration, credential: visitor.credential } },
        at,
      );
    if (visitor.session.network !== undefined) return tell(this.#configurationOf(visitor.session, ask), now);
    const answer: Login['answer'] = (judgement, at, credential) => {
      visitor.credential = credential;
      this.#accept(visitor, judgement, resumed === undefined ? authentication : 'resumption');
      return tell(judgement.accepted ? this.#configurationOf(visitor.session, ask) : judgement.reason, at);
    };
    if (authentication === 'pre-shared-key' && this.#parts.rules.preSharedKey) {
      const group = identityText(identity);
      return this.#parts.users.admit(
        this.#loginOf(ikeSa, visitor, { method: 'certificate', user: group, names: [] }, answer),
        now,
      );
    }
    if (authentication === 'pre-shared-key') return tell(NO_GROUP, now);
    // The ticket says who it is; whether they may still enter is asked anew.
    if (resumed !== undefined && user !== undefined) {
      const before = resumed.eapMethod === 'eap-tls' ? {} : ({ by: 'ticket' } as const);
      return this.#judge(ikeSa, visitor, { method: 'certificate', user, names: [], ...before }, answer, now, resumed);
    }
    if (authentication !== 'signature' || user !== undefined) return tell(NOT_JUDGED, now);
    return this.#judge(ikeSa, visitor, certifiedBy(identity), answer, now, resumed);
  }

  /** The session of an IKE SA, for the connection that carries it from now on. */
  take(ikeSa: IkeSaId): TunnelSession | undefined {
    const session = this.#visitors.get(ikeSa)?.session;
    if (session?.network === undefined) return undefined;
    this.#forget(ikeSa);
    return session;
  }

  /**
   * The IKE SA is gone before a connection carried the session: what it was given is free again.
   * @returns why the user was refused, where that is the cause and has been told
   */
  release(ikeSa: IkeSaId): Failure | undefined {
    const visitor = this.#visitors.get(ikeSa);
    if (visitor !== undefined) this.#parts.users.release(visitor.session);
    this.#forget(ikeSa);
    return visitor?.refused;
  }

  #forget(ikeSa: IkeSaId): void {
    this.#visitors.get(ikeSa)?.eap?.command({ type: 'stop' }, 0);
    this.#visitors.delete(ikeSa);
  }

  #visitorOf(ikeSa: IkeSaId, record: SessionRecord): Visitor {
    const known = this.#visitors.get(ikeSa);
    if (known !== undefined) return known;
    const visitor: Visitor = { session: new TunnelSession(record), peer: record.peer };
    this.#visitors.set(ikeSa, visitor);
    return visitor;
  }

  #fromEap(ikeSa: IkeSaId, outputs: readonly EapOutput[], now: Instant): GatewayOutput[] {
    const visitor = this.#visitors.get(ikeSa);
    if (visitor === undefined) return [];
    const out: GatewayOutput[] = [];
    for (const output of outputs) {
      switch (output.type) {
        case 'send':
          visitor.packet = output.bytes;
          break;
        case 'ask':
          out.push(...this.#askEap(ikeSa, visitor, output.id, output.credentials, now));
          break;
        case 'askTls':
          out.push(...this.#askTls(ikeSa, visitor, output.id, output.ask));
          break;
        case 'success': {
          const { identity: user, msk, method } = output;
          visitor.session.record.authentication = method;
          out.push(...this.#sendEap(ikeSa, visitor, now, { user, method, ...(msk === undefined ? {} : { msk }) }));
          break;
        }
        case 'failure':
          visitor.session.record.ended ??= output.failure;
          out.push(...this.#sendEap(ikeSa, visitor, now, { failure: output.failure }));
          break;
        case 'trace':
        case 'dropped':
          out.push(layerEntry(visitor.session.record, output));
          break;
        case 'retrying':
          break;
      }
    }
    out.push(...this.#sendEap(ikeSa, visitor, now));
    return out;
  }

  /** What EAP ignores IKE cannot: its request is answered, or the client would repeat it in vain. */
  #answered(ikeSa: IkeSaId, visitor: Visitor, outputs: readonly EapOutput[], now: Instant): GatewayOutput[] {
    const out = this.#fromEap(ikeSa, outputs, now);
    if (outputs.some(({ type }) => ANSWERS.includes(type))) return out;
    visitor.session.record.ended ??= STUCK;
    return [...out, ...this.#parts.ike({ type: 'eap', ikeSa, bytes: NOTHING, done: { failure: STUCK } }, now)];
  }

  #sendEap(
    ikeSa: IkeSaId,
    visitor: Visitor,
    now: Instant,
    done?: NonNullable<Extract<IkeCommand, { type: 'eap' }>['done']>,
  ): GatewayOutput[] {
    const { packet: bytes } = visitor;
    if (bytes === undefined) return [];
    delete visitor.packet;
    return this.#parts.ike({ type: 'eap', ikeSa, bytes, ...(done === undefined ? {} : { done }) }, now);
  }

  #askEap(ikeSa: IkeSaId, visitor: Visitor, id: number, credentials: Credentials, now: Instant): GatewayOutput[] {
    const answer: Login['answer'] = (judgement, at, credential) => {
      visitor.credential = credential;
      this.#accept(visitor, judgement, 'eap');
      const { eap } = visitor;
      return eap === undefined
        ? []
        : this.#fromEap(ikeSa, eap.command({ type: 'answer', id, answer: judgement }, at), at);
    };
    return this.#judge(ikeSa, visitor, credentials, answer, now);
  }

  #askTls(ikeSa: IkeSaId, visitor: Visitor, id: number, ask: TlsAsk): GatewayOutput[] {
    return this.#parts.tls.ask(ask, (progress, at) => {
      const { eap } = visitor;
      if (eap === undefined || this.#visitors.get(ikeSa) !== visitor) return [];
      return this.#fromEap(ikeSa, eap.command({ type: 'tlsAnswer', id, progress }, at), at);
    });
  }

  #judge(
    ikeSa: IkeSaId,
    visitor: Visitor,
    credentials: Credentials,
    answer: Login['answer'],
    now: Instant,
    resumed?: Login['resumed'],
  ): GatewayOutput[] {
    return this.#parts.users.ask({ ...this.#loginOf(ikeSa, visitor, credentials, answer), resumed }, now);
  }

  #loginOf(ikeSa: IkeSaId, { session, peer }: Visitor, credentials: Credentials, answer: Login['answer']): Login {
    const isOver = () => this.#visitors.get(ikeSa)?.session !== session;
    // Known from here on, so that whatever becomes of the session gives back what the user was given.
    session.record.user = credentials.user;
    return { session, peer, credentials, layer: 'ike', answer, isOver };
  }

  #accept(visitor: Visitor, judgement: AuthenticationAnswer, authentication: string): void {
    const { session } = visitor;
    if (judgement.accepted) delete visitor.refused;
    else visitor.refused = judgement.reason;
    if (!judgement.accepted || judgement.network === undefined) return;
    session.network = judgement.network;
    session.record.authentication = authentication;
  }

  /** Of what there is for the user, what the client asks for; the session has no more than that. */
  #configurationOf(session: TunnelSession, { wantsIpv4, wantsIpv6 }: ConfigurationAsk) {
    const { subnets, domains } = this.#parts.rules;
    if (session.network === undefined) return NOT_JUDGED;
    const { peerAddress, peerAddress6, ...network } = session.network;
    const [first, second] = [
      ...(wantsIpv4 ? [peerAddress] : []),
      ...(wantsIpv6 && peerAddress6 !== undefined ? [peerAddress6] : []),
    ];
    if (first === undefined) return NO_SUCH_FAMILY;
    session.network = { ...network, peerAddress: first, ...(second === undefined ? {} : { peerAddress6: second }) };
    return { addresses: second === undefined ? [first] : [first, second], dns: network.dns, subnets, domains };
  }
}

const NOTHING = new Uint8Array(0);
/** Outputs of EAP that end the client's turn. */
const ANSWERS: readonly EapOutput['type'][] = ['send', 'ask', 'askTls', 'success', 'failure'];

const STUCK: Failure = {
  code: 'eap-failed',
  reason: 'The client said something in EAP that no answer belongs to.',
};

const NO_GROUP: Failure = {
  code: 'no-address',
  reason: 'The client asks for an address and has proved nothing but that it has the pre-shared key.',
  remedy: 'Let the client log in with EAP or a certificate, or set remote_access.pre_shared_key.',
};

const NOT_JUDGED: Failure = {
  code: 'no-address',
  reason: 'The client asks for an address before it has logged in.',
};

const NO_SUCH_FAMILY: Failure = {
  code: 'no-address',
  reason: 'The client asks for addresses of a family that the gateway has none of.',
  remedy: 'Set network.ipv6_pool, or let the client ask for IPv4 addresses.',
};
