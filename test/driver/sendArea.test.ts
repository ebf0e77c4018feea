/** Packets that wait in the send area are never written over, whatever comes next and wherever it begins. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { HEADROOM, MOST_PACKET_BYTES, TAILROOM } from '../../src/dataplane/ports.ts';
import { ffiAvailable } from '../../src/driver/index.ts';
import { newPacketAreas } from '../../src/driver/packetMemory.ts';
import { AREA_BYTES, SendArea } from '../../src/driver/sendArea.ts';

const options = { skip: ffiAvailable() ? false : 'this platform has no FFI' };
/** What a `SendQueue` lets wait at most. */
const MOST_WAITING = 65_400;

function newArea(): SendArea {
  const [area] = newPacketAreas([AREA_BYTES]);
  return new SendArea(area);
}

test('a place has the rooms around it, in the area or nowhere', options, () => {
  const area = newArea();
  const whole = AREA_BYTES - HEADROOM - TAILROOM;
  assert.equal(area.place(whole), HEADROOM);
  assert.equal(area.place(whole + 1), -1);
  assert.equal(area.fitting(HEADROOM, whole), 1);
  assert.equal(area.fitting(HEADROOM, whole + 1), 0);
  area.take(HEADROOM, 100);
  const at = area.place(1);
  assert.ok(at - HEADROOM >= HEADROOM + 100 + TAILROOM);
  assert.equal(area.fitting(at, 1000), Math.floor((AREA_BYTES - TAILROOM - at) / 1000));
  area.hold();
  area.take(at, 5000);
  area.rewind();
  assert.equal(area.place(1), at, 'what is held survives');
  area.release();
  area.rewind();
  assert.equal(area.place(1), HEADROOM);
});

test('after a turn nothing is put where the end of the last packets waits, and a large packet fits', options, () => {
  const area = newArea();
  const length = fc.integer({ min: 1, max: MOST_PACKET_BYTES });
  const anyRound = fc.record({
    before: fc.array(length, { maxLength: 12, size: 'max' }),
    train: fc.record({ each: fc.integer({ min: 64, max: 1600 }), count: fc.integer({ min: 2, max: 64 }) }),
    waits: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(anyRound, { maxLength: 12, size: 'max' }), (rounds) => {
      area.rewind();
      let [waitsFrom, waitsTo] = [0, 0];
      const sent = () => {
        [waitsFrom, waitsTo] = [0, 0];
        area.rewind();
      };
      const put = (bytes: number, fits = (_: number) => bytes): [at: number, end: number] => {
        let at = area.place(bytes);
        if (at < 0) {
          sent();
          at = area.place(bytes);
        }
        const end = at + fits(at);
        assert.ok(at >= HEADROOM && end + TAILROOM <= AREA_BYTES);
        assert.ok(end + TAILROOM <= waitsFrom || at - HEADROOM >= waitsTo, `${at} to ${end}, ${waitsFrom}–${waitsTo}`);
        area.take(at, end - at);
        return [at, end];
      };
      for (const { before, train, waits } of rounds) {
        for (const bytes of before) put(bytes);
        const { each, count } = train;
        let [at, end] = [0, 0];
        for (let left = count; left > 0; left -= (end - at) / each) {
          [at, end] = put(each, (start) => Math.min(left, area.fitting(start, each)) * each);
        }
        if (!waits) sent();
        else {
          [waitsFrom, waitsTo] = [Math.max(at, end - MOST_WAITING), end];
          area.turn();
          assert.ok(area.place(MOST_PACKET_BYTES) >= 0);
        }
      }
    }),
    { seed: 512, numRuns: 300 },
  );
});
