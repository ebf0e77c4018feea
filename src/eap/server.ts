/** The EAP server (authenticator), for any carrier. RFC 3748, RFC 4137 §5. */

import { type Core, type Failure, type Instant, type Milliseconds, Timers } from '../core/index.ts';
import { fromUtf8, Malformed } from '../wire/index.ts';
import { NO_KEYS, noCommonMethod, SILENT_PEER, TOO_LONG } from './failures.ts';
import { FRAGMENT_BYTES, MOST_BYTES, MOST_IDENTITY_BYTES, MOST_ROUND_TRIPS } from './limits.ts';
import type { EapEnvironment, EapKeys, EapMethodName, ServerMethod, ServerTurn } from './method.ts';
import { eapMethods, methodOfType } from './methods.ts';
import { Outbox } from './outbox.ts';
import type { EapOutput, EapServerCommand } from './output.ts';
import { dataRoom, decodeEap, EapCode, type EapPacket, encodeEap, readNak } from './packet.ts';
import { type EapType, EapTypeNumber, ietf, isType, typeText } from './type.ts';

export interface EapServerConfig {
  /** Methods by which the peer may prove itself, the preferred first. */
  readonly methods: readonly EapMethodName[];
  /** Our name in challenges. Default `sallyport`. */
  readonly name?: string;
  /** The peer's identity where the carrier knows it; else it is asked for. */
  readonly identity?: string;
  /** How often a wrong password may be tried again (EAP-MSCHAPv2). Default 0. */
  readonly retries?: number;
  /** Whether a success without an MSK is none: the carrier needs the key, as IKEv2 with EAP alone does. Default no. */
  readonly needsKey?: boolean;
  /** Largest packet that we send. Bytes; default 1020. */
  readonly mostBytes?: number;
  /** Waits after the first, second, … transmission of a Request; the last repeats. Absent: the carrier repeats. */
  readonly restart?: readonly Milliseconds[];
  /** Transmissions of one Request. Default 10. */
  readonly mostTransmissions?: number;
  /** How long, after all transmissions, a peer may take whose user may be typing a password anew. Default 60 s. */
  readonly retryPatience?: Milliseconds;
}

const MOST_TRANSMISSIONS = 10;
const RETRY_PATIENCE = 60_000;

/**
 * One conversation with one peer. It begins with the command `start`, ends with `success` or `failure`, and does nothing
 * any more after that, but for saying the verdict again to who repeats its last Response.
 */
export class EapServer implements Core<EapServerCommand, EapOutput> {
  readonly #config: EapServerConfig;
  readonly #env: EapEnvironment;
  readonly #outbox: Outbox;
  readonly #timers = new Timers<'request'>();
  #state: 'idle' | 'identity' | 'proposed' | 'method' | 'asking' | 'ended' = 'idle';
  #identifier: number;
  #identity: string;
  /** Methods not yet proposed. */
  #left: readonly EapMethodName[];
  #name: EapMethodName | undefined;
  #method: ServerMethod | undefined;
  #request: Uint8Array | undefined;
  #transmissions = 0;
  #patient = false;
  #asked = 0;
  /** Identifier of the last Response that was taken, and the verdict that ended it all. */
  #answered: number | undefined;
  #verdict: Uint8Array | undefined;
  #roundTrips = 0;
  #bytes = 0;

  constructor(config: EapServerConfig, env: EapEnvironment) {
    this.#config = config;
    this.#env = env;
    this.#outbox = new Outbox(env);
    this.#left = config.methods;
    this.#identity = config.identity ?? '';
    this.#identifier = env.random(1)[0]!;
  }

  get deadline(): Instant | undefined {
    return this.#timers.deadline;
  }

  /** The challenge that is out, lest the peer has us answer it. */
  get challenge(): Uint8Array | undefined {
    return this.#method?.challenge;
  }

  /** Takes one EAP packet of the peer. */
  receive(bytes: Uint8Array, now: Instant): readonly EapOutput[] {
    return this.#outbox.during(() => this.#receive(bytes, now));
  }

