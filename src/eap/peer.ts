/** The EAP peer: proves us to a server, over any carrier. RFC 3748, RFC 4137 §4. */

import { type Core, type Failure, type Instant, type Milliseconds, Timers } from '../core/index.ts';
import { sameBytes, utf8 } from '../wire/index.ts';
import { NO_KEYS, refusedByServer, SILENT_SERVER, TOO_LONG, unwantedMethods } from './failures.ts';
import { FRAGMENT_BYTES, MOST_BYTES, MOST_ROUND_TRIPS } from './limits.ts';
import type {
  Decision,
  EapCredentials,
  EapEnvironment,
  EapKeys,
  EapMethodName,
  PeerMethod,
  PeerMethodParts,
  PeerTurn,
} from './method.ts';
import { eapMethods, methodOfType } from './methods.ts';
import { Outbox } from './outbox.ts';
import type { EapOutput, EapPeerCommand } from './output.ts';
import { dataRoom, decodeEap, EapCode, type EapPacket, encodeEap, writeNak } from './packet.ts';
import { type EapType, EapTypeNumber, ietf, isType, typeText } from './type.ts';

export interface EapPeerConfig {
  /** Methods by which we prove ourselves, the preferred first. */
  readonly methods: readonly EapMethodName[];
  readonly credentials: EapCredentials;
  /** What we say when asked who we are; default: the user of the credentials. */
  readonly identity?: string;
  /** Whether a success without an MSK is none. Methods that make keys are held to it anyway. Default no. */
  readonly needsKey?: boolean;
  /** Largest packet that we send. Bytes; default 1020. */
  readonly mostBytes?: number;
  /** How long the server may be silent. Absent: the carrier watches, and loses no Success. */
  readonly patience?: Milliseconds;
  /** Whether a challenge is one of ours, sent back, where we are a server on the same link too. */
  readonly isOurChallenge?: PeerMethodParts['isOurChallenge'];
}

/** Success is not repeated (RFC 3748 §4.2): after a method that is certain of it, silence is consent. RFC 4137 §4.1. */
const SUCCESS_PATIENCE = 3000;
const MOST_EARLIER = 8;

/**
 * One conversation with one server: it waits for Requests from the command `start` on, ends with `success` or `failure`,
 * and does nothing any more after that, but for repeating its last Response to a Request that comes again.
 */
export class EapPeer implements Core<EapPeerCommand, EapOutput> {
  readonly #config: EapPeerConfig;
  readonly #env: EapEnvironment;
  readonly #outbox: Outbox;
  readonly #timers = new Timers<'silence'>();
  #state: 'idle' | 'waiting' | 'asking' | 'ended' = 'idle';
  #name: EapMethodName | undefined;
  #method: PeerMethod | undefined;
  #decision: Decision = 'continue';
  #keys: EapKeys = {};
  #refusal: Failure | undefined;
  /** The Request that was answered last, or is being worked on. */
  #request: Uint8Array | undefined;
  /** Those before it: the layer below should keep the order (RFC 3748 §3.1), but L2TP may not. */
  readonly #earlier: Uint8Array[] = [];
  #identifier: number | undefined;
  #type: EapType = ietf(0);
  #response: Uint8Array | undefined;
  #demanded: string[] = [];
  #asked = 0;
  #roundTrips = 0;
  #bytes = 0;

  constructor(config: EapPeerConfig, env: EapEnvironment) {
    this.#config = config;
    this.#env = env;
    this.#outbox = new Outbox(env);
  }

  get deadline(): Instant | undefined {
    return this.#timers.deadline;
  }

  /** Takes one EAP packet of the server. */
  receive(bytes: Uint8Array, now: Instant): readonly EapOutput[] {
    return this.#outbox.during(() => this.#receive(bytes, now));
  }

