/** Writes docs/cli.md from what the commands say of themselves: `node --import tsx scripts/cliReference.ts`. */

import { writeFileSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Command } from 'commander';
import { makeProgram } from '../src/cli/program.ts';

const FILE = fileURLToPath(new URL('../docs/cli.md', import.meta.url));
const WIDTH = 100;

/** The page as it should be. */
export function cliReference(): string {
  const program = makeProgram();
  return `# Command line

What \`--help\` of every command says. In a clone of the repository, \`node bin/sallyport.js\` stands for \`sallyport\`.

${sectionOf(program, 'sallyport')}`;
}

function sectionOf(command: Command, path: string): string {
  const heading = `## \`${path}\``;
  const own = `${heading}\n\n\`\`\`text\n${helpOf(command)}\n\`\`\`\n`;
  return [own, ...command.commands.map((child) => sectionOf(child, `${path} ${child.name()}`))].join('\n');
}

function helpOf(command: Command): string {
  let text = '';
  command.configureHelp({ ...command.configureHelp(), helpWidth: WIDTH });
  command.configureOutput({
    writeOut: (part) => {
      text += part;
    },
    getOutHasColors: () => false,
  });
  command.outputHelp();
  return text.trim();
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  writeFileSync(FILE, cliReference());
  console.log('Wrote docs/cli.md.');
}
