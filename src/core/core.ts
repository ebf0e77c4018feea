/**
 * The one face that every protocol layer shows: bytes, commands and time go in, outputs come out.
 * A core does no I/O, knows no clock and draws no randomness of its own; see docs/ARCHITECTURE.md.
 */

/** Milliseconds on a monotonic clock. Only differences have a meaning. */
export type Instant = number;

/** A span of time in milliseconds. */
export type Milliseconds = number;

/** One end of a UDP conversation. `address` is canonical text: dotted IPv4, or RFC 5952 IPv6. */
export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

/** Which layer an output speaks for; also the `layer` field of the log. */
export type Layer = 'ike' | 'esp' | 'l2tp' | 'ppp' | 'eap' | 'net' | 'session' | 'gateway' | 'client' | 'driver';

/**
 * A protocol state machine. Every mutator returns all that follows from it, so there is nothing to forget to drain.
 * After each call the owner reads `deadline` again and calls `expire` when it is reached.
 */
export interface Core<Command, Output> {
  command(command: Command, now: Instant): readonly Output[];
  /** Runs what is due at `now`. Calling it early is harmless and returns nothing. */
  expire(now: Instant): readonly Output[];
  /** When `expire` must next be called; undefined while nothing waits for time. */
  readonly deadline: Instant | undefined;
}

/** What a core is handed instead of reaching for it. */
export interface Environment {
  /** `length` bytes from a cryptographic random source (in tests: from a seeded one). */
  random(length: number): Uint8Array;
  /** Nobody reads traces: none are made, which spares a busy gateway a tenth of its work. Default: they are made. */
  readonly untraced?: boolean;
}

/** A protocol message that was sent or received, in one line for people and for the timeline. */
export interface Trace {
  readonly type: 'trace';
  readonly layer: Layer;
  readonly direction: 'in' | 'out';
  /** The message in the RFC's words, e.g. `MAIN_MODE SA VID VID` or `SCCRQ Ns=0 Nr=0`. Never a secret. */
  readonly summary: string;
  /** Fields for the machine-readable log. Never a secret. */
  readonly fields?: Readonly<Record<string, unknown>>;
}

/** Input that was refused and ignored: counted by `code`, logged once per peer and rate. */
export interface Dropped {
  readonly type: 'dropped';
  readonly layer: Layer;
  /** Stable kebab-case code, e.g. `malformed`, `unknown-spi`, `bad-hash`. */
  readonly code: string;
  /** One sentence: what was wrong. */
  readonly reason: string;
  readonly remote?: Endpoint;
}

/** Why something ended, for people and for machines. */
export interface Failure {
  /** Stable kebab-case code, e.g. `no-proposal-chosen`, `psk-mismatch`, `authentication-failed`. */
  readonly code: string;
  /** What happened and why, in one sentence. */
  readonly reason: string;
  /** What to change, in one sentence. */
  readonly remedy?: string;
}
