/** A User-Mode-Linux guest that boots from the host's own files in seconds and runs scripts for its host. */

import type { ChildProcess } from 'node:child_process';
import {
  closeSync,
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Duplex } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { gone, type Machine, type Result, start } from '../process.ts';
import type { TapLink } from '../topology.ts';

const BOOT_SECONDS = 30;
const MEMORY = '320M';

const here = (file: string) => fileURLToPath(new URL(file, import.meta.url));

interface Waiting {
  readonly pattern: RegExp;
  resolve(line: string): void;
  reject(reason: string): void;
}

export class Guest implements Machine {
  readonly name: string;
  readonly lab = '/lab';
  readonly address: string;
  readonly #folder: string;
  readonly #child: ChildProcess;
  readonly #channel: Duplex;
  readonly #waiting: Waiting[] = [];
  /** Lines from the guest that nobody has waited for yet. */
  readonly #lines: string[] = [];
  #commands = 0;
  #stopped = false;

  private constructor(name: string, folder: string, link: TapLink) {
    this.name = name;
    this.address = link.address;
    this.#folder = folder;
    const console = openSync(join(folder, 'console'), 'w');
    const { namespace, tap, address, gateway } = link;
    // In a process namespace of its own, so that all of the guest's processes end with its first.
    const command = `ip netns exec ${namespace} unshare --pid --fork --kill-child=KILL
      linux.uml mem=${MEMORY} umid=${name} uml_dir=${folder}/ root=/dev/root rootfstype=hostfs rootflags=/ ro
      init=${here('./init.sh')} con=null con0=null,fd:1 ssl=null ssl0=fd:3,fd:3 quiet
      eth0=tuntap,${tap} labdir=${folder} labaddr=${address}/24 labgw=${gateway}`;
    this.#child = start(command.split(/\s+/), { stdio: ['ignore', console, console, 'pipe'] });
    closeSync(console);
    this.#channel = this.#child.stdio[3] as Duplex;
    this.#channel.on('error', () => {});
    createInterface({ input: this.#channel }).on('line', (line) => this.#take(line.trim()));
  }

  /** Boots a guest on `link`. `folder` becomes its `/lab`; `lab` is where the payload is. */
  static async boot(name: string, folder: string, lab: string, link: TapLink): Promise<Guest> {
    for (const sub of ['cmd', 'out']) mkdirSync(join(folder, sub), { recursive: true });
    copyFileSync(here('./agent.sh'), join(folder, 'agent.sh'));
    for (const file of ['payload', 'httpServer.pl', 'meter.pl']) linkSync(join(lab, file), join(folder, file));
    const guest = new Guest(name, folder, link);
    try {
      await guest.line(/^READY$/, BOOT_SECONDS);
    } catch {
      await guest.stop();
      throw new Error(`${name} does not boot:\n${guest.console()}`);
    }
    return guest;
  }

  async run(script: string, seconds = 30): Promise<Result> {
    if (this.#stopped) throw new Error(`${this.name} is stopped`);
    const id = ++this.#commands;
    writeFileSync(join(this.#folder, 'cmd', String(id)), script);
    this.#channel.write(`RUN ${id}\n`);
    const done = await this.line(new RegExp(`^DONE ${id} `), seconds).catch((error: Error) => {
      throw new Error(`${error.message}: ${script.trim()}`);
    });
    const output = readFileSync(join(this.#folder, 'out', String(id)), 'utf8');
    return { code: Number(done.split(' ')[2]), output };
  }

  /** The text of the first event, seen or still to come, that matches. Each event is given out once. */
  async event(pattern: RegExp, seconds: number): Promise<string> {
    const line = await this.line(new RegExp(`^EVENT ${pattern.source}`), seconds);
    return line.slice('EVENT '.length);
  }

  /** Forgets the events that nobody has waited for, and ends the waiting for others. */
  forgetEvents(): void {
    this.#lines.length = 0;
    for (const { pattern, reject } of [...this.#waiting]) if (pattern.source.startsWith('^EVENT')) reject('reset');
  }

  /** What the guest's kernel has printed. */
  console(): string {
    return readFileSync(join(this.#folder, 'console'), 'utf8');
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    for (const { reject } of [...this.#waiting]) reject('stopped');
    // The child is `unshare`; its own child is the guest, which it reaps when it ends.
    for (const pid of childrenOf(this.#child.pid)) process.kill(pid, 'SIGKILL');
    await gone(this.#child, 5);
  }

  private line(pattern: RegExp, seconds: number): Promise<string> {
    const at = this.#lines.findIndex((line) => pattern.test(line));
    if (at >= 0) return Promise.resolve(this.#lines.splice(at, 1)[0]!);
    return new Promise((resolve, reject) => {
      const finish = () => {
        clearTimeout(timer);
        this.#waiting.splice(this.#waiting.indexOf(entry), 1);
      };
      const entry: Waiting = {
        pattern,
        resolve: (line) => {
          finish();
          resolve(line);
        },
        reject: (reason) => {
          finish();
          reject(new Error(`${this.name}: nothing matched ${pattern.source}: ${reason}`));
        },
      };
      const timer = setTimeout(() => entry.reject(`${seconds} s are over`), seconds * 1000);
      this.#waiting.push(entry);
    });
  }

  #take(line: string): void {
    const waiting = this.#waiting.find(({ pattern }) => pattern.test(line));
    if (waiting === undefined) this.#lines.push(line);
    else waiting.resolve(line);
  }
}

function childrenOf(pid: number | undefined): number[] {
  const file = `/proc/${pid}/task/${pid}/children`;
  return existsSync(file) ? readFileSync(file, 'utf8').split(' ').filter(Boolean).map(Number) : [];
}
