/** A load run: so many full connections, so many at once, for so long at most; from one process and a few UDP ports. */

import type { ClientConfig } from '../../client/index.ts';
import type { Failure } from '../../core/index.ts';
import { startDgramDataPlane } from '../../driver/dgramDataPlane.ts';
import { available } from '../../driver/ffi.ts';
import { PolledDataPlanes } from '../../driver/polledDataPlanes.ts';
import { systemEnvironment } from '../../driver/random.ts';
import { type RunningCore, runCore } from '../../driver/runCore.ts';
import type { DataPlaneListener, RunningDataPlane } from '../../driver/startedDataPlane.ts';
import { systemCrypto } from '../../driver/systemCrypto.ts';
import { secretTable } from '../../ike/v1/index.ts';
import { utf8 } from '../../wire/index.ts';
import { profileOf } from '../ikeProposals.ts';
import { type ClientNumber, ManyClients, type ManyClientsCommand } from './manyClients.ts';
import { type Distribution, distribution, round } from './statistics.ts';
import type { LoadTarget } from './target.ts';

export interface LoadSettings {
  readonly target: LoadTarget;
  readonly psk: string;
  readonly user: string;
  readonly password: string;
  /** Connections that count. */
  readonly count: number;
  /** Connections before them, which count in nothing: both ends' code is compiled by then. Default 0. */
  readonly warmUp?: number;
  /** Connections that are being set up or ended at once. */
  readonly concurrency: number;
  /** The run's bound, seconds: what stands then is ended in order. */
  readonly seconds: number;
  /** Keep connections idle until the end of the time, instead of ending each as soon as it stands. */
  readonly hold: boolean;
  /** The one IKE proposal that is offered, e.g. `aes256-sha256-modp2048`. */
  readonly ikeProposal: string;
  readonly espProposal: string;
  /** UDP source ports (of either kind); default 8. */
  readonly ports?: number;
  /** The gateway's ports of IKE; default 500 and 4500. */
  readonly gatewayPorts?: { readonly ike: number; readonly natT: number };
  readonly onProgress?: (progress: LoadProgress) => void;
  /** All connections of a holding run stand. */
  readonly onHeld?: (progress: LoadProgress) => void;
}

export interface LoadProgress {
  readonly begun: number;
  /** Stand now. */
  readonly connected: number;
  readonly completed: number;
  readonly failed: number;
  readonly seconds: number;
  /** From the first IKE message to the IP address, milliseconds. */
  readonly latency?: Distribution;
}

export interface LoadResult extends LoadProgress {
  /** Connections set up in a second, over the time from the first to the last of them. */
  readonly perSecond: number;
  /** Failed connections by the code of their failure. */
  readonly failures: Readonly<Record<string, number>>;
  /** CPU time of this process, seconds. */
  readonly cpuSeconds: number;
}

const PORTS = 8;
/** The endings of a run may take this long. */
const MOST_ENDING_MS = 20_000;
/** And so much longer for each connection that stands when they begin. */
const ENDING_MS_EACH = 20;
const PROGRESS_MS = 1000;
const DONE: Failure = { code: 'done', reason: 'The load run ends the connection.' };

interface Standing {
  readonly plane: RunningCore<ManyClientsCommand, RunningDataPlane>;
  readonly begun: number;
  up: boolean;
  ending: boolean;
}

