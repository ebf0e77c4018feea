/** Reliable, ordered delivery of control messages in a sliding window. RFC 2661 §5.8 and appendix A. */

import type { Instant, Milliseconds } from '../core/index.ts';
import type { ControlMessage } from './header.ts';

export interface ChannelConfig {
  /** Until the first retransmission; each further wait is twice as long. */
  readonly retransmitAfter: Milliseconds;
  /** Longest wait between retransmissions; the RFC wants no less than 8 s. */
  readonly retransmitCap: Milliseconds;
  readonly maximumRetransmissions: number;
  /** Messages that we keep out of order, and the Receive Window Size that we advertise. */
  readonly receiveWindow: number;
}

/** A message to be sent: `tag` comes back when the peer has acknowledged it. */
export interface Outgoing<Tag> {
  readonly session: number;
  /** Empty for a ZLB. */
  readonly body: Uint8Array;
  readonly tag: Tag;
}

/** One message on its way out. */
export interface Transmission<Tag> {
  readonly ns: number;
  readonly nr: number;
  /** Undefined for a ZLB. */
  readonly message: Outgoing<Tag> | undefined;
  /** 0 the first time. */
  readonly retransmission: number;
}

export type Arrival = 'acknowledgement' | 'inOrder' | 'early' | 'duplicate' | 'outsideWindow';

export interface Receipt<Tag> {
  readonly arrival: Arrival;
  /** Messages that are now in order, this one first. */
  readonly delivered: readonly ControlMessage[];
  /** What the peer has acknowledged by this message. */
  readonly acknowledged: readonly Outgoing<Tag>[];
}

/** What a peer's window is taken for until it says otherwise. RFC 2661 §4.4.3. */
export const DEFAULT_PEER_WINDOW = 4;

/** The waits of a whole retransmission cycle together: 31 s with the defaults. */
export function fullCycle(config: ChannelConfig): Milliseconds {
  let sum = 0;
  for (let tries = 0; tries <= config.maximumRetransmissions; tries++) sum += wait(config, tries);
  return sum;
}

export class ControlChannel<Tag> {
  readonly #config: ChannelConfig;
  /** Not yet acknowledged; the first has number `#base`. */
  readonly #queue: Outgoing<Tag>[] = [];
  readonly #transmissions: number[] = [];
  #base = 0;
  /** Of the queue's front: sent since the last loss, and sent ever. */
  #inFlight = 0;
  #sent = 0;
  #expected = 0;
  #early: Map<number, ControlMessage> | undefined;
  #owesAcknowledgement = false;
  #peerWindow = DEFAULT_PEER_WINDOW;
  #congestionWindow = 1;
  #threshold = DEFAULT_PEER_WINDOW;
  #tries = 0;
  #retransmitAt: Instant | undefined;

  constructor(config: ChannelConfig) {
    this.#config = config;
  }

  /** When `expire` must be called. */
  get deadline(): Instant | undefined {
    return this.#retransmitAt;
  }

  /** Messages that the peer has not acknowledged yet, and those that wait for room. */
  get pending(): number {
    return this.#queue.length;
  }

  /** The oldest message that is not acknowledged. */
  get front(): Outgoing<Tag> | undefined {
    return this.#queue[0];
  }

  get peerWindow(): number {
    return this.#peerWindow;
  }

  /** Takes over the peer's Receive Window Size. The invalid 0 is taken for 1. */
  setPeerWindow(size: number): void {
    this.#peerWindow = Math.max(1, size);
    this.#threshold = this.#peerWindow;
    this.#congestionWindow = Math.min(this.#congestionWindow, this.#peerWindow);
  }

  enqueue(message: Outgoing<Tag>): void {
    this.#queue.push(message);
    this.#transmissions.push(0);
  }

  /** Forgets what was queued and never sent, to make way for a StopCCN. */
  dropUnsent(): void {
    this.#queue.length = this.#sent;
    this.#transmissions.length = this.#sent;
  }

