/** Whether a file configures a gateway or is a profile of a client: its keys at the top tell, for the two share none. */

import { isMap, isScalar, LineCounter, parseDocument } from 'yaml';
import { ClientSchema } from './clientSchema.ts';
import { ConfigError } from './load.ts';
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
  const { contents } = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const keys = isMap(contents) ? contents.items.flatMap(({ key }) => (isScalar(key) ? [key] : [])) : [];
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

/** Undefined where none is anybody's. */
function mostOf(names: readonly string[]): ConfigReader | undefined {
  const count = (reader: ConfigReader) => names.filter((name) => KEYS[reader].includes(name)).length;
  const [serve, connect] = [count('serve'), count('connect')];
  if (serve === 0 && connect === 0) return undefined;
  if (serve === connect) return names.includes(CERTAIN) ? 'connect' : 'serve';
  return serve > connect ? 'serve' : 'connect';
}
