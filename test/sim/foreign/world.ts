/** A gateway, and one client behind a NAT that plays given habits. */

import { espPolicy, ikePolicy, profiles } from '../../../src/ike/index.ts';
import { secretTable } from '../../../src/ike/v1/index.ts';
import { utf8 } from '../../../src/wire/index.ts';
import { type LinkQuality, PERFECT, SimulatedNetwork } from '../network.ts';
import { playCryptography } from '../playCrypto.ts';
import { seededEnvironment } from '../random.ts';
import { ClientEnd, GatewayEnd } from '../stack.ts';
import type { Habits } from './habits.ts';

export const SERVER = '198.51.100.1';
const SECRETS = secretTable([{ secret: utf8('a shared secret of some length') }]);

export function world(given: Habits, quality: Partial<LinkQuality> = {}) {
  const network = new SimulatedNetwork(5, { ...PERFECT, ...quality });
  network.recording = false;
  const cryptography = playCryptography(seededEnvironment(5).random);
  const gateway = new GatewayEnd(
    network,
    SERVER,
    {
      ike: { secrets: SECRETS, profile: profiles.legacy },
      network: { pool: ['10.9.0.0/24'], localAddress: '10.9.0.1' },
    },
    { ann: 'password' },
    1,
    {},
    cryptography,
  );
  const offer = { ike: ikePolicy(given.ike, given.ikeLifetime), esp: espPolicy(given.esp, given.espLifetime) };
  const nat = network.nat('203.0.113.77', undefined, 20_000, { timeout: 60_000 });
  const client = new ClientEnd(
    network,
    '192.168.1.2',
    {
      remote: { address: SERVER, port: 500 },
      ike: {
        secrets: SECRETS,
        profile: { name: 'legacy', accept: profiles.legacy.accept, offer },
        renewAt: given.renewAt,
        deadPeerDetection: { interval: given.asksForLife ? 30_000 : 0, timeout: 60_000 },
      },
      l2tp: given.l2tp,
      ...(given.l2tpPort === undefined ? {} : { l2tpPort: given.l2tpPort }),
      ppp: {
        credentials: { user: 'ann', password: 'password' },
        mru: given.mru,
        timers: { echoInterval: given.echoInterval, restart: [3000] },
      },
    },
    2,
    nat,
    cryptography,
  );
  if (given.losesFirstFrame) {
    let lost = false;
    network.tamper = (datagram) => {
      const up = gateway.log.some(({ text }) => text.startsWith('session established'));
      if (lost || !up || datagram.from.address !== SERVER) return datagram;
      lost = true;
      return undefined;
    };
  }
  return { network, gateway, client };
}
