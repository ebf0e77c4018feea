/** A gateway and a load generator as processes, in namespaces of their own with a wire between, each on its own core. */

import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join as joinPath } from 'node:path';
import { join } from '../test/driver/namespace.ts';
import { putUsers, secretFile } from '../test/e2e/lab/accounts.ts';
import type { LogLine, Program } from '../test/e2e/lab/program.ts';
import { World } from '../test/e2e/lab/world.ts';
import { cpuSeconds } from './measure.ts';

const GATEWAY = '10.99.0.1';
const GENERATOR = '10.99.0.2';
const USER = 'load';
const PASSWORD = 'the password of all who come';
const PSK = 'a key that only this run knows';

export interface UnderLoadOptions {
  /** Words for the gateway's Node.js, such as `--cpu-prof`. */
  readonly nodeOptions?: string;
  readonly logLevel?: 'debug' | 'info' | 'warn';
}

export interface LoadOptions {
  readonly count: number;
  readonly concurrency: number;
  readonly seconds: number;
  readonly hold?: boolean;
  readonly ike?: string;
  /** Where the gateway is, seen from the generator; a relay stands there in a run with delay. */
  readonly server?: string;
}

export class UnderLoad {
  readonly world = new World();
  readonly gateway: Program;
  readonly #generator = this.world.namespace();
  readonly #files: string[];

  private constructor(options: UnderLoadOptions) {
    const { world } = this;
    const server = world.namespace();
    join(
      { namespace: server, device: 'eth0', address: `${GATEWAY}/24` },
      { namespace: this.#generator, device: 'eth0', address: `${GENERATOR}/24` },
    );
    const state = joinPath(world.folder, 'state');
    putUsers(state, { [USER]: PASSWORD });
    const psk = secretFile(world.folder, 'psk', PSK);
    this.#files = ['--psk-file', psk, '--password-file', secretFile(world.folder, 'password', PASSWORD)];
    const config = secretFile(
      world.folder,
      'sallyport.yaml',
      [
        `listen: [${GATEWAY}]`,
        `ike: { psk_file: ${psk}, half_open: 10000, half_open_per_source: 10000 }`,
        'network: { pool: 10.87.0.0/16, nat: false, dns: [10.87.0.1] }',
        'limits: { sessions: 20000 }',
        '',
      ].join('\n'),
    );
    const words = ['serve', '-c', config, '--state', state, '--log', 'json', '--log-level', options.logLevel ?? 'info'];
    this.gateway = world.sallyport(server, words, {
      under: pinned(0),
      environment: { NODE_OPTIONS: options.nodeOptions ?? '' },
    });
  }

  static async start(options: UnderLoadOptions = {}): Promise<UnderLoad> {
    const underLoad = new UnderLoad(options);
    await underLoad.gateway.event('ready', 20);
    return underLoad;
  }

  /** Begins a run of `sallyport load`. */
  load({ count, concurrency, seconds, hold, ike, server = GATEWAY }: LoadOptions, nodeOptions = ''): Program {
    const numbers = ['--count', count, '--concurrency', concurrency, '--seconds', seconds].map(String);
    const words = ['load', server, '--user', USER, ...this.#files, ...numbers, '--json'];
    if (hold) words.push('--hold');
    if (ike !== undefined) words.push('--ike', ike);
    return this.world.sallyport(this.#generator, words, {
      under: pinned(1),
      environment: { NODE_OPTIONS: nodeOptions },
    });
  }

  get cpuSeconds(): number {
    return cpuSeconds(this.gateway.pid);
  }

  /** Resident memory of the gateway, MB. */
  get residentMegabytes(): number {
    const [, pages = '0'] = readFileSync(`/proc/${this.gateway.pid}/statm`, 'utf8').split(' ');
    return (Number(pages) * PAGE_BYTES) / 1e6;
  }

  async close(): Promise<void> {
    if (!this.gateway.ended) await this.gateway.stop('SIGINT', 60);
    await this.world.close();
  }
}

/** The last line of a load run. */
export async function resultOf(load: Program, seconds: number): Promise<LogLine> {
  return load.event('result', seconds);
}

const PAGE_BYTES = 4096;

/** On one core of its own, where there is more than one. */
const pinned = (core: number) => (availableParallelism() > 1 ? ['taskset', '-c', String(core)] : []);
