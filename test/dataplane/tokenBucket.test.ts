/** Rate limits on a virtual clock, exactly. */

import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { TokenBucket } from '../../src/dataplane/tokenBucket.ts';
import { CLIENT, End, innerPacket, join, openTunnel, SERVER } from './ends.ts';

test('what passes is what exact arithmetic says', () => {
  const packets = fc.array(fc.tuple(fc.integer({ min: 0, max: 50 }), fc.integer({ min: 20, max: 1500 })), {
    maxLength: 200,
  });
  const rates = fc.integer({ min: 1, max: 10_000_000_000 });
  fc.assert(
    fc.property(rates, fc.integer({ min: 1500, max: 100_000 }), packets, (bitsPerSecond, burstBytes, list) => {
      const bucket = new TokenBucket({ bitsPerSecond, burstBytes }, 1500, 0);
      // In bits a thousand times: no fraction is ever needed.
      const full = BigInt(burstBytes) * 8000n;
      let level = full;
      let now = 0;
      for (const [wait, bytes] of list) {
        now += wait;
        level += BigInt(wait) * BigInt(bitsPerSecond);
        if (level > full) level = full;
        const cost = BigInt(bytes) * 8000n;
        const passes = cost <= level;
        if (passes) level -= cost;
        assert.equal(bucket.take(bytes, now), passes);
      }
    }),
    { seed: 1, numRuns: 300 },
  );
});

test('over any time no more passes than rate and burst give, and nearly as much', () => {
  const bucket = new TokenBucket({ bitsPerSecond: 8_000_000, burstBytes: 10_000 }, 1500, 0);
  let passed = 0;
  for (let now = 0; now <= 10_000; now++) for (let i = 0; i < 3; i++) if (bucket.take(1000, now)) passed += 1000;
  assert.equal(passed, 10_000 + 10_000_000);
});

test('a full bucket lets the largest packet pass, and a clock that runs backwards brings nothing', () => {
  const bucket = new TokenBucket({ bitsPerSecond: 8, burstBytes: 1 }, 1500, 1000);
  assert.ok(bucket.take(1500, 1000));
  assert.ok(!bucket.take(1, 0));
  assert.ok(!bucket.take(1, 1999));
  assert.ok(bucket.take(1, 2000));
});

test('each direction of a session has its own limit; what is beyond is dropped and counted', () => {
  let now = 0;
  const [client, gateway] = [new End(), new End({ now: () => now })];
  openTunnel(client, gateway);
  join(client, gateway);
  const limits = {
    limitFromPeer: { bitsPerSecond: 80_000, burstBytes: 5000 },
    limitToPeer: { bitsPerSecond: 8_000, burstBytes: 2000 },
  };
  const inner = { peerAddress: CLIENT, mtuToPeer: 1400, mss: 1360 };
  gateway.plane.post({ type: 'changeSession', slot: 0, inner: { ...inner, ...limits } });
  // Packets of 1000 bytes: 972 and the headers of IPv4 alone, as the payload counts.
  const packet = (from: string, to: string) => innerPacket(from, to, 980);
  for (let i = 0; i < 10; i++) {
    client.plane.fromTun(packet(CLIENT, SERVER));
    gateway.plane.fromTun(packet(SERVER, CLIENT));
  }
  assert.equal(gateway.packets.length, 5);
  assert.equal(client.packets.length, 2);
  assert.equal(gateway.counter(0, 'limited'), 5 + 8);
  assert.equal(gateway.counter(0, 'dropped'), 5 + 8);
  now = 100;
  for (let i = 0; i < 3; i++) client.plane.fromTun(packet(CLIENT, SERVER));
  assert.equal(gateway.packets.length, 6);
  // A limit that stays keeps what its bucket holds; one that is lifted lets everything pass.
  gateway.plane.post({ type: 'changeSession', slot: 0, inner: { ...inner, ...limits } });
  client.plane.fromTun(packet(CLIENT, SERVER));
  assert.equal(gateway.packets.length, 6);
  gateway.plane.post({ type: 'changeSession', slot: 0, inner });
  client.plane.fromTun(packet(CLIENT, SERVER));
  assert.equal(gateway.packets.length, 7);
  gateway.plane.tick(1e6);
  assert.equal(gateway.drops()['rate-limited'], 5 + 8 + 2 + 1);
});
