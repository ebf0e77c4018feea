import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { describe, it } from 'node:test';
import type { CipherChoice } from '../../src/driver/ciphers.ts';
import { startDgramDataPlane } from '../../src/driver/dgramDataPlane.ts';
import { available } from '../../src/driver/ffi.ts';
import { dataPlaneContract, type End, Heard, innerEnd } from './dataPlaneContract.ts';
import { udpPacket } from './packets.ts';

const payload = Uint8Array.of(1, 2, 3, 4, 5);

describe('data plane over node:dgram', () => {
  for (const ciphers of ['fastest', 'node'] as const) {
    describe(`with the ciphers "${ciphers}"`, () => {
      dataPlaneContract(
        async () => [await startEnd('127.0.0.1', ciphers), await startEnd('127.0.0.2', ciphers)],
        (source, destination) => udpPacket({ source, sourcePort: 1000, destination, destinationPort: 2000, payload }),
        ['udp'],
      );
    });
  }

  it('takes the fast ciphers where there is FFI, or those of node:crypto where it is told to', async () => {
    const options = { listen: ['127.0.0.1'], ports: { ike: 0, natT: 0 }, whenPortTaken: 'fail', slots: 1 } as const;
    const fast = await startDgramDataPlane({ ...options, ...new Heard() });
    const slow = await startDgramDataPlane({ ...options, ...new Heard(), ciphers: 'node' });
    assert.ok(fast.ok && slow.ok);
    assert.equal(fast.dataPlane.slowCiphers === undefined, available());
    assert.match(slow.dataPlane.slowCiphers ?? '', /node:crypto/);
    await Promise.all([fast.dataPlane.close(), slow.dataPlane.close()]);
  });

  it('does not start where a port is taken, and says which', async () => {
    const holder = createSocket('udp4');
    await new Promise<void>((resolve) => holder.bind(0, '127.0.0.1', resolve));
    const { port } = holder.address();
    const options = { listen: ['127.0.0.1'], slots: 1, ...new Heard() };
    const refused = await startDgramDataPlane({ ...options, ports: { ike: port, natT: 0 }, whenPortTaken: 'fail' });
    assert.equal(!refused.ok && refused.failure.code, 'port-in-use');
    assert.match((!refused.ok && refused.failure.reason) || '', new RegExp(`UDP port ${port} .*in use`));
    const another = await startDgramDataPlane({
      ...options,
      ports: { ike: port, natT: 0 },
      whenPortTaken: 'useAnother',
    });
    assert.ok(another.ok);
    assert.notEqual(another.dataPlane.ports.ike, port);
    await another.dataPlane.close();
    holder.close();
  });
});

function startEnd(address: string, ciphers: CipherChoice): Promise<End> {
  const heard = new Heard();
  return innerEnd(address, heard, (toTun) =>
    startDgramDataPlane({
      listen: [address],
      ports: { ike: 0, natT: 0, l2tp: 0 },
      whenPortTaken: 'fail',
      slots: 8,
      ciphers,
      toTun,
      onEvents: heard.onEvents,
      onFailure: heard.onFailure,
      onRefused: heard.onRefused,
    }),
  );
}
