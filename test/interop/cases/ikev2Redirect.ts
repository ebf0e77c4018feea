/** Redirects of RFC 5685 with strongSwan as client; as a server it sends nobody anywhere. */

import assert from 'node:assert/strict';
import type { Case } from '../case.ts';
import { OUR_INNER, PSK } from '../ikev2/connections.ts';
import { several } from '../ikev2/several.ts';
import { OTHER_SERVER, SERVER } from '../ikev2/wire.ts';
import type { Lab } from '../lab.ts';
import { ping } from '../traffic.ts';

export const cases: readonly Case[] = [
  { name: 'ikev2 gateway redirect', beside: 'ikev2 ppk', seconds: 120, run: redirected },
];

/** Inside the tunnels of the other gateway. */
const OTHER = { pool: '10.76.0.0/24', gateway_address: '10.76.0.1', dns: ['10.76.0.1'], tun: 'sallyport1' };

async function redirected(lab: Lab): Promise<void> {
  const wire = await lab.wire();
  const [gateway, other, client] = [wire.ourGateway(), await wire.otherGateway(), wire.strongSwan('client')];
  const config = { ike: { versions: [2], authentication: ['psk'] }, remote_access: { pre_shared_key: true } };
  const connection = {
    name: 'sent',
    ike: 'aes256-sha256-ecp256',
    esp: 'aes256gcm16-ecp256',
    lines: `remote_addrs = ${SERVER}\n vips = 0.0.0.0\n local { auth = psk }\n remote { auth = psk }`,
    selectors: 'remote_ts = 10.74.0.0/24, 10.76.0.0/24',
  };
  await Promise.all([
    other
      .start({ users: [], more: { ...config, network: OTHER } })
      .then(() => gateway.start({ users: [], more: config })),
    client.start(several([connection], { secrets: `ike-lab { secret = "${PSK}" }` })),
  ]);

  // In the middle of a session.
  await client.initiate('sent');
  await ping(client, OUR_INNER.v4);
  const [session] = await gateway.sessions();
  await gateway.redirect(session!.id, OTHER_SERVER);
  await client.logged(/parsed INFORMATIONAL request \d+ \[ N\(REDIR\) \]/, 5);
  await ping(client, OTHER.gateway_address);
  assert.deepEqual(await gateway.leftovers(), []);
  assert.equal((await other.sessions()).length, 1);
  await client.terminate('sent');
  assert.deepEqual(await other.leftovers(), []);

  // At the first message.
  await gateway.redirect('--all', OTHER_SERVER);
  const seen = client.log().length;
  await client.initiate('sent');
  await client.logged(/parsed IKE_SA_INIT response 0 \[ N\(REDIR\) \]/, 1, seen);
  await ping(client, OTHER.gateway_address);
  assert.equal((await other.sessions())[0]?.peer.address, '10.72.0.2');
  await client.terminate('sent');
  assert.deepEqual(await other.leftovers(), []);
  await gateway.stop();
  await other.stop();
}
