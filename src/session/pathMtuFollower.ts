/** The sessions of a connection ask their common path what it carries, and follow what it answers. RFC 8899 §4. */

import type { Instant } from '../core/index.ts';
import type { InnerPath } from '../dataplane/messages.ts';
import { IPV6_LEAST_MTU } from '../net/index.ts';
import type { ConnectionParts, PathPlan } from './connectionParts.ts';
import { type ConnectionOutput, toDataPlane } from './output.ts';
import type { Path } from './path.ts';
import type { TooBig } from './pathMtu.ts';
import { packetsToPeerOf } from './traffic.ts';
import type { UserSession } from './userSession.ts';

/** A session that is up. */
export interface PathUser extends UserSession {
  /** What the data plane was told last. */
  plan?: PathPlan;
}

/** What differs between sessions over L2TP and those of tunnel mode. */
export interface PathUsers<Session extends PathUser> {
  /** Those that are up. */
  open(): readonly Session[];
  /** What fits into the path as it is known now. */
  plan(session: Session): PathPlan;
  inner(session: Session): InnerPath;
  carriesIpv6(session: Session): boolean;
  /** Sends an outer packet of `size` bytes whole, through any session, which the peer answers. */
  probe(size: number, session: Session): ConnectionOutput;
}

export class PathMtuFollower<Session extends PathUser> {
  readonly #parts: ConnectionParts;
  readonly #path: Path;
  readonly #users: PathUsers<Session>;
  /** The packets that had gone to peers when the last probe went. */
  #sentBefore = 0;

  constructor(parts: ConnectionParts, path: Path, users: PathUsers<Session>) {
    this.#parts = parts;
    this.#path = path;
    this.#users = users;
  }

  /** @param size of the probe that was answered @param proved bytes that it had, where that was less */
  answered(size: number, now: Instant, proved = size): ConnectionOutput[] {
    this.#path.pathMtu.answered(size, now, proved);
    return this.follow(now);
  }

  tooBig(error: TooBig, now: Instant): ConnectionOutput[] {
    this.#path.pathMtu.tooBig(error, now);
    return this.follow(now);
  }

  /** Sends the probe that is due. */
  expire(now: Instant): ConnectionOutput[] {
    const { pathMtu } = this.#path;
    if (!pathMtu.mayExpire(now)) return [];
    const open = this.#users.open();
    const [session] = open;
    if (session === undefined) return [];
    const { counters } = this.#parts;
    const sent = open.reduce((sum, one) => sum + packetsToPeerOf(counters, one), 0);
    const wasSettled = pathMtu.isSettled;
    const size = pathMtu.expire(now, sent !== this.#sentBefore);
    // An idle path is left alone, and nobody has anything to follow.
    if (size === undefined && wasSettled && pathMtu.isSettled) return [];
    const out = this.follow(now);
    if (size === undefined) return out;
    this.#sentBefore = sent;
    return [...out, this.#users.probe(size, session)];
  }

  /** The sessions, and who waits for news of them, follow what is known by now. */
  follow(now: Instant): ConnectionOutput[] {
    const users = this.#users;
    const open = users.open();
    return this.#path.pathMtu.follow(
      {
        records: open.map(({ record }) => record),
        replan: () => open.flatMap((session) => this.#replan(session)),
        // IPv6 must be given 1280 bytes, which a narrow path carries in fragments alone.
        mayHold: () => open.every((session) => !users.carriesIpv6(session) || session.plan!.mtu >= IPV6_LEAST_MTU),
      },
      now,
    );
  }

  #replan(session: Session): ConnectionOutput[] {
    const { slot, plan: before } = session;
    const plan = this.#users.plan(session);
    if (plan.mtu === before?.mtu && plan.mss === before.mss) return [];
    session.plan = plan;
    return [
      toDataPlane({ type: 'changeSession', slot: slot!, inner: this.#users.inner(session) }),
      { type: 'mtuChanged', session, mtu: plan.mtu },
    ];
  }
}
