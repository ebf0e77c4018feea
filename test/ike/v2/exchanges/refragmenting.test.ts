/** Fragments that are cut anew where nobody answers. RFC 7383 §2.5.2, §2.6. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { profileOf, sameChildren, World } from './world.ts';

const IKE_FOLLOWUP_KE = 44;

test('smaller fragments of a request are more than those before: the peer never mixes them', () => {
  for (const fragmentBytes of [560, 576, 620, 700, 1280]) {
    const world = new World(fragmentBytes);
    const profile = profileOf(undefined, ['aes128gcm16-x25519-ke1_mlkem768']);
    const server = world.server({ profile, fragmentBytes });
    const client = world.end('192.0.2.5', { profile, fragmentBytes });
    client.connect();
    assert.ok(world.run(2000, () => [server, client].every((end) => end.livingChildren.length === 1)));
    let lost = 0;
    const totals = new Set<number>();
    world.network.tamper = (datagram) => {
      const at = datagram.bytes[0] === 0 && datagram.bytes[3] === 0 ? 4 : 0;
      const message = datagram.bytes.subarray(at);
      if (message[18] !== IKE_FOLLOWUP_KE || (message[19]! & 0x20) !== 0) return datagram;
      const [fragment, total] = [message[33]!, message[35]!];
      totals.add(total);
      // Of the first two sendings the last fragment never comes, and the peer keeps the others.
      if (fragment !== total || ++lost > 2) return datagram;
      return undefined;
    };
    client.renewChild(client.children[0]!.child);
    world.run(10_000);
    assert.ok(lost > 2 && totals.size === 2, `${fragmentBytes}: ${[...totals]}`);
    for (const end of [client, server]) assert.deepEqual(end.all('ikeClosed'), [], `${fragmentBytes}`);
    assert.equal(client.children.length, 2);
    assert.ok(sameChildren(client, server));
  }
});
