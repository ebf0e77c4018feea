/** Whether a file configures a gateway or is a profile of a client: its keys at the top tell, for the two share none. */

import { isMap, isScalar, LineCounter, parseDocument, type Scalar } from 'yaml';
import { ClientSchema } from './clientSchema.ts';
import { ConfigError, readConfigFile } from './load.ts';
import { nearest } from './nearest.ts';
import { GatewaySchema } from './schema.ts';

/** The command that reads the file: `serve` the configuration of a gateway, `connect` a profile. */
export type ConfigReader = 'serve' | 'connect';

const KEYS: Readonly<Record<ConfigReader, readonly string[]>> = {
  serve: Object.keys(GatewaySchema.shape),
  connect: Object.keys(ClientSchema.shape),
};
/** Every profile has it. */
const CERTAIN = 'server';

/**
 * Who reads the file, by most of its keys, else by what they are near to. An empty file, or one that is no mapping, is
 * the gateway's, which needs no keys.
 * @param file what to call the text in messages
 * @throws ConfigError where the keys are neither's
 */
export function readerOf(text: string, file: string): ConfigReader {
  const lines = new LineCounter();
  const keys = keysAtTop(text, lines);
  if (keys.length === 0) return 'serve';
  const names = keys.map(({ value }) => String(value));
  const all = [...KEYS.serve, ...KEYS.connect];
  const reader = mostOf(names) ?? mostOf(names.flatMap((name) => nearest(name, all) ?? []));
  if (reader !== undefined) return reader;
  throw new ConfigError(
    keys.map(({ value, range }) => ({
      file,
      line: lines.linePos(range?.[0] ?? 0).line,
      field: String(value),
      message: `is no key of a gateway (${KEYS.serve.join(', ')}), nor of a profile of \`sallyport connect\` (server, user, …). Say with --for which it is.`,
    })),
  );
}

const NAMES: Readonly<Record<ConfigReader, string>> = {
  serve: 'the configuration of a gateway (`sallyport serve -c`)',
  connect: 'a profile of `sallyport connect`',
};

/**
 * Loads a file as what its reader wants.
 * @throws ConfigError of `load`; of a file that is the other's, that it is, rather than each of its keys
 */
export function readAs<Settings>(reader: ConfigReader, file: string, load: (file: string) => Settings): Settings {
  try {
    return load(file);
  } catch (error) {
    const other = reader === 'serve' ? 'connect' : 'serve';
    if (!(error instanceof ConfigError) || !isFor(other, file)) throw error;
    const message = `is ${NAMES[other]}, and not ${NAMES[reader]}.`;
    throw new ConfigError([{ file, line: 0, field: '', message }]);
  }
}

function isFor(reader: ConfigReader, file: string): boolean {
  try {
    return mostOf(keysAtTop(readConfigFile(file)).map(({ value }) => String(value))) === reader;
  } catch {
    return false;
  }
}

function keysAtTop(text: string, lineCounter = new LineCounter()): readonly Scalar[] {
  const { contents } = parseDocument(text, { lineCounter, prettyErrors: false });
  return isMap(contents) ? contents.items.flatMap(({ key }) => (isScalar(key) ? [key] : [])) : [];
}

/** Undefined where none is anybody's. */
function mostOf(names: readonly string[]): ConfigReader | undefined {
  const count = (reader: ConfigReader) => names.filter((name) => KEYS[reader].includes(name)).length;
  const [serve, connect] = [count('serve'), count('connect')];
  if (serve === 0 && connect === 0) return undefined;
  if (serve === connect) return names.includes(CERTAIN) ? 'connect' : 'serve';
  return serve > connect ? 'serve' : 'connect';
}
