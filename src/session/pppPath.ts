/** The PPP sessions of a connection on their path: what fits into it, and probes by LCP Echo-Request. RFC 8899 §4. */

import type { Endpoint, Few, Instant } from '../core/index.ts';
import type { InnerPath } from '../dataplane/messages.ts';
import { encodeFrame as frameOf, Protocol } from '../ppp/frame.ts';
import { Code, encodePacket } from '../ppp/packet.ts';
import { Writer } from '../wire/index.ts';
import type { ConnectionParts, PathPlan, PathShape } from './connectionParts.ts';
import { type ConnectionOutput, toDataPlane } from './output.ts';
import type { Path } from './path.ts';
import type { PathUsers } from './pathMtuFollower.ts';
import { largestProbe, probeAnswered, probeFrame } from './pathMtuProbe.ts';
import { innerPathOf } from './pppIpv6.ts';
import type { PppSession, SessionKey } from './pppSession.ts';

const IPV4_AND_TCP_HEADERS = 40;

export class PppPath implements PathUsers<PppSession> {
  readonly #parts: ConnectionParts;
  readonly #path: Path;
  readonly #sessions: Few<SessionKey, PppSession>;
  /** Identifier of the last probe. */
  #probes = 0;

  /** @param sessions those that are, as they come and go */
  constructor(parts: ConnectionParts, path: Path, sessions: Few<SessionKey, PppSession>) {
    this.#parts = parts;
    this.#path = path;
    this.#sessions = sessions;
  }

  /** A session is up. */
  begin(session: PppSession, now: Instant): void {
    const { most, discovery } = this.#parts.pathMtu;
    if (discovery) this.#path.pathMtu.begin(largestProbe(most, session.shape!), now);
  }

  /** @returns the size of the probe that a frame answers; undefined for any other frame */
  answered(frame: Uint8Array): number | undefined {
    return this.#parts.pathMtu.discovery ? probeAnswered(frame) : undefined;
  }

  open(): PppSession[] {
    return this.#sessions.values().filter(({ slot, shape }) => slot !== undefined && shape !== undefined);
  }

  plan(session: PppSession): PathPlan {
    const shape = this.#shapeNow(session);
    const { mtu, mss } = this.#parts.planPath(shape, this.#path.pathMtu.mtu);
    return { mtu, mss: Math.min(mss, shape.lcp.localMru - IPV4_AND_TCP_HEADERS) };
  }

  inner(session: PppSession): InnerPath {
    return innerPathOf(session);
  }

  carriesIpv6({ ipv6 }: PppSession): boolean {
    return ipv6 !== undefined;
  }

  probe(size: number, session: PppSession): ConnectionOutput {
    const { channel, encodeFrame } = this.#parts;
    this.#probes = (this.#probes + 1) & 0xff;
    const bytes = encodeFrame(session.call, probeFrame(size, this.#shapeNow(session), this.#probes));
    return toDataPlane({ type: 'sendL2tp', channel, bytes, dontFragment: true });
  }

  /** Asks the peer at a place where it may be: any answer comes under its keys, and shows where it is. */
  askAt(remote: Endpoint): ConnectionOutput[] {
    const [session] = this.open();
    if (session === undefined) return [];
    const { channel, encodeFrame } = this.#parts;
    const data = new Writer().u32(session.shape!.lcp.localMagic).finish();
    this.#probes = (this.#probes + 1) & 0xff;
    const information = encodePacket({ code: Code.echoRequest, identifier: this.#probes, data });
    const bytes = encodeFrame(session.call, frameOf({ protocol: Protocol.LCP, information }));
    return [toDataPlane({ type: 'sendL2tp', channel, bytes, remote })];
  }

  /** The peer may have moved since the session came up. */
  #shapeNow({ shape }: PppSession): PathShape {
    const { encapsulation = 'none' } = this.#parts.record;
    return { ...shape!, remote: this.#path.remote, encapsulation };
  }
}
