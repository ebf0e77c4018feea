/** All commands of the program, one file each. */

import { Command } from 'commander';
import { VERSION } from '../process/version.ts';
import { caCommand } from './ca.ts';
import { configCommand } from './config.ts';
import { connectCommand } from './connect.ts';
import { disconnectCommand } from './disconnect.ts';
import { loadCommand } from './load.ts';
import { profileCommand } from './profile.ts';
import { redirectCommand } from './redirect.ts';
import { serveCommand } from './serve.ts';
import { sessionsCommand } from './sessions.ts';
import { statusCommand } from './status.ts';
import { userCommand } from './user.ts';

/** The command line, ready to parse. It throws CommanderError where commander would end the process. */
export function makeProgram(): Command {
  const program = new Command('sallyport')
    .description('An L2TP/IPsec gateway and client.')
    .version(VERSION, '-V, --version', 'print the version')
    .addHelpText(
      'after',
      `
Examples:
  $ sallyport serve                          start a gateway; prints what to enter on each client
  $ sallyport user add ann                   add a user with a generated password
  $ sallyport sessions                       who is connected
  $ sallyport connect vpn.example.org --user ann --psk-file psk

"sallyport COMMAND --help" says more of a command. Exit code: 0 done, 1 failed, 2 wrong usage.
SALLYPORT_DEBUG=1 adds where in the program an error arose.`,
    )
    .addCommand(serveCommand())
    .addCommand(connectCommand())
    .addCommand(disconnectCommand())
    .addCommand(redirectCommand())
    .addCommand(statusCommand())
    .addCommand(sessionsCommand())
    .addCommand(userCommand())
    .addCommand(caCommand())
    .addCommand(profileCommand())
    .addCommand(configCommand())
    .addCommand(loadCommand());
  settle(program);
  return program;
}

/** What holds for every command. */
function settle(command: Command): void {
  command
    .exitOverride()
    .helpCommand(false)
    .showHelpAfterError(`Run "${pathOf(command)} --help" for how to use it.`)
    .configureHelp({ sortSubcommands: false, helpWidth: process.stdout.columns ?? 100 })
    .helpOption('-h, --help', 'print this help');
  for (const child of command.commands) settle(child);
}

function pathOf(command: Command): string {
  return command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`;
}
