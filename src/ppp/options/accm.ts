/**
 * Async-Control-Character-Map. RFC 1662 §7.1. L2TP carries whole frames, so nothing is escaped on our side; peers that
 * run pppd behind a pseudo-terminal ask for it all the same, and are spared escapes when we ask for 0.
 */

import { u32 } from '../../wire/index.ts';
import type { LcpContext } from '../lcp.ts';
import type { Option } from './option.ts';

export const accm: Option<LcpContext, number> = {
  type: 2,
  name: 'accm',
  codec: u32,
  text: (value) => `0x${value.toString(16)}`,
  request: ({ config }) => config.accm,
  judge: () => 'ack',
};
