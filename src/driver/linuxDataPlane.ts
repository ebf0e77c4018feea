/** The data plane on Linux: a worker thread that owns the sockets and the TUN device through FFI. */

import type { Worker } from 'node:worker_threads';
import type { DataPlaneCommand } from '../dataplane/messages.ts';
import { EventFdFlag } from './constants.ts';
import { check, libc, Memory, unavailableReason } from './ffi.ts';
import type { PortOptions } from './openPorts.ts';
import { spawnWorker } from './spawnWorker.ts';
import {
  type DataPlaneListener,
  newCounters,
  type PathSettings,
  type RunningDataPlane,
  type StartFailure,
  type StartResult,
} from './startedDataPlane.ts';
import type { FromWorker, ToWorker, WorkerStart } from './threadMessages.ts';

export interface LinuxDataPlaneOptions extends PortOptions, PathSettings, DataPlaneListener {}

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
  const wakeFd = check(libc().eventfd(0, EventFdFlag.nonBlocking | EventFdFlag.closeOnExec), 'make an eventfd');
  const start: WorkerStart = {
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
    wakeFd,
    ending: new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)),
  };
  return new ThreadDataPlane(start, options).started;
}

class ThreadDataPlane implements RunningDataPlane {
  readonly counters: Float64Array;
  readonly started: Promise<StartResult>;
  ports: RunningDataPlane['ports'] = {};
  tun: string | undefined;
  slowCiphers: string | undefined;
  readonly #start: WorkerStart;
  readonly #worker: Worker;
  readonly #listener: DataPlaneListener;
  readonly #one = new Memory(8);
  readonly #ended: Promise<void>;
  readonly #wakeAtExit = (): void => this.#end();
  /** What was posted in this turn of the event loop: handed over together, for waking a thread costs a system call. */
  #posted: DataPlaneCommand[] = [];
  #settle: ((result: StartResult) => void) | undefined;
  #closing = false;
  #open = true;

  constructor(start: WorkerStart, listener: DataPlaneListener) {
    this.#start = start;
    this.#listener = listener;
    this.counters = start.counters;
    this.#one.setWord(0, 1);
    this.#worker = spawnWorker('worker', start);
    this.started = new Promise((resolve) => {
      this.#settle = resolve;
    });
    this.#ended = new Promise((resolve) => this.#worker.once('exit', () => this.#gone(resolve)));
    this.#worker.on('message', (message: FromWorker) => this.#take(message));
    this.#worker.on('error', (error) => this.#fail({ code: 'data-plane-failed', reason: error.message }));
    // Node waits for its workers when the process exits, and this one sleeps in poll().
    process.on('exit', this.#wakeAtExit);
  }

  post(command: DataPlaneCommand): void {
    if (this.#posted.push(command) === 1) setImmediate(() => this.#handOver());
  }

  async close(): Promise<void> {
    if (!this.#closing) {
      this.#closing = true;
      this.#handOver();
      this.#send({ type: 'close' });
    }
    await this.#ended;
  }

  #handOver(): void {
    if (this.#posted.length === 0) return;
    const commands = this.#posted;
    this.#posted = [];
    this.#send({ type: 'commands', commands });
  }

  #send(message: ToWorker): void {
    if (!this.#open) return;
    this.#worker.postMessage(message);
    this.#wake();
  }

  #wake(): void {
    libc().write(this.#start.wakeFd, this.#one.base, 8);
  }

  #end(): void {
    this.#handOver();
    Atomics.store(this.#start.ending, 0, 1);
    this.#wake();
  }

  #take(message: FromWorker): void {
    switch (message.type) {
      case 'started':
        this.ports = message.ports;
        this.tun = message.tun;
        this.slowCiphers = message.slowCiphers;
        this.#settleWith({ ok: true, dataPlane: this });
        break;
      case 'notStarted':
      case 'failed':
        this.#fail(message.failure);
        break;
      case 'events':
        this.#listener.onEvents(message.events);
        break;
      case 'refused':
        this.#listener.onRefused?.(message.reason);
    }
  }

  #fail(failure: StartFailure): void {
    if (this.#settle !== undefined) void this.#ended.then(() => this.#settleWith({ ok: false, failure }));
    else if (!this.#closing) this.#listener.onFailure(failure);
    this.#closing = true;
  }

  #settleWith(result: StartResult): void {
    this.#settle?.(result);
    this.#settle = undefined;
  }

  #gone(resolve: () => void): void {
    this.#open = false;
    process.off('exit', this.#wakeAtExit);
    libc().close(this.#start.wakeFd);
    if (!this.#closing) this.#fail({ code: 'data-plane-failed', reason: 'the data plane thread ended by itself' });
    resolve();
  }
}
