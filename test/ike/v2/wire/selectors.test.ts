/** Traffic selectors: payloads, text, and narrowing held to a plain twin that asks for every packet. */

import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import type { TrafficSelector } from '../../../../src/ike/output.ts';
import {
  allCovered,
  covers,
  MAX_SELECTORS,
  narrow,
  readSelectors,
  selectorOfPrefix,
  selectorsPayload,
  selectorsText,
  selectorText,
} from '../../../../src/ike/v2/index.ts';
import { fromHex } from '../../../../src/wire/index.ts';

const range = (first: string, last: string, protocol = 0, firstPort = 0, lastPort = 65_535): TrafficSelector => ({
  first,
  last,
  protocol,
  firstPort,
  lastPort,
});

/** Small worlds: addresses 10.0.0.0 to 10.0.0.9 (or fd00::0 to ::9), protocols 0, 6, 17, ports 0 to 5 or all. */
const small = fc
  .record({
    v6: fc.boolean(),
    from: fc.nat(9),
    to: fc.nat(9),
    protocol: fc.constantFrom(0, 6, 17),
    ports: fc.constantFrom([0, 65_535], [1, 3], [2, 5], [4, 4], [65_535, 0]),
  })
  .map(({ v6, from, to, protocol, ports }) => {
    const [low, high] = [Math.min(from, to), Math.max(from, to)].map((i) => (v6 ? `fd00::${i + 1}` : `10.0.0.${i}`));
    return range(low!, high!, protocol, ports[0], ports[1]);
  });

/** Each packet of the small worlds, as text; `-` is a packet whose port cannot be seen. */
function packetsOf({ first, last, protocol, firstPort, lastPort }: TrafficSelector): string[] {
  const number = (text: string) => Number(text.slice(text.lastIndexOf(text.includes(':') ? ':' : '.') + 1));
  const opaque = firstPort === 65_535 && lastPort === 0;
  const ports = opaque
    ? ['-']
    : [0, 1, 2, 3, 4, 5, 6].filter((port) => port >= firstPort && port <= lastPort).map(String);
  if (firstPort === 0 && lastPort === 65_535) ports.push('-');
  const packets: string[] = [];
  for (let i = number(first); i <= number(last); i++) {
    for (const each of protocol === 0 ? [6, 17, 50] : [protocol]) {
      for (const port of ports) packets.push(`${first.includes(':')} ${i} ${each} ${port}`);
    }
  }
  return packets;
}

const all = (selectors: readonly TrafficSelector[]) => new Set(selectors.flatMap(packetsOf));

test('narrowing leaves exactly the packets that both sides have', () => {
  const list = fc.array(small, { maxLength: 4 });
  fc.assert(
    fc.property(list, list, (asked, granted) => {
      const narrowed = narrow(asked, granted);
      const wanted = all(granted);
      assert.deepEqual(all(narrowed), new Set([...all(asked)].filter((packet) => wanted.has(packet))));
      assert.ok(allCovered(asked, narrowed) && allCovered(granted, narrowed));
      for (const one of narrowed) {
        assert.ok(!narrowed.some((other) => other !== one && covers(other, one)), 'none lies in another');
      }
    }),
    { seed: 29, numRuns: 500 },
  );
});

test('selectors survive their payload', () => {
  fc.assert(
    fc.property(fc.constantFrom('TSi', 'TSr'), fc.array(small, { maxLength: 6 }), (kind, selectors) => {
      assert.deepEqual(readSelectors(selectorsPayload(kind, selectors)), selectors);
    }),
    { seed: 4, numRuns: 100 },
  );
});

test('what is no range of addresses is left out', () => {
  const selectors = [
    { tsType: 10, protocol: 0, data: fromHex('00') },
    { tsType: 7, protocol: 0, firstPort: 0, lastPort: 65_535, first: fromHex('0a000002'), last: fromHex('0a000001') },
    { tsType: 7, protocol: 6, firstPort: 9, lastPort: 8, first: fromHex('0a000001'), last: fromHex('0a000001') },
    { tsType: 7, protocol: 6, firstPort: 8, lastPort: 8, first: fromHex('0a000001'), last: fromHex('0a000001') },
  ] as const;
  assert.deepEqual(readSelectors({ kind: 'TSi', selectors }), [range('10.0.0.1', '10.0.0.1', 6, 8, 8)]);
});

test('a remote-access client that asks for everything gets its address; what has nothing in common gets nothing', () => {
  const asked = [range('0.0.0.0', '255.255.255.255'), range('::', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff')];
  const granted = [selectorOfPrefix('10.9.0.7')];
  assert.equal(selectorsText(narrow(asked, granted)), '10.9.0.7');
  assert.deepEqual(narrow([selectorOfPrefix('192.0.2.0/24')], granted), []);
  // L2TP: the peer's floating port, our 1701.
  const l2tp = narrow([range('192.0.2.1', '192.0.2.1', 17)], [range('192.0.2.1', '192.0.2.1', 17, 1701, 1701)]);
  assert.equal(selectorsText(l2tp), '192.0.2.1 udp 1701');
});

test('text', () => {
  for (const [text, selector] of [
    ['10.0.0.0/24', selectorOfPrefix('10.0.0.77/24')],
    ['0.0.0.0/0', selectorOfPrefix('0.0.0.0/0')],
    ['2001:db8::/33', selectorOfPrefix('2001:db8::/33')],
    ['10.0.0.1-10.0.0.9 tcp 80-443', range('10.0.0.1', '10.0.0.9', 6, 80, 443)],
    ['10.0.0.1-10.0.0.2', range('10.0.0.1', '10.0.0.2')],
    ['10.0.0.1 any 53', range('10.0.0.1', '10.0.0.1', 0, 53, 53)],
    ['10.0.0.1 protocol 132 opaque', range('10.0.0.1', '10.0.0.1', 132, 65_535, 0)],
  ] as const) {
    assert.equal(selectorText(selector), text);
  }
  assert.equal(selectorsText([]), 'nothing');
  for (const wrong of ['10.0.0.0/33', '10.0.0/8', '10.0.0.0/', 'x', '::/129', '10.0.0.0/a']) {
    assert.throws(() => selectorOfPrefix(wrong), RangeError, wrong);
  }
});

test('bounds', () => {
  const many = Array.from({ length: MAX_SELECTORS + 1 }, (_, i) => selectorOfPrefix(`10.0.${i}.0/24`));
  assert.throws(() => selectorsPayload('TSi', many), RangeError);
  assert.equal(narrow(many, [selectorOfPrefix('10.0.0.0/8')]).length, MAX_SELECTORS);
  assert.throws(() => selectorsPayload('TSi', [range('10.0.0.1', 'fd00::1')]), RangeError);
});
