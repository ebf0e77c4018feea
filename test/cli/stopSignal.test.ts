import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stopSignal } from '../../src/cli/stopSignal.ts';

test('the first signal asks to end, the second one ends at once, through the exit handlers', async (t) => {
  const exit = t.mock.method(process, 'exit', () => undefined as never);
  const before = new Map((['SIGINT', 'SIGTERM', 'SIGHUP'] as const).map((name) => [name, process.listeners(name)]));
  t.after(() => {
    for (const [name, listeners] of before) {
      for (const listener of process.listeners(name)) if (!listeners.includes(listener)) process.off(name, listener);
    }
  });
  const asked = stopSignal();
  // Only what is new here: the test runner listens to signals too.
  const send = (name: NodeJS.Signals) =>
    process.listeners(name).filter((listener) => !before.get(name as 'SIGINT')!.includes(listener))[0]!(name);
  send('SIGHUP');
  assert.equal(await asked, 'SIGHUP');
  assert.equal(exit.mock.callCount(), 0);
  send('SIGINT');
  assert.deepEqual(exit.mock.calls[0]?.arguments, [1]);
});