export class LoadRun {
  readonly #settings: LoadSettings;
  readonly #planes: RunningCore<ManyClientsCommand, RunningDataPlane>[] = [];
  readonly #standing = new Map<ClientNumber, Standing>();
  readonly #latencies: number[] = [];
  readonly #failures: Record<string, number> = {};
  readonly #waiting: ClientNumber[] = [];
  /** Sockets by FFI, which cost half of what node:dgram's do. */
  readonly #polled = available() ? new PolledDataPlanes() : undefined;
  readonly #all: number;
  #begunAt = 0;
  #cpuBefore = process.cpuUsage();
  #lastUpAt = 0;
  #begun = 0;
  #connected = 0;
  #busy = 0;
  #completed = 0;
  #failed = 0;
  #stopping = false;
  #finish!: () => void;
  readonly #finished = new Promise<void>((resolve) => {
    this.#finish = resolve;
  });

  constructor(settings: LoadSettings) {
    this.#settings = settings;
    this.#all = (settings.warmUp ?? 0) + settings.count;
  }

  /**
   * Runs to the end: all is done, or the time is up and what stood has been ended.
   * @throws StartError where no sockets can be opened
   */
  async run(): Promise<LoadResult> {
    const { seconds, onProgress, ports = PORTS } = this.#settings;
    try {
      for (let i = 0; i < ports; i++) this.#planes.push(await this.#startPlane());
      this.#startCounting();
      const timer = setTimeout(() => this.stop(), seconds * 1000);
      const progress = setInterval(() => onProgress?.(this.#progress()), PROGRESS_MS);
      this.#fill();
      await this.#finished;
      clearTimeout(timer);
      clearInterval(progress);
    } finally {
      await Promise.all(this.#planes.map((plane) => plane.close()));
    }
    const used = process.cpuUsage(this.#cpuBefore);
    const setUp = (this.#lastUpAt - this.#begunAt) / 1000;
    return {
      ...this.#progress(),
      perSecond: setUp > 0 ? round(this.#latencies.length / setUp) : 0,
      failures: this.#failures,
      cpuSeconds: Math.round((used.user + used.system) / 1e4) / 100,
    };
  }

  /** Begins nothing any more and ends what stands. */
  stop(): void {
    if (this.#stopping) return;
    this.#stopping = true;
    setTimeout(() => this.#finish(), MOST_ENDING_MS + this.#standing.size * ENDING_MS_EACH).unref();
    this.#waiting.push(...this.#standing.keys());
    this.#fill();
  }

  #startCounting(): void {
    this.#begunAt = performance.now();
    this.#lastUpAt = this.#begunAt;
    this.#cpuBefore = process.cpuUsage();
  }

  #counts(client: ClientNumber): boolean {
    return client >= (this.#settings.warmUp ?? 0);
  }

  #progress(): LoadProgress {
    const latency = distribution(this.#latencies);
    return {
      begun: Math.max(0, this.#begun - (this.#settings.warmUp ?? 0)),
      connected: this.#connected,
      completed: this.#completed,
      failed: this.#failed,
      seconds: round((performance.now() - this.#begunAt) / 1000),
      ...(latency === undefined ? {} : { latency }),
    };
  }

  async #startPlane(): Promise<RunningCore<ManyClientsCommand, RunningDataPlane>> {
    const { target, count, hold, concurrency, ports = PORTS } = this.#settings;
    const environment = {
      ...systemEnvironment,
      crypto: systemCrypto,
      untraced: true,
      unixTime: () => Date.now() / 1000,
    };
    const open = (listener: DataPlaneListener) => ({
      ...listener,
      listen: [target.source],
      ports: { ike: 0, natT: 0 },
      whenPortTaken: 'fail' as const,
      slots: (hold ? Math.ceil(count / ports) : 0) + concurrency,
    });
    const plane: RunningCore<ManyClientsCommand, RunningDataPlane> = await runCore({
      dataPlane: async (listener) => this.#polled?.start(open(listener)) ?? startDgramDataPlane(open(listener)),
      core: ({ counters }) => new ManyClients(environment, counters),
      take: (output) => {
        if (output.type === 'up') this.#up(output.client);
        else this.#closed(output.client, output.reason);
      },
    });
    return plane;
  }

  /** Begins or ends as many connections as may be busy at once. */
  #fill(): void {
    const { concurrency } = this.#settings;
    while (this.#busy < concurrency) {
      if (this.#stopping) {
        const next = this.#waiting.pop();
        if (next === undefined) break;
        this.#end(next);
      } else if (this.#begun < this.#all) this.#begin(this.#begun++);
      else break;
    }
    if (this.#standing.size === 0 && (this.#stopping || this.#begun >= this.#all)) this.#finish();
  }

  #begin(client: ClientNumber): void {
    const plane = this.#planes[client % this.#planes.length]!;
    this.#busy++;
    if (client === this.#settings.warmUp) this.#startCounting();
    this.#standing.set(client, { plane, begun: performance.now(), up: false, ending: false });
    plane.command({ type: 'connect', client, config: this.#configOf(client, plane.dataPlane) });
  }

  #end(client: ClientNumber): void {
    const standing = this.#standing.get(client);
    if (standing === undefined || standing.ending) return;
    standing.ending = true;
    // One that was being set up counts as busy already.
    if (standing.up) this.#busy++;
    standing.plane.command({ type: 'disconnect', client, reason: DONE });
  }

  #up(client: ClientNumber): void {
    const standing = this.#standing.get(client);
    if (standing === undefined || standing.up) return;
    const now = performance.now();
    standing.up = true;
    const counts = this.#counts(client);
    if (counts) {
      this.#connected++;
      this.#lastUpAt = now;
      this.#latencies.push(now - standing.begun);
    }
    if (standing.ending) return;
    this.#busy--;
    const { count, onHeld } = this.#settings;
    const hold = this.#settings.hold && counts;
    // In a turn of its own: this is told from inside of a command.
    if (!hold) setImmediate(() => this.#end(client));
    else if (this.#connected + this.#failed === count) onHeld?.(this.#progress());
    if (hold) setImmediate(() => this.#fill());
  }

  #closed(client: ClientNumber, reason: Failure): void {
    const standing = this.#standing.get(client);
    if (standing === undefined) return;
    this.#standing.delete(client);
    if (!standing.up || standing.ending) this.#busy--;
    setImmediate(() => this.#fill());
    if (!this.#counts(client)) return;
    if (standing.up) this.#connected--;
    if (standing.up && standing.ending) this.#completed++;
    else if (!this.#stopping || !standing.ending) {
      this.#failed++;
      this.#failures[reason.code] = (this.#failures[reason.code] ?? 0) + 1;
    }
  }

  #configOf(client: ClientNumber, plane: RunningDataPlane): ClientConfig {
    const { target, psk, user, password, ikeProposal, espProposal, gatewayPorts } = this.#settings;
    this.#secrets ??= secretTable([{ secret: utf8(psk) }]);
    this.#profile ??= profileOf({
      profile: 'legacy',
      proposals: [ikeProposal],
      esp_proposals: [espProposal],
      lifetime: LIFETIME_SECONDS,
      esp_lifetime: LIFETIME_SECONDS,
    });
    return {
      local: { address: target.source, port: plane.ports.ike! },
      remote: { address: target.address, port: gatewayPorts?.ike ?? 500 },
      ike: {
        secrets: this.#secrets,
        profile: this.#profile,
        // Clients of one address and port are told apart by their identities.
        localIdentity: { type: 'key-id', value: `load-${client}` },
        forceEncapsulation: true,
        // Later than LCP's echo, which answers for IKE then, as the gateway has it.
        deadPeerDetection: { interval: 40_000, timeout: 60_000 },
        natTraversalPort: gatewayPorts?.natT ?? 4500,
        localNatTraversalPort: plane.ports.natT!,
      },
      ppp: { credentials: { user, password }, acceptFromPeer: ['ms-chap-v2'] },
    };
  }
  #secrets: ReturnType<typeof secretTable> | undefined;
  #profile: ReturnType<typeof profileOf> | undefined;
}

const LIFETIME_SECONDS = 28_800;
