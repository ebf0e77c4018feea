/** Spans of time as people write them in a configuration: `90`, `90s`, `15m`, `8h`, `1d`. */

const SECONDS: Readonly<Record<string, number>> = { '': 1, s: 1, m: 60, h: 3600, d: 86400 };

/** @returns seconds, or undefined for what is no span of time */
export function parseDuration(text: string | number): number | undefined {
  if (typeof text === 'number') return Number.isFinite(text) && text >= 0 ? text : undefined;
  const parts = /^(\d+(?:\.\d+)?)\s*([smhd]?)$/.exec(text.trim());
  return parts === null ? undefined : Number(parts[1]) * SECONDS[parts[2]!]!;
}
