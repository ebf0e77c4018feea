/** How one configuration option is declared: its wire form, and the policy of both ends' wishes. RFC 1661 §5.1-5.4, §6. */

import type { Codec } from '../../wire/index.ts';

/** What is done with an option that the peer asks for. */
export type Verdict<Value> =
  | 'ack'
  | 'reject'
  /** A value that we would take. `alone`: nothing else of the request is answered (loop detection needs that). */
  | { readonly nak: Value; readonly alone?: true };

/** @typeParam Context what the protocol that negotiates knows: its configuration, and what it learns on the way */
export interface Option<Context, Value> {
  readonly type: number;
  /** As it stands in traces. */
  readonly name: string;
  readonly codec: Codec<Value>;
  /** The value as it stands in traces; the name alone where there is none. */
  text?(value: Value): string;
  /** What we ask for; undefined leaves the option out. Never called again once the peer rejected the option. */
  request(context: Context): Value | undefined;
  /** The peer suggests another value for ours. */
  naked?(context: Context, suggested: Value): void;
  /** The peer refused the option itself. */
  rejected?(context: Context): void;
  judge(context: Context, asked: Value): Verdict<Value>;
  /** What the peer should have asked for and did not; it is suggested in a Configure-Nak. */
  missing?(context: Context): Value | undefined;
}

/** An option of any value; a table of options holds these. */
// biome-ignore lint/suspicious/noExplicitAny: each option is consistent in itself, the table does not look inside
export type AnyOption<Context> = Option<Context, any>;

/** No bytes at all: the option's presence says everything. */
export const flag: Codec<true> = { read: () => true, write: () => {} };
