/**
 * Who awaits an answer sends again; who has answered repeats its answer to an exact duplicate and to nothing else.
 * RFC 2408 §5.1.
 */

import type { Instant, Milliseconds } from '../../core/index.ts';

/** When a message that awaits an answer is sent again. */
export interface RetransmissionSchedule {
  /** Wait after the first sending. */
  readonly initial: Milliseconds;
  /** Each wait is the one before times this. */
  readonly factor: number;
  /** Longest wait. */
  readonly cap: Milliseconds;
  /** How often it is sent in all. */
  readonly sends: number;
}

/** Gives up after 13 s, so that a user has the reason within 15 s. */
export const DEFAULT_SCHEDULE: RetransmissionSchedule = { initial: 1000, factor: 2, cap: 2500, sends: 6 };

/** A message that awaits its answer. */
export interface Outstanding {
  readonly bytes: Uint8Array;
  /** For the trace. */
  readonly summary: string;
  sends: number;
}

/** How long to wait for an answer after the `sends`th sending (from 1). */
export function waitAfter(schedule: RetransmissionSchedule, sends: number): Milliseconds {
  return Math.min(schedule.cap, schedule.initial * schedule.factor ** (sends - 1));
}

/** Fewest milliseconds between two repetitions of one answer. */
export const ANSWER_REPEAT_GAP: Milliseconds = 100;
/** Most repetitions of one answer. */
export const MAX_ANSWER_REPEATS = 20;
/** How long an answer is kept for duplicates; an idle IKE SA then holds none. */
export const ANSWERS_KEPT: Milliseconds = 50_000;
/** Messages whose digests one exchange remembers. */
const MAX_REMEMBERED = 8;

interface Answered {
  readonly digest: string;
  answer: { readonly bytes: Uint8Array; readonly summary: string } | undefined;
  repeats: number;
  /** Whole milliseconds, which take no memory of their own. */
  last: Instant;
}

/** The messages that were acted on, by digest, each with its answer. */
export class AnsweredMessages {
  /** Oldest first. Never changed, so that it is no longer than it must be. */
  #answers: readonly Answered[] = NONE;

  /** Forgets what was answered before `instant`: no network delivers a duplicate so late. */
  forgetBefore(instant: Instant): void {
    const answers = this.#answers;
    if (answers.every(({ last }) => last >= instant)) return;
    this.#answers = answers.filter(({ last }) => last >= instant);
  }

  get isEmpty(): boolean {
    return this.#answers.length === 0;
  }

  has(digest: string): boolean {
    return this.#find(digest) !== undefined;
  }

  remember(digest: string, answer: { readonly bytes: Uint8Array; readonly summary: string } | undefined, now: Instant) {
    const { bytes, summary } = answer ?? {};
    const kept = bytes === undefined || summary === undefined ? undefined : { bytes, summary };
    const last = Math.ceil(now);
    const known = this.#find(digest);
    if (known === undefined) {
      const others = this.#answers.length < MAX_REMEMBERED ? this.#answers : this.#answers.slice(1);
      this.#answers = others.concat({ digest, answer: kept, repeats: 0, last });
    } else {
      known.answer = kept;
      known.repeats = 0;
      known.last = last;
    }
  }

  /** The peer has all answers so far, as what it said next shows: a duplicate now is one of the network. */
  arrived(): void {
    for (const answered of this.#answers) answered.answer = undefined;
  }

  /** The answer to repeat, at a bounded rate; undefined to stay silent. */
  repeat(digest: string, now: Instant): { readonly bytes: Uint8Array; readonly summary: string } | undefined {
    const answered = this.#find(digest);
    if (answered?.answer === undefined) return undefined;
    if (answered.repeats >= MAX_ANSWER_REPEATS || now - answered.last < ANSWER_REPEAT_GAP) return undefined;
    answered.repeats++;
    answered.last = Math.ceil(now);
    return answered.answer;
  }

  #find(digest: string): Answered | undefined {
    for (const answered of this.#answers) if (answered.digest === digest) return answered;
    return undefined;
  }
}

const NONE: readonly Answered[] = [];
