/** One worker as the main thread has it: messages that are handed over once a turn, an eventfd that wakes it, its end. */

import type { Worker } from 'node:worker_threads';
import { libc, Memory } from '../ffi.ts';
import { packCommands } from '../packedMessages.ts';
import { spawnWorker } from '../spawnWorker.ts';
import type { FromWorker, ToWorker, WorkerStart } from '../threadMessages.ts';
import type { WorkerCommand } from './commandRouter.ts';

export interface WorkerOwner {
  readonly take: (message: FromWorker, worker: WorkerThread) => void;
  /** An error that nobody caught. */
  readonly failed: (reason: string) => void;
  readonly gone: (worker: WorkerThread) => void;
}

export class WorkerThread {
  /** Settled when the thread has ended. */
  readonly ended: Promise<void>;
  readonly #start: WorkerStart;
  readonly #worker: Worker;
  readonly #one = new Memory(8);
  /** What was posted in this turn of the event loop: handed over together, for waking a thread costs a system call. */
  #posted: WorkerCommand[] = [];
  #open = true;
  readonly #wakeAtExit = (): void => this.#end();

  constructor(start: WorkerStart, owner: WorkerOwner) {
    this.#start = start;
    this.#one.setWord(0, 1);
    this.#worker = spawnWorker('worker', start);
    this.ended = new Promise((resolve) => {
      this.#worker.once('exit', () => {
        this.#open = false;
        process.off('exit', this.#wakeAtExit);
        owner.gone(this);
        resolve();
      });
    });
    this.#worker.on('message', (message: FromWorker) => owner.take(message, this));
    this.#worker.on('error', (error) => owner.failed(error.message));
    // Node waits for its workers when the process exits, and this one sleeps in poll().
    process.on('exit', this.#wakeAtExit);
  }

  post(command: WorkerCommand): void {
    if (this.#posted.push(command) === 1) setImmediate(() => this.handOver());
  }

  /** Hands over what was posted. */
  handOver(): void {
    if (this.#posted.length === 0) return;
    const commands = packCommands(this.#posted);
    this.#posted = [];
    this.send({ type: 'commands', commands });
  }

  send(message: ToWorker): void {
    if (!this.#open) return;
    this.#worker.postMessage(message);
    this.#wake();
  }

  #wake(): void {
    libc().write(this.#start.wakeFd, this.#one.base, 8);
  }

  #end(): void {
    this.handOver();
    Atomics.store(this.#start.ending, 0, 1);
    this.#wake();
  }
}
