/** The part of the gateway's configuration that is about sending clients of IKEv2 to another gateway. RFC 5685. */

import { z } from 'zod';
import { canonicalAddress } from '../net/index.ts';

const NAME = /^(?=.{1,253}$)[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*$/;

/** What a client can be told: an address, or a name of ASCII letters, digits, hyphens and dots. */
export const isGatewayName = (text: string): boolean => canonicalAddress(text) !== undefined || NAME.test(text);

const gateway = z.string().refine(isGatewayName, 'is neither a name nor an address');

export const redirect = z
  .strictObject({
    to: z
      .array(gateway)
      .default([])
      .describe('Names or addresses of the other gateways; they take turns. A name needs no look-up here.'),
    when: z
      .enum(['always', 'above', 'draining'])
      .default('draining')
      .describe(
        'Who is sent there: `always` all who come, `above` who comes while there are `sessions` sessions, `draining` nobody until the gateway stops or `sallyport redirect --all` says so: then who is connected, and who comes.',
      ),
    sessions: z.int().min(1).optional().describe('Sessions from which on newcomers are sent away, with `above`.'),
    users: z
      .array(
        z.strictObject({
          name: z.string().min(1).describe('The user, or the name in the certificate of one.'),
          to: gateway.describe('Name or address of the gateway.'),
        }),
      )
      .default([])
      .describe('Gateways of single users: they are sent there when they have proved who they are, at any time.'),
  })
  .refine((r) => r.when === 'draining' || r.to.length > 0, 'needs `to`')
  .refine((r) => r.when !== 'above' || r.sessions !== undefined, 'needs `sessions` with `when: above`');

export type RedirectSettings = z.output<typeof redirect>;
