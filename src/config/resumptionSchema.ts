/** The part of both configurations that is about session resumption. RFC 5723. */

import { z } from 'zod';
import { duration } from './span.ts';

/** Keys that seal tickets are kept for no longer. */
const LONGEST = 86_400;

export const gatewayResumption = z.strictObject({
  enabled: z
    .boolean()
    .default(false)
    .describe('Let clients of IKEv2 that were here before come back without a new proof and a new key exchange.'),
  lifetime: duration('8h', 'How long after a full login, a day at most.').refine(
    (seconds) => seconds >= 1 && seconds <= LONGEST,
    'is not between a second and a day',
  ),
});

/** The client's, flat beside its other keys. */
export const clientResumption = {
  resumption: z
    .boolean()
    .default(true)
    .describe('With IKEv2 and `persist`: come back with a ticket of the server, where it gives any (RFC 5723).'),
  ticket_file: z
    .string()
    .min(1)
    .optional()
    .describe(
      'Keep these tickets, with the keys that belong to them, in this file (0600) over the end of the program.',
    ),
};
