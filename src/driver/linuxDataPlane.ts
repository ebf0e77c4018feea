/** The data plane on Linux: worker threads that own the sockets and the TUN device through FFI. */

import { availableParallelism } from 'node:os';
import type { DataPlaneCommand } from '../dataplane/messages.ts';
import { EventFdFlag } from './constants.ts';
import { check, libc, unavailableReason } from './ffi.ts';
import type { PortOptions } from './openPorts.ts';
import { unpackEvents } from './packedMessages.ts';
import { closeSets } from './sharedPorts.ts';
import {
  type DataPlaneListener,
  newCounters,
  type PathSettings,
  type RunningDataPlane,
  type StartFailure,
  type StartResult,
} from './startedDataPlane.ts';
import type { FromWorker, WorkerStart } from './threadMessages.ts';
import { CommandRouter } from './workers/commandRouter.ts';
import { PacketRing } from './workers/packetRing.ts';
import { WorkerThread } from './workers/workerThread.ts';

export interface LinuxDataPlaneOptions extends PortOptions, PathSettings, DataPlaneListener {
  /** Threads that carry packets; each session is one's. 1 unless told; `defaultWorkers()` is what suits a gateway. */
  readonly workers?: number;
}

/** More bring nothing while each session is one worker's, and each takes memory. */
export const MOST_WORKERS = 8;

/** One for up to two processors, else half of them: the rest is the kernel's and the control plane's. */
export function defaultWorkers(processors = availableParallelism()): number {
  return processors <= 2 ? 1 : Math.min(MOST_WORKERS, Math.floor(processors / 2));
}

/** Of each ring between two workers: a few of the largest packets, or hundreds of ordinary ones. */
const RING_BYTES = 512 * 1024;

/**
 * Opens sockets and the TUN device and starts the thread that serves them. The device is up with its MTU set; its
 * addresses and routes are the caller's to make (`HostChanges`).
 * @returns a failure with code `no-ffi`, `no-privilege`, `no-tun`, `port-in-use`, `no-such-address`,
 * `bad-listen-address`, `device-in-use` or `start-failed`
 */
export async function startLinuxDataPlane(options: LinuxDataPlaneOptions): Promise<StartResult> {
  const missing = unavailableReason();
  if (missing !== undefined) {
    return {
      ok: false,
      failure: {
        code: 'no-ffi',
        reason: missing,
        remedy: 'Install the optional package of koffi for this machine (`npm install` without `--omit=optional`).',
      },
    };
  }
  const { listen, ports, whenPortTaken, rawEsp, tun, offloads, slots, clientToClient, localAddress, ciphers } = options;
  const start = {
    ports: {
      listen,
      ports,
      whenPortTaken,
      rawEsp,
      ...(tun === undefined ? {} : { tun }),
      ...(offloads === undefined ? {} : { offloads }),
    },
    settings: {
      slots,
      ...(clientToClient === undefined ? {} : { clientToClient }),
      ...(localAddress === undefined ? {} : { localAddress }),
      ...(ciphers === undefined ? {} : { ciphers }),
    },
    counters: newCounters(slots),
    ending: new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)),
  };
  const workers = Math.min(MOST_WORKERS, Math.max(1, options.workers ?? 1));
  return new WorkersDataPlane(startsOf(start, workers), options).started;
}

/** What each worker is started with; several have a ring for each of the others in both directions. */
function startsOf(start: Omit<WorkerStart, 'wakeFd' | 'sharing'>, workers: number): readonly WorkerStart[] {
  const indices = Array.from({ length: workers }, (_, index) => index);
  const flags = EventFdFlag.nonBlocking | EventFdFlag.closeOnExec;
  const wakeFds = indices.map(() => check(libc().eventfd(0, flags), 'make an eventfd'));
  if (workers === 1) return [{ ...start, wakeFd: wakeFds[0]! }];
  const rings = indices.map((from) => indices.map((to) => (from === to ? undefined : PacketRing.memory(RING_BYTES))));
  return indices.map((index) => ({
    ...start,
    wakeFd: wakeFds[index]!,
    sharing: { index, wakeFds, incoming: rings.map((row) => row[index]), outgoing: rings[index]! },
  }));
}

