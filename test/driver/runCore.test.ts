import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type RunnableCore, runCore, StartError, startDgramDataPlane } from '../../src/driver/index.ts';

const options = { listen: ['127.0.0.1'], whenPortTaken: 'fail', slots: 1 } as const;
const idle: RunnableCore<{ type: 'speak' }, { type: 'said'; at: number }> = {
  deadline: undefined,
  receive: () => [],
  expire: () => [],
  command: (_, now) => [{ type: 'said', at: now }],
};

test('a core runs on a data plane: commands go in, outputs come out, until it is closed', async () => {
  const said: { type: 'said'; at: number }[] = [];
  const running = await runCore({
    dataPlane: (listener) => startDgramDataPlane({ ...options, ports: { ike: 0, natT: 0 }, ...listener }),
    core: () => idle,
    take: (output) => said.push(output),
  });
  running.command({ type: 'speak' });
  assert.equal(said.length, 1);

  const { ike, natT } = running.dataPlane.ports;
  const second = runCore({
    dataPlane: (listener) => startDgramDataPlane({ ...options, ports: { ike: ike!, natT: natT! }, ...listener }),
    core: () => assert.fail('no core without a data plane'),
    take: () => {},
  });
  await assert.rejects(second, (error) => error instanceof StartError && error.failure.code === 'port-in-use');

  await running.close();
  running.command({ type: 'speak' });
  assert.equal(said.length, 1, 'nothing comes out of it any more');
});