  receive(message: ControlMessage, now: Instant): Receipt<Tag> {
    const acknowledged = this.#acknowledge(message.nr, now);
    if (message.body.length === 0) return { arrival: 'acknowledgement', delivered: [], acknowledged };
    this.#owesAcknowledgement = true;
    const ahead = (message.ns - this.#expected) & 0xffff;
    if (ahead >= 0x8000) return { arrival: 'duplicate', delivered: [], acknowledged };
    if (ahead >= this.#config.receiveWindow) return { arrival: 'outsideWindow', delivered: [], acknowledged };
    if (ahead > 0) {
      const arrival = this.#early?.has(message.ns) ? 'duplicate' : 'early';
      // A copy: the owner may use the received buffer again.
      if (arrival === 'early') {
        this.#early ??= new Map();
        this.#early.set(message.ns, { ...message, body: message.body.slice() });
      }
      return { arrival, delivered: [], acknowledged };
    }
    const delivered: ControlMessage[] = [];
    for (let next: ControlMessage | undefined = message; next !== undefined; next = this.#early?.get(this.#expected)) {
      this.#early?.delete(this.#expected);
      this.#expected = (this.#expected + 1) & 0xffff;
      delivered.push(next);
    }
    return { arrival: 'inOrder', delivered, acknowledged };
  }

  /** What goes out now: as many messages as the window has room for, else a ZLB where one is owed. */
  transmit(now: Instant): Transmission<Tag>[] {
    const out: Transmission<Tag>[] = [];
    const window = Math.min(Math.floor(this.#congestionWindow), this.#peerWindow);
    while (this.#inFlight < Math.min(window, this.#queue.length)) {
      const index = this.#inFlight++;
      this.#sent = Math.max(this.#sent, this.#inFlight);
      out.push({
        ns: (this.#base + index) & 0xffff,
        nr: this.#expected,
        message: this.#queue[index]!,
        retransmission: this.#transmissions[index]!++,
      });
    }
    if (out.length === 0 && this.#owesAcknowledgement) {
      out.push({ ns: (this.#base + this.#sent) & 0xffff, nr: this.#expected, message: undefined, retransmission: 0 });
    }
    this.#owesAcknowledgement = false;
    if (this.#inFlight > 0) this.#retransmitAt ??= now + wait(this.#config, this.#tries);
    return out;
  }

  /**
   * Prepares the retransmission that is due; `transmit` then sends it.
   * @returns 'exhausted' where the last retransmission went unanswered too: the peer is gone, unless the owner
   * knows better and calls `persist`
   */
  expire(now: Instant): 'idle' | 'retransmit' | 'exhausted' {
    if (this.#retransmitAt === undefined || now < this.#retransmitAt) return 'idle';
    if (this.#tries >= this.#config.maximumRetransmissions) return 'exhausted';
    this.#tries++;
    this.persist(now);
    return 'retransmit';
  }

  /** Retransmits the front once more, whatever the number of tries. */
  persist(now: Instant): void {
    this.#threshold = Math.max(1, Math.floor(this.#congestionWindow / 2));
    this.#congestionWindow = 1;
    this.#inFlight = 0;
    this.#retransmitAt = now + wait(this.#config, this.#tries);
  }

  /** Counts a retransmission time-out without sending: for a path whose far end has proved nothing yet. */
  holdBack(now: Instant): void {
    this.#inFlight = this.#sent;
    this.#retransmitAt = now + wait(this.#config, this.#tries);
  }

  /** From now on nothing is sent but acknowledgements. */
  silence(): void {
    this.dropUnsent();
    this.#inFlight = this.#sent;
    this.#retransmitAt = undefined;
  }

  /** Sends the front again with the next `transmit`, in answer to a duplicate. */
  repeatFront(): void {
    this.#inFlight = 0;
  }

  #acknowledge(nr: number, now: Instant): Outgoing<Tag>[] {
    const count = (nr - this.#base) & 0xffff;
    if (count === 0 || count > this.#sent) return [];
    const acknowledged = this.#queue.splice(0, count);
    this.#transmissions.splice(0, count);
    this.#base = nr;
    this.#sent -= count;
    this.#inFlight = Math.max(0, this.#inFlight - count);
    this.#tries = 0;
    this.#retransmitAt = this.#inFlight > 0 ? now + wait(this.#config, 0) : undefined;
    const step = this.#congestionWindow < this.#threshold ? 1 : 1 / this.#congestionWindow;
    this.#congestionWindow = Math.min(this.#peerWindow, this.#congestionWindow + step);
    return acknowledged;
  }
}

function wait(config: ChannelConfig, tries: number): Milliseconds {
  return Math.min(config.retransmitCap, config.retransmitAfter * 2 ** Math.min(tries, 30));
}