class WorkersDataPlane implements RunningDataPlane {
  readonly counters: Float64Array;
  readonly started: Promise<StartResult>;
  ports: RunningDataPlane['ports'] = {};
  tun: string | undefined;
  slowCiphers: string | undefined;
  notShared: string | undefined;
  readonly #wakeFds: readonly number[];
  readonly #listener: DataPlaneListener;
  readonly #threads: readonly WorkerThread[];
  /** Those that carry packets: all, or the first where the kernel cannot divide packets among several. */
  #carrying: readonly WorkerThread[] = [];
  #router = new CommandRouter(1, (worker, command) => this.#threads[worker]!.post(command));
  /** Workers that have not said yet that they run. */
  #starting = 0;
  #settle: ((result: StartResult) => void) | undefined;
  #closing = false;

  constructor(starts: readonly WorkerStart[], listener: DataPlaneListener) {
    this.#listener = listener;
    this.counters = starts[0]!.counters;
    this.#wakeFds = starts.map(({ wakeFd }) => wakeFd);
    this.started = new Promise((resolve) => {
      this.#settle = resolve;
    });
    this.#threads = starts.map(
      (start) =>
        new WorkerThread(start, {
          take: (message, worker) => this.#take(message, worker),
          failed: (reason) => this.#fail({ code: 'data-plane-failed', reason }),
          gone: (worker) => this.#gone(worker),
        }),
    );
    void Promise.all(this.#threads.map(({ ended }) => ended)).then(() => {
      for (const fd of this.#wakeFds) libc().close(fd);
    });
  }

  get workers(): number {
    return this.#carrying.length;
  }

  post(command: DataPlaneCommand): void {
    this.#router.route(command);
  }

  async close(): Promise<void> {
    this.#end();
    await this.#ended();
  }

  #end(): void {
    if (this.#closing) return;
    this.#closing = true;
    for (const thread of this.#threads) {
      thread.handOver();
      thread.send({ type: 'close' });
    }
  }

  async #ended(): Promise<void> {
    await Promise.all(this.#threads.map(({ ended }) => ended));
  }

  #take(message: FromWorker, worker: WorkerThread): void {
    switch (message.type) {
      case 'started':
        if (worker === this.#threads[0]) this.#firstStarted(message);
        else if (--this.#starting === 0) this.#settleWith({ ok: true, dataPlane: this });
        break;
      case 'notStarted':
      case 'failed':
        this.#fail(message.failure);
        break;
      case 'events':
        this.#listener.onEvents(unpackEvents(message.events));
        break;
      case 'refused':
        this.#listener.onRefused?.(message.reason);
    }
  }

  /** The others are given what it has opened for them, or end where there is nothing. */
  #firstStarted({ ports, tun, slowCiphers, shares, notShared }: Extract<FromWorker, { type: 'started' }>): void {
    this.ports = ports;
    this.tun = tun;
    this.slowCiphers = slowCiphers;
    this.notShared = notShared;
    if (this.#closing) {
      closeSets(shares);
      return;
    }
    this.#carrying = this.#threads.slice(0, shares.length + 1);
    const spare = this.#threads.slice(shares.length + 1);
    for (const thread of spare) thread.send({ type: 'close' });
    this.#router = new CommandRouter(this.#carrying.length, (i, command) => this.#carrying[i]!.post(command));
    this.#starting = shares.length;
    for (const [i, set] of shares.entries()) this.#carrying[i + 1]!.send({ type: 'ports', ports: set });
    if (shares.length === 0) this.#settleWith({ ok: true, dataPlane: this });
  }

  #fail(failure: StartFailure): void {
    const wasClosing = this.#closing;
    this.#end();
    if (this.#settle !== undefined) void this.#ended().then(() => this.#settleWith({ ok: false, failure }));
    else if (!wasClosing) this.#listener.onFailure(failure);
  }

  #settleWith(result: StartResult): void {
    this.#settle?.(result);
    this.#settle = undefined;
  }

  #gone(worker: WorkerThread): void {
    const isSpare = this.#carrying.length > 0 && !this.#carrying.includes(worker);
    if (this.#closing || isSpare) return;
    this.#fail({ code: 'data-plane-failed', reason: 'the data plane thread ended by itself' });
  }
}
