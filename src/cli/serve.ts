/** `sallyport serve`: the gateway in the foreground. */

import { Command } from 'commander';
import { gatewaySettings } from './gatewaySettings.ts';
import { logOptions } from './logOptions.ts';
import { stopSignal } from './stopSignal.ts';

interface ServeOptions {
  readonly config?: string;
  readonly state?: string;
  readonly log: 'pretty' | 'json';
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error';
  readonly keylog?: string;
}

export function serveCommand(): Command {
  const command = new Command('serve')
    .description('run the gateway: without a configuration with an embedded default (generated key, first user, NAT)')
    .option('-c, --config <file>', 'configuration (YAML)')
    .option('--state <dir>', 'state directory (default: /var/lib/sallyport)');
  for (const option of logOptions()) command.addOption(option);
  return command
    .addHelpText(
      'after',
      `
Examples:
  $ sallyport serve                                   embedded default; prints what to enter on each client
  $ sallyport serve -c sallyport.yaml                 with a configuration
  $ sallyport serve --log json --log-level debug      every IKE, L2TP and PPP message as a JSON line`,
    )
    .action(serve);
}

async function serve(options: ServeOptions): Promise<void> {
  const [
    { GatewayProcess },
    { connectionCard },
    { makeLog },
    { defaultStateDirectory, StateDirectory },
    { keepMemoryTight },
  ] = await Promise.all([
    import('../process/gatewayProcess.ts'),
    import('../process/connectionCard.ts'),
    import('../process/logger.ts'),
    import('../process/stateDirectory.ts'),
    import('../process/tightMemory.ts'),
  ]);
  keepMemoryTight();
  const settings = await gatewaySettings(options.config);
  const log = makeLog(options.log, options.logLevel);
  const state = new StateDirectory(options.state ?? defaultStateDirectory());
  const asked = stopSignal();
  const gateway = await GatewayProcess.start({
    settings,
    ...(options.config === undefined ? {} : { configFile: options.config }),
    state,
    log,
    ...(options.keylog === undefined ? {} : { keyLog: options.keylog }),
    firstUser: options.config === undefined,
    beforeReady: (facts) => {
      if (options.log === 'pretty') console.log(connectionCard(facts));
    },
  });
  const ended = new Promise<number>((resolve) => {
    void asked.then(async (signal) => {
      log.info('stopping', `Stopping on ${signal}: ending all sessions.`);
      await gateway.stop({ code: 'gateway-stopped', reason: 'The gateway was stopped.' });
      resolve(0);
    });
    void gateway.failed.then(async (failure) => {
      log.error('failed', failure.reason, { ...failure });
      await gateway.stop(failure);
      resolve(1);
    });
  });
  process.exitCode = await ended;
  log.info('stopped', 'The gateway has ended; nothing is left on the host.');
}
