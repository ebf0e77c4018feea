/** A tunnel's set-up: the control connection's state machine and what it learns of the peer. RFC 2661 §5.1, §7.2. */

import { type Packed, pack, printable, utf8 } from '../wire/index.ts';
import { Framing } from './avps.ts';
import type { Refusal, SocketContext } from './context.ts';
import type { ControlMessage } from './header.ts';
import type { MessageBody, ReceivedMessage } from './messages.ts';
import type { MessageName } from './messageType.ts';
import type { TunnelId, TunnelUp } from './output.ts';
import { rowFor } from './stateTable.ts';
import { CHALLENGE_BYTES } from './tunnelAuthentication.ts';
import { SHORT_REQUEST } from './tunnelFailures.ts';
import { general, outOfOrder, refusalOf, replyBody, requestBody, responseTo } from './tunnelMessages.ts';
import { type TunnelAction, type TunnelEvent, type TunnelState, tunnelTable } from './tunnelStates.ts';

/** What an event came to: nothing yet, a tunnel that stands, one to be stopped with a reason, or one to be forgotten. */
export type Outcome = 'pending' | 'established' | 'cleanUp' | Refusal;

/** What the peer has told of itself. */
export interface Peer {
  readonly hostName: string;
  readonly vendorName?: string;
  /** Framing Capabilities and Bearer Capabilities. */
  readonly framing: number;
  readonly bearer: number;
}

/** Whoever sends the messages of the tunnel's set-up. */
export interface Announcer {
  announce<Name extends MessageName>(name: Name, body: MessageBody<Name>): void;
}

interface Input {
  readonly message: ReceivedMessage;
  readonly header: ControlMessage;
}

export class ControlConnection {
  /** Of our SCCRQ. */
  readonly tieBreaker: Uint8Array | undefined;
  /** Ours, where the peer must authenticate itself. */
  readonly challenge: Uint8Array | undefined;
  /** The body of the peer's SCCRQ. */
  request: Packed | undefined;
  peerId: TunnelId = 0;
  /** The Receive Window Size that the peer stated. */
  peerWindow: number | undefined;
  peer: Peer = { hostName: '', framing: Framing.synchronous | Framing.asynchronous, bearer: 0 };
  readonly #context: SocketContext;
  readonly #id: TunnelId;
  readonly #announcer: Announcer;
  #state: TunnelState = 'idle';

  constructor(context: SocketContext, id: TunnelId, originator: boolean, announcer: Announcer) {
    const { config, environment } = context;
    this.#context = context;
    this.#id = id;
    this.#announcer = announcer;
    this.tieBreaker = originator && config.tieBreaker ? environment.random(8) : undefined;
    this.challenge = config.requireAuthentication ? environment.random(CHALLENGE_BYTES) : undefined;
  }

  get state(): TunnelState {
    return this.#state;
  }

  receive(name: 'SCCRQ' | 'SCCRP' | 'SCCCN', message: ReceivedMessage, header: ControlMessage): Outcome {
    const { avps } = message;
    const refusal = refusalOf(name, message, this.#context, this.challenge);
    if (this.peerId === 0) this.peerId = avps.assignedTunnelId ?? 0;
    if (refusal !== undefined) return this.fire(`${name} unacceptable`, refusal);
    if (name !== 'SCCCN' && this.#state !== 'established') {
      this.request = name === 'SCCRQ' ? pack(header.body) : undefined;
      this.peerWindow = avps.receiveWindowSize;
      this.peer = {
        hostName: printable(utf8(avps.hostName ?? '')),
        ...(avps.vendorName === undefined ? {} : { vendorName: printable(utf8(avps.vendorName)) }),
        framing: avps.framingCapabilities || this.peer.framing,
        bearer: avps.bearerCapabilities ?? 0,
      };
    }
    return this.fire(name, undefined, { message, header });
  }

  /** @param refusal what is said where the table asks for StopCCN; else that the event was out of order */
  fire(event: TunnelEvent, refusal?: Refusal, input?: Input): Outcome {
    const row = rowFor(tunnelTable, this.#state, event);
    if (row === undefined || row.do.includes('sendStopCcn')) return refusal ?? outOfOrder(event, this.#state);
    const before = this.#state;
    this.#state = row.to;
    for (const action of row.do) {
      const failure = this.#perform(action, input);
      if (failure !== undefined) return failure;
    }
    if (row.do.includes('cleanUp')) return 'cleanUp';
    return this.#state === 'established' && before !== 'established' ? 'established' : 'pending';
  }

  /** @param peerReceiveWindow the window that counts: the peer's, or the default */
  tunnelUp(peerReceiveWindow: number): TunnelUp {
    const { hostName, vendorName } = this.peer;
    return {
      type: 'tunnelUp',
      tunnel: this.#id,
      peerTunnel: this.peerId,
      role: this.#context.config.role,
      peerHostName: hostName,
      ...(vendorName === undefined ? {} : { peerVendorName: vendorName }),
      peerReceiveWindow,
    };
  }

  #perform(action: TunnelAction, input: Input | undefined): Refusal | undefined {
    const { config } = this.#context;
    const facts = { id: this.#id, tieBreaker: this.tieBreaker, challenge: this.challenge };
    const response = (name: 'SCCRP' | 'SCCCN') => responseTo(input?.message, name, this.#context);
    if (action === 'sendSccrq') this.#announcer.announce('SCCRQ', requestBody(config, facts));
    if (action === 'sendScccn') this.#announcer.announce('SCCCN', { challengeResponse: response('SCCCN') });
    if (action === 'sendSccrp') {
      const budget = config.protectedPath ? Number.POSITIVE_INFINITY : (input?.header.body.length ?? 0);
      const body = replyBody(this.#context, { ...facts, challengeResponse: response('SCCRP') }, budget);
      if (body === undefined) return general(0, SHORT_REQUEST.code, SHORT_REQUEST.reason);
      this.#announcer.announce('SCCRP', body);
    }
    return undefined;
  }
}
