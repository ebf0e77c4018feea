/** `sallyport config …`: checks a configuration without starting anything, and prints its schema. */

import { Command } from 'commander';
import type { Log } from '../process/logger.ts';
import { type StateOptions, stateOption } from './state.ts';

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
    .addOption(stateOption())
    .addHelpText(
      'after',
      `
Files that hold secrets and certificates are read too, among them those that \`sallyport ca\` has made in the state
directory. Nothing is started and nothing on the host is changed.

Examples:
  $ sallyport config check
  $ sallyport config check /etc/sallyport.yaml && systemctl restart sallyport`,
    )
    .action(check);
}

async function check(file: string, { state }: StateOptions): Promise<void> {
  const [
    { loadConfig },
    { gatewayConfig },
    { CertificateService },
    { certificateSourcesOf },
    { gatewayTlsEngine },
    { authorityIn, defaultStateDirectory },
  ] = await Promise.all([
    import('../config/load.ts'),
    import('../process/gatewayConfig.ts'),
    import('../process/certificateService.ts'),
    import('../process/certificateSources.ts'),
    import('../process/eapTls.ts'),
    import('../process/stateDirectory.ts'),
  ]);
  const warn = (text: string) => console.error(`Warning: ${text}`);
  const settings = loadConfig(file);
  const sources = certificateSourcesOf(settings, authorityIn(state ?? defaultStateDirectory()), {
    configFile: file,
    warn,
  });
  const certificates = sources === undefined ? undefined : new CertificateService(sources, saying(warn));
  try {
    gatewayConfig(settings, {
      configFile: file,
      defaultPsk: () => 'the key of the state directory',
      dns: [],
      reserved: new Map(),
      keyLog: false,
      certificates,
      warn,
    });
    gatewayTlsEngine(settings, certificates)?.close();
  } finally {
    certificates?.close();
  }
  console.log(`${file} is valid.`);
}

/** A log of warnings alone. */
function saying(warn: (text: string) => void): Log {
  const say = (_event: string, text: string) => warn(text);
  return { isVerbose: false, entry: () => {}, info: () => {}, warn: say, error: say, flush: () => {} };
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
