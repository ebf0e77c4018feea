/** Makes a gateway's changes on the host (of the test's namespace) and dies without undoing them. */

import { HostChanges } from '../../src/driver/host/hostChanges.ts';
import { TunDevice } from '../../src/driver/tun.ts';

const changes = new HostChanges(process.argv[2]!);
const tun = new TunDevice();
tun.setUp(1400);
for (const change of [
  { kind: 'address', device: tun.name, address: '10.99.0.1', prefixLength: 24 },
  { kind: 'route', destination: '10.98.0.0/16', device: tun.name },
  { kind: 'route', destination: '10.97.0.0/16', gateway: '192.0.2.2' },
  { kind: 'nat', table: 'sallyport', pools: ['10.99.0.0/24'], device: tun.name },
  { kind: 'sysctl', name: 'net.ipv4.ip_forward', value: '1' },
] as const) {
  const result = changes.apply(change);
  if (!result.ok) throw new Error(result.failure.reason);
}
process.kill(process.pid, 'SIGKILL');
