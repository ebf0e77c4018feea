/** What a worker knows of the others' sessions: enough to hand over a packet that came to the wrong one. */

import type { InnerPath } from '../../dataplane/messages.ts';
import { ipv4Destination, PrefixTable, parseIpv4Number, parsePrefix } from '../../net/index.ts';

/** The main thread's word about what another worker has. They go the same way as commands, in turn with them. */
export type ElsewhereCommand =
  /** An SA whose SPI says this worker, but whose channel lives in another. */
  | { readonly type: 'spiElsewhere'; readonly spi: number; readonly worker: number }
  | { readonly type: 'spiForgotten'; readonly spi: number }
  | {
      readonly type: 'sessionElsewhere';
      readonly slot: number;
      readonly inner: Pick<InnerPath, 'peerAddress' | 'peerPrefixes'>;
      readonly worker: number;
    }
  | { readonly type: 'sessionForgotten'; readonly slot: number };

interface Known {
  readonly address: number | undefined;
  readonly prefixes: readonly NonNullable<ReturnType<typeof parsePrefix>>[];
  readonly isDefault: boolean;
  readonly entry: { readonly worker: number };
}

const IPV6_DESTINATION = 24;

export class Elsewhere {
  readonly #spis = new Map<number, number>();
  readonly #slots = new Map<number, Known>();
  readonly #addresses = new Map<number, { readonly worker: number }>();
  readonly #prefixes = new PrefixTable<{ readonly worker: number }>();
  #default: Known | undefined;

  command(command: ElsewhereCommand): void {
    switch (command.type) {
      case 'spiElsewhere':
        this.#spis.set(command.spi | 0, command.worker);
        break;
      case 'spiForgotten':
        this.#spis.delete(command.spi | 0);
        break;
      case 'sessionElsewhere':
        this.#forget(command.slot);
        this.#learn(command.slot, command.inner, command.worker);
        break;
      case 'sessionForgotten':
        this.#forget(command.slot);
    }
  }

  /** The worker that has the SA; -1 where it would be this one. @param spi signed 32-bit number */
  ofSpi(spi: number): number {
    return this.#spis.size === 0 ? -1 : (this.#spis.get(spi) ?? -1);
  }

  /** The worker of the session that an inner packet goes to; -1 where it would be this one's, or nobody's. */
  ofInner(bytes: Uint8Array, at: number, length: number): number {
    const version = length === 0 ? 0 : bytes[at]! >> 4;
    let found: { readonly worker: number } | undefined;
    if (version === 4 && length >= 20) found = this.#addresses.get(ipv4Destination(bytes, at));
    else if (version === 6 && length >= 40) found = this.#prefixes.find(bytes, at + IPV6_DESTINATION);
    return (found ?? this.#default?.entry)?.worker ?? -1;
  }

  #learn(slot: number, { peerAddress, peerPrefixes }: Pick<InnerPath, 'peerAddress' | 'peerPrefixes'>, worker: number) {
    const number = peerAddress === undefined ? undefined : parseIpv4Number(peerAddress);
    const prefixes = (peerPrefixes ?? []).flatMap((text) => parsePrefix(text) ?? []);
    const isDefault = peerAddress === undefined && peerPrefixes === undefined;
    const known: Known = {
      address: number === undefined ? undefined : number | 0,
      prefixes,
      isDefault,
      entry: { worker },
    };
    this.#slots.set(slot, known);
    if (known.address !== undefined) this.#addresses.set(known.address, known.entry);
    for (const prefix of prefixes) this.#prefixes.set(prefix, known.entry);
    if (isDefault) this.#default = known;
  }

  /** What a newer session has taken over stays that one's. */
  #forget(slot: number): void {
    const known = this.#slots.get(slot);
    if (known === undefined) return;
    this.#slots.delete(slot);
    const { address, prefixes, entry } = known;
    if (address !== undefined && this.#addresses.get(address) === entry) this.#addresses.delete(address);
    for (const prefix of prefixes) this.#prefixes.delete(prefix, entry);
    if (this.#default === known) this.#default = undefined;
  }
}
