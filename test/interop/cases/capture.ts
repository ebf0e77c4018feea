/** tshark decrypts a capture of our own run with the keys that we log, and finds nothing malformed. */

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { readCapture, startCapture } from '../capture.ts';
import type { Case } from '../case.ts';
import type { Lab } from '../lab.ts';
import { GATEWAY_INNER_ADDRESS } from '../ours.ts';
import { ping } from '../traffic.ts';

export const cases: readonly Case[] = (['nat', 'direct'] as const).map((path) => ({
  name: `capture ${path}`,
  run: (lab) => captured(lab, path),
}));

/** What a decrypted capture must show, as display filters. */
const SHOWN = {
  'Main Mode': 'isakmp.exchangetype == 2',
  'Main Mode, decrypted identity': 'isakmp.exchangetype == 2 && isakmp.id.data',
  'Quick Mode, decrypted': 'isakmp.exchangetype == 32 && isakmp.typepayload == 8',
  'L2TP control': 'l2tp.type == 1',
  LCP: 'lcp',
  CHAP: 'chap',
  IPCP: 'ipcp',
  'echo request inside': 'icmp.type == 8',
} as const;

async function captured(lab: Lab, path: 'nat' | 'direct'): Promise<void> {
  await lab.topology.masquerade(path === 'nat');
  const [gateway, client] = await Promise.all([lab.ourGateway(), lab.ourClient(1)]);
  await gateway.start({ keylog: true });
  const file = join(lab.folder, `${path}.pcap`);
  const capture = await startCapture(gateway.namespace, 'eth0', file);
  // Keys are logged at both ends for what it also does: no packets that are to be cut later stand in the capture.
  await client.connect({ method: 'mschapv2', server: gateway.address, routes: '10.74.0.0/24', keylog: true });
  await ping(client, GATEWAY_INNER_ADDRESS);
  await client.disconnect();
  assert.deepEqual(await gateway.leftovers(), []);
  await capture.stop();

  const read = (filter: string, ...fields: string[]) =>
    readCapture(file, gateway.keys, filter, ['frame.number', ...fields]);
  assert.deepEqual(await read('_ws.malformed', '_ws.col.Info'), [], 'malformed frames');
  assert.deepEqual(await read('esp.icv_bad == 1', '_ws.col.Info'), [], 'frames with a wrong ICV');
  for (const [what, filter] of Object.entries(SHOWN)) {
    assert.notEqual((await read(filter)).length, 0, `${what} in the capture`);
  }
  await gateway.stop();
}
