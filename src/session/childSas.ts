/**
 * What a connection asks of IKE about its ESP SAs: their renewal, their end, another one. An IKE SA of IKEv2 may stand
 * without any for a while. RFC 7296 §1.4.1, §2.8; RFC 6023.
 */

import type { Failure, Instant, Milliseconds } from '../core/index.ts';
import type { DataPlaneEvent } from '../dataplane/messages.ts';
import type { ChildClosed, IkeEstablished } from '../ike/output.ts';
import { DELETED_EACH, EXHAUSTED, NO_CHILD, noneSince, USED_UP } from './connectionFailures.ts';
import { failureText, sessionEntry } from './log.ts';
import type { ConnectionOutput } from './output.ts';
import type { Path } from './path.ts';
import type { SessionRecord } from './record.ts';

/** Who deletes so many in a row, each within this time, does not want the connection. */
const MOST_SHORT_LIVED = 5;
const SHORT_LIVED: Milliseconds = 10_000;

export class ChildSas {
  readonly #path: Path;
  readonly #record: SessionRecord;
  readonly #patience: Milliseconds;
  /** IKEv1 has no use for an IKE SA whose last child the peer deletes; IKEv2's peers make another one. */
  #mayHaveNone = false;
  #why: Failure = NO_CHILD;
  #until: Instant | undefined;
  /** Since when there has been one without a break. */
  #since: Instant | undefined;
  /** How often in a row the peer has deleted the last one before long. */
  #shortLived = 0;

  /** @param patience how long there may be none */
  constructor(path: Path, record: SessionRecord, patience: Milliseconds) {
    this.#path = path;
    this.#record = record;
    this.#patience = patience;
  }

  get deadline(): Instant | undefined {
    return this.#until;
  }

  ikeEstablished({ version }: IkeEstablished, now: Instant): void {
    this.#mayHaveNone = version === 2;
    if (this.#mayHaveNone && this.#path.children === 0) this.#until = now + this.#patience;
  }

  /** There is one. */
  established(now: Instant): void {
    this.#until = undefined;
    this.#since ??= now;
  }

  /** One has carried what it may, or nearly so. */
  expiring({ inboundSpi, why }: Extract<DataPlaneEvent, { type: 'saExpiring' }>): ConnectionOutput[] {
    const child = this.#path.childOf(inboundSpi);
    if (child === undefined) return [];
    if (why === 'bytes' || why === 'sequence') return [{ type: 'ikeChild', command: { type: 'renewChild', child } }];
    const reason = why === 'exhausted' ? EXHAUSTED : USED_UP;
    return [
      sessionEntry(this.#record, 'warn', 'sa-used-up', failureText(reason)),
      { type: 'ikeChild', command: { type: 'closeChild', child, reason } },
    ];
  }

  /** The last one is gone. @returns why nothing is to be waited for, or what is done meanwhile: a client asks for another */
  lastClosed({ ikeSa, reason }: ChildClosed, isClosing: boolean, now: Instant): ConnectionOutput[] | Failure {
    if (!this.#mayHaveNone || isClosing) return reason;
    const isShortLived = reason.code === 'peer-deleted' && this.#since !== undefined && now < this.#since + SHORT_LIVED;
    this.#shortLived = isShortLived ? this.#shortLived + 1 : 0;
    this.#since = undefined;
    this.#why = noneSince(reason);
    this.#until = now + this.#patience;
    if (this.#record.role !== 'client') return [];
    if (this.#shortLived >= MOST_SHORT_LIVED) return DELETED_EACH;
    return [{ type: 'ikeChild', command: { type: 'createChild', ikeSa } }];
  }

  /** @returns why the connection is over, where there has been none for too long */
  expire(now: Instant): Failure | undefined {
    if (this.#until === undefined || now < this.#until) return undefined;
    this.#until = undefined;
    return this.#why;
  }
}
