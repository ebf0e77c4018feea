/** What is compared: a tunnel between the two sides of a network, or none. */

import type { EspSuite } from '../../src/esp/index.ts';
import type { Network } from '../network.ts';

export interface Peer {
  readonly name: string;
  readonly packages: readonly string[];
  /** The package whose version is told with the results. */
  readonly versionOf?: string;
  /** @param directory a new one, for its files */
  start(network: Network, suite: EspSuite, directory: string): Promise<Tunnel>;
}

export interface Tunnel {
  /** The server's address inside the tunnel. */
  readonly address: string;
  /** Processes of the tunnel, at the server first; none where the kernel does it. */
  readonly pids: readonly number[];
  stop(): Promise<void>;
}
