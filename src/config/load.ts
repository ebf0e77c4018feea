/** Reads a YAML configuration and says of every mistake where it stands, what is wrong and what was likely meant. */

import { readFileSync } from 'node:fs';
import { type Document, isMap, isScalar, LineCounter, parseDocument, type YAMLMap } from 'yaml';
import { z } from 'zod';
import { nearest } from './nearest.ts';
import { GatewaySchema, type GatewaySettings } from './schema.ts';

export interface ConfigProblem {
  readonly file: string;
  /** Counted from 1; 0 for the whole file. */
  readonly line: number;
  /** Dotted path of the field, e.g. `ike.secrets[0].psk`; empty for the whole file. */
  readonly field: string;
  readonly message: string;
}

/** All mistakes of a file at once; `message` is one line for each. */
export class ConfigError extends Error {
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[]) {
    super(problems.map(problemText).join('\n'));
    this.name = 'ConfigError';
    this.problems = problems;
  }
}

function problemText({ file, line, field, message }: ConfigProblem): string {
  return `${file}${line === 0 ? '' : `:${line}`}: ${field === '' ? '' : `${field} `}${message}`;
}

/** @throws ConfigError for a file that cannot be read or that breaks the schema */
export function loadConfig(file: string): GatewaySettings {
  return parseConfig(readConfigFile(file), file);
}

/** The text of a configuration. @throws ConfigError for a file that cannot be read */
export function readConfigFile(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const message = code === 'ENOENT' ? 'there is no such file.' : `it cannot be read (${code}).`;
    throw new ConfigError([{ file, line: 0, field: '', message }]);
  }
}

/** @param file what to call the text in messages */
export function parseConfig(text: string, file: string): GatewaySettings {
  return parseWith(GatewaySchema, text, file);
}

/** Parses YAML against any schema, with the same messages. */
export function parseWith<S extends z.ZodType>(schema: S, text: string, file: string): z.output<S> {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const lineAt = (offset: number) => lines.linePos(offset).line;
  if (document.errors.length > 0) {
    throw new ConfigError(
      document.errors.map((e) => ({
        file,
        line: lineAt(e.pos[0]),
        field: '',
        message: `is not valid YAML: ${e.message}`,
      })),
    );
  }
  const result = schema.safeParse(document.toJS() ?? {}, { reportInput: true });
  if (result.success) return result.data;
  const problems = result.error.issues.flatMap((issue) => problemsOf(issue, document, file, lineAt, schema));
  throw new ConfigError(problems);
}

type Path = readonly PropertyKey[];

function problemsOf(
  issue: z.core.$ZodIssue,
  document: Document,
  file: string,
  lineAt: (offset: number) => number,
  schema: z.ZodType,
): ConfigProblem[] {
  const line = (path: Path) => lineAt(offsetOf(document, path));
  if (issue.code === 'unrecognized_keys') {
    const valid = keysAt(schema, issue.path);
    return issue.keys.map((key) => {
      const meant = nearest(key, valid);
      const hint = meant === undefined ? ` Valid keys here: ${valid.join(', ')}.` : ` Did you mean ${meant}?`;
      return {
        file,
        line: line([...issue.path, key]),
        field: fieldName([...issue.path, key]),
        message: `is no known key.${hint}`,
      };
    });
  }
  return [{ file, line: line(issue.path), field: fieldName(issue.path), message: issueText(issue) }];
}

/** What is wrong with a value, to stand behind the name of its field; wants `reportInput`. */
export function issueText(issue: z.core.$ZodIssue): string {
  if (issue.code === 'invalid_value') {
    const words = issue.values.map(String);
    // YAML reads 1.2 as a number.
    if (typeof issue.input === 'number' && words.includes(String(issue.input)))
      return `must stand in quotes: "${issue.input}".`;
    const meant = typeof issue.input === 'string' ? nearest(issue.input, words) : undefined;
    return `must be one of ${words.join(', ')}.${meant === undefined ? '' : ` Did you mean ${meant}?`}`;
  }
  if (issue.code === 'invalid_type')
    return `must be ${issue.expected === 'int' ? 'a whole number' : `of type ${issue.expected}`}.`;
  if (issue.code === 'too_small' && issue.origin === 'array') return `takes ${issue.minimum} or more entries.`;
  if (issue.code === 'too_big' && issue.origin === 'array') return `takes ${issue.maximum} entries at most.`;
  // The library's own words begin so; a schema that has better ones keeps them.
  if (issue.code === 'too_small' && issue.origin === 'string' && issue.message.startsWith('Too small'))
    return issue.minimum === 1 ? 'must not be empty.' : `takes ${issue.minimum} or more characters.`;
  if (issue.code === 'too_big' && issue.origin === 'string') return `takes ${issue.maximum} characters at most.`;
  if (issue.code === 'too_small' && issue.origin !== 'string') return `must be at least ${issue.minimum}.`;
  if (issue.code === 'too_big') return `must be at most ${issue.maximum}.`;
  return issue.message.endsWith('.') ? issue.message : `${issue.message}.`;
}

/** `ike.secrets[0].psk` */
export function fieldName(path: Path): string {
  return path.reduce<string>(
    (name, part) =>
      typeof part === 'number' ? `${name}[${part}]` : name === '' ? String(part) : `${name}.${String(part)}`,
    '',
  );
}

/** Where the deepest part of `path` that the file holds stands in it. */
function offsetOf(document: Document, path: Path): number {
  for (let length = path.length; length > 0; length--) {
    const parent = length === 1 ? document.contents : document.getIn(path.slice(0, length - 1), true);
    if (isMap(parent)) {
      const key = (parent as YAMLMap).items.find(
        (pair) => isScalar(pair.key) && pair.key.value === path[length - 1],
      )?.key;
      if (isScalar(key) && key.range) return key.range[0];
    }
    const node = document.getIn(path.slice(0, length), true) as { range?: [number, number, number] } | undefined;
    if (node?.range) return node.range[0];
  }
  return 0;
}

/** The keys that the schema knows at `path`, found through its JSON Schema. */
function keysAt(schema: z.ZodType, path: Path): string[] {
  type Json = { properties?: Record<string, Json>; items?: Json; allOf?: Json[]; anyOf?: Json[] };
  let at = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as Json | undefined;
  for (const part of path) at = typeof part === 'number' ? at?.items : at?.properties?.[String(part)];
  return Object.keys(at?.properties ?? {});
}
