/** Makes the records and connections of peers that are new, each under an id, a channel and in the table. */

import type { Endpoint, Instant } from '../core/index.ts';
import type { ChannelId } from '../dataplane/messages.ts';
import type { CommonParts } from '../session/commonParts.ts';
import { Connection } from '../session/connection.ts';
import type { StackEnvironment } from '../session/environment.ts';
import { SessionRecord } from '../session/record.ts';
import { newSessionId } from '../session/sessionId.ts';
import { Slots } from '../session/slots.ts';
import type { ConnectionTable } from './connectionTable.ts';

export class ConnectionMaker {
  readonly #environment: StackEnvironment;
  readonly #common: CommonParts;
  readonly #connections: ConnectionTable;
  readonly #slots: Slots;
  readonly #newId = () => newSessionId(this.#environment);
  #nextChannel: ChannelId = 1;

  constructor(environment: StackEnvironment, common: CommonParts, connections: ConnectionTable, mostSessions: number) {
    this.#environment = environment;
    this.#common = common;
    this.#connections = connections;
    this.#slots = new Slots(mostSessions);
  }

  /** A channel for a few messages, without a connection. */
  newChannel(): ChannelId {
    return this.#nextChannel++;
  }

  newRecord(local: Endpoint, remote: Endpoint, now: Instant): SessionRecord {
    const environment = this.#environment;
    return new SessionRecord(newSessionId(environment), 'gateway', local, remote, now, environment.unixTime());
  }

  /** @param plainFrom the peer's endpoint, for a connection without IPsec */
  newConnection(record: SessionRecord, plainFrom?: Endpoint): Connection {
    const { times, followPeers, reorder, counters, makeL2tp, makePpp, planPath, planTunnel, pathMtu, encodeFrame } =
      this.#common;
    // One by one: spread, each would be an object of a kind of its own.
    const connection = new Connection({
      times,
      followPeers,
      reorder,
      counters,
      makeL2tp,
      makePpp,
      planPath,
      planTunnel,
      pathMtu,
      encodeFrame,
      record,
      protectedPath: plainFrom === undefined,
      channel: this.newChannel(),
      slots: this.#slots,
      newId: this.#newId,
    });
    this.#connections.add(connection, plainFrom);
    return connection;
  }
}
