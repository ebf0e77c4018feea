/** The same data plane over IPv6, and where it is not to be had. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { available, Memory } from '../../src/driver/ffi.ts';
import { startLinuxDataPlane } from '../../src/driver/linuxDataPlane.ts';
import { UdpSocket } from '../../src/driver/udpSocket.ts';
import { Heard } from './dataPlaneContract.ts';
import { base, contractOver, listenerOf } from './linuxEnds.ts';
import { noNamespaces } from './namespace.ts';

describe('data plane on Linux with TUN devices', { skip: noNamespaces() ?? false }, () => {
  describe('over IPv6', () => contractOver(['2001:db8::1', '2001:db8::2'], 64));
});

describe('data plane on Linux without privileges', { skip: available() ? false : 'skipped: no FFI here' }, () => {
  it('names the port that is taken, or takes another', async () => {
    const room = new Memory(64);
    const holder = new UdpSocket(Uint8Array.of(127, 0, 0, 1), 0, room.base, 64);
    const options = { ...base, listen: ['127.0.0.1'], ports: { ike: holder.port, natT: 0 }, slots: 1 };
    const [refused, another] = await Promise.all([
      startLinuxDataPlane({ ...options, ...listenerOf(new Heard()) }),
      startLinuxDataPlane({ ...options, whenPortTaken: 'useAnother', ...listenerOf(new Heard()) }),
    ]);
    holder.close();
    assert.equal(!refused.ok && refused.failure.code, 'port-in-use');
    assert.match(
      (!refused.ok && refused.failure.reason) || '',
      new RegExp(`UDP port ${holder.port} of 127.0.0.1 is in`),
    );
    assert.ok(another.ok);
    assert.notEqual(another.dataPlane.ports.ike, holder.port);
    await another.dataPlane.close();
  });

  it('refuses an address that is not of this host', async () => {
    const [foreign, nonsense] = await Promise.all(
      ['192.0.2.200', 'here'].map((address) =>
        startLinuxDataPlane({ ...base, listen: [address], slots: 1, ...listenerOf(new Heard()) }),
      ),
    );
    assert.equal(!foreign!.ok && foreign!.failure.code, 'no-such-address');
    assert.equal(!nonsense!.ok && nonsense!.failure.code, 'bad-listen-address');
  });
});
