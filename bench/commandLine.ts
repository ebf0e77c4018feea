/** The command line of the benches: one command each, with the options that it has and no others. */

import { Command, InvalidArgumentError, Option } from 'commander';
import { wholeNumber } from '../src/cli/wholeNumber.ts';
import type { EspSuite } from '../src/esp/index.ts';
import type { Direction } from './iperf.ts';
import { benchPackets } from './packets.ts';
import { benchPath, PATH_SUITES, SUITES } from './path.ts';
import type { Peer } from './peers/peer.ts';
import { benchScale, SCALES } from './scale.ts';
import { benchSetup } from './setup.ts';
import { benchSoak } from './soak.ts';
import { ALL_PEERS, benchThroughput } from './throughput.ts';

/** What was chosen, ready to run. */
export interface Chosen {
  readonly name: string;
  readonly options: Told;
  /** Whose versions are told with the results. */
  readonly peers: readonly Peer[];
  /** Runs it. @returns the lines of its table */
  readonly lines: () => Promise<readonly unknown[]>;
}

/** What the results repeat, where the bench has it. */
export interface Told {
  readonly json?: boolean;
  readonly rounds?: number;
  /** Of each measurement. */
  readonly seconds?: number;
}

const MOST_ROUNDS = 1000;
const MOST_SECONDS = 3600;
const MOST_FLOWS = 128;
const MOST_SESSIONS = 65_000;
const MOST_LIVES = 100_000;
/** A day and a night. */
const MOST_MINUTES = 1440;

/**
 * @param run takes what was chosen
 * @returns the program; it throws CommanderError where commander would end the process
 */
export function benchProgram(run: (chosen: Chosen) => Promise<void>): Command {
  const program = new Command('bench')
    .description('Measures the data plane, its peers beside it, and what connections and sessions cost.')
    .helpCommand(false);
  const bench = (name: string, description: string) =>
    program.command(name).description(description).option('--json', 'print machine, versions and lines as JSON');
  const begin = async (
    name: string,
    options: Told,
    peers: readonly Peer[],
    lines: () => readonly unknown[] | Promise<readonly unknown[]>,
  ) => run({ name, options, peers, lines: async () => lines() });

  bench('path', 'what a packet costs inside the process, without sockets')
    .addOption(suiteOption(PATH_SUITES))
    .action((options: Told & { readonly suite: readonly EspSuite[] }) =>
      begin('path', options, [], () => benchPath(options.suite)),
    );

  withRounds(withPeers(bench('throughput', 'TCP through each tunnel: gigabits a second, CPU seconds for a gigabyte')))
    .option('--flows <n>', 'TCP connections at once, may be given again (default: 1 and 4)', several(upTo(MOST_FLOWS)))
    .option('--direction <way>', 'up or down, may be given again (default: both)', several(direction))
    .action((options: Contest & { readonly flows?: readonly number[]; readonly direction?: readonly Direction[] }) => {
      const { suite: suites, rounds, seconds, flows = [1, 4], direction: directions = ['up', 'down'] } = options;
      const peers = chosenPeers(options);
      return begin('throughput', options, peers, () =>
        benchThroughput({ suites, peers, flows, directions, rounds, seconds }),
      );
    });

  withRounds(withPeers(bench('packets', '64-byte UDP packets a second through each tunnel, and their loss'))).action(
    (options: Contest) => {
      const { suite: suites, rounds, seconds } = options;
      const peers = chosenPeers(options).filter(({ name }) => name !== 'no tunnel');
      return begin('packets', options, peers, async () => {
        const lines: unknown[] = [];
        for (const suite of suites) lines.push(...(await benchPackets({ suite, peers, rounds, seconds })));
        return lines;
      });
    },
  );

  bench('setup', 'connections that the gateway sets up and ends a second, and how long one takes')
    .option('--rounds <n>', 'runs of which the median counts', upTo(MOST_ROUNDS), 3)
    .option('--count <n>', 'connections in each run', upTo(MOST_LIVES), 2000)
    .action((options: Told & { readonly rounds: number; readonly count: number }) =>
      begin('setup', options, [], () => benchSetup(options)),
    );

  withRounds(bench('scale', 'memory and CPU time of idle sessions, and TCP to one more client beside them'))
    .option(
      '--sessions <n>',
      `idle sessions, may be given again (default: ${SCALES.join(', ')})`,
      several(upTo(MOST_SESSIONS)),
    )
    .action((options: Rounds & { readonly sessions?: readonly number[] }) => {
      const { sessions: scales = SCALES, rounds, seconds } = options;
      return begin('scale', options, [], () => benchScale({ scales, rounds, seconds }));
    });

  bench('soak', 'memory under mixed traffic and renewals')
    .option('--minutes <n>', 'how long', upTo(MOST_MINUTES), 60)
    .action((options: Told & { readonly minutes: number }) =>
      begin('soak', options, [], () => benchSoak(options.minutes)),
    );

  for (const command of [program, ...program.commands]) command.exitOverride().showHelpAfterError();
  return program;
}

interface Rounds extends Told {
  readonly rounds: number;
  readonly seconds: number;
}

interface Contest extends Rounds {
  readonly suite: readonly EspSuite[];
  readonly peer?: readonly Peer[];
}

function withRounds(command: Command): Command {
  return command
    .option('--rounds <n>', 'measurements of which the median counts', upTo(MOST_ROUNDS), 3)
    .option('--seconds <n>', 'of each measurement', upTo(MOST_SECONDS), 4);
}

function withPeers(command: Command): Command {
  const peers = ALL_PEERS.map(({ name }) => name).join(', ');
  return command
    .addOption(suiteOption(SUITES))
    .option('--peer <name>', `part of a name, may be given again, of: ${peers} (default: all)`, peersNamed);
}

const chosenPeers = ({ peer = ALL_PEERS }: Contest) => ALL_PEERS.filter((one) => peer.includes(one));

function peersNamed(part: string, before: readonly Peer[] = []): readonly Peer[] {
  const named = ALL_PEERS.filter(({ name }) => name.toLowerCase().includes(part.toLowerCase()));
  if (named.length === 0) throw new InvalidArgumentError('No peer has that in its name.');
  return [...before, ...named];
}

function suiteOption(suites: readonly EspSuite[]): Option {
  const names = suites.map(shortName).join(', ');
  const suitesOf = (part: string) => {
    const named = suites.filter(({ encryption }) => encryption.includes(part.toLowerCase()));
    if (named.length === 0) throw new InvalidArgumentError(`It is one of ${names}.`);
    return named;
  };
  return new Option('--suite <name>', names).argParser(suitesOf).default(suites, 'all');
}

/** `gcm`, `cbc`, `chacha20-poly1305`. */
const shortName = ({ encryption }: EspSuite) => (encryption.includes('gcm') ? 'gcm' : encryption.replace('aes-', ''));

function direction(text: string): Direction {
  if (text !== 'up' && text !== 'down') throw new InvalidArgumentError('It is up or down.');
  return text;
}

const upTo = (most: number) => wholeNumber(1, most);

const several =
  <Value>(one: (text: string) => Value) =>
  (text: string, before: readonly Value[] = []) => [...before, one(text)];
