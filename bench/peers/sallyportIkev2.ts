/** Our client and our gateway with IKEv2's own tunnel, without L2TP and PPP: ESP in UDP. */

import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Peer } from './peer.ts';
import { startSallyport } from './sallyport.ts';

const PROGRAM = fileURLToPath(new URL('../../bin/sallyport.js', import.meta.url));
const NAME = 'vpn.example.org';

export const sallyportIkev2: Peer = {
  name: 'sallyport IKEv2',
  packages: [],
  start: (network, suite, directory) => {
    const state = join(directory, 'gateway');
    execFileSync(process.execPath, [PROGRAM, 'ca', 'init', '--server', NAME, '--state', state], { stdio: 'ignore' });
    return startSallyport(network, suite, directory, {
      isKeyless: true,
      profile: [
        'ike_version: 2',
        `server_identity: ${NAME}`,
        `ca: [${join(state, 'ca', 'ca.crt')}]`,
        'routes: [10.87.0.0/24]',
      ],
    });
  },
};
