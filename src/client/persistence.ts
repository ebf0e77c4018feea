/**
 * What a client does when its connection is lost or its network changes: try again, when, and when to give up. It
 * decides alone; its owner makes the connections and tells how they went.
 */

import { type Core, type Environment, type Failure, type Instant, type Milliseconds, Timers } from '../core/index.ts';

export interface RetrySettings {
  /** False: the first loss is the end. */
  readonly persist: boolean;
  /** The first wait after a failed try; it doubles with each. Default 1 s. */
  readonly first: Milliseconds;
  /** The longest wait. Default 60 s. */
  readonly most: Milliseconds;
  /** Goes on after reasons too that time does not cure. Default false. */
  readonly always: boolean;
}

export type PersistenceInput =
  | { readonly type: 'start' }
  /** The connection of the last `try` is up. */
  | { readonly type: 'up' }
  /** The connection of the last `try` is over, or never began. */
  | { readonly type: 'lost'; readonly reason: Failure }
  /** Links, addresses or routes changed. `way`: what became of the way that the connection takes. */
  | { readonly type: 'networkChanged'; readonly way: 'same' | 'gone' }
  /** The host slept. */
  | { readonly type: 'resumed'; readonly slept: Milliseconds }
  | { readonly type: 'stop'; readonly reason: Failure };

export type PersistenceOutput =
  /** Connect. `sameServer` false: by the next of the server's addresses, the last one did not answer. */
  | { readonly type: 'try'; readonly number: number; readonly sameServer: boolean }
  /** The next try follows in this time. */
  | { readonly type: 'wait'; readonly milliseconds: Milliseconds; readonly reason: Failure }
  /** Ask the server at once; without an answer in this time the connection is lost. */
  | { readonly type: 'probe'; readonly within: Milliseconds; readonly why: string }
  /** Give the connection up at once, without a goodbye that could not arrive; no `lost` is to follow. */
  | { readonly type: 'drop'; readonly reason: Failure }
  /** Say goodbye to the server; `lost` follows. */
  | { readonly type: 'disconnect'; readonly reason: Failure }
  | { readonly type: 'end'; readonly reason: Failure };

export const DEFAULT_RETRY: RetrySettings = { persist: false, first: 1000, most: 60_000, always: false };

/** How long a probe waits for its answer. */
const PROBE_WITHIN: Milliseconds = 5000;
/** A change of the network comes in many messages; they are waited for. */
const SETTLE: Milliseconds = 500;
/** A connection that stood shorter than this does not make the next wait short again. */
const STABLE: Milliseconds = 10_000;

/** What time does not cure, and how many tries in a row it may end before it is believed. */
const FATAL: Readonly<Record<string, number>> = {
  'authentication-failed': 1,
  'authentication-refused': 1,
  'server-authentication-failed': 1,
  'no-common-authentication': 1,
  'no-proposal-chosen': 1,
  'wrong-identity': 1,
  'invalid-selectors': 1,
  'aggressive-mode-refused': 1,
  'no-privilege': 1,
  'no-tun': 1,
  'no-ffi': 1,
  'resolver-owned': 1,
  'kill-switch-failed': 1,
  // A damaged or foreign answer looks the same as another key.
  'psk-mismatch': 3,
};

/** What ended a connection that stood, but carried nothing: however long it did, the next wait is not short again. */
const OF_NO_USE: readonly string[] = ['child-sas-deleted'];

type State = 'idle' | 'connecting' | 'up' | 'waiting' | 'stopping' | 'ended';

export class Persistence implements Core<PersistenceInput, PersistenceOutput> {
  readonly #settings: RetrySettings;
  readonly #environment: Environment;
  readonly #timers = new Timers<'retry' | 'settle' | 'stable'>();
  #state: State = 'idle';
  #tries = 0;
  /** Waits since the connection was last stable. */
  #waits = 0;
  /** The same as the connection came up. */
  #waitsBefore = 0;
  #sameServer = true;
  #fatal: { readonly code: string; readonly times: number } | undefined;
  #stopped: Failure | undefined;

  /** @param environment its randomness spreads the clients of a server that comes back */
  constructor(settings: Partial<RetrySettings>, environment: Environment) {
    this.#settings = { ...DEFAULT_RETRY, ...settings };
    this.#environment = environment;
  }

  get deadline(): Instant | undefined {
    return this.#timers.deadline;
  }

