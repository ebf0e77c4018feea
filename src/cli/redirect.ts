/** `sallyport redirect`: sends clients of IKEv2 to another gateway. */

import { Command } from 'commander';
import type { RedirectAnswer, RedirectWish } from '../admin/controlApi.ts';
import { UsageError } from './explain.ts';
import { controlSocket, type StateOptions, stateOption } from './state.ts';

interface RedirectOptions extends StateOptions {
  readonly to?: string;
  readonly all?: boolean;
  readonly stop?: boolean;
  readonly json?: boolean;
}

export function redirectCommand(): Command {
  return new Command('redirect')
    .description('send clients of IKEv2 to another gateway: one session, a user, or everybody')
    .argument('[session id|user]', 'as "sallyport sessions" shows it')
    .option('--to <gateway>', 'name or address of the other gateway (default: redirect.to of the configuration)')
    .option('--all', 'all who are connected, and all who come from now on, until --stop')
    .option('--stop', 'take clients again, as the configuration says')
    .addOption(stateOption())
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Clients that cannot follow (IKEv1, and those that do not announce RFC 5685) stay where they are, and new ones of
that kind are let in.

Examples:
  $ sallyport redirect ann --to gw2.example.org
  $ sallyport redirect --all --to gw2.example.org      before maintenance; then wait, and stop the gateway
  $ sallyport redirect --stop`,
    )
    .action(redirect);
}

async function redirect(who: string | undefined, options: RedirectOptions): Promise<void> {
  const { to, all = false, stop = false } = options;
  if ([who !== undefined, all, stop].filter(Boolean).length !== 1) {
    throw new UsageError('Name a session id or a user, or say --all or --stop: one of the three.');
  }
  const { isGatewayName } = await import('../config/redirectSchema.ts');
  if (to !== undefined && !isGatewayName(to))
    throw new UsageError(`${JSON.stringify(to)} is neither a name nor an address.`);
  const wish: RedirectWish = {
    ...(who === undefined ? {} : { who }),
    ...(to === undefined ? {} : { to }),
    ...(stop ? { stop } : {}),
  };
  const { callControl } = await import('../admin/controlClient.ts');
  const answer = await callControl<RedirectAnswer>(await controlSocket(options), 'POST', '/redirect', wish);
  if (!answer.known && !stop)
    throw new Error('Name the other gateway with --to, or set redirect.to in the configuration.');
  if (options.json) console.log(JSON.stringify(answer));
  if (who !== undefined && answer.sent + answer.staying === 0) {
    throw new Error(
      `No session has the id or user ${JSON.stringify(who)}. See who is connected with \`sallyport sessions\`.`,
    );
  }
  if (!options.json) console.log(stop ? 'Clients are taken again, as the configuration says.' : sentText(answer));
}

function sentText({ sent, staying }: RedirectAnswer): string {
  const connections = (count: number) => (count === 1 ? 'one connection' : `${count} connections`);
  const stay = staying === 0 ? '' : ` The clients of ${connections(staying)} cannot be sent, and stay.`;
  return `Sending the clients of ${connections(sent)} to the other gateway.${stay}`;
}
