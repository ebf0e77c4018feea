/** `sallyport config …`: checks a configuration without starting anything, and prints its schema. */

import { Command } from 'commander';

export function configCommand(): Command {
  return new Command('config')
    .description('check a configuration, or print its schema')
    .addCommand(checkCommand())
    .addCommand(schemaCommand());
}

function checkCommand(): Command {
  return new Command('check')
    .description('check a configuration: every mistake with its file, line, field and the nearest valid key')
    .argument('[file]', 'configuration (YAML)', 'sallyport.yaml')
    .addHelpText(
      'after',
      `
Files that hold secrets are read too. Nothing is started and nothing on the host is changed.

Examples:
  $ sallyport config check
  $ sallyport config check /etc/sallyport.yaml && systemctl restart sallyport`,
    )
    .action(check);
}

async function check(file: string): Promise<void> {
  const [{ loadConfig }, { gatewayConfig }] = await Promise.all([
    import('../config/load.ts'),
    import('../process/gatewayConfig.ts'),
  ]);
  gatewayConfig(loadConfig(file), {
    configFile: file,
    defaultPsk: () => 'the key of the state directory',
    dns: [],
    reserved: new Map(),
    keyLog: false,
    warn: (text) => console.error(`Warning: ${text}`),
  });
  console.log(`${file} is valid.`);
}

function schemaCommand(): Command {
  return new Command('schema')
    .description('print the JSON Schema of the configuration, for editors')
    .addHelpText(
      'after',
      `
Examples:
  $ sallyport config schema > sallyport.schema.json
    then begin sallyport.yaml with   # yaml-language-server: $schema=sallyport.schema.json`,
    )
    .action(async () => {
      const { configJsonSchema } = await import('../config/jsonSchema.ts');
      console.log(JSON.stringify(configJsonSchema(), null, 2));
    });
}
