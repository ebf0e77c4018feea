/** Asks for a password on the terminal without showing it. */

const CTRL_C = '\u0003';
const CTRL_D = '\u0004';
const CTRL_U = '\u0015';
const BACKSPACES = ['\b', '\u007f'];

/**
 * @returns what was typed; undefined where standard input is no terminal or nothing was typed
 * @throws Error when the question is left with Ctrl-C or Ctrl-D
 */
export async function promptPassword(question: string): Promise<string | undefined> {
  const { stdin, stderr } = process;
  if (!stdin.isTTY) return undefined;
  stderr.write(question);
  stdin.setRawMode(true);
  stdin.setEncoding('utf8');
  try {
    return (await typed(stdin)) || undefined;
  } finally {
    stdin.setRawMode(false);
    stdin.pause();
    stderr.write('\n');
  }
}

function typed(from: NodeJS.ReadStream): Promise<string> {
  return new Promise((resolve, reject) => {
    let characters: string[] = [];
    const take = (text: string) => {
      for (const character of text) {
        if (character === '\r' || character === '\n') {
          from.off('data', take);
          resolve(characters.join(''));
          return;
        }
        if (character === CTRL_C || character === CTRL_D) {
          from.off('data', take);
          reject(new Error('No password was given. Name a file that holds it with --password-file.'));
          return;
        }
        if (BACKSPACES.includes(character)) characters.pop();
        else if (character === CTRL_U) characters = [];
        else characters.push(character);
      }
    };
    from.on('data', take);
    from.resume();
  });
}
