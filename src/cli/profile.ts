/** `sallyport profile`: ready-made configurations for the clients of this gateway. */

import { chmodSync, existsSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Command, Option } from 'commander';
import { CLIENT_KINDS, type ClientKind, type SetupFacts, type SetupProtocol } from '../clientSetup/index.ts';
import { makeDirectory } from '../driver/makeDirectory.ts';
import { UsageError } from './explain.ts';
import { gatewaySettings } from './gatewaySettings.ts';
import { type StateOptions, stateOption } from './state.ts';

/** What fits through a path of 1500 bytes with every suite, behind a NAT, and through mobile networks. */
const CLIENT_MTU = 1380;

interface ProfileOptions extends StateOptions {
  readonly os: ClientKind;
  readonly server: string;
  readonly serverIdentity?: string;
  readonly protocol: SetupProtocol;
  readonly name: string;
  readonly config?: string;
  readonly ca?: string;
  readonly withPassword?: true;
  readonly passwordLogin?: true;
  readonly out: string;
}

export function profileCommand(): Command {
  return new Command('profile')
    .description('write ready-made client configurations for a user, and say what to do with them')
    .argument('<user>', 'a user of the gateway')
    .addOption(
      new Option('--os <kind>', 'what the client runs').choices(Object.keys(CLIENT_KINDS)).makeOptionMandatory(),
    )
    .requiredOption('--server <name>', 'the name or address under which clients reach the gateway')
    .addOption(new Option('--protocol <protocol>', 'what to connect with').choices(['l2tp', 'ikev2']).default('l2tp'))
    .option('--server-identity <name>', 'what the gateway’s certificate is for, where that is not the server (IKEv2)')
    .option(
      '--ca <file>',
      'the authority that issued the gateway’s certificate (PEM), for IKEv2; default: that of `sallyport ca`, if there is one',
    )
    .option('--name <name>', 'what the connection is called on the client', 'Sallyport')
    .option('-c, --config <file>', 'the gateway’s configuration, for its pre-shared key (L2TP)')
    .option('--with-password', 'put the user’s password into the files; else the client asks for it')
    .option('--password-login', 'IKEv2 with the password, also where `sallyport ca` has issued the user a certificate')
    .option('--out <dir>', 'where the files go (0600)', '.')
    .addOption(stateOption())
    .addHelpText(
      'after',
      `
What it can write: ${Object.entries(CLIENT_KINDS)
        .map(([kind, { protocols }]) => `${kind} (${protocols.join(', ')})`)
        .join(', ')}.

Examples:
  $ sallyport profile ann --os windows --server vpn.example.org
  $ sallyport profile ann --os ios --server vpn.example.org --protocol ikev2 --out ann
  $ sallyport profile kiosk --os linux-xl2tpd --server 192.0.2.7 --with-password --out kiosk`,
    )
    .action(profile);
}

async function profile(user: string, options: ProfileOptions): Promise<void> {
  const [{ clientSetup }, facts] = await Promise.all([import('../clientSetup/index.ts'), factsOf(user, options)]);
  let setup: ReturnType<typeof clientSetup>;
  try {
    setup = clientSetup(options.os, facts);
  } catch (error) {
    if (error instanceof RangeError) throw new UsageError(`No profile was written: ${error.message}.`);
    throw error;
  }
  for (const { name, content } of setup.files) {
    const path = join(options.out, name);
    makeDirectory(dirname(path));
    writeFileSync(path, content, { mode: 0o600 });
    chmodSync(path, 0o600);
    console.log(`Wrote ${path}`);
  }
  if (setup.files.length > 0) console.log('');
  for (const [i, step] of setup.steps.entries()) console.log(`${i + 1}. ${step}`);
}

async function factsOf(user: string, options: ProfileOptions): Promise<SetupFacts> {
  const { setupUuid, readAuthority } = await import('../process/clientSetupFacts.ts');
  const { protocol, name, server, ca } = options;
  const password = await passwordOf(user, options);
  const own = protocol === 'ikev2' && ca === undefined ? await ownAuthorityOf(user, options) : undefined;
  const authority = ca === undefined ? own?.authority : readAuthority(ca);
  const byCertificate = !options.passwordLogin && !options.withPassword && own?.certificate !== undefined;
  // The gateway's certificate may be for another name than the one under which it is reached.
  const names = own?.serverNames ?? [];
  const serverIdentity = options.serverIdentity ?? (names.includes(server) ? server : (names[0] ?? server));
  return {
    protocol,
    name,
    server,
    serverIdentity,
    user,
    mtu: CLIENT_MTU,
    ...(password === undefined ? {} : { password }),
    ...(protocol === 'l2tp' ? { psk: await pskOf(options) } : {}),
    ...(authority === undefined ? {} : { authority }),
    ...(byCertificate ? { certificate: own.certificate } : {}),
    uuid: (purpose) => setupUuid(server, user, options.os, protocol, purpose),
  };
}

async function ownAuthorityOf(user: string, { state }: ProfileOptions) {
  const [{ defaultStateDirectory, StateDirectory }, { ownAuthority }] = await Promise.all([
    import('../process/stateDirectory.ts'),
    import('../process/clientSetupFacts.ts'),
  ]);
  return ownAuthority(new StateDirectory(state ?? defaultStateDirectory()).authority, user);
}

/** @throws Error where there is no such user: a profile for nobody would only fail later, at the client */
async function passwordOf(name: string, { state, withPassword }: ProfileOptions): Promise<string | undefined> {
  const [{ defaultStateDirectory, StateDirectory }, { loadKey, openSqliteStore, unsealUser }] = await Promise.all([
    import('../process/stateDirectory.ts'),
    import('../store/index.ts'),
  ]);
  const path = state ?? defaultStateDirectory();
  if (!existsSync(path)) throw new Error(`There is no state directory ${path}. Name the gateway’s with --state.`);
  const directory = new StateDirectory(path);
  const store = openSqliteStore(directory.database);
  try {
    const user = store.user(name);
    if (user === undefined) {
      throw new Error(`There is no user ${JSON.stringify(name)}. Add one with \`sallyport user add\`.`);
    }
    return withPassword ? unsealUser(loadKey(directory.keyFile), user).password : undefined;
  } finally {
    store.close();
  }
}

/** @throws Error where there is no key yet: one made up here would be none of the gateway's */
async function pskOf({ config, state }: ProfileOptions): Promise<string> {
  const [{ ownPsk }, { defaultStateDirectory, StateDirectory }] = await Promise.all([
    import('../process/gatewayConfig.ts'),
    import('../process/stateDirectory.ts'),
  ]);
  const settings = await gatewaySettings(config);
  return ownPsk(settings.ike, {
    ...(config === undefined ? {} : { configFile: config }),
    defaultPsk: () => {
      const directory = new StateDirectory(state ?? defaultStateDirectory());
      if (config === undefined && !existsSync(directory.pskFile)) throw new Error(NO_PSK);
      return directory.defaultPsk();
    },
    warn: (text) => console.error(`Warning: ${text}`),
  });
}

const NO_PSK =
  'There is no pre-shared key in the state directory. Name the gateway’s configuration with -c, or its state directory with --state; `sallyport serve` without a configuration makes a key at its first start.';
