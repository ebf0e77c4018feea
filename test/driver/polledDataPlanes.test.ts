import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { describe, it } from 'node:test';
import { available } from '../../src/driver/ffi.ts';
import { type PolledDataPlane, PolledDataPlanes } from '../../src/driver/polledDataPlanes.ts';
import { dataPlaneContract, type End, Heard } from './dataPlaneContract.ts';
import { udpPacket } from './packets.ts';

const payload = Uint8Array.of(1, 2, 3, 4, 5);
const message = new Uint8Array(28);

describe('data planes that are polled in this thread', { skip: !available() }, () => {
  const planes = new PolledDataPlanes();

  describe('two that are waited for together', () => {
    dataPlaneContract(
      async () => [startEnd('127.0.0.1'), startEnd('127.0.0.2')],
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
    const end = startEnd('127.0.0.1');
    const { ports } = end.plane;
    const itself = { address: '127.0.0.1', port: ports.ike! };
    end.plane.post({ type: 'sendIke', local: itself, remote: itself, bytes: message });
    assert.equal((await end.heard.next('ike')).bytes.length, 28);
    await end.plane.close();
    holder.close();
  });

  it('tells of a command that no control plane may give, and sends what was posted before it is closed', async (t) => {
    const [one, two] = [startEnd('127.0.0.1'), startEnd('127.0.0.2')];
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

  function startEnd(address: string): End {
    const heard = new Heard();
    const inner: Uint8Array[] = [];
    let arrived = (): void => {};
    const toTun = (packet: Uint8Array): void => {
      inner.push(packet);
      arrived();
    };
    const result = planes.start({ ...common(address, heard), toTun });
    assert.ok(result.ok, result.ok ? '' : result.failure.reason);
    const plane: PolledDataPlane = result.dataPlane;
    return {
      address,
      plane,
      heard,
      sendInner: (packet) => plane.fromTun(packet),
      receiveInner: async () => {
        if (inner.length === 0) {
          await new Promise<void>((resolve) => {
            arrived = resolve;
          });
        }
        return inner.shift();
      },
    };
  }
});
