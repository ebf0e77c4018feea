import assert from 'node:assert/strict';
import test from 'node:test';
import { AnsweredMessages } from '../../../src/ike/v1/retransmission.ts';

const answer = { bytes: Uint8Array.of(1), summary: 'an answer' };

test('answers are repeated while duplicates may come, and forgotten afterwards', () => {
  const answered = new AnsweredMessages();
  answered.remember('early', answer, 1000);
  answered.remember('late', answer, 5000);
  answered.forgetBefore(5000);
  assert.equal(answered.has('early'), false);
  assert.deepEqual(answered.repeat('late', 6000), answer);
});

test('no more than a few are kept, the newest', () => {
  const answered = new AnsweredMessages();
  for (let i = 0; i < 100; i++) answered.remember(String(i), undefined, i);
  const kept = Array.from({ length: 100 }, (_, i) => i).filter((i) => answered.has(String(i)));
  assert.ok(kept.length <= 32);
  assert.equal(kept.at(-1), 99);
});
