/** A gateway and a load generator as processes, in namespaces of their own with a wire between, each on its own core. */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join as joinPath } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { LoadResult } from '../src/process/load/loadRun.ts';
import { join } from '../test/driver/namespace.ts';
import { putUsers, secretFile } from '../test/e2e/lab/accounts.ts';
import type { Program } from '../test/e2e/lab/program.ts';
import { World } from '../test/e2e/lab/world.ts';
import { type Daemon, run, startDaemon, until } from './command.ts';
import { compiledProgram } from './compiled.ts';
import { cpuSeconds } from './measure.ts';
import type { Side } from './network.ts';

const GATEWAY = '10.99.0.1';
const GENERATOR = '10.99.0.2';
const RELAY = '10.99.0.3';
const USER = 'load';
const PASSWORD = 'the password of all who come';
const PSK = 'a key that only this run knows';
/** The gateway's own address inside the tunnels. */
export const INNER = '10.87.0.1';

export interface UnderLoadOptions {
  /** Words for the gateway's Node.js, such as `--cpu-prof`. */
  readonly nodeOptions?: string;
  readonly logLevel?: 'debug' | 'info' | 'warn';
}

export interface LoadOptions {
  readonly count: number;
  /** Lives before those, which count in nothing. */
  readonly warmUp?: number;
  readonly concurrency: number;
  readonly seconds: number;
  readonly hold?: boolean;
  readonly ike?: string;
  /** Where the gateway is, seen from the generator; a relay stands there in a run with delay. */
  readonly server?: string;
  readonly nodeOptions?: string;
}

export class UnderLoad {
  readonly world = new World();
  readonly gateway: Program;
  /** A file, as a service's log goes into one: no other process has to take the lines. */
  readonly #log = joinPath(this.world.folder, 'gateway.log');
  readonly #server = this.world.namespace();
  readonly #generator = this.world.namespace();
  readonly #files: string[];
  #relay: Daemon | undefined;

  private constructor(options: UnderLoadOptions) {
    const { world } = this;
    const server = this.#server;
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
        `network: { pool: 10.87.0.0/16, nat: false, dns: [${INNER}] }`,
        'limits: { sessions: 20000 }',
        '',
      ].join('\n'),
    );
    const words = ['serve', '-c', config, '--state', state, '--log', 'json', '--log-level', options.logLevel ?? 'info'];
    this.gateway = world.sallyport(server, words, {
      under: compiledOn(0, options.nodeOptions, this.#log),
    });
  }

  static async start(options: UnderLoadOptions = {}): Promise<UnderLoad> {
    const underLoad = new UnderLoad(options);
    await until('the gateway', 20, () => underLoad.#ready());
    return underLoad;
  }

  /** Begins a run of `sallyport load`. */
  load({ count, warmUp = 0, concurrency, seconds, hold, ike, server = GATEWAY, nodeOptions }: LoadOptions): Program {
    const counts = ['--count', count, '--warm-up', warmUp];
    const numbers = [...counts, '--concurrency', concurrency, '--seconds', seconds].map(String);
    const words = ['load', server, '--user', USER, ...this.#files, ...numbers, '--json'];
    if (hold) words.push('--hold');
    if (ike !== undefined) words.push('--ike', ike);
    return this.world.sallyport(this.#generator, words, { under: compiledOn(1, nodeOptions) });
  }

  /** One client more, where the load comes from: as people run it, with a TUN device. */
  connect(): Program {
    const [, psk, , password] = this.#files;
    const profile = secretFile(
      this.world.folder,
      'client.yaml',
      [`server: ${GATEWAY}`, `user: ${USER}`, `psk_file: ${psk}`, `password_file: ${password}`]
        .concat(['identity: one-more.example.org', 'esp_proposals: [aes128gcm16]', 'force_encapsulation: true', ''])
        .join('\n'),
    );
    const words = ['connect', profile, '--state', joinPath(this.world.folder, 'client'), '--log', 'json'];
    return this.world.sallyport(this.#generator, words, { under: compiledOn(1) });
  }

  /** The command line that runs `command` beside the gateway, or beside its clients. */
  at(side: Side, ...command: readonly string[]): string[] {
    const namespace = side === 'server' ? this.#server : this.#generator;
    return ['nsenter', `--net=${namespace.path}`, ...command];
  }

  #ready(): boolean {
    if (this.gateway.ended) throw new Error(`the gateway did not start: ${this.gateway.text}${this.log}`);
    return this.log.includes('"event":"ready"');
  }

  /** What the gateway has logged so far: JSON lines. */
  get log(): string {
    return existsSync(this.#log) ? readFileSync(this.#log, 'utf8') : '';
  }

  /** User and system time of each thread of the gateway, seconds, the main thread first. */
  get threads(): readonly number[] {
    const { pid } = this.gateway;
    return readdirSync(`/proc/${pid}/task`).map((thread) => cpuSeconds(`${pid}/task/${thread}`));
  }

  get cpuSeconds(): number {
    return cpuSeconds(this.gateway.pid);
  }

  /** Resident memory of the gateway, MB. */
  get residentMegabytes(): number {
    const [, pages = '0'] = readFileSync(`/proc/${this.gateway.pid}/statm`, 'utf8').split(' ');
    return (Number(pages) * PAGE_BYTES) / 1e6;
  }

  /** Makes the way to the gateway long. @returns the address under which the generator then finds it */
  async delayed(roundTripMilliseconds: number): Promise<string> {
    const delay = String(roundTripMilliseconds / 2);
    const relay = fileURLToPath(new URL('delayRelay.ts', import.meta.url));
    this.#generator.run(() => run(['ip', 'address', 'add', `${RELAY}/32`, 'dev', 'eth0']));
    const words = ['--import', 'tsx', relay, RELAY, GENERATOR, GATEWAY, delay];
    this.#relay = this.#generator.run(() => startDaemon([process.execPath, ...words]));
    await until('the relay', 20, () => this.#relay?.output().includes('4500'));
    return RELAY;
  }

  async close(): Promise<void> {
    await this.#relay?.stop();
    if (!this.gateway.ended) await this.gateway.stop('SIGINT', 60);
    await this.world.close();
  }
}

/** The last line of a load run. */
export async function resultOf(load: Program, seconds: number): Promise<LoadResult> {
  return (await load.event('result', seconds)) as unknown as LoadResult;
}

const PAGE_BYTES = 4096;

/** Runs the compiled program in place of the sources, on one core of its own where there is more than one. */
function compiledOn(core: number, nodeOptions = '', log?: string): readonly string[] {
  const output = log === undefined ? '' : `> ${log}`;
  const command = `exec ${process.execPath} ${nodeOptions} ${compiledProgram()} "$@" ${output}`;
  const pinned = availableParallelism() > 1 ? ['taskset', '-c', String(core)] : [];
  // What follows are the words of the program from its sources.
  return [...pinned, 'sh', '-c', `shift 2; ${command}`, 'sh'];
}
