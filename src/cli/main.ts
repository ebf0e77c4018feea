/** The program `sallyport`: reads its words, runs one command, and ends with a plain sentence where that fails. */

import { explain } from './explain.ts';
import { makeProgram } from './program.ts';

// What `ps` shows, and what another gateway says of who has its ports.
process.title = ['sallyport', ...process.argv.slice(2)].join(' ');

// `sallyport sessions | head` ends when head does.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

try {
  await makeProgram().parseAsync(process.argv);
} catch (error) {
  const { text, exitCode } = explain(error);
  if (text !== '') process.stderr.write(`${text}\n`);
  if (process.env.SALLYPORT_DEBUG === '1' && exitCode !== 0) console.error(error);
  // At once: what failed to start may have left a thread or a timer behind that would keep the program alive.
  process.exit(exitCode);
}
