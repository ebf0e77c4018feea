/** `sallyport status`: whether the gateway runs, and how it is. */

import { Command } from 'commander';
import type { GatewayStatus } from '../admin/controlApi.ts';
import { controlSocket, type StateOptions, stateOption } from './state.ts';
import { localTime } from './table.ts';

export function statusCommand(): Command {
  return new Command('status')
    .description('say whether the gateway runs, and how it is')
    .addOption(stateOption())
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Examples:
  $ sallyport status
  $ sallyport status --json | jq .sessions
  $ sallyport status --state ./state              of a gateway started with --state ./state`,
    )
    .action(status);
}

async function status(options: StateOptions & { readonly json?: boolean }): Promise<void> {
  const { callControl } = await import('../admin/controlClient.ts');
  const answer = await callControl<GatewayStatus>(await controlSocket(options), 'GET', '/status');
  console.log(options.json ? JSON.stringify(answer, null, 2) : statusText(answer));
}

export function statusText(status: GatewayStatus): string {
  const { version, pid, since, addresses, sessions, users, refused, redirecting } = status;
  const refusals = Object.entries(refused);
  const lines: [string, string][] = [
    ['Gateway', `sallyport ${version}, process ${pid}, since ${localTime(since)}`],
    ['Addresses', addresses.join(', ') || '-'],
    ['Sessions', String(sessions)],
    ['Users', String(users)],
    ...(redirecting === undefined
      ? []
      : [['Redirects', `all clients, to ${redirecting.join(', ')}`] as [string, string]]),
    ['Refused', refusals.length === 0 ? 'nothing' : refusals.map(([code, count]) => `${code} ${count}`).join(', ')],
  ];
  return lines.map(([name, value]) => `${name.padEnd(10)} ${value}`).join('\n');
}
