/** A thread that lives in a namespace and does there what users and servers do: serve, fetch, ask for names. */

import { createCipheriv, createHash } from 'node:crypto';
import { Worker } from 'node:worker_threads';
import type { Namespace } from '../../driver/namespace.ts';
import type { AgentCalls } from './agentWorker.ts';

/** How a transfer went. */
export interface Transfer {
  readonly bytes: number;
  readonly sha256: string;
  readonly milliseconds: number;
  /** The client's address as the server saw it. */
  readonly seenFrom: string;
}

type Answer = { readonly id: number } & ({ readonly result: unknown } | { readonly error: string });

export class Agent {
  readonly #worker: Worker;
  readonly #pending = new Map<number, { resolve: (result: never) => void; reject: (error: Error) => void }>();
  #nextId = 1;

  static start(namespace: Namespace): Agent {
    return new Agent(namespace.run(spawn));
  }

  private constructor(worker: Worker) {
    this.#worker = worker;
    worker.on('message', (answer: Answer) => {
      const asked = this.#pending.get(answer.id);
      this.#pending.delete(answer.id);
      if ('error' in answer) asked?.reject(new Error(answer.error));
      else asked?.resolve(answer.result as never);
    });
    worker.on('error', (error) => {
      for (const { reject } of this.#pending.values()) reject(error as Error);
      this.#pending.clear();
    });
    worker.unref();
  }

  /** Serves over HTTP: `GET /N` gives the N bytes of `testBytes`, `PUT` takes bytes and answers with their SHA-256. */
  serveHttp(port: number): Promise<void> {
    return this.#call('serveHttp', port);
  }

  /** Fetches, in a connection of its own. */
  get(url: string): Promise<Transfer> {
    return this.#call('get', url);
  }

  /** Sends the first `bytes` of `testBytes`. The SHA-256 is that of what the server got. */
  put(url: string, bytes: number): Promise<Transfer> {
    return this.#call('put', url, bytes);
  }

  /** A name server that answers every question for an A record with `answer`. */
  serveDns(address: string, answer: string): Promise<void> {
    return this.#call('serveDns', address, answer);
  }

  /** Asks a name server for the A records of a name. */
  resolve(server: string, name: string): Promise<string[]> {
    return this.#call('resolve', server, name);
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }

  #call<Name extends keyof AgentCalls>(
    name: Name,
    ...words: Parameters<AgentCalls[Name]>
  ): Promise<Awaited<ReturnType<AgentCalls[Name]>>> {
    const id = this.#nextId++;
    this.#worker.ref();
    const answered = new Promise<Awaited<ReturnType<AgentCalls[Name]>>>((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
    });
    this.#worker.postMessage({ id, name, words });
    return answered.finally(() => {
      if (this.#pending.size === 0) this.#worker.unref();
    });
  }
}

/** Bytes that no lower layer can guess, the same at every call. */
export function testBytes(length: number): Buffer {
  return createCipheriv('aes-128-ctr', Buffer.alloc(16, 7), Buffer.alloc(16)).update(Buffer.alloc(length));
}

export const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** `--import tsx` does nothing in a worker of Node 20, so the worker registers the loader itself. */
function spawn(): Worker {
  const file = JSON.stringify(new URL('./agentWorker.ts', import.meta.url).href);
  const loader = JSON.stringify(import.meta.resolve('tsx/esm/api'));
  return new Worker(`import(${loader}).then(({ register }) => { register(); return import(${file}); });`, {
    eval: true,
    execArgv: [],
  });
}
