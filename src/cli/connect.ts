/** `sallyport connect`: the client in the foreground, until Ctrl-C. */

import { join } from 'node:path';
import { Command, Option } from 'commander';
import { certificatesOf, type ProfileOptions, profileFile, secretsOf, settingsOf } from './clientSettings.ts';
import { logOptions } from './logOptions.ts';
import { stopSignal } from './stopSignal.ts';

interface ConnectOptions extends ProfileOptions {
  readonly state?: string;
  readonly log: 'pretty' | 'json';
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error';
  readonly keylog?: string;
}

const commas = (text: string) => text.split(',').map((part) => part.trim());

export function connectCommand(): Command {
  const command = new Command('connect')
    .description('connect to a server and stay connected until Ctrl-C')
    .argument(
      '<server>',
      'name or address of the server, or a profile: a YAML file, or its name in ~/.config/sallyport',
    )
    .option('--user <name>', 'user name')
    .option('--password-file <file>', 'file (0600) that holds the password; asked for without it')
    .option('--psk-file <file>', 'file (0600) that holds the pre-shared key')
    .option('--certificate <file>', 'our certificate instead of a pre-shared key: PKCS #12 with its key, PEM or DER')
    .option('--key <file>', 'its private key (0600), unless it lies in the same file')
    .option('--certificate-password-file <file>', 'file (0600) that holds the password of the PKCS #12 file or key')
    .option(
      '--ca <files>',
      'certificates of trusted authorities, with commas between; else those in the PKCS #12 file',
      commas,
    )
    .option('--server-identity <name>', 'what the server’s certificate must be for, where it is not <server>')
    .option('--ikev2', 'speak IKEv2, with a tunnel of its own; without --certificate and --psk-file the user logs in')
    .addOption(
      new Option('--tunnel <kind>', 'with --ikev2: which tunnel (default: native)').choices(['native', 'l2tp']),
    )
    .option('--ppk-id <id>', 'with --ikev2: the id of a post-quantum pre-shared key that the server has too')
    .option('--ppk-file <file>', 'file (0600) that holds this key: text, 0x and hexadecimal, or 0s and base64')
    .option('--ppk-required', 'do not connect to a server that does not use this key')
    .option('--no-follow-redirects', 'with --ikev2: do not go to another gateway where the server says so')
    .option('--no-ipsec', 'plain L2TP: password and traffic go in the clear')
    .option('--routes <prefixes>', 'prefixes to reach through the tunnel, with commas between', commas)
    .option('--default-route', 'send all IPv4 traffic through the tunnel')
    .option('--dns', 'use the server’s name servers while connected')
    .option('--persist', 'connect again after any loss, until Ctrl-C')
    .option('--kill-switch', 'traffic for the routes goes through the tunnel or nowhere, also while there is none')
    .option('--allow-ipv6', 'with --kill-switch and --default-route: let IPv6 go around the tunnel')
    .option(
      '--auth <methods>',
      'ms-chap-v2, eap-mschapv2, eap-tls, eap-gtc, chap-md5, eap-md5, pap, with commas between (default: ms-chap-v2,eap-mschapv2,chap-md5)',
      commas,
    )
    .addOption(new Option('--profile <name>', 'algorithms to offer').choices(['strict', 'compatible', 'legacy']))
    .option('--force-encapsulation', 'ESP in UDP even without NAT')
    .option('--state <dir>', 'state directory');
  for (const option of logOptions()) command.addOption(option);
  return command
    .addHelpText(
      'after',
      `
Examples:
  $ sallyport connect vpn.example.org --user ann --psk-file psk --password-file password --default-route --dns
  $ sallyport connect 192.0.2.1 --user ann --psk-file psk --routes 10.0.0.0/8,192.168.7.0/24
  $ sallyport connect vpn.example.org … --default-route --dns --persist --kill-switch
  $ sallyport connect vpn.example.org --user ann --certificate ann.p12 --certificate-password-file p12 --dns
  $ sallyport connect vpn.example.org --ikev2 --user ann --password-file password --ca ca.crt --default-route --dns
  $ sallyport connect vpn.example.org --ikev2 --certificate ann.p12 --certificate-password-file p12 --dns
  $ sallyport connect office                           with ~/.config/sallyport/office.yaml`,
    )
    .action(connect);
}

async function connect(server: string, options: ConnectOptions): Promise<void> {
  const [{ ClientProcess }, { makeLog }, { defaultStateDirectory, StateDirectory }, { failureText }] =
    await Promise.all([
      import('../process/clientProcess.ts'),
      import('../process/logger.ts'),
      import('../process/stateDirectory.ts'),
      import('../session/log.ts'),
    ]);
  const log = makeLog(options.log, options.logLevel);
  const file = profileFile(server);
  const settings = await settingsOf(file === undefined ? { server } : { file }, options);
  const { password, psk, ppk } = await secretsOf(settings, (text) => log.warn('config', text), askPassword);
  const certificates = await certificatesOf(settings, log);
  const state = new StateDirectory(options.state ?? defaultStateDirectory());
  const signalled = stopSignal();
  const client = await ClientProcess.start({
    settings,
    password,
    psk,
    ppk,
    certificates,
    journal: join(state.path, `connect-${settings.server.replace(/[^A-Za-z0-9.-]/g, '_')}.journal`),
    log,
    ...(options.keylog === undefined ? {} : { keyLog: options.keylog }),
  });
  let asked = false;
  void signalled.then(() => {
    asked = true;
    client.disconnect({ code: 'user-request', reason: 'The user ended the connection.' });
  });
  const { reason, view } = await client.ended;
  const { timeline, ...facts } = view ?? {};
  log[asked ? 'info' : 'error']('closed', `Connection closed: ${failureText(reason)}`, {
    ...(view === undefined ? {} : { session: view.id }),
    ...facts,
    ...reason,
    ...(timeline === undefined ? {} : { timeline }),
  });
  certificates?.close();
  process.exitCode = asked ? 0 : 1;
}

async function askPassword(): Promise<string | undefined> {
  if (!process.stdin.isTTY) return undefined;
  const { promptPassword } = await import('./promptPassword.ts');
  return promptPassword('Password: ');
}