  command(input: PersistenceInput, now: Instant): readonly PersistenceOutput[] {
    if (this.#state === 'ended') return [];
    switch (input.type) {
      case 'start':
        return this.#state === 'idle' ? this.#try() : [];
      case 'up':
        return this.#up(now);
      case 'lost':
        return this.#lost(input.reason, now);
      case 'networkChanged':
        return this.#networkChanged(input.way, now);
      case 'resumed':
        return this.#resumed(now);
      case 'stop':
        return this.#stop(input.reason);
    }
  }

  expire(now: Instant): readonly PersistenceOutput[] {
    const due = this.#timers.due(now);
    if (due.includes('stable')) this.#waits = 0;
    if (due.includes('settle')) return this.#settled();
    return due.includes('retry') ? this.#try() : [];
  }

  #try(): PersistenceOutput[] {
    this.#timers.clear('retry');
    this.#timers.clear('settle');
    this.#state = 'connecting';
    this.#tries++;
    return [{ type: 'try', number: this.#tries, sameServer: this.#sameServer }];
  }

  #up(now: Instant): PersistenceOutput[] {
    if (this.#state !== 'connecting') return [];
    this.#state = 'up';
    this.#waitsBefore = this.#waits;
    this.#fatal = undefined;
    this.#sameServer = true;
    this.#timers.set('stable', now + STABLE);
    return [];
  }

  #lost(reason: Failure, now: Instant): PersistenceOutput[] {
    if (this.#state === 'stopping') return this.#end(this.#stopped ?? reason);
    if (this.#state !== 'connecting' && this.#state !== 'up') return [];
    if (!this.#settings.persist || this.#isFatal(reason)) return this.#end(reason);
    const wasUp = this.#state === 'up';
    if (wasUp && OF_NO_USE.includes(reason.code)) this.#waits = this.#waitsBefore;
    this.#sameServer = wasUp;
    return this.#wait(reason, now);
  }

  #wait(reason: Failure, now: Instant): PersistenceOutput[] {
    const { first, most } = this.#settings;
    const whole = Math.min(most, first * 2 ** Math.min(this.#waits, 30));
    this.#waits++;
    const milliseconds = Math.round(whole * (0.5 + 0.5 * this.#draw()));
    this.#state = 'waiting';
    this.#timers.clearAll();
    this.#timers.set('retry', now + milliseconds);
    return [{ type: 'wait', milliseconds, reason }];
  }

  /** Counts how often in a row the same reason ended a try. */
  #isFatal({ code }: Failure): boolean {
    const allowed = Object.hasOwn(FATAL, code) ? FATAL[code] : undefined;
    if (allowed === undefined || this.#settings.always) {
      this.#fatal = undefined;
      return false;
    }
    const times = this.#fatal?.code === code ? this.#fatal.times + 1 : 1;
    this.#fatal = { code, times };
    return times >= allowed;
  }

  #networkChanged(way: 'same' | 'gone', now: Instant): PersistenceOutput[] {
    const connected = this.#state === 'up' || this.#state === 'connecting';
    if (connected && way === 'gone') {
      const reason = { code: 'network-changed', reason: 'The address or route that the connection used is gone.' };
      if (!this.#settings.persist) return [{ type: 'drop', reason }, ...this.#end(reason)];
      this.#waits = 0;
      return [{ type: 'drop', reason }, ...this.#wait(reason, now)];
    }
    if (this.#state === 'up' || this.#state === 'waiting') this.#timers.set('settle', now + SETTLE);
    return [];
  }

  /** The network is quiet again after a change. */
  #settled(): PersistenceOutput[] {
    if (this.#state === 'up') return [{ type: 'probe', within: PROBE_WITHIN, why: 'The network changed.' }];
    if (this.#state !== 'waiting') return [];
    this.#waits = 0;
    return this.#try();
  }

  #resumed(now: Instant): PersistenceOutput[] {
    if (this.#state === 'up') return [{ type: 'probe', within: PROBE_WITHIN, why: 'The host was suspended.' }];
    if (this.#state === 'waiting') this.#timers.set('settle', now + SETTLE);
    return [];
  }

  #stop(reason: Failure): PersistenceOutput[] {
    if (this.#state === 'stopping') return [];
    if (this.#state !== 'connecting' && this.#state !== 'up') return this.#end(reason);
    this.#state = 'stopping';
    this.#stopped = reason;
    this.#timers.clearAll();
    return [{ type: 'disconnect', reason }];
  }

  #end(reason: Failure): PersistenceOutput[] {
    this.#state = 'ended';
    this.#timers.clearAll();
    return [{ type: 'end', reason }];
  }

  /** From 0 to below 1. */
  #draw(): number {
    const [high = 0, low = 0] = this.#environment.random(2);
    return (high * 256 + low) / 65_536;
  }
}
