/**
 * What threads say to each other most often, laid flat: one row of words, and the bytes of all records in one array.
 * A record that is cloned with its endpoints and bytes costs both threads several times as much.
 */

import type { Endpoint } from '../core/index.ts';
import type { DataPlaneEvent } from '../dataplane/messages.ts';
import type { WorkerCommand } from './workers/commandRouter.ts';

/** Records in their order, as plain values that cross a thread boundary. */
export interface Packed<Item> {
  /** Of each record its `Kind`, then what is written for it. */
  readonly words: readonly (number | string)[];
  /** What the records carry, behind each other. */
  readonly bytes: Uint8Array;
  /** Those of the kind `other`, as they are. */
  readonly others: readonly Item[];
}

/** Behind `l2tp` and `ike` stands how many bytes the record carries. */
const Kind = { other: 0, l2tp: 1, ike: 2 } as const;

export function packCommands(commands: readonly WorkerCommand[]): Packed<WorkerCommand> {
  const row = new Row<WorkerCommand>();
  for (const command of commands) {
    if (command.type === 'sendL2tp' && command.dontFragment === undefined && command.remote === undefined) {
      row.carrying(Kind.l2tp, command.bytes).push(command.channel);
    } else if (command.type === 'sendIke' && command.dontFragment === undefined) {
      putEndpoints(row.carrying(Kind.ike, command.bytes), command.local, command.remote);
    } else row.other(command);
  }
  return row.packed();
}

export function packEvents(events: readonly DataPlaneEvent[]): Packed<DataPlaneEvent> {
  const row = new Row<DataPlaneEvent>();
  for (const event of events) {
    if (event.type === 'ike') putEndpoints(row.carrying(Kind.ike, event.bytes), event.local, event.remote);
    else if (event.type === 'l2tp' && event.channel !== undefined) {
      const words = row.carrying(Kind.l2tp, event.bytes);
      words.push(event.channel);
      putEndpoints(words, event.local, event.remote);
    } else row.other(event);
  }
  return row.packed();
}

export function unpackCommands(packed: Packed<WorkerCommand>): WorkerCommand[] {
  const commands: WorkerCommand[] = [];
  for (const reading = new Reading(packed); !reading.atEnd; ) {
    const kind = reading.number();
    if (kind === Kind.other) commands.push(reading.other());
    else {
      const bytes = reading.bytes();
      if (kind === Kind.l2tp) commands.push({ type: 'sendL2tp', channel: reading.number(), bytes });
      else commands.push({ type: 'sendIke', local: reading.endpoint(), remote: reading.endpoint(), bytes });
    }
  }
  return commands;
}

export function unpackEvents(packed: Packed<DataPlaneEvent>): DataPlaneEvent[] {
  const events: DataPlaneEvent[] = [];
  for (const reading = new Reading(packed); !reading.atEnd; ) {
    const kind = reading.number();
    if (kind === Kind.other) events.push(reading.other());
    else {
      const bytes = reading.bytes();
      if (kind === Kind.ike) {
        events.push({ type: 'ike', local: reading.endpoint(), remote: reading.endpoint(), bytes });
      } else {
        const channel = reading.number();
        events.push({ type: 'l2tp', channel, local: reading.endpoint(), remote: reading.endpoint(), bytes });
      }
    }
  }
  return events;
}

class Row<Item> {
  readonly #words: (number | string)[] = [];
  readonly #others: Item[] = [];
  readonly #parts: Uint8Array[] = [];
  #length = 0;

  other(item: Item): void {
    this.#words.push(Kind.other);
    this.#others.push(item);
  }

  /** @returns where the rest of its words go */
  carrying(kind: number, bytes: Uint8Array): (number | string)[] {
    this.#parts.push(bytes);
    this.#length += bytes.length;
    this.#words.push(kind, bytes.length);
    return this.#words;
  }

  packed(): Packed<Item> {
    const bytes = new Uint8Array(this.#length);
    let at = 0;
    for (const part of this.#parts) {
      bytes.set(part, at);
      at += part.length;
    }
    return { words: this.#words, bytes, others: this.#others };
  }
}

class Reading<Item> {
  readonly #packed: Packed<Item>;
  #word = 0;
  #byte = 0;
  #other = 0;

  constructor(packed: Packed<Item>) {
    this.#packed = packed;
  }

  get atEnd(): boolean {
    return this.#word === this.#packed.words.length;
  }

  number(): number {
    return this.#packed.words[this.#word++] as number;
  }

  endpoint(): Endpoint {
    return { address: this.#packed.words[this.#word++] as string, port: this.number() };
  }

  other(): Item {
    return this.#packed.others[this.#other++]!;
  }

  /** A copy of their own: who keeps it keeps nothing else. */
  bytes(): Uint8Array {
    const from = this.#byte;
    this.#byte += this.number();
    return this.#packed.bytes.slice(from, this.#byte);
  }
}

function putEndpoints(words: (number | string)[], local: Endpoint, remote: Endpoint): void {
  words.push(local.address, local.port, remote.address, remote.port);
}
