/** What the drivers' data planes have in common: their options, what a start gives, and the packet path behind them. */

import type { Failure } from '../core/index.ts';
import {
  COUNTERS_PER_SESSION,
  type DataPlane,
  type DataPlaneCommand,
  type DataPlaneEvent,
} from '../dataplane/messages.ts';
import { PacketPath } from '../dataplane/path.ts';
import type { DataPlanePorts } from '../dataplane/ports.ts';
import { type CipherChoice, ciphersFor } from './ciphers.ts';
import type { BoundPorts } from './openPorts.ts';
import { systemEnvironment } from './random.ts';

export interface PathSettings {
  /** Sessions that may be open at once: slots run from 0 to one less. */
  readonly slots: number;
  /** See the data plane's command `configure`. */
  readonly clientToClient?: boolean;
  /** Our own inner IPv4 address, the source of ICMP errors to clients. */
  readonly localAddress?: string;
  /** `fastest` unless told. */
  readonly ciphers?: CipherChoice;
}

export interface DataPlaneListener {
  /** Events in the order in which they happened, gathered over one round of the data plane's loop. */
  readonly onEvents: (events: readonly DataPlaneEvent[]) => void;
  /** The data plane has ended by itself; nothing works any more. Not called after `close`. */
  readonly onFailure: (failure: Failure) => void;
  /** A command that no control plane may send was refused, e.g. one with an unparsable address: a fault of ours. */
  readonly onRefused?: (reason: string) => void;
}

/** A data plane that runs. */
export interface RunningDataPlane extends DataPlane {
  /** The UDP ports that are really open; `l2tp` only where unprotected L2TP is allowed. */
  readonly ports: BoundPorts;
  /** Name of the TUN device, where there is one. */
  readonly tun: string | undefined;
  /** Why packets are sealed by node:crypto, which is slow; undefined where OpenSSL is reached through FFI. */
  readonly slowCiphers: string | undefined;
  /** Threads that carry packets. */
  readonly workers: number;
  /** Why they are less than were asked for, a sentence. */
  readonly notShared: string | undefined;
  /** Ends it in order: what was posted is sent, sockets and devices are closed. May be called again. */
  close(): Promise<void>;
}

/** Why it did not start; everything that had been opened is closed again. */
export type StartFailure = Failure;

export type StartResult =
  | { readonly ok: true; readonly dataPlane: RunningDataPlane }
  | { readonly ok: false; readonly failure: StartFailure };

/** Of data planes without a TUN device. */
export interface InnerPacketListener {
  /** Is given each inner packet that a peer sent, to keep: a copy. */
  readonly toTun?: (packet: Uint8Array) => void;
}

/** A data plane without a TUN device. */
export interface InnerDataPlane extends RunningDataPlane {
  /** Hands in an inner IP packet for the peer that has its destination address. */
  fromTun(packet: Uint8Array): void;
}

export type InnerStartResult =
  | { readonly ok: true; readonly dataPlane: InnerDataPlane }
  | { readonly ok: false; readonly failure: StartFailure };

/** Does what a command says, or tells why it cannot be done. */
export function performCommand(
  path: PacketPath,
  command: DataPlaneCommand,
  refused: DataPlaneListener['onRefused'],
): void {
  try {
    path.command(command);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    refused?.(`${command.type}: ${reason}`);
  }
}

/** Room for the counters of `slots` sessions, in memory that threads share. */
export function newCounters(slots: number): Float64Array<SharedArrayBuffer> {
  return new Float64Array(
    new SharedArrayBuffer(Math.max(1, slots) * COUNTERS_PER_SESSION * Float64Array.BYTES_PER_ELEMENT),
  );
}

export function newPacketPath(
  ports: DataPlanePorts,
  bound: BoundPorts,
  settings: PathSettings,
  counters: Float64Array,
  scratch?: Uint8Array,
): PacketPath {
  const { clientToClient, localAddress, ciphers = 'fastest' } = settings;
  return new PacketPath(ports, {
    counters,
    newCipher: ciphersFor(ciphers).newCipher,
    environment: systemEnvironment,
    ...(scratch === undefined ? {} : { scratch }),
    ...(bound.natT === undefined ? {} : { natTPort: bound.natT }),
    ...(clientToClient === undefined ? {} : { clientToClient }),
    ...(localAddress === undefined ? {} : { localAddress }),
  });
}
