import assert from 'node:assert/strict';
import test, { after, before } from 'node:test';
import { nodeCrypto } from '../../../src/crypto/node/index.ts';
import { runCore, startDgramDataPlane, systemEnvironment } from '../../../src/driver/index.ts';
import { makeGateway } from '../../../src/gateway/index.ts';
import { secretTable } from '../../../src/ike/v1/index.ts';
import { judgeCredentials } from '../../../src/ppp/index.ts';
import { LoadRun, type LoadSettings } from '../../../src/process/load/loadRun.ts';
import { distribution } from '../../../src/process/load/statistics.ts';
import { utf8 } from '../../../src/wire/index.ts';

const PSK = 'a key that all clients share';
const PASSWORD = 'correct horse';

/** A gateway on ports of its own on the loopback. */
async function startGateway() {
  const environment = { ...systemEnvironment, crypto: nodeCrypto, unixTime: () => Date.now() / 1000 };
  const running = await runCore({
    dataPlane: (listener) =>
      startDgramDataPlane({
        ...listener,
        listen: ['127.0.0.1'],
        ports: { ike: 0, natT: 0 },
        whenPortTaken: 'fail',
        slots: 32,
      }),
    core: ({ counters, ports }) =>
      makeGateway(
        {
          ike: {
            secrets: secretTable([{ secret: utf8(PSK) }]),
            natTraversalPort: ports.natT!,
            forceEncapsulation: true,
          },
          network: { pool: ['10.9.0.0/24'], localAddress: '10.9.0.1' },
        },
        environment,
        counters,
      ),
    take: (output) => {
      if (output.type !== 'askUser') return;
      const answer = judgeCredentials(nodeCrypto, output.credentials, { password: PASSWORD });
      running.command({ type: 'userAnswer', id: output.id, answer });
    },
  });
  return running;
}

let gateway: Awaited<ReturnType<typeof startGateway>>;
before(async () => {
  gateway = await startGateway();
});
after(() => gateway.close());

const settings = (more: Partial<LoadSettings> = {}): LoadSettings => ({
  target: { address: '127.0.0.1', source: '127.0.0.1' },
  gatewayPorts: { ike: gateway.dataPlane.ports.ike!, natT: gateway.dataPlane.ports.natT! },
  psk: PSK,
  user: 'ann',
  password: PASSWORD,
  count: 6,
  concurrency: 3,
  seconds: 20,
  hold: false,
  ikeProposal: 'aes256-sha256-ecp256',
  espProposal: 'aes256-sha256',
  ports: 2,
  ...more,
});

test('connections that share two ports live their whole lives, three at once', async () => {
  const result = await new LoadRun(settings()).run();
  assert.deepEqual(result.failures, {});
  assert.deepEqual([result.begun, result.completed, result.connected, result.failed], [6, 6, 0, 0]);
  assert.ok(result.latency!.median > 0 && result.perSecond > 0);
});

test('lives that warm up count in nothing, and are not held', async () => {
  const run = new LoadRun(settings({ count: 2, warmUp: 4, hold: true, onHeld: () => run.stop() }));
  const result = await run.run();
  assert.deepEqual([result.begun, result.completed, result.connected, result.failed], [2, 2, 0, 0]);
  assert.ok(result.perSecond > 0);
});

test('a holding run tells when all stand, and ends them when it is stopped', async () => {
  let held = 0;
  const run = new LoadRun(
    settings({
      count: 5,
      hold: true,
      onHeld: ({ connected }) => {
        held = connected;
        run.stop();
      },
    }),
  );
  const result = await run.run();
  assert.equal(held, 5);
  assert.deepEqual([result.completed, result.connected, result.failed], [5, 0, 0]);
});

test('what fails is counted by its reason', async () => {
  const result = await new LoadRun(settings({ count: 2, password: 'wrong' })).run();
  assert.equal(result.completed, 0);
  assert.equal(result.failed, 2);
  assert.equal(Object.values(result.failures)[0], 2);
});

test('a distribution', () => {
  assert.equal(distribution([]), undefined);
  const hundred = Array.from({ length: 100 }, (_, i) => 100 - i);
  assert.deepEqual(distribution(hundred), { median: 51, p95: 96, p99: 100, most: 100 });
});
