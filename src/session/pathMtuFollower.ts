/** The PPP sessions of a connection ask their common path what it carries, and follow what it answers. RFC 8899 §4. */

import type { Instant } from '../core/index.ts';
import { IPV6_LEAST_MTU } from '../net/index.ts';
import type { ConnectionParts, PathPlan, PathShape } from './connectionParts.ts';
import { type ConnectionOutput, toDataPlane } from './output.ts';
import type { Path } from './path.ts';
import type { TooBig } from './pathMtu.ts';
import { largestProbe, probeAnswered, probeFrame } from './pathMtuProbe.ts';
import { innerPathOf } from './pppIpv6.ts';
import type { PppSession } from './pppSession.ts';
import { trafficOf } from './traffic.ts';

export class PathMtuFollower {
  readonly #parts: ConnectionParts;
  readonly #path: Path;
  readonly #sessions: ReadonlyMap<string, PppSession>;
  /** Identifier of the last probe, and the packets that had gone to peers then. */
  #probes = 0;
  #sentBefore = 0;

  /** @param sessions those that are, as they come and go */
  constructor(parts: ConnectionParts, path: Path, sessions: ReadonlyMap<string, PppSession>) {
    this.#parts = parts;
    this.#path = path;
    this.#sessions = sessions;
  }

  /** What fits into the path as it is known now. */
  plan(shape: PathShape): PathPlan {
    const { mtu, mss } = this.#parts.planPath(shape, this.#path.pathMtu.mtu);
    return { mtu, mss: Math.min(mss, shape.lcp.localMru - IPV4_AND_TCP_HEADERS) };
  }

  /** A session of that shape is up. */
  begin(shape: PathShape, now: Instant): void {
    const { most, discovery } = this.#parts.pathMtu;
    if (discovery) this.#path.pathMtu.begin(largestProbe(most, shape), now);
  }

  /** @returns undefined for a frame that answers no probe */
  received(frame: Uint8Array, now: Instant): ConnectionOutput[] | undefined {
    if (!this.#parts.pathMtu.discovery) return undefined;
    const size = probeAnswered(frame);
    if (size === undefined) return undefined;
    this.#path.pathMtu.answered(size, now);
    return this.follow(now);
  }

  tooBig(error: TooBig, now: Instant): ConnectionOutput[] {
    this.#path.pathMtu.tooBig(error, now);
    return this.follow(now);
  }

  /** Sends the probe that is due, through any session. */
  expire(now: Instant): ConnectionOutput[] {
    const { pathMtu } = this.#path;
    if (pathMtu.deadline === undefined || pathMtu.deadline > now) return [];
    const sent = this.#sentToPeers();
    const size = pathMtu.expire(now, sent !== this.#sentBefore);
    const out = this.follow(now);
    if (size === undefined) return out;
    this.#sentBefore = sent;
    const { channel, encodeFrame } = this.#parts;
    for (const { shape, call } of this.#open()) {
      this.#probes = (this.#probes + 1) & 0xff;
      const bytes = encodeFrame(call, probeFrame(size, this.#now(shape!), this.#probes));
      return [...out, toDataPlane({ type: 'sendL2tp', channel, bytes, dontFragment: true })];
    }
    return out;
  }

  /** The sessions, and who waits for news of them, follow what is known by now. */
  follow(now: Instant): ConnectionOutput[] {
    const open = this.#open();
    return this.#path.pathMtu.follow(
      {
        records: open.map(({ record }) => record),
        replan: () => open.flatMap((session) => this.#replan(session)),
        // IPv6 must be given 1280 bytes, which a narrow path carries in fragments alone.
        mayHold: () => open.every(({ ipv6, plan }) => ipv6 === undefined || plan!.mtu >= IPV6_LEAST_MTU),
      },
      now,
    );
  }

  #open(): PppSession[] {
    return [...this.#sessions.values()].filter(({ slot, shape }) => slot !== undefined && shape !== undefined);
  }

  /** The peer may have moved since the session came up. */
  #now(shape: PathShape): PathShape {
    const { encapsulation = 'none' } = this.#parts.record;
    return { ...shape, remote: this.#path.remote, encapsulation };
  }

  #sentToPeers(): number {
    return this.#open().reduce((sum, session) => sum + trafficOf(this.#parts.counters, session).packetsToPeer, 0);
  }

  #replan(session: PppSession): ConnectionOutput[] {
    const { slot, shape, plan: before } = session;
    const plan = this.plan(this.#now(shape!));
    if (plan.mtu === before?.mtu && plan.mss === before.mss) return [];
    session.plan = plan;
    return [
      toDataPlane({ type: 'changeSession', slot: slot!, inner: innerPathOf(session) }),
      { type: 'mtuChanged', session, mtu: plan.mtu },
    ];
  }
}

const IPV4_AND_TCP_HEADERS = 40;
