/** A tunnel's reliable channel with its messages: encoded, decoded, traced. RFC 2661 §4, §5.8. */

import type { Instant } from '../core/index.ts';
import { Malformed } from '../wire/index.ts';
import type { AvpValues } from './avps.ts';
import { type Arrival, ControlChannel, type Transmission } from './channel.ts';
import type { SocketContext } from './context.ts';
import { CONTROL_HEADER_BYTES, type ControlMessage, writeControlMessage } from './header.ts';
import { decodeMessage, encodeMessage, type MessageBody, type ReceivedMessage } from './messages.ts';
import { type MessageName, MessageType } from './messageType.ts';
import type { SessionId, TunnelId } from './output.ts';
import { traceOf } from './summary.ts';

/** What is remembered of a message until it is acknowledged. */
export interface Sent {
  readonly name: MessageName;
  readonly avps: AvpValues;
  /** Our id of the session that it is about, 0 for none. */
  readonly subject: SessionId;
}

export interface Delivered {
  readonly header: ControlMessage;
  /** Why the body cannot be read, instead of what it says. */
  readonly message: ReceivedMessage | Malformed;
}

export interface LinkReceipt {
  readonly arrival: Arrival;
  readonly acknowledged: readonly Sent[];
  readonly delivered: readonly Delivered[];
}

const notes: Readonly<Record<Arrival, string | undefined>> = {
  acknowledgement: undefined,
  inOrder: undefined,
  early: 'early, kept',
  duplicate: 'duplicate',
  outsideWindow: 'outside the window, ignored',
};

export class ControlLink {
  readonly channel: ControlChannel<Sent>;
  readonly #context: SocketContext;
  readonly #tunnel: TunnelId;

  constructor(context: SocketContext, tunnel: TunnelId) {
    this.#context = context;
    this.#tunnel = tunnel;
    this.channel = new ControlChannel(context.config);
  }

  /** Queues a message; `flush` sends it when the window lets it. */
  send<Name extends MessageName>(name: Name, body: MessageBody<Name>, session: SessionId, subject: SessionId): void {
    const hiding = this.#context.config.hideAvps ? this.#context.hiding : undefined;
    const tag: Sent = { name, avps: body as AvpValues, subject };
    this.channel.enqueue({ session, body: encodeMessage(name, body, hiding), tag });
  }

  receive(header: ControlMessage, now: Instant): LinkReceipt {
    const { arrival, acknowledged, delivered } = this.channel.receive(header, now);
    if (arrival !== 'inOrder') this.#trace('in', typeOf(header.body), header, undefined, notes[arrival]);
    return {
      arrival,
      acknowledged: acknowledged.map(({ tag }) => tag),
      delivered: delivered.map((each) => ({ header: each, message: this.#decode(each) })),
    };
  }

  /** Sends what may go out now, a ZLB where nothing else tells the peer what we have. */
  flush(peerTunnel: TunnelId, now: Instant): void {
    for (const transmission of this.channel.transmit(now)) this.#transmit(peerTunnel, transmission);
  }

  #transmit(tunnel: TunnelId, { ns, nr, message, retransmission }: Transmission<Sent>): void {
    const header = { tunnel, session: message?.session ?? 0, ns, nr };
    const body = message?.body ?? new Uint8Array(0);
    const note = retransmission > 0 ? `retransmission ${retransmission}` : undefined;
    const type = message === undefined ? undefined : MessageType[message.tag.name];
    this.#trace('out', type, header, message?.tag.avps, note);
    this.#context.emit({ type: 'send', bytes: writeControlMessage({ ...header, body }) });
  }

  #decode(header: ControlMessage): ReceivedMessage | Malformed {
    try {
      const message = decodeMessage(header.body, this.#context.hiding);
      this.#trace('in', message.type, header, message.avps);
      return message;
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
      this.#trace('in', typeOf(header.body), header, undefined, 'malformed');
      return error;
    }
  }

  #trace(
    direction: 'in' | 'out',
    type: number | undefined,
    { ns, nr, session }: Omit<ControlMessage, 'body'>,
    avps: AvpValues = {},
    note?: string,
  ): void {
    if (this.#context.environment.untraced) return;
    const summary = { direction, type, ns, nr, tunnel: this.#tunnel, session, avps };
    this.#context.emit(traceOf(note === undefined ? summary : { ...summary, note }));
  }
}

/** The type of a message without reading more of it: where a Message Type AVP has its value. */
function typeOf(body: Uint8Array): number | undefined {
  return body.length < 8 ? undefined : (body[6]! << 8) | body[7]!;
}

/** Octets of the shortest answer, a ZLB. */
export const ZLB_BYTES = CONTROL_HEADER_BYTES;
