/** `sallyport sessions`: who is connected, or was. */

import { Command } from 'commander';
import type { SessionView } from '../session/record.ts';
import { controlSocket, type StateOptions, stateOption } from './state.ts';
import { byteCount, localTime, table } from './table.ts';

interface SessionsOptions extends StateOptions {
  readonly ended?: boolean;
  readonly json?: boolean;
}

export function sessionsCommand(): Command {
  return new Command('sessions')
    .description('list the sessions of the running gateway')
    .addOption(stateOption())
    .option('--ended', 'those that ended lately, with the reason')
    .option('--json', 'print JSON, with the timeline of each session')
    .addHelpText(
      'after',
      `
Columns: UP and DOWN are bytes from and to the peer; NAT says who is behind one; CLIENT is\nwhat its habits tell. INNER ADDRESS has the IPv6 prefix or address too, where there is one.

Examples:
  $ sallyport sessions
  $ sallyport sessions --ended                              why did ann's connection end?
  $ sallyport sessions --json | jq '.[] | [.user, .innerAddress, .innerPrefix]'`,
    )
    .action(sessions);
}

async function sessions(options: SessionsOptions): Promise<void> {
  const { callControl } = await import('../admin/controlClient.ts');
  const path = options.ended ? '/sessions/ended' : '/sessions';
  const answer = await callControl<SessionView[]>(await controlSocket(options), 'GET', path);
  if (options.json) console.log(JSON.stringify(answer, null, 2));
  else if (answer.length === 0) console.log(options.ended ? 'No session has ended yet.' : 'Nobody is connected.');
  else console.log(sessionsText(answer, options.ended === true));
}

/** @param ended whether to say why each one ended */
export function sessionsText(views: readonly SessionView[], ended = false): string {
  const headings = [
    'ID',
    'USER',
    'PEER',
    'NAT',
    'INNER ADDRESS',
    'CLIENT',
    'PHASE',
    'IKE',
    'ESP',
    'UP',
    'DOWN',
    'SINCE',
  ];
  return table(
    ended ? [...headings, 'ENDED'] : headings,
    views.map((view) => [
      view.id,
      view.user,
      endpointText(view),
      natText(view),
      innerText(view),
      view.client,
      view.phase,
      view.ike,
      espText(view),
      byteCount(view.bytesFromPeer),
      byteCount(view.bytesToPeer),
      localTime(view.since),
      ...(ended ? [view.ended === undefined ? undefined : `${view.ended.code}: ${view.ended.reason}`] : []),
    ]),
  );
}

function endpointText({ peer: { address, port } }: SessionView): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

/** IPv4 and what there is of IPv6: a prefix, or an address of the client's own. */
function innerText({ innerAddress, innerPrefix }: SessionView): string | undefined {
  const known = [innerAddress, innerPrefix?.replace(/\/128$/, '')].filter((text) => text !== undefined);
  return known.length === 0 ? undefined : known.join(', ');
}

function natText({ nat }: SessionView): string | undefined {
  if (nat === undefined) return undefined;
  const behind = [...(nat.remoteBehindNat ? ['peer'] : []), ...(nat.localBehindNat ? ['gateway'] : [])];
  return behind.join('+') || 'none';
}

function espText({ esp, encapsulation }: SessionView): string | undefined {
  if (encapsulation === 'none') return 'no IPsec';
  return esp === undefined || encapsulation === undefined ? esp : `${esp}${encapsulation === 'udp' ? ' in UDP' : ''}`;
}
