/** Maximum-Receive-Unit. RFC 1661 §6.1. */

import { u16 } from '../../wire/index.ts';
import type { LcpContext } from '../lcp.ts';
import type { Option } from './option.ts';

export const DEFAULT_MRU = 1500;
/** Below this no peer gets useful IP through; smaller wishes are answered with it. */
export const MIN_MRU = 128;

export const mru: Option<LcpContext, number> = {
  type: 1,
  name: 'mru',
  codec: u16,
  text: String,
  request: ({ mru }) => (mru === DEFAULT_MRU ? undefined : mru),
  // A larger one is the peer's offer, not its need: what our path carries decides.
  naked: (context, suggested) => {
    if (suggested >= MIN_MRU && suggested < context.mru) context.mru = suggested;
  },
  judge: (_, asked) => (asked < MIN_MRU ? { nak: MIN_MRU } : 'ack'),
};
