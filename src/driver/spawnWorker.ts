/** Starts a worker of this folder, from the compiled JavaScript or, in development, from the TypeScript sources. */

import { Worker } from 'node:worker_threads';

/** Threads make few objects, and none for a packet: room for more would only be filled before it is cleared. */
const YOUNG_MEGABYTES = 8;

/** @param name file name without extension, in this folder */
export function spawnWorker(name: string, workerData: unknown): Worker {
  // Flags of the main thread are not taken over: some of them are refused for workers.
  const options = { workerData, execArgv: [], resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MEGABYTES } };
  const typescript = import.meta.url.endsWith('.ts');
  const file = new URL(`./${name}${typescript ? '.ts' : '.js'}`, import.meta.url);
  if (!typescript || runsTypescript()) return new Worker(file, options);
  return new Worker(registerThenImport(file), { ...options, eval: true });
}

/** Whether this Node strips types by itself (22.18 and newer). */
function runsTypescript(): boolean {
  return Boolean((process.features as { readonly typescript?: unknown }).typescript);
}

/** `--import tsx` does nothing in a worker of Node 20, so the worker registers the loader itself. */
function registerThenImport(file: URL): string {
  const loader = JSON.stringify(import.meta.resolve('tsx/esm/api'));
  return `import(${loader}).then(({ register }) => { register(); return import(${JSON.stringify(file.href)}); });`;
}