  command(command: EapServerCommand, now: Instant): readonly EapOutput[] {
    return this.#outbox.during(() => {
      switch (command.type) {
        case 'start':
          return this.#start(now);
        case 'answer':
          if (!this.#isAnswered(command.id)) return;
          return this.#turn(this.#method?.answer?.(command.answer, this.#nextIdentifier), now);
        case 'tlsAnswer':
          if (!this.#isAnswered(command.id)) return;
          return this.#turn(this.#method?.tlsAnswer?.(command.progress), now);
        case 'stop':
          this.#state = 'ended';
          this.#verdict = undefined;
          this.#timers.clearAll();
      }
    });
  }

  expire(now: Instant): readonly EapOutput[] {
    return this.#outbox.during(() => {
      if (this.#timers.due(now).length === 0 || this.#request === undefined) return;
      const { mostTransmissions = MOST_TRANSMISSIONS, retryPatience = RETRY_PATIENCE } = this.#config;
      if (this.#transmissions < mostTransmissions) return this.#transmit(now);
      if (this.#patient) {
        this.#patient = false;
        return this.#timers.set('request', now + retryPatience);
      }
      const refusal = this.#method?.refusal;
      if (refusal === undefined) this.#fail(SILENT_PEER, 'timeout');
      else this.#fail(refusal, 'local');
    });
  }

  #start(now: Instant) {
    if (this.#state !== 'idle') return;
    if (this.#config.identity !== undefined) return this.#propose([], now);
    this.#state = 'identity';
    this.#send(ietf(EapTypeNumber.Identity), new Uint8Array(0), now);
  }

  #receive(bytes: Uint8Array, now: Instant) {
    this.#bytes += bytes.length;
    const packet = decodeEap(bytes);
    const { code, identifier, type } = packet;
    this.#outbox.trace('in', packet);
    if (code !== EapCode.Response || type === undefined) {
      return this.#outbox.drop('unexpected-authentication', 'An EAP packet that is for peers came to a server.');
    }
    if (this.#state === 'ended') {
      // The verdict was lost; RFC 3748 §4.2 leaves it to us to say it again.
      if (identifier === this.#answered && this.#verdict !== undefined) this.#outbox.send(this.#verdict);
      return;
    }
    if (this.#state === 'idle' || this.#state === 'asking' || identifier !== this.#identifier) {
      return this.#outbox.drop('duplicate', 'An EAP Response that is not awaited.');
    }
    if (this.#bytes > MOST_BYTES || this.#roundTrips > MOST_ROUND_TRIPS) return this.#fail(TOO_LONG, 'local');
    if (this.#state === 'identity') return this.#identified(packet, now);
    if (isType(type, EapTypeNumber.Nak)) return this.#naked(packet, now);
    if (methodOfType(type, this.#name === undefined ? [] : [this.#name]) === undefined) {
      return this.#outbox.drop(
        'unexpected-authentication',
        `An EAP Response of type ${typeText(type)}, which was not asked.`,
      );
    }
    const turn = this.#method!.receive(packet.data);
    if (turn.do !== 'ignore') {
      this.#state = 'method';
      this.#settle(identifier);
    }
    this.#turn(turn, now);
  }

  #identified({ identifier, type, data }: EapPacket, now: Instant) {
    if (!isType(type!, EapTypeNumber.Identity)) {
      return this.#outbox.drop(
        'unexpected-authentication',
        'An EAP Response that is no Identity, before the identity.',
      );
    }
    const end = data.indexOf(0);
    const identity = end < 0 ? data : data.subarray(0, end);
    if (identity.length > MOST_IDENTITY_BYTES) throw new Malformed(`EAP Identity of ${identity.length} bytes`);
    this.#identity = fromUtf8(identity);
    this.#settle(identifier);
    this.#propose([], now);
  }

  /** RFC 3748 §5.3: a Nak answers a method's first Request alone. */
  #naked(packet: EapPacket, now: Instant) {
    if (this.#state !== 'proposed') {
      return this.#outbox.drop('unexpected-authentication', 'An EAP Nak in the middle of a method.');
    }
    this.#settle(packet.identifier);
    this.#propose(readNak(packet), now);
  }

