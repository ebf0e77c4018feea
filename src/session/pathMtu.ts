/**
 * What one peer's path is found to carry, and what follows: DF on the channel, the record, the timeline.
 * RFC 8899 §4; RFC 2923 tells what goes wrong without.
 */

import type { Instant } from '../core/index.ts';
import type { ChannelId, DataPlaneEvent } from '../dataplane/messages.ts';
import { milestoneEntry } from './log.ts';
import { type ConnectionOutput, toDataPlane } from './output.ts';
import { PATH_MTU_FLOOR, PathMtuSearch } from './pathMtuSearch.ts';
import type { SessionRecord } from './record.ts';

export interface PathMtuRules {
  /** What is configured: no packet is ever larger. Bytes of the outer IP packet. */
  readonly most: number;
  /** Whether the path is asked; else the most holds, and packets are fragmented where it is too much. */
  readonly discovery: boolean;
}

export interface PathMtuFollowers {
  readonly records: readonly SessionRecord[];
  /** Makes the sessions follow. */
  readonly replan: () => ConnectionOutput[];
  /** Whether all that is sent fits then. */
  readonly mayHold: () => boolean;
}

export type TooBig = Extract<DataPlaneEvent, { type: 'pathMtu' }>;

export class PathMtu {
  readonly #channel: ChannelId;
  readonly #rules: PathMtuRules;
  #search: PathMtuSearch | undefined;
  #dontFragment = false;
  /** What was told of last, and why it is what it is. */
  #told = '';
  #why = 'probed';

  constructor(channel: ChannelId, rules: PathMtuRules) {
    this.#channel = channel;
    this.#rules = rules;
  }

  /** Bytes of the largest outer packet, by what is known now. */
  get mtu(): number {
    return Math.min(this.#rules.most, this.#search?.mtu ?? this.#rules.most);
  }

  get deadline(): Instant | undefined {
    return this.#search?.deadline;
  }

  /** Whether a size is proved and none is looked for. */
  get isSettled(): boolean {
    return this.#search?.state === 'proved' && !this.#search.isSearching;
  }

  /** Whether `expire` has something to do already. */
  mayExpire(now: Instant): boolean {
    return this.#search?.mayExpire(now) ?? false;
  }

  /** A session is up through which can be probed. @param largest outer packet that the peer can be asked for, bytes */
  begin(largest: number, now: Instant): void {
    if (!this.#rules.discovery || this.#search !== undefined) return;
    const most = Math.min(largest, this.#rules.most);
    if (most > 0) this.#search = new PathMtuSearch({ floor: Math.min(PATH_MTU_FLOOR, most), most }, now);
  }

  /** No session is left. */
  end(): void {
    this.#search = undefined;
    this.#told = '';
  }

  /** The path is another one. The channel fragments again by itself. */
  moved(now: Instant): void {
    this.#dontFragment = false;
    this.#told = '';
    this.#why = 'probed';
    this.#search?.restart(now);
  }

  /** @returns the size of the probe to send now */
  expire(now: Instant, isUsed: boolean): number | undefined {
    const search = this.#search;
    if (search === undefined) return undefined;
    const before = search.state;
    const size = search.expire(now, isUsed);
    if (before === 'proved' && search.state === 'unproved') this.#why = 'large packets were lost';
    return size;
  }

  /** @param proved bytes that the probe had, where that was less than it should */
  answered(size: number, now: Instant, proved = size): void {
    this.#search?.answered(size, now, proved);
  }

  tooBig({ mtu, from }: TooBig, now: Instant): void {
    if (this.#search?.tooBig(mtu, now)) this.#why = from === undefined ? 'own device' : `ICMP from ${from}`;
  }

  /** What has changed since the last call. */
  follow({ records, replan, mayHold }: PathMtuFollowers, now: Instant): ConnectionOutput[] {
    const search = this.#search;
    if (search === undefined) return [];
    const { mtu, state } = search;
    const out = replan();
    const dontFragment = state === 'proved' && mayHold();
    if (dontFragment !== this.#dontFragment) {
      this.#dontFragment = dontFragment;
      out.push(toDataPlane({ type: 'setDontFragment', channel: this.#channel, dontFragment }));
    }
    // A search that goes on is no news.
    if (search.isSearching) return out;
    const detail = state === 'proved' ? `${mtu} (${this.#why})` : `${mtu} at most, not proved (${this.#why})`;
    for (const record of records) record.pathMtu = mtu;
    if (detail === this.#told) return out;
    this.#told = detail;
    if (state === 'proved') this.#why = 'probed';
    for (const record of records) out.push(milestoneEntry(record, 'path MTU', now, detail));
    return out;
  }
}
