/** `sallyport config …`: checks a configuration without starting anything, and prints its schema. */

import { existsSync } from 'node:fs';
import { Command, Option } from 'commander';
import type { ConfigReader } from '../config/configReader.ts';
import { type StateOptions, stateOption } from './state.ts';

interface ForOption {
  readonly for?: ConfigReader;
}

export function configCommand(): Command {
  return new Command('config')
    .description('check a configuration, or print its schema')
    .addCommand(checkCommand())
    .addCommand(schemaCommand());
}

function forOption(description: string): Option {
  return new Option('--for <command>', description).choices(['serve', 'connect']);
}

function checkCommand(): Command {
  return new Command('check')
    .description('check a configuration: every mistake with its file, line, field and the nearest valid key')
    .argument(
      '[file]',
      'configuration of a gateway, or profile of `sallyport connect` (YAML, or a name in ~/.config/sallyport)',
      'sallyport.yaml',
    )
    .addOption(forOption('the command that is to read the file; its keys at the top tell without'))
    .addOption(stateOption())
    .addHelpText(
      'after',
      `
Files that hold secrets and certificates are read too, among them those that \`sallyport ca\` has made in the state
directory. Relative names count from the configuration of a gateway; those in a profile from the working directory.
A profile passes where \`sallyport connect\` could do with it alone; a password that it lacks is asked for then.
Nothing is started and nothing on the host is changed.

Examples:
  $ sallyport config check
  $ sallyport config check /etc/sallyport.yaml && systemctl restart sallyport
  $ sallyport config check office                     the profile ~/.config/sallyport/office.yaml`,
    )
    .action(check);
}

async function check(word: string, { state, for: told }: StateOptions & ForOption): Promise<void> {
  const [{ profileFile }, { readConfigFile }, { readerOf }, { checkGateway, checkProfile }] = await Promise.all([
    import('./clientSettings.ts'),
    import('../config/load.ts'),
    import('../config/configReader.ts'),
    import('./checkConfig.ts'),
  ]);
  const file = existsSync(word) ? word : (profileFile(word) ?? word);
  const reader = told ?? readerOf(readConfigFile(file), file);
  const warn = (text: string) => console.error(`Warning: ${text}`);
  if (reader === 'serve') await checkGateway(file, state, warn);
  else await checkProfile(file, warn);
  console.log(`${file} is ${reader === 'serve' ? 'valid' : 'a valid profile'}.`);
}

function schemaCommand(): Command {
  return new Command('schema')
    .description('print the JSON Schema of the configuration, for editors')
    .addOption(forOption('the command that reads the file').default('serve'))
    .addHelpText(
      'after',
      `
Examples:
  $ sallyport config schema > sallyport.schema.json
    then begin sallyport.yaml with   # yaml-language-server: $schema=sallyport.schema.json
  $ sallyport config schema --for connect > profile.schema.json`,
    )
    .action(async ({ for: reader }: ForOption) => {
      const { configJsonSchema, profileJsonSchema } = await import('../config/jsonSchema.ts');
      console.log(JSON.stringify(reader === 'connect' ? profileJsonSchema() : configJsonSchema(), null, 2));
    });
}
