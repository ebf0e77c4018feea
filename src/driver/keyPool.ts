/** Answers the cores' asks for key exchanges: quick groups at once, slow ones in a small pool of threads. */

import type { Worker } from 'node:worker_threads';
import type { GroupName, KeyExchange } from '../crypto/index.ts';
import type { KeyAnswer, KeyAsk } from '../ike/output.ts';
import { spawnWorker } from './spawnWorker.ts';
import { systemKeyExchange } from './systemKeyExchange.ts';

export type KeyWork = KeyAsk['ask'];

/** Groups whose operations cost more than about 2 ms, ML-KEM while it is not compiled yet, and would hold up everything else. */
const SLOW: readonly GroupName[] = [
  ...(['modp3072', 'modp4096', 'ecp384', 'ecp521'] as const),
  ...(['mlkem512', 'mlkem768', 'mlkem1024'] as const),
];

export const KEY_POOL_THREADS = 2;

/** Messages of a pool thread. */
export interface ToKeyWorker {
  readonly id: number;
  readonly work: KeyWork;
}
export interface FromKeyWorker {
  readonly id: number;
  readonly answer: KeyAnswer;
}

interface Thread {
  readonly worker: Worker;
  readonly waiting: Map<number, { readonly work: KeyWork; readonly resolve: (answer: KeyAnswer) => void }>;
}

export class KeyPool {
  readonly #keyExchange: KeyExchange;
  readonly #most: number;
  readonly #threads: Thread[] = [];
  #nextId = 1;
  #closed = false;

  /** @param threads started when first needed */
  constructor(threads = KEY_POOL_THREADS, keyExchange: KeyExchange = systemKeyExchange) {
    this.#most = threads;
    this.#keyExchange = keyExchange;
  }

  /** Never rejects: where a thread fails, its work is done here. */
  answer(work: KeyWork): Promise<KeyAnswer> {
    if (this.#closed || this.#most === 0 || !SLOW.includes(work.group)) return Promise.resolve(this.#here(work));
    return new Promise((resolve) => {
      const thread = this.#leastBusy();
      const id = this.#nextId++;
      thread.waiting.set(id, { work, resolve });
      thread.worker.ref();
      const message: ToKeyWorker = { id, work };
      thread.worker.postMessage(message);
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all(this.#threads.map(({ worker }) => worker.terminate()));
  }

  #here(work: KeyWork): KeyAnswer {
    return answerWith(this.#keyExchange, work);
  }

  #leastBusy(): Thread {
    const idle = this.#threads.find(({ waiting }) => waiting.size === 0);
    if (idle !== undefined) return idle;
    if (this.#threads.length < this.#most) return this.#start();
    return this.#threads.reduce((a, b) => (b.waiting.size < a.waiting.size ? b : a));
  }

  #start(): Thread {
    const thread: Thread = { worker: spawnWorker('keyWorker', undefined), waiting: new Map() };
    const { worker, waiting } = thread;
    worker.on('message', ({ id, answer }: FromKeyWorker) => {
      const asked = waiting.get(id);
      waiting.delete(id);
      if (waiting.size === 0) worker.unref();
      asked?.resolve(answer);
    });
    worker.on('error', () => {
      // 'exit' follows and does the work here.
    });
    worker.once('exit', () => {
      const at = this.#threads.indexOf(thread);
      if (at >= 0) this.#threads.splice(at, 1);
      for (const { work, resolve } of waiting.values()) resolve(this.#here(work));
      waiting.clear();
    });
    this.#threads.push(thread);
    return thread;
  }
}

export function answerWith(keyExchange: KeyExchange, work: KeyWork): KeyAnswer {
  if (work.kind === 'generateKey') return { kind: 'generateKey', keyPair: keyExchange.generateKey(work.group) };
  if (work.kind === 'encapsulate') {
    return { kind: 'encapsulate', encapsulated: keyExchange.encapsulate(work.group, work.peerPublicValue) };
  }
  const secret = keyExchange.deriveSecret(work.group, work.privateValue, work.peerPublicValue);
  return { kind: 'deriveSecret', secret };
}
