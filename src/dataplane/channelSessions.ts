/** The sessions of one channel by their ids: mostly one, for which a Map would weigh as much as the session's own fields. */

import type { Session } from './session.ts';

export class ChannelSessions {
  #first: Session | undefined;
  #others: Map<number, Session> | undefined;

  /** @param ids our tunnel and session id, as the peer writes them */
  get(ids: number): Session | undefined {
    const first = this.#first;
    if (first !== undefined && first.ids === ids) return first;
    return this.#others?.get(ids);
  }

  /** Takes the place of one with the same ids. */
  add(session: Session): void {
    if (this.#first === undefined || this.#first.ids === session.ids) {
      this.#first = session;
      this.#others?.delete(session.ids);
      return;
    }
    this.#others ??= new Map();
    this.#others.set(session.ids, session);
  }

  delete(ids: number): void {
    if (this.#first?.ids === ids) this.#first = undefined;
    else this.#others?.delete(ids);
  }

  *[Symbol.iterator](): Generator<Session> {
    if (this.#first !== undefined) yield this.#first;
    if (this.#others !== undefined) yield* this.#others.values();
  }
}
