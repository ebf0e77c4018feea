/** Spans of time in a configuration, with their defaults and what the reference says of them. */

import { z } from 'zod';
import { parseDuration } from './duration.ts';

/** A span of time. Seconds. */
const span = z
  .union([z.string(), z.number()])
  .refine((text) => parseDuration(text) !== undefined, 'is not a span of time such as 90, 90s, 15m, 8h or 1d')
  .transform((text) => parseDuration(text)!);

const SPAN_NOTE = 'A number of seconds, or with s, m, h, d.';

export const duration = (fallback: string, what: string) => span.prefault(fallback).describe(`${what} ${SPAN_NOTE}`);
/** The same without a default. */
export const optionalDuration = (what: string) => span.optional().describe(`${what} ${SPAN_NOTE}`);
