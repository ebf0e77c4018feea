/** What comes from outside of any association: IKE, ESP of unknown SPIs, first L2TP messages. All of it is bounded. */

import type { Instant, Milliseconds } from '../core/index.ts';
import type { PathContext } from './context.ts';
import type { Drops } from './drops.ts';
import { localEndpoint, remoteEndpoint, remoteHash } from './peer.ts';
import type { DataPlanePorts, Source } from './ports.ts';
import { Rate, type Second } from './second.ts';

/** Bytes of an ISAKMP header: less is no IKE message. RFC 2408 §3.1. */
const ISAKMP_HEADER_BYTES = 28;

/** `unknownSpi` events in a second, and unprotected L2TP messages of unknown peers. */
export const UNKNOWN_SPIS_PER_SECOND = 64;
export const UNKNOWN_L2TP_PER_SECOND = 1000;

/** IKE messages handed up in a second, of all peers: as many as the control plane can look at. */
export const IKE_MESSAGES_PER_SECOND = 10_000;

/** NAT keepalives told of in a second, and how long each place is told of no more. */
export const KEEPALIVES_PER_SECOND = 256;
export const KEEPALIVE_SPAN: Milliseconds = 60_000;
const MOST_PLACES = 65_536;

export class Strangers {
  readonly #ports: DataPlanePorts;
  readonly #drops: Drops;
  readonly #second: Second;
  readonly #unknownSpis: Rate;
  readonly #unknownL2tp: Rate;
  readonly #ikeMessages: Rate;
  /** Who was told of as sender of an unknown SPI in this second. */
  readonly #told = new Set<number>();
  #toldSecond = -1;
  /** Where keepalives came from that were told of. */
  readonly #keepalives: Rate;
  readonly #places = new Set<number>();
  #placesSince: Instant = 0;

  constructor({ ports, drops, second }: PathContext) {
    this.#ports = ports;
    this.#drops = drops;
    this.#second = second;
    this.#unknownSpis = new Rate(second, UNKNOWN_SPIS_PER_SECOND);
    this.#unknownL2tp = new Rate(second, UNKNOWN_L2TP_PER_SECOND);
    this.#ikeMessages = new Rate(second, IKE_MESSAGES_PER_SECOND);
    this.#keepalives = new Rate(second, KEEPALIVES_PER_SECOND);
  }

  ike(bytes: Uint8Array, at: number, length: number, source: Source): void {
    if (length < ISAKMP_HEADER_BYTES) {
      this.#drops.count('malformed', source);
      return;
    }
    if (!this.#ikeMessages.take()) {
      this.#drops.count('too-many-messages', source);
      return;
    }
    const local = localEndpoint(source);
    const remote = remoteEndpoint(source);
    this.#ports.event({ type: 'ike', local, remote, bytes: bytes.slice(at, at + length) });
  }

  /** An unprotected L2TP control message from where no tunnel comes from. */
  l2tp(bytes: Uint8Array, at: number, length: number, source: Source): void {
    if (!this.#unknownL2tp.take()) {
      this.#drops.count('too-many-messages', source);
      return;
    }
    const local = localEndpoint(source);
    const remote = remoteEndpoint(source);
    this.#ports.event({ type: 'l2tp', channel: undefined, local, remote, bytes: bytes.slice(at, at + length) });
  }

  keepalive(source: Source): void {
    const { now } = this.#second;
    if (now - this.#placesSince >= KEEPALIVE_SPAN || this.#places.size >= MOST_PLACES) {
      this.#placesSince = now;
      this.#places.clear();
    }
    const hash = remoteHash(source.family, source.remote, source.remotePort);
    if (this.#places.has(hash) || !this.#keepalives.take()) return;
    this.#places.add(hash);
    this.#ports.event({ type: 'keepalive', local: localEndpoint(source), remote: remoteEndpoint(source) });
  }

  /** @param bytes of the ESP packet */
  unknownSpi(spi: number, bytes: number, source: Source): void {
    this.#drops.count('unknown-spi', source);
    if (this.#toldSecond !== this.#second.number) {
      this.#toldSecond = this.#second.number;
      this.#told.clear();
    }
    const hash = remoteHash(source.family, source.remote, source.remotePort);
    if (this.#told.has(hash) || !this.#unknownSpis.take()) return;
    this.#told.add(hash);
    const local = localEndpoint(source);
    this.#ports.event({ type: 'unknownSpi', spi, bytes, local, remote: remoteEndpoint(source) });
  }
}
