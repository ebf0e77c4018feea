/** `sallyport user …`: the users of a gateway, whether it runs or not. */

import { existsSync } from 'node:fs';
import { Command } from 'commander';
import type { Store, StoredUser } from '../store/index.ts';
import { type NewPassword, newPassword, type PasswordOptions, passwordOptions } from './password.ts';
import { type StateOptions, stateOption } from './state.ts';
import { RULE_FLAGS, type RuleOptions, type Rules, readRules, ruleOptions } from './userRules.ts';
import { publicUser, usersText, userText } from './userShow.ts';

const KEPT = `
How passwords are kept: as a scrypt hash, which serves PAP; and, because MS-CHAPv2 and CHAP cannot
work with a hash, also encrypted with AES-256-GCM under the key file secret.key (0600) in the state
directory. The database alone gives no password away; who reads both files reads the passwords.`;

export function userCommand(): Command {
  return new Command('user')
    .description('add, change, list and remove the users of the gateway')
    .addHelpText('after', KEPT)
    .addCommand(addCommand())
    .addCommand(passwdCommand())
    .addCommand(setCommand())
    .addCommand(removeCommand())
    .addCommand(listCommand())
    .addCommand(showCommand())
    .addCommand(switchCommand('enable', 'let a disabled user connect again', false))
    .addCommand(switchCommand('disable', 'refuse a user without removing it', true));
}

function addCommand(): Command {
  const command = new Command('add')
    .description('add a user; without a password option asks for the password, or generates one')
    .argument('<name>', 'user name, as clients send it, without a domain')
    .option('--address <ipv4>', 'the inner address that this user alone gets, one of network.pool');
  for (const option of [...ruleOptions(false), stateOption(), ...passwordOptions()]) command.addOption(option);
  return command
    .addHelpText(
      'after',
      `${KEPT}

Examples:
  $ sallyport user add ann                                generated password, printed once
  $ sallyport user add ann --password-file ann.password
  $ pass show vpn/ann | sallyport user add ann --password-stdin --address 10.87.0.50
  $ sallyport user add kiosk --single-session replace --idle-timeout 30m --session-timeout 12h
  $ sallyport user add guest --rate-down 20M --rate-up 5M`,
    )
    .action(add);
}

interface AddOptions extends StateOptions, PasswordOptions, RuleOptions {
  readonly address?: string;
}

async function add(name: string, options: AddOptions): Promise<void> {
  const address = await readAddress(options.address);
  const rules = (await readRules(options, false)) as Partial<StoredUser>;
  await withUsers(
    options,
    async ({ store, key, makeUser }) => {
      if (store.user(name) !== undefined) {
        throw new Error(
          `There is a user ${JSON.stringify(name)} already. Change the password with \`sallyport user passwd\`.`,
        );
      }
      refuseTaken(store, address, name);
      const password = await newPassword(options);
      store.putUser({ ...makeUser(key, name, password.password, Date.now() / 1000, address), ...rules });
      console.log(`Added user ${name}${address === undefined ? '' : ` with address ${address}`}.`);
      tellGenerated(password);
    },
    true,
  );
}

function passwdCommand(): Command {
  const command = new Command('passwd')
    .description('give a user a new password; without a password option asks for it, or generates one')
    .argument('<name>')
    .addOption(stateOption());
  for (const option of passwordOptions()) command.addOption(option);
  return command
    .addHelpText(
      'after',
      `${KEPT}

Sessions that are up go on; "sallyport disconnect NAME" ends them.

Examples:
  $ sallyport user passwd ann
  $ sallyport user passwd ann --password-stdin < ann.password`,
    )
    .action(passwd);
}

async function passwd(name: string, options: StateOptions & PasswordOptions): Promise<void> {
  await withUsers(options, async ({ store, key, makeUser }) => {
    const user = existing(store, name);
    const password = await newPassword(options);
    const { passwordHash, sealedSecrets } = makeUser(key, name, password.password, user.createdAt);
    store.putUser({ ...existing(store, name), passwordHash, sealedSecrets });
    // The connection card shows a password that the program generated, never one that a person chose.
    await forgetCard(store, name);
    console.log(`Changed the password of user ${name}.`);
    tellGenerated(password);
  });
}

function setCommand(): Command {
  const command = new Command('set')
    .description('change the address and the rules of a user; what no option names stays')
    .argument('<name>')
    .option('--address <ipv4>', 'the inner address that this user alone gets; "none" for one of the pool');
  for (const option of [...ruleOptions(true), stateOption()]) command.addOption(option);
  return command
    .addHelpText(
      'after',
      `
A gateway that runs takes the change at the user's next login; sessions that are up go on.

Examples:
  $ sallyport user set ann --single-session replace
  $ sallyport user set kiosk --session-timeout 12h --idle-timeout default
  $ sallyport user set guest --rate-down 20M --rate-up 5M
  $ sallyport user set bob --address none`,
    )
    .action(set);
}