  /** Begins the next method, one that the peer wants where it named any. */
  #propose(wanted: readonly EapType[], now: Instant) {
    const first = this.#name === undefined ? this.#left[0] : undefined;
    const name = first ?? this.#left.find((one) => wanted.some((type) => isType(type, eapMethods[one].type)));
    if (name === undefined) {
      return this.#fail(noCommonMethod(this.#config.methods, wanted.map(typeText)), 'peer');
    }
    this.#left = this.#left.filter((one) => one !== name);
    this.#name = name;
    this.#state = 'proposed';
    const { mostBytes = FRAGMENT_BYTES, name: ours = 'sallyport', retries = 0 } = this.#config;
    const parts = { env: this.#env, name: ours, identity: this.#identity, retries, mostData: dataRoom(mostBytes) };
    this.#method = eapMethods[name].server(parts);
    this.#send(this.#type, this.#method.start(this.#nextIdentifier), now);
  }

  #turn(turn: ServerTurn | undefined, now: Instant) {
    switch (turn?.do) {
      case undefined:
        return;
      case 'ignore':
        return this.#outbox.drop(turn.code, turn.reason);
      case 'request':
        if (turn.retrying === true) this.#outbox.add({ type: 'retrying' });
        this.#state = 'method';
        return this.#send(this.#type, turn.data, now, turn.retrying === true);
      case 'ask':
        this.#state = 'asking';
        this.#outbox.add({ type: 'ask', id: ++this.#asked, credentials: turn.credentials });
        return;
      case 'askTls':
        this.#state = 'asking';
        this.#outbox.add({ type: 'askTls', id: ++this.#asked, ask: turn.ask });
        return;
      case 'succeed':
        return this.#succeed(turn.identity, turn.keys);
      case 'fail':
        return this.#fail(turn.failure, turn.by);
    }
  }

  #succeed(identity: string, keys: EapKeys) {
    // Password methods make their key of what the judgement brings along, and a carrier without keys needs none.
    if (this.#config.needsKey === true && keys.msk === undefined) return this.#fail(NO_KEYS, 'local');
    this.#end(EapCode.Success, { type: 'success', identity, method: this.#name!, ...keys });
  }

  #fail(failure: Failure, by: 'peer' | 'local' | 'timeout') {
    this.#end(EapCode.Failure, { type: 'failure', failure, by });
  }

  /** RFC 3748 §4.2: Success and Failure bear the identifier of the Response that they answer. */
  #end(code: number, output: EapOutput) {
    this.#state = 'ended';
    this.#timers.clearAll();
    const packet = { code, identifier: this.#identifier, data: new Uint8Array(0) };
    this.#verdict = encodeEap(packet);
    this.#outbox.trace('out', packet);
    this.#outbox.send(this.#verdict);
    this.#outbox.add(output);
  }

  /** A Response was taken: its Request needs no repeating. */
  #settle(identifier: number) {
    this.#answered = identifier;
    this.#request = undefined;
    this.#roundTrips++;
    this.#timers.clearAll();
  }

  #isAnswered(id: number): boolean {
    return this.#state === 'asking' && id === this.#asked;
  }

  get #type(): EapType {
    return ietf(eapMethods[this.#name!].type);
  }

  get #nextIdentifier(): number {
    return (this.#identifier + 1) & 0xff;
  }

  #send(type: EapType, data: Uint8Array, now: Instant, patient = false) {
    this.#identifier = this.#nextIdentifier;
    this.#request = encodeEap({ code: EapCode.Request, identifier: this.#identifier, type, data });
    this.#transmissions = 0;
    this.#patient = patient;
    this.#transmit(now);
  }

  #transmit(now: Instant) {
    const request = this.#request!;
    const { restart } = this.#config;
    this.#outbox.trace('out', decodeEap(request));
    this.#outbox.send(request);
    this.#transmissions++;
    const wait = restart?.[Math.min(this.#transmissions, restart.length) - 1];
    if (wait !== undefined) this.#timers.set('request', now + wait);
  }
}
