/** Finds the reason codes that the source can put into a failure, a refusal or a dropped message, by reading it. */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

const CODE = '[a-z][a-z0-9]*(?:-[a-z0-9]+)*';
/** What a code stands in: a field or variable of that name, up to the end of its expression. */
const FIELD = /\bcode(?:: | = )([^,;\n]*)/g;
/** Not what something is compared with. */
const QUOTED = new RegExp(`(?<!=== )'(${CODE})'`, 'g');
/** A call whose first argument is a code and whose second says in words what happened. */
const CALL = new RegExp(
  `\\b(?:drop|dropped|refuse|notAuthorized|add)\\(\\s*'(${CODE})',\\s*(?:['\`]|reason\\b|Reason\\.|[A-Z_]+,)`,
  'g',
);
/** A refusal of L2TP: result and error code first. */
const REFUSAL = new RegExp(`\\b(?:general|callRefusal)\\((?:\\s*[A-Za-z.]+,)+\\s*'(${CODE})'`, 'g');
/** A pair of a code and a sentence, in a table or behind `??`. */
const PAIR = new RegExp(`\\['(${CODE})', ['\`][^'\`]* `, 'g');
/** The data plane's table of drops: the code is the key. */
const DROPS = /\bconst reasons = \{([\s\S]*?)\} as const/;
const DROP_KEY = new RegExp(`^\\s*'?(${CODE})'?: `, 'gm');
/** A code that is put together. */
const TEMPLATE = /`\$\{([^`}]*)\}(-[a-z-]+)`/g;

/** What may stand in front of it, by the expression that says so. */
const PREFIXES: Readonly<Record<string, readonly string[]>> = {
  'this.#spec.name.toLowerCase()': ['lcp', 'ipcp'],
  what: ['send', 'tun'],
};

/** Where zod's own issue code stands. */
const NOT_OURS = new Set(['custom']);

/** TypeScript files of `src`, with their text. */
export function sources(): { readonly path: string; readonly text: string }[] {
  const files = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' });
  return files
    .filter((path) => path.endsWith('.ts'))
    .map((path) => ({ path, text: readFileSync(join(ROOT, 'src', path), 'utf8') }));
}

/** Every code, with the files that it stands in. */
export function sourceCodes(): Map<string, string[]> {
  const codes = new Map<string, string[]>();
  for (const { path, text } of sources()) {
    for (const code of codesOf(text)) codes.set(code, [...(codes.get(code) ?? []), path]);
  }
  return codes;
}

function codesOf(text: string): Set<string> {
  const fields = [...text.matchAll(FIELD)].map(([, expression]) => expression!);
  const built = fields.flatMap((field) =>
    [...field.matchAll(TEMPLATE)].flatMap(([, what, end]) => (PREFIXES[what!] ?? []).map((prefix) => prefix + end)),
  );
  const drops = all(DROP_KEY, DROPS.exec(text)?.[1] ?? '');
  const plain = fields.flatMap((field) => all(QUOTED, field));
  const found = [...plain, ...built, ...drops, ...all(CALL, text), ...all(REFUSAL, text), ...all(PAIR, text)];
  return new Set(found.filter((code) => !NOT_OURS.has(code)));
}

const all = (pattern: RegExp, text: string): string[] => [...text.matchAll(pattern)].map(([, code]) => code!);

/** What the log calls warnings and errors: the field `event`. */
export function sourceEvents(): Set<string> {
  const logged = /(?:\b(?:warn|error)\(\s*(?:'[a-z]+',\s*)?|'(?:warn|error)', )'([a-z]+(?:-[a-z0-9]+)*)'/g;
  const written = /\bevent: '([a-z0-9-]+)'/g;
  // Messages and milestones are no warnings; a level beside a level is no event.
  const harmless = new Set(['message', 'milestone', 'error']);
  const events = sources().flatMap(({ text }) => [...all(logged, text), ...all(written, text)]);
  return new Set(events.filter((event) => !harmless.has(event)));
}
