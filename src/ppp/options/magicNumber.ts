/** Magic-Number, and the detection of a looped-back link by it. RFC 1661 §6.4. */

import type { Environment } from '../../core/index.ts';
import { Reader, u32 } from '../../wire/index.ts';
import type { LcpContext } from '../lcp.ts';
import type { Option } from './option.ts';

/** Configure-Requests with our own number until the link is taken for a loop; by chance it is 2^-32 each. */
export const LOOPBACK_LIMIT = 4;

export const magicNumber: Option<LcpContext, number> = {
  type: 5,
  name: 'magic',
  codec: u32,
  request: ({ magic }) => magic,
  naked: (context) => {
    context.magic = randomMagic(context.random);
  },
  judge: (context, asked) => {
    if (asked !== context.magic) return asked === 0 ? { nak: randomMagic(context.random) } : 'ack';
    if (++context.echoesOfOurMagic >= LOOPBACK_LIMIT) context.failure = LOOPBACK;
    return { nak: randomMagic(context.random), alone: true };
  },
};

export const LOOPBACK = {
  code: 'loopback',
  reason: 'The link is looped back: what is sent comes back unchanged.',
  remedy: 'Check that the server address is not an address of this machine.',
} as const;

/** Never zero, which is illegal. */
export function randomMagic(random: Environment['random']): number {
  return new Reader(random(4)).u32() || 1;
}
