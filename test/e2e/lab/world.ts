/** Everything that a test of whole programs makes, in one place, so that it goes again whatever happens. */

import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Namespace } from '../../driver/namespace.ts';
import { Agent } from './agent.ts';
import { Program, type ProgramOptions } from './program.ts';

const PREFIX = 'sallyport-e2e-';

export class World {
  /** For state directories and secrets. */
  readonly folder = mkdtempSync(join(tmpdir(), `${PREFIX}${process.pid}-`));
  readonly #namespaces: Namespace[] = [];
  readonly #programs: Program[] = [];
  readonly #agents: Agent[] = [];
  readonly #killAll = () => {
    for (const program of this.#programs) program.kill();
    rmSync(this.folder, { recursive: true, force: true });
  };
  readonly #exit = (signal: NodeJS.Signals) => process.exit(signal === 'SIGINT' ? 130 : 143);

  constructor() {
    sweep();
    process.on('exit', this.#killAll);
    process.on('SIGTERM', this.#exit);
    process.on('SIGINT', this.#exit);
  }

  namespace(): Namespace {
    const made = Namespace.create();
    this.#namespaces.push(made);
    return made;
  }

  /** A thread in a namespace that serves and fetches. */
  agent(namespace: Namespace): Agent {
    const agent = Agent.start(namespace);
    this.#agents.push(agent);
    return agent;
  }

  /** Runs `sallyport` in a namespace. */
  sallyport(namespace: Namespace, words: readonly string[], options: ProgramOptions = {}): Program {
    const program = Program.sallyport(namespace, words, options);
    this.#programs.push(program);
    return program;
  }

  async close(): Promise<void> {
    process.off('exit', this.#killAll);
    process.off('SIGTERM', this.#exit);
    process.off('SIGINT', this.#exit);
    for (const program of this.#programs) program.kill();
    await Promise.all(this.#programs.map((program) => program.exited));
    await Promise.all(this.#agents.map((agent) => agent.close()));
    for (const namespace of this.#namespaces) namespace.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Removes the folders of runs that were killed; their namespaces and programs went with them. */
function sweep(): void {
  for (const name of readdirSync(tmpdir())) {
    const pid = new RegExp(`^${PREFIX}(\\d+)-`).exec(name)?.[1];
    if (pid !== undefined && !existsSync(`/proc/${pid}`))
      rmSync(join(tmpdir(), name), { recursive: true, force: true });
  }
}
