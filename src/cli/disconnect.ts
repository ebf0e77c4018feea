/** `sallyport disconnect`: ends the sessions of a user, or one session. */

import { Command } from 'commander';
import { controlSocket, type StateOptions, stateOption } from './state.ts';

export function disconnectCommand(): Command {
  return new Command('disconnect')
    .description('end one session, or all sessions of a user, in order')
    .argument('<session id|user>', 'as "sallyport sessions" shows it')
    .addOption(stateOption())
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
The user may connect again; to prevent that, disable the user first.

Examples:
  $ sallyport disconnect ann
  $ sallyport user disable ann && sallyport disconnect ann`,
    )
    .action(disconnect);
}

async function disconnect(who: string, options: StateOptions & { readonly json?: boolean }): Promise<void> {
  const { callControl } = await import('../admin/controlClient.ts');
  const socket = await controlSocket(options);
  const answer = await callControl<{ disconnected: number }>(socket, 'DELETE', `/sessions/${encodeURIComponent(who)}`);
  const { disconnected } = answer;
  if (options.json) console.log(JSON.stringify(answer));
  if (disconnected === 0) {
    throw new Error(
      `No session has the id or user ${JSON.stringify(who)}. See who is connected with \`sallyport sessions\`.`,
    );
  }
  if (!options.json) console.log(`Ending ${disconnected === 1 ? 'one session' : `${disconnected} sessions`}.`);
}
