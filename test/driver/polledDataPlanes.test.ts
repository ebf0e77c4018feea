import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { describe, it } from 'node:test';
import { available } from '../../src/driver/ffi.ts';
import { PolledDataPlanes } from '../../src/driver/polledDataPlanes.ts';
import { dataPlaneContract, type End, Heard, innerEnd } from './dataPlaneContract.ts';
import { udpPacket } from './packets.ts';

const payload = Uint8Array.of(1, 2, 3, 4, 5);
const message = new Uint8Array(28);

describe('data planes that are polled in this thread', { skip: !available() }, () => {
  const planes = new PolledDataPlanes();

  describe('two that are waited for together', () => {
    dataPlaneContract(
      async () => [await startEnd('127.0.0.1'), await startEnd('127.0.0.2')],
      (source, destination) => udpPacket({ source, sourcePort: 1000, destination, destinationPort: 2000, payload }),
      ['udp'],
    );
  });

  it('does not start where a port is taken, and others go on', async () => {
    const holder = createSocket('udp4');
    await new Promise<void>((resolve) => holder.bind(0, '127.0.0.1', resolve));
    const { port } = holder.address();
    const refused = planes.start({ ...common('127.0.0.1', new Heard()), ports: { ike: port, natT: 0 } });
    assert.equal(!refused.ok && refused.failure.code, 'port-in-use');
    const end = await startEnd('127.0.0.1');
    const { ports } = end.plane;
    const itself = { address: '127.0.0.1', port: ports.ike! };
    end.plane.post({ type: 'sendIke', local: itself, remote: itself, bytes: message });
    assert.equal((await end.heard.next('ike')).bytes.length, 28);
    await end.plane.close();
    holder.close();
  });

  it('tells of a command that no control plane may give, and sends what was posted before it is closed', async (t) => {
    const [one, two] = [await startEnd('127.0.0.1'), await startEnd('127.0.0.2')];
    t.after(() => Promise.all([one.plane.close(), two.plane.close()]));
    const [local, remote] = [one, two].map(({ address, plane }) => ({ address, port: plane.ports.ike! }));
    one.plane.post({ type: 'sendIke', local: local!, remote: { address: 'nowhere', port: 1 }, bytes: message });
    one.plane.post({ type: 'sendIke', local: local!, remote: remote!, bytes: message });
    await one.plane.close();
    one.plane.post({ type: 'sendIke', local: local!, remote: remote!, bytes: message });
    assert.match(one.heard.refused[0] ?? '', /^sendIke: /);
    assert.deepEqual((await two.heard.next('ike')).bytes, message);
    await two.plane.close();
    await two.plane.close();
    assert.equal(two.heard.events.length, 0);
  });

  const common = (address: string, heard: Heard) => ({
    listen: [address],
    ports: { ike: 0, natT: 0, l2tp: 0 },
    whenPortTaken: 'fail' as const,
    slots: 8,
    onEvents: heard.onEvents,
    onFailure: heard.onFailure,
    onRefused: heard.onRefused,
  });

  function startEnd(address: string): Promise<End> {
    const heard = new Heard();
    return innerEnd(address, heard, (toTun) => planes.start({ ...common(address, heard), toTun }));
  }
});
