/**
 * What a connection asks of IKE about its ESP SAs: their renewal, their end, another one. An IKE SA of IKEv2 may stand
 * without any for a while. RFC 7296 §1.4.1, §2.8; RFC 6023.
 */

import type { Failure, Instant, Milliseconds } from '../core/index.ts';
import type { DataPlaneEvent } from '../dataplane/messages.ts';
import type { ChildClosed, IkeEstablished } from '../ike/output.ts';
import { EXHAUSTED, NO_CHILD, noneSince, USED_UP } from './connectionFailures.ts';
import { failureText, sessionEntry } from './log.ts';
import type { ConnectionOutput } from './output.ts';
import type { Path } from './path.ts';
import type { SessionRecord } from './record.ts';

export class ChildSas {
  readonly #path: Path;
  readonly #record: SessionRecord;
  readonly #patience: Milliseconds;
  /** IKEv1 has no use for an IKE SA whose last child the peer deletes; IKEv2's peers make another one. */
  #mayHaveNone = false;
  #why: Failure = NO_CHILD;
  #until: Instant | undefined;

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
  established(): void {
    this.#until = undefined;
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

  /** The last one is gone. @returns undefined where nothing is to be waited for; a client asks for another one */
  lastClosed({ ikeSa, reason }: ChildClosed, isClosing: boolean, now: Instant): ConnectionOutput[] | undefined {
    if (!this.#mayHaveNone || isClosing) return undefined;
    this.#why = noneSince(reason);
    this.#until = now + this.#patience;
    return this.#record.role === 'client' ? [{ type: 'ikeChild', command: { type: 'createChild', ikeSa } }] : [];
  }

  /** @returns why the connection is over, where there has been none for too long */
  expire(now: Instant): Failure | undefined {
    if (this.#until === undefined || now < this.#until) return undefined;
    this.#until = undefined;
    return this.#why;
  }
}