async function set(name: string, options: StateOptions & RuleOptions & { readonly address?: string }): Promise<void> {
  const { address } = options;
  const changes: Rules & { address?: string | undefined } = {
    ...(address === undefined ? {} : { address: address === 'none' ? undefined : await readAddress(address) }),
    ...(await readRules(options, true)),
  };
  if (Object.keys(changes).length === 0) {
    const { UsageError } = await import('./explain.ts');
    throw new UsageError(
      `Name at least one of --address, ${RULE_FLAGS.slice(0, -1).join(', ')} and ${RULE_FLAGS.at(-1)}.`,
    );
  }
  await withUsers(options, async ({ store }) => {
    const user = existing(store, name);
    refuseTaken(store, changes.address, name);
    const changed = Object.entries({ ...user, ...changes }).filter(([, value]) => value !== undefined);
    store.putUser(Object.fromEntries(changed) as unknown as StoredUser);
    console.log(`Changed user ${name}.`);
  });
}

function removeCommand(): Command {
  return new Command('remove')
    .description('remove a user')
    .argument('<name>')
    .addOption(stateOption())
    .addHelpText(
      'after',
      `
Sessions that are up go on; "sallyport disconnect NAME" ends them.

Examples:
  $ sallyport user remove ann && sallyport disconnect ann`,
    )
    .action(async (name: string, options: StateOptions) => {
      await withUsers(options, async ({ store }) => {
        existing(store, name);
        store.removeUser(name);
        await forgetCard(store, name);
        console.log(`Removed user ${name}.`);
      });
    });
}

function listCommand(): Command {
  return new Command('list')
    .description('list the users; never their secrets')
    .addOption(stateOption())
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Examples:
  $ sallyport user list
  $ sallyport user list --json | jq -r '.[].name'`,
    )
    .action(async (options: StateOptions & { json?: boolean }) => {
      await withUsers(options, async ({ store }) => {
        const users = store.users().map(publicUser);
        if (options.json) console.log(JSON.stringify(users, null, 2));
        else if (users.length === 0) console.log('There are no users. Add one with `sallyport user add NAME`.');
        else console.log(usersText(users));
      });
    });
}

function showCommand(): Command {
  return new Command('show')
    .description('show a user with the rules that are its own; never its secrets')
    .argument('<name>')
    .addOption(stateOption())
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExamples:\n  $ sallyport user show ann')
    .action(async (name: string, options: StateOptions & { json?: boolean }) => {
      await withUsers(options, async ({ store }) => {
        const user = publicUser(existing(store, name));
        console.log(options.json ? JSON.stringify(user, null, 2) : userText(user));
      });
    });
}

function switchCommand(word: 'enable' | 'disable', description: string, disabled: boolean): Command {
  return new Command(word)
    .description(description)
    .argument('<name>')
    .addOption(stateOption())
    .addHelpText(
      'after',
      `\nExamples:\n  $ sallyport user ${word} ann${disabled ? ' && sallyport disconnect ann' : ''}`,
    )
    .action(async (name: string, options: StateOptions) => {
      await withUsers(options, async ({ store }) => {
        store.putUser({ ...existing(store, name), disabled });
        console.log(`User ${name} is ${word}d.`);
      });
    });
}

function existing(store: Store, name: string): StoredUser {
  const user = store.user(name);
  if (user === undefined)
    throw new Error(`There is no user ${JSON.stringify(name)}. See who there is with \`sallyport user list\`.`);
  return user;
}

/** @throws where another user has the address */
function refuseTaken(store: Store, address: string | undefined, name: string): void {
  const holder = store.users().find((user) => user.name !== name && address !== undefined && user.address === address);
  if (holder === undefined) return;
  throw new Error(`${address} is the address of user ${JSON.stringify(holder.name)}. Choose another.`);
}

function tellGenerated({ password, generated }: NewPassword): void {
  if (!generated) return;
  console.log(`Password: ${password}`);
  console.log('It was generated and is shown this once. Set another one with `sallyport user passwd`.');
}

async function forgetCard(store: Store, name: string): Promise<void> {
  const { CARD_USER } = await import('../store/index.ts');
  if (store.setting(CARD_USER) === name) store.removeSetting(CARD_USER);
}

async function readAddress(text: string | undefined): Promise<string | undefined> {
  if (text === undefined) return undefined;
  const [{ formatIpv4Number, parseIpv4Number }, { UsageError }] = await Promise.all([
    import('../net/index.ts'),
    import('./explain.ts'),
  ]);
  const number = parseIpv4Number(text);
  if (number === undefined) throw new UsageError(`${JSON.stringify(text)} is not an IPv4 address.`);
  return formatIpv4Number(number);
}

interface Users {
  readonly store: Store;
  readonly key: Uint8Array;
  readonly makeUser: typeof import('../store/index.ts').makeUser;
}

/** @param make whether a state directory that is not there yet is made */
async function withUsers(options: StateOptions, act: (users: Users) => Promise<void>, make = false): Promise<void> {
  const [{ defaultStateDirectory, StateDirectory }, { loadKey, makeUser, openSqliteStore }] = await Promise.all([
    import('../process/stateDirectory.ts'),
    import('../store/index.ts'),
  ]);
  const path = options.state ?? defaultStateDirectory();
  if (!make && !existsSync(path)) {
    throw new Error(`There is no state directory ${path}. Name the gateway's with --state, or add a user to make one.`);
  }
  const state = new StateDirectory(path);
  const key = loadKey(state.keyFile);
  const store = openSqliteStore(state.database);
  try {
    await act({ store, key, makeUser });
  } finally {
    store.close();
  }
}
