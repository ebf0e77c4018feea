/** No tunnel: the pair of devices alone. */

import { SERVER } from '../network.ts';
import type { Peer } from './peer.ts';

export const bare: Peer = {
  name: 'no tunnel',
  packages: [],
  start: async () => ({ address: SERVER, pids: [], stop: async () => {} }),
};
