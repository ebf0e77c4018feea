/** The state directory as commands name it. */

import { Option } from 'commander';

export interface StateOptions {
  readonly state?: string;
}

export function stateOption(): Option {
  return new Option(
    '--state <dir>',
    'state directory (default: /var/lib/sallyport for root, else ~/.local/state/sallyport)',
  );
}

/** Where the gateway of these options listens for commands. */
export async function controlSocket({ state }: StateOptions): Promise<string> {
  const { controlSocketOf, defaultStateDirectory } = await import('../process/stateDirectory.ts');
  return controlSocketOf(state ?? defaultStateDirectory());
}
