/** What `sallyport user list` and `user show` print: never a secret. */

import type { StoredUser } from '../store/index.ts';
import { localTime, rateText, table } from './table.ts';

/** What may be shown of a user. */
export function publicUser(user: StoredUser) {
  const { name, address, singleSession, sessionTimeout, idleTimeout, rateDown, rateUp, disabled, createdAt } = user;
  return {
    name,
    ...(address === undefined ? {} : { address }),
    ...(singleSession === undefined ? {} : { singleSession }),
    ...(sessionTimeout === undefined ? {} : { sessionTimeout }),
    ...(idleTimeout === undefined ? {} : { idleTimeout }),
    ...(rateDown === undefined ? {} : { rateDown }),
    ...(rateUp === undefined ? {} : { rateUp }),
    disabled,
    createdAt: new Date(createdAt * 1000).toISOString(),
  };
}

export type PublicUser = ReturnType<typeof publicUser>;

export function usersText(users: readonly PublicUser[]): string {
  return table(
    ['NAME', 'ADDRESS', 'RATE DOWN', 'RATE UP', 'STATE', 'CREATED'],
    users.map((user) => [
      user.name,
      user.address,
      boundText(user.rateDown),
      boundText(user.rateUp),
      stateOf(user),
      localTime(user.createdAt),
    ]),
  );
}

export function userText(user: PublicUser): string {
  const { singleSession, sessionTimeout, idleTimeout, rateDown, rateUp } = user;
  const ofGateway = 'the gateway’s';
  const lines: readonly (readonly [string, string])[] = [
    ['Name', user.name],
    ['Address', user.address ?? 'one of the pool'],
    ['Connects twice', singleSession ?? ofGateway],
    ['Session timeout', spanText(sessionTimeout) ?? ofGateway],
    ['Idle timeout', spanText(idleTimeout) ?? ofGateway],
    ['Rate down', boundText(rateDown) ?? ofGateway],
    ['Rate up', boundText(rateUp) ?? ofGateway],
    ['State', stateOf(user)],
    ['Created', localTime(user.createdAt)],
  ];
  return lines.map(([name, value]) => `${name.padEnd(16)}${value}`).join('\n');
}

const stateOf = ({ disabled }: PublicUser): string => (disabled ? 'disabled' : 'enabled');

const boundText = (rate: number | undefined): string | undefined => (rate === 0 ? 'no bound' : rateText(rate));

const spanText = (seconds: number | undefined): string | undefined =>
  seconds === 0 ? 'without end' : seconds === undefined ? undefined : `${seconds} s`;
