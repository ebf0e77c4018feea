/** What may be said of one user instead of the gateway's own rules, and how the command line says it. */

import { Option } from 'commander';
import type { StoredUser } from '../store/index.ts';

/** The word that gives a user the gateway's own rule again. */
const UNSET = 'default';

export type RuleName = 'singleSession' | 'sessionTimeout' | 'idleTimeout' | 'rateDown' | 'rateUp';

/** As the command line gives them. */
export type RuleOptions = { readonly [Name in RuleName]?: string };

/** Rules that are set, and with undefined those that are taken back. */
export type Rules = { [Name in RuleName]?: StoredUser[Name] | undefined };

interface Rule {
  readonly flags: string;
  readonly what: string;
  /** The gateway's own. */
  readonly setting: string;
  readonly choices?: readonly string[];
  readonly read?: (text: string) => Promise<number>;
}

const rules: Readonly<Record<RuleName, Rule>> = {
  singleSession: {
    flags: '--single-session <rule>',
    what: 'what happens when the user connects twice',
    setting: 'limits.single_session',
    choices: ['replace', 'deny', 'allow'],
  },
  sessionTimeout: {
    flags: '--session-timeout <span>',
    what: 'how long a session may last, e.g. 8h; 0 is without end',
    setting: 'limits.session_timeout',
    read: readSpan,
  },
  idleTimeout: {
    flags: '--idle-timeout <span>',
    what: 'how long it may stand without traffic, e.g. 30m; 0 is without end',
    setting: 'limits.idle_timeout',
    read: readSpan,
  },
  rateDown: {
    flags: '--rate-down <rate>',
    what: 'what a session may carry to the user, bits a second, e.g. 20M; 0 is without bound',
    setting: 'limits.rate_to_user',
    read: readRate,
  },
  rateUp: {
    flags: '--rate-up <rate>',
    what: 'the same from the user',
    setting: 'limits.rate_from_user',
    read: readRate,
  },
};

/** The options, in text for people. */
export const RULE_FLAGS = Object.values(rules).map(({ flags }) => flags.split(' ')[0]!);

/** @param mayUnset whether a rule can be taken back */
export function ruleOptions(mayUnset: boolean): Option[] {
  return Object.values(rules).map(({ flags, what, setting, choices }) => {
    const option = new Option(flags, `${what}; ${mayUnset ? `"${UNSET}" for` : 'else'} ${setting}`);
    return choices === undefined ? option : option.choices(mayUnset ? [...choices, UNSET] : [...choices]);
  });
}

/** @throws UsageError for a span or rate that is none */
export async function readRules(options: RuleOptions, mayUnset: boolean): Promise<Rules> {
  const read: Record<string, unknown> = {};
  for (const [name, rule] of Object.entries(rules)) {
    const text = options[name as RuleName];
    if (text === undefined) continue;
    read[name] = mayUnset && text === UNSET ? undefined : ((await rule.read?.(text)) ?? text);
  }
  return read;
}

async function readSpan(text: string): Promise<number> {
  const [{ parseDuration }, { UsageError }] = await Promise.all([import('../config/index.ts'), import('./explain.ts')]);
  const seconds = parseDuration(text);
  if (seconds === undefined) throw new UsageError(`${JSON.stringify(text)} is no span of time such as 30m, 8h or 1d.`);
  return seconds;
}

async function readRate(text: string): Promise<number> {
  if (text === '0') return 0;
  const [{ parseRate }, { UsageError }] = await Promise.all([import('../config/index.ts'), import('./explain.ts')]);
  const rate = parseRate(text);
  if (rate === undefined) throw new UsageError(`${JSON.stringify(text)} is no rate such as 512k, 20M or 1G.`);
  return rate;
}
