/** Rates as people write them: bits a second, with k, M or G. */

import { z } from 'zod';

const UNITS: Readonly<Record<string, number>> = { '': 1, k: 1e3, m: 1e6, g: 1e9 };

/** Bits a second, or undefined for what is no rate: `512k`, `20M`, `1.5G`, or a number. */
export function parseRate(text: string | number): number | undefined {
  const [, digits, unit] = /^([0-9]+(?:\.[0-9]+)?)\s*([kmg]?)(?:bit\/s|bps)?$/i.exec(String(text).trim()) ?? [];
  if (digits === undefined || unit === undefined) return undefined;
  const rate = Math.round(Number(digits) * UNITS[unit.toLowerCase()]!);
  return rate > 0 && Number.isSafeInteger(rate) ? rate : undefined;
}

export const rate = (what: string) =>
  z
    .union([z.string(), z.number()])
    .refine((text) => parseRate(text) !== undefined, 'is not a rate such as 512k, 20M or 1G')
    .transform((text) => parseRate(text)!)
    .optional()
    .describe(`${what} Bits a second, or with k, M, G. Unless told: as much as there is.`);
