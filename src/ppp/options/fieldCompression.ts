/** Protocol-Field- and Address-and-Control-Field-Compression. RFC 1661 §6.5, §6.6. */

import type { LcpContext } from '../lcp.ts';
import { flag, type Option } from './option.ts';

export const protocolFieldCompression: Option<LcpContext, true> = {
  type: 7,
  name: 'pfc',
  codec: flag,
  request: ({ config }) => config.requestCompression || undefined,
  judge: ({ config }) => (config.allowCompression ? 'ack' : 'reject'),
};

export const addressControlFieldCompression: Option<LcpContext, true> = {
  type: 8,
  name: 'acfc',
  codec: flag,
  request: ({ config }) => config.requestCompression || undefined,
  judge: ({ config }) => (config.allowCompression ? 'ack' : 'reject'),
};
