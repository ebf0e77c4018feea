/**
 * Mixed traffic for a long time under a renewal of the ESP SAs every two minutes and of the IKE SA every ten: nothing may
 * grow, and nothing may stop.
 */

import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { EspSuite } from '../src/esp/index.ts';
import { runAside } from './command.ts';
import { compiledProgram } from './compiled.ts';
import { temporaryDirectory } from './directory.ts';
import { startIperf } from './iperf.ts';
import { cpuSeconds, median } from './measure.ts';
import { Network } from './network.ts';
import { startSallyport } from './peers/sallyport.ts';
import { progress } from './progress.ts';

const LIFETIMES = ['lifetime: 10m', 'esp_lifetime: 2m'];
const SUITE: EspSuite = { encryption: 'aes-gcm-16', keyBits: 128 };
/** Between two looks at the memory. Seconds. */
const LOOK = 10;
/** What is offered in each turn: held down, for this is about time and not about speed. */
const TURNS: readonly (readonly string[])[] = [
  ['-b', '100M'],
  ['-R', '-b', '100M'],
  ['-u', '-l', '100', '-b', '4M'],
  ['-R', '-u', '-l', '1200', '-b', '50M'],
  ['-P', '8', '-R', '-b', '10M'],
];
const TURN_SECONDS = 20;
/** Of the client's log, told where a turn broke off. */
const LAST_LINES = 8;

export interface SoakLine {
  readonly end: 'gateway' | 'client';
  readonly minutes: number;
  /** Renewals that the client's log tells of. */
  readonly renewals: number;
  readonly gigabytes: number;
  /** Turns of traffic, and those in which nothing came through. */
  readonly turns: number;
  readonly dead: number;
  readonly cpuSeconds: number;
  /** Medians of the resident memory in the second sixth of the time, when all is warm, and in the last. */
  readonly earlyMegabytes: number;
  readonly lateMegabytes: number;
  readonly peakMegabytes: number;
}

export async function benchSoak(minutes: number): Promise<SoakLine[]> {
  const network = new Network();
  const directory = temporaryDirectory('sallyport-soak');
  try {
    const tunnel = await startSallyport(network, SUITE, directory.path, {
      program: compiledProgram(),
      profile: LIFETIMES,
    });
    const iperf = await startIperf(network);
    const memory = tunnel.pids.map((): number[] => []);
    const begin = Date.now();
    const end = begin + minutes * 60_000;
    const looks = (async () => {
      for (; Date.now() < end; await sleep(LOOK * 1000)) {
        for (const [i, pid] of tunnel.pids.entries()) memory[i]!.push(residentMegabytes(pid));
      }
    })();
    let [turns, dead, bytes] = [0, 0, 0];
    for (; Date.now() < end; turns++) {
      const carried = await turn(network, tunnel.address, TURNS[turns % TURNS.length]!);
      if (carried === 0) {
        dead++;
        progress(`the client's last lines:\n${tunnel.output().split('\n').slice(-LAST_LINES).join('\n')}`);
      }
      bytes += carried;
      if (turns % TURNS.length === 0) {
        const [gateway, client] = memory.map((all) => all.at(-1));
        progress(`minute ${Math.round((Date.now() - begin) / 60_000)}: gateway ${gateway} MB, client ${client} MB`);
      }
    }
    await looks;
    const cpu = tunnel.pids.map(cpuSeconds);
    const renewals = [...tunnel.output().matchAll(/ESP SA rekeyed/g)].length;
    await iperf.stop();
    await tunnel.stop();
    return (['gateway', 'client'] as const).map((name, i) => ({
      end: name,
      minutes,
      renewals,
      gigabytes: Number((bytes / 1e9).toFixed(2)),
      turns,
      dead,
      cpuSeconds: cpu[i]!,
      earlyMegabytes: part(memory[i]!, 1, 2),
      lateMegabytes: part(memory[i]!, 5, 6),
      peakMegabytes: Math.max(...memory[i]!),
    }));
  } finally {
    network.close();
    directory.remove();
  }
}

/** @returns bytes that came through; 0 where the traffic broke off, with the reason told */
async function turn(network: Network, address: string, words: readonly string[]): Promise<number> {
  const command = network.at('client', 'iperf3', '-c', address, '-J', '-t', String(TURN_SECONDS), ...words);
  try {
    const { end } = JSON.parse(await runAside(command, TURN_SECONDS + 30)) as {
      readonly end: { readonly sum_received?: { readonly bytes: number }; readonly sum?: { readonly bytes: number } };
    };
    return end.sum_received?.bytes ?? end.sum?.bytes ?? 0;
  } catch (error) {
    progress(`iperf3 ${words.join(' ')} broke off: ${(error as Error).message}`);
    return 0;
  }
}

function part(values: readonly number[], from: number, to: number): number {
  const sixth = values.length / 6;
  return median(values.slice(Math.floor(from * sixth), Math.ceil(to * sixth)));
}

/** proc_pid_status(5). */
function residentMegabytes(pid: number): number {
  const kilobytes = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Math.round(Number(kilobytes) / 102.4) / 10;
}
