/** `sallyport load`: many connections at once against a gateway of one's own, counted and timed. */

import { Command } from 'commander';
import type { LoadProgress, LoadResult } from '../process/load/loadRun.ts';
import { stopSignal } from './stopSignal.ts';
import { wholeNumber } from './wholeNumber.ts';

interface LoadOptions {
  readonly pskFile: string;
  readonly user: string;
  readonly passwordFile: string;
  readonly count: number;
  readonly warmUp: number;
  readonly concurrency: number;
  readonly seconds: number;
  readonly hold?: boolean;
  readonly ports: number;
  readonly ike: string;
  readonly esp: string;
  readonly json?: boolean;
}

const MOST_CONNECTIONS = 100_000;
const MOST_AT_ONCE = 1000;
const MOST_SECONDS = 3600;
const MOST_PORTS = 256;

const upTo = (most: number, least = 1) => wholeNumber(least, most, `${least} to ${most}.`);

export function loadCommand(): Command {
  return new Command('load')
    .description('set up and end many connections, to see what a gateway sustains')
    .argument('<server>', 'the gateway: an address of this host, or a private one on a network that this host is in')
    .requiredOption('--user <name>', 'user name, the same for all')
    .requiredOption('--password-file <file>', 'file (0600) that holds the password')
    .requiredOption('--psk-file <file>', 'file (0600) that holds the pre-shared key')
    .option('--count <n>', `connections in all, up to ${MOST_CONNECTIONS}`, upTo(MOST_CONNECTIONS), 100)
    .option('--warm-up <n>', 'connections before them, which count in nothing', upTo(MOST_CONNECTIONS, 0), 0)
    .option('--concurrency <n>', `connections being set up at once, up to ${MOST_AT_ONCE}`, upTo(MOST_AT_ONCE), 16)
    .option('--seconds <n>', `end after this time, up to ${MOST_SECONDS}`, upTo(MOST_SECONDS), 60)
    .option('--hold', 'keep the connections idle until the time is up, instead of ending each at once')
    .option('--ports <n>', `UDP source ports that the connections share, up to ${MOST_PORTS}`, upTo(MOST_PORTS), 8)
    .option('--ike <proposal>', 'the IKE proposal that is offered', 'aes256-sha256-modp2048')
    .option('--esp <proposal>', 'the ESP proposal that is offered', 'aes256gcm16')
    .option('--json', 'print JSON lines: progress every second, held, and the result')
    .addHelpText(
      'after',
      `
No load goes to public addresses nor through a router: the gateway must have an address of this host (or network
namespace), or a private one on the same link.

Examples:
  $ sallyport load 127.0.0.1 --user ann --psk-file psk --password-file password --count 1000
  $ sallyport load 192.168.7.1 --user ann --psk-file psk --password-file password --ike aes128-sha256-ecp256
  $ sallyport load 10.0.0.1 --user ann --psk-file psk --password-file password --count 10000 --hold --seconds 600`,
    )
    .action(load);
}

async function load(server: string, options: LoadOptions): Promise<void> {
  const [{ LoadRun }, { loadTarget }, { readSecretFile }] = await Promise.all([
    import('../process/load/loadRun.ts'),
    import('../process/load/target.ts'),
    import('../process/gatewayConfig.ts'),
  ]);
  const warn = (text: string) => void console.error(`Warning: ${text}`);
  const { user, count, warmUp, concurrency, seconds, ports, json, hold = false } = options;
  const print = (event: string, progress: LoadProgress, text: (progress: LoadProgress) => string) =>
    console.log(json ? JSON.stringify({ event, ...progress }) : text(progress));
  const run = new LoadRun({
    target: await loadTarget(server),
    psk: readSecretFile(options.pskFile, warn),
    user,
    password: readSecretFile(options.passwordFile, warn),
    count,
    warmUp,
    concurrency,
    seconds,
    hold,
    ports,
    ikeProposal: options.ike,
    espProposal: options.esp,
    onProgress: (progress) => print('progress', progress, progressText),
    onHeld: (progress) => print('held', progress, heldText),
  });
  void stopSignal().then(() => run.stop());
  const result = await run.run();
  print('result', result, () => resultText(result));
  process.exitCode = result.failed === 0 ? 0 : 1;
}

const progressText = ({ seconds, begun, connected, completed, failed }: LoadProgress) =>
  `${seconds} s: ${begun} begun, ${connected} connected, ${completed} completed, ${failed} failed`;

const heldText = ({ seconds, connected, failed }: LoadProgress) =>
  `${connected} connections stand after ${seconds} s, ${failed} failed; holding them.`;

function resultText({ completed, failed, failures, seconds, perSecond, latency, cpuSeconds }: LoadResult): string {
  const times =
    latency === undefined
      ? 'none'
      : `median ${latency.median} ms, 95 % ${latency.p95} ms, 99 % ${latency.p99} ms, most ${latency.most} ms`;
  const reasons = Object.entries(failures).map(([code, number]) => `${code} ${number}`);
  return [
    `Completed     ${completed} in ${seconds} s, ${perSecond} a second`,
    `Failed        ${failed}${reasons.length === 0 ? '' : ` (${reasons.join(', ')})`}`,
    `Time to an IP address   ${times}`,
    `CPU of this program     ${cpuSeconds} s`,
  ].join('\n');
}
