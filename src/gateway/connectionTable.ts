/** The connections that stand, found by what the layers know of them. Every look-up is one map access. */

import type { Endpoint } from '../core/index.ts';
import type { ChannelId, SessionSlot } from '../dataplane/messages.ts';
import type { ChildSaId, IkeSaId } from '../ike/output.ts';
import type { Connection } from '../session/connection.ts';
import type { UserSession } from '../session/userSession.ts';

interface Row {
  /** One or two each, in lists that are never changed: a Set is heavy, and so is the room of a list that grows. */
  ikeSas: readonly IkeSaId[];
  children: readonly ChildSaId[];
  slots: readonly SessionSlot[];
  readonly plainFrom?: string;
}

export class ConnectionTable implements Iterable<Connection> {
  readonly #rows = new Map<Connection, Row>();
  readonly #byIkeSa = new Map<IkeSaId, Connection>();
  readonly #byChild = new Map<ChildSaId, Connection>();
  readonly #byChannel = new Map<ChannelId, Connection>();
  readonly #bySlot = new Map<SessionSlot, { connection: Connection; session: UserSession }>();
  readonly #plainFrom = new Map<string, number>();
  #plain = 0;

  get size(): number {
    return this.#rows.size;
  }

  /** How many sessions the data plane carries. */
  get slots(): number {
    return this.#bySlot.size;
  }

  [Symbol.iterator](): Iterator<Connection> {
    return this.#rows.keys();
  }

  /** @param plainFrom the peer's endpoint, for a connection without IPsec */
  add(connection: Connection, plainFrom?: Endpoint): void {
    const empty = { ikeSas: NONE, children: NONE, slots: NONE };
    this.#rows.set(connection, plainFrom === undefined ? empty : { ...empty, plainFrom: plainFrom.address });
    this.#byChannel.set(connection.channel, connection);
    if (plainFrom === undefined) return;
    this.#plain++;
    this.#plainFrom.set(plainFrom.address, this.plainFrom(plainFrom) + 1);
  }

  addIkeSa(connection: Connection, ikeSa: IkeSaId): void {
    this.#byIkeSa.set(ikeSa, connection);
    addTo(this.#rows.get(connection), 'ikeSas', ikeSa);
  }

  addChild(connection: Connection, child: ChildSaId): void {
    this.#byChild.set(child, connection);
    addTo(this.#rows.get(connection), 'children', child);
  }

  addSlot(connection: Connection, session: UserSession, slot: SessionSlot): void {
    this.#bySlot.set(slot, { connection, session });
    addTo(this.#rows.get(connection), 'slots', slot);
  }

  byIkeSa(ikeSa: IkeSaId): Connection | undefined {
    return this.#byIkeSa.get(ikeSa);
  }

  byChild(child: ChildSaId): Connection | undefined {
    return this.#byChild.get(child);
  }

  byChannel(channel: ChannelId): Connection | undefined {
    return this.#byChannel.get(channel);
  }

  bySlot(slot: SessionSlot): { connection: Connection; session: UserSession } | undefined {
    return this.#bySlot.get(slot);
  }

  ikeSasOf(connection: Connection): readonly IkeSaId[] {
    return this.#rows.get(connection)?.ikeSas ?? NONE;
  }

  /** How many connections without IPsec stand. */
  get plain(): number {
    return this.#plain;
  }

  plainFrom(source: Endpoint): number {
    return this.#plainFrom.get(source.address) ?? 0;
  }

  removeIkeSa(ikeSa: IkeSaId): void {
    const connection = this.#byIkeSa.get(ikeSa);
    this.#byIkeSa.delete(ikeSa);
    if (connection !== undefined) removeFrom(this.#rows.get(connection), 'ikeSas', ikeSa);
  }

  removeChild(child: ChildSaId): void {
    const connection = this.#byChild.get(child);
    this.#byChild.delete(child);
    if (connection !== undefined) removeFrom(this.#rows.get(connection), 'children', child);
  }

  remove(connection: Connection): void {
    const row = this.#rows.get(connection);
    if (row === undefined) return;
    this.#rows.delete(connection);
    this.#byChannel.delete(connection.channel);
    for (const ikeSa of row.ikeSas) this.#byIkeSa.delete(ikeSa);
    for (const child of row.children) this.#byChild.delete(child);
    for (const slot of row.slots) if (this.#bySlot.get(slot)?.connection === connection) this.#bySlot.delete(slot);
    if (row.plainFrom === undefined) return;
    this.#plain--;
    const left = (this.#plainFrom.get(row.plainFrom) ?? 1) - 1;
    if (left === 0) this.#plainFrom.delete(row.plainFrom);
    else this.#plainFrom.set(row.plainFrom, left);
  }
}

const NONE: readonly number[] = [];

type List = 'ikeSas' | 'children' | 'slots';

function addTo(row: Row | undefined, list: List, id: number): void {
  if (row !== undefined && !row[list].includes(id)) row[list] = row[list].concat(id);
}

function removeFrom(row: Row | undefined, list: List, id: number): void {
  if (row !== undefined) row[list] = row[list].filter((other) => other !== id);
}
