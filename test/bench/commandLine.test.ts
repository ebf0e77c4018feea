/** What the benches' command line takes, and what it says of what it does not take. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CommanderError } from 'commander';
import { benchProgram, type Chosen } from '../../bench/commandLine.ts';

/** Parses as `npm run bench -- WORDS` does, without running anything. */
async function choose(...words: readonly string[]): Promise<{ chosen?: Chosen; said: string; exitCode: number }> {
  let chosen: Chosen | undefined;
  let said = '';
  const program = benchProgram(async (taken) => {
    chosen = taken;
  });
  const add = (text: string) => {
    said += text;
  };
  for (const command of [program, ...program.commands]) command.configureOutput({ writeErr: add, writeOut: add });
  try {
    await program.parseAsync(words, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return { said, exitCode: error.exitCode };
  }
  return { ...(chosen === undefined ? {} : { chosen }), said, exitCode: 0 };
}

test('each bench is a command, and help says of each what it measures', async () => {
  const { said, exitCode } = await choose('--help');
  assert.equal(exitCode, 0);
  for (const name of ['path', 'throughput', 'packets', 'setup', 'scale', 'soak']) {
    assert.match(said, new RegExp(`^ {2}${name} .*\\w`, 'm'), name);
    const { chosen } = await choose(name);
    assert.equal(chosen?.name, name);
  }
});

test('options that are not told have the values of the published results', async () => {
  const { chosen } = await choose('throughput');
  assert.deepEqual([chosen!.options.rounds, chosen!.options.seconds, chosen!.options.json], [3, 4, undefined]);
  assert.deepEqual(
    chosen!.peers.map(({ name }) => name),
    ['sallyport', 'sallyport IKEv2', 'strongSwan kernel-libipsec', 'OpenVPN', 'no tunnel'],
  );
});

test('peers are named by parts of their names, each once and in one order', async () => {
  const { chosen } = await choose('throughput', '--peer', 'openvpn', '--peer', 'sally', '--peer', 'Open', '--json');
  assert.deepEqual(
    chosen!.peers.map(({ name }) => name),
    ['sallyport', 'sallyport IKEv2', 'OpenVPN'],
  );
  assert.equal(chosen!.options.json, true);
  const packets = await choose('packets', '--rounds', '1');
  assert.equal(
    packets.chosen!.peers.some(({ name }) => name === 'no tunnel'),
    false,
    'without a tunnel iperf3 itself is what is measured',
  );
  assert.equal(packets.chosen!.options.rounds, 1);
});

for (const [words, says] of [
  [[], /Commands:/],
  [['speed'], /unknown command 'speed'/],
  [['throughput', '--suite', 'des'], /--suite.*'des' is invalid\. It is one of gcm, cbc\./],
  [['path', '--suite', 'des'], /It is one of gcm, cbc, chacha20-poly1305\./],
  [['throughput', '--peer', 'ipsec-tools'], /No peer has that in its name\./],
  [['throughput', '--flows', '0'], /It is 1 to 128\./],
  [['throughput', '--direction', 'left'], /It is up or down\./],
  [['soak', '--minutes', 'x'], /'x' is invalid\. It is 1 to 1440\./],
  [['setup', '--count', '1.5'], /It is 1 to 100000\./],
  [['packets', '--direction', 'up'], /unknown option '--direction'/],
] as const) {
  test(`\`bench ${words.join(' ')}\` runs nothing and says what it wants`, async () => {
    const { chosen, said, exitCode } = await choose(...words);
    assert.equal(chosen, undefined);
    assert.notEqual(exitCode, 0);
    assert.match(said, says);
    assert.match(said, /Usage: bench/);
  });
}
