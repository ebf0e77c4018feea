/** Two network namespaces that a pair of devices joins: all traffic of a bench stays in them. */

import { run, until } from './command.ts';
import { undoAtEnd } from './undo.ts';

/** Outer addresses. */
export const SERVER = '192.0.2.1';
export const CLIENT = '192.0.2.2';

export type Side = 'server' | 'client';

let made = 0;

export class Network {
  readonly #names: Readonly<Record<Side, string>>;
  readonly #made: (() => void)[] = [];

  /** @throws Error without the privilege to make namespaces */
  constructor() {
    const name = `sallyport-bench-${process.pid}-${++made}`;
    this.#names = { server: `${name}s`, client: `${name}c` };
    const { server, client } = this.#names;
    for (const name of [server, client]) {
      run(['ip', 'netns', 'add', name]);
      this.#made.push(undoAtEnd(() => run(['ip', 'netns', 'delete', name])));
      run(['ip', '-n', name, 'link', 'set', 'lo', 'up']);
    }
    run(['ip', '-n', server, 'link', 'add', 'v0', 'type', 'veth', 'peer', 'name', 'v0', 'netns', client]);
    // No default routes: what finds no tunnel must not find the inner addresses past it.
    for (const [name, address] of [
      [server, SERVER],
      [client, CLIENT],
    ] as const) {
      run(['ip', '-n', name, 'address', 'add', `${address}/24`, 'dev', 'v0']);
      run(['ip', '-n', name, 'link', 'set', 'v0', 'up']);
    }
  }

  /** The command line that runs `command` on a side. */
  at(side: Side, ...command: readonly string[]): string[] {
    return ['ip', 'netns', 'exec', this.#names[side], ...command];
  }

  /** Waits until an address answers from the client's side. */
  async reachable(address: string, seconds = 30): Promise<void> {
    await until(`${address} answers`, seconds, () => {
      try {
        run(this.at('client', 'ping', '-c', '1', '-W', '1', address));
        return true;
      } catch {
        return false;
      }
    });
  }

  close(): void {
    for (const remove of this.#made) remove();
  }
}
