import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { startLinuxDataPlane } from '../../src/driver/linuxDataPlane.ts';
import { Heard } from './dataPlaneContract.ts';
import { base, contractOver, joined, listenerOf } from './linuxEnds.ts';
import { noNamespaces } from './namespace.ts';

const OUTER = ['192.0.2.1', '192.0.2.2'] as const;

describe('data plane on Linux with TUN devices', { skip: noNamespaces() ?? false }, () => {
  describe('over IPv4', () => contractOver(OUTER, 24));

  it('does not start where the device is taken, and leaves nothing open', async () => {
    const [namespace, other] = joined(OUTER, 24);
    const options = { ...base, ports: { ike: 500, natT: 4500 }, slots: 1, ...listenerOf(new Heard()) };
    const refused = await namespace.run(() => startLinuxDataPlane({ ...options, tun: { name: 'v0', mtu: 1400 } }));
    assert.equal(!refused.ok && refused.failure.code, 'device-in-use');
    const started = await namespace.run(() => startLinuxDataPlane(options));
    assert.ok(started.ok);
    await started.dataPlane.close();
    for (const one of [namespace, other]) one.close();
  });
});