  command(command: EapPeerCommand, now: Instant): readonly EapOutput[] {
    return this.#outbox.during(() => {
      switch (command.type) {
        case 'start':
          if (this.#state !== 'idle') return;
          this.#state = 'waiting';
          return this.#beginPatience(now);
        case 'tlsAnswer':
          if (this.#state !== 'asking' || command.id !== this.#asked) return;
          this.#state = 'waiting';
          return this.#turn(this.#method!.tlsAnswer!(command.progress), now);
        case 'lowerLayerSuccess':
          if (this.#state === 'waiting' && this.#decision !== 'continue') this.#succeed();
          return;
        case 'stop':
          this.#finish();
          this.#response = undefined;
      }
    });
  }

  expire(now: Instant): readonly EapOutput[] {
    return this.#outbox.during(() => {
      if (this.#timers.due(now).length === 0 || this.#state === 'ended') return;
      if (this.#decision === 'unconditional') this.#succeed();
      else this.#fail(this.#refusal ?? SILENT_SERVER, this.#refusal === undefined ? 'timeout' : 'peer');
    });
  }

  #receive(bytes: Uint8Array, now: Instant) {
    if (this.#state === 'idle') return this.#outbox.drop('unexpected-authentication', 'EAP before it was to begin.');
    const packet = decodeEap(bytes);
    this.#outbox.trace('in', packet);
    switch (packet.code) {
      case EapCode.Request:
        return this.#requested(packet, bytes, now);
      case EapCode.Success:
      case EapCode.Failure:
        return this.#judged(packet);
      default:
        return this.#outbox.drop('unexpected-authentication', 'An EAP packet that is for servers came to a peer.');
    }
  }

  #requested(packet: EapPacket, bytes: Uint8Array, now: Instant) {
    if (this.#request !== undefined && sameBytes(this.#request, bytes)) {
      // While it is worked on, the answer will come by itself. RFC 4137 §4.4.
      if (this.#state !== 'asking' && this.#response !== undefined) this.#outbox.send(this.#response);
      return;
    }
    if (this.#earlier.some((one) => sameBytes(one, bytes))) {
      return this.#outbox.drop('duplicate', 'An EAP Request that was answered before.');
    }
    if (this.#state !== 'waiting') return this.#outbox.drop('duplicate', 'An EAP Request that is not awaited.');
    this.#bytes += bytes.length;
    if (this.#bytes > MOST_BYTES || ++this.#roundTrips > MOST_ROUND_TRIPS) return this.#fail(TOO_LONG, 'local');
    const { identifier, data } = packet;
    const type = packet.type!;
    const turn = this.#answer(type, data, identifier);
    if (turn.do === 'ignore') return this.#outbox.drop(turn.code, turn.reason);
    if (this.#request !== undefined) this.#earlier.push(this.#request);
    if (this.#earlier.length > MOST_EARLIER) this.#earlier.shift();
    this.#request = bytes.slice();
    this.#identifier = identifier;
    const known = type.vendor === 0 && (type.type < EapTypeNumber.Nak || this.#method !== undefined);
    this.#type = known ? type : { ...ietf(EapTypeNumber.Nak), expanded: type.expanded };
    this.#turn(turn, now);
  }

  #answer(type: EapType, data: Uint8Array, identifier: number): PeerTurn {
    if (isType(type, EapTypeNumber.Identity)) {
      if (this.#method !== undefined) return ignored('An EAP Identity Request in the middle of a method.');
      const { identity, credentials } = this.#config;
      return { do: 'respond', data: utf8(identity ?? credentials.user), decision: 'continue' };
    }
    if (isType(type, EapTypeNumber.Notification)) {
      return { do: 'respond', data: new Uint8Array(0), decision: this.#decision };
    }
    if (type.vendor === 0 && type.type <= EapTypeNumber.Nak) return ignored('An EAP Request for a Nak.');
    const name = methodOfType(type, this.#config.methods);
    if (this.#method === undefined) {
      if (name === undefined) return this.#nak(type);
      const { mostBytes = FRAGMENT_BYTES, credentials, isOurChallenge = () => false } = this.#config;
      const mostData = dataRoom(mostBytes);
      const method = eapMethods[name].peer({ env: this.#env, credentials, mostData, isOurChallenge });
      const turn = method.receive(data, identifier);
      if (turn.do === 'ignore') return turn;
      this.#name = name;
      this.#method = method;
      return turn;
    }
    // One method alone authenticates (RFC 3748 §2.1), and its first Request is the last that may be refused.
    if (name !== this.#name) return ignored(`An EAP Request of type ${typeText(type)} in the middle of a method.`);
    return this.#method.receive(data, identifier);
  }

  /** Asks for what we may use. A vendor's type is refused in its own form. RFC 3748 §5.3. */
  #nak(type: EapType): PeerTurn {
    this.#demanded.push(typeText(type));
    const wanted = this.#config.methods.map((name) => ietf(eapMethods[name].type));
    return { do: 'respond', data: writeNak(wanted, type.expanded), decision: 'continue' };
  }

  #judged({ code, identifier }: EapPacket) {
    if (this.#state === 'ended') return;
    // Whoever sees no Requests cannot know the identifier. RFC 3748 §4.2.
    if (this.#state !== 'waiting' || identifier !== this.#identifier) {
      return this.#outbox.drop('unexpected-verdict', 'An EAP Success or Failure that answers no Response of ours.');
    }
    if (code === EapCode.Success) {
      if (this.#decision === 'continue') {
        return this.#outbox.drop('early-success', 'An EAP Success before the method was through.');
      }
      return this.#succeed();
    }
    if (this.#decision === 'unconditional') {
      return this.#outbox.drop('unexpected-verdict', 'An EAP Failure after the method had succeeded.');
    }
    const nothingWanted = this.#method === undefined && this.#demanded.length > 0;
    const refused = nothingWanted ? unwantedMethods(this.#demanded, this.#config.methods) : refusedByServer('');
    this.#fail(this.#refusal ?? refused, 'peer');
  }

  #turn(turn: PeerTurn, now: Instant) {
    switch (turn.do) {
      case 'ignore':
        return this.#outbox.drop(turn.code, turn.reason);
      case 'askTls':
        this.#state = 'asking';
        this.#timers.clearAll();
        this.#outbox.add({ type: 'askTls', id: ++this.#asked, ask: turn.ask });
        return;
      case 'respond':
        this.#decision = turn.decision;
        this.#keys = { ...this.#keys, ...turn.keys };
        this.#refusal = turn.refusal;
        this.#respond(turn.data);
        return this.#beginPatience(now);
      case 'fail':
        if (turn.data !== undefined) this.#respond(turn.data);
        return this.#fail(turn.failure, turn.by);
    }
  }

  #succeed() {
    const { msk } = this.#keys;
    if (msk === undefined && (this.#config.needsKey === true || eapMethods[this.#name!].makesKeys)) {
      return this.#fail(NO_KEYS, 'local');
    }
    this.#finish();
    const { user } = this.#config.credentials;
    this.#outbox.add({ type: 'success', identity: user, method: this.#name!, ...this.#keys });
  }

  #fail(failure: Failure, by: 'peer' | 'local' | 'timeout') {
    this.#finish();
    this.#outbox.add({ type: 'failure', failure, by });
  }

  #finish() {
    this.#state = 'ended';
    this.#timers.clearAll();
  }

  #beginPatience(now: Instant) {
    const { patience } = this.#config;
    if (patience === undefined) return;
    this.#timers.set('silence', now + (this.#decision === 'unconditional' ? SUCCESS_PATIENCE : patience));
  }

  #respond(data: Uint8Array) {
    const packet = { code: EapCode.Response, identifier: this.#identifier!, type: this.#type, data };
    this.#response = encodeEap(packet);
    this.#outbox.trace('out', packet);
    this.#outbox.send(this.#response);
  }
}

const ignored = (reason: string): PeerTurn => ({ do: 'ignore', code: 'unexpected-authentication', reason });
