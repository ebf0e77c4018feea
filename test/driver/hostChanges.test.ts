import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join as joinPath } from 'node:path';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { newSource, type Peer } from '../../src/dataplane/ports.ts';
import { Memory } from '../../src/driver/ffi.ts';
import type { HostChange } from '../../src/driver/host/change.ts';
import { deleteStaleTables, HostChanges, recover } from '../../src/driver/host/hostChanges.ts';
import { readSysctl, writeSysctl } from '../../src/driver/host/sysctl.ts';
import { Nftables } from '../../src/driver/netlink/nftables.ts';
import { TunDevice } from '../../src/driver/tun.ts';
import { UdpSocket } from '../../src/driver/udpSocket.ts';
import { join, Namespace, noNamespaces, withRtnetlink } from './namespace.ts';
import { readUdpPacket, udpPacket } from './packets.ts';
import { waitReadable } from './waitReadable.ts';

const skip = noNamespaces() ?? false;

describe('changes on the host', { skip }, () => {
  let host: Namespace;
  let server: Namespace;
  let folder: string;
  let journal: string;

  before(() => {
    host = Namespace.create();
    server = Namespace.create();
    join(
      { namespace: host, device: 'v0', address: '192.0.2.1/24' },
      { namespace: server, device: 'v1', address: '192.0.2.2/24' },
    );
  });
  after(() => {
    host?.close();
    server?.close();
  });
  beforeEach(() => {
    folder = mkdtempSync(joinPath(tmpdir(), 'sallyport-test-'));
    journal = joinPath(folder, 'host.journal');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const gatewayChanges = (device: string): HostChange[] => [
    { kind: 'address', device, address: '10.99.0.1', prefixLength: 24 },
    { kind: 'route', destination: '10.98.0.0/16', device },
    { kind: 'nat', table: 'sallyport', pools: ['10.99.0.0/24'], device },
    { kind: 'sysctl', name: 'net.ipv4.ip_forward', value: '1' },
  ];

  const apply = (changes: HostChanges, device: string): void => {
    for (const change of gatewayChanges(device)) assert.deepEqual(changes.apply(change), { ok: true, made: true });
  };

  it('masquerade clients of the pool, and leave nothing when undone', () => {
    host.run(() => {
      const tun = new TunDevice();
      tun.setUp(1400);
      const changes = new HostChanges(journal);
      apply(changes, tun.name);

      const room = new Memory(2048);
      const listening = server.run(() => new UdpSocket(Uint8Array.of(192, 0, 2, 2), 4242, room.base, 2048));
      const packet = udpPacket({
        source: '10.99.0.5',
        sourcePort: 5555,
        destination: '192.0.2.2',
        destinationPort: 4242,
        payload: Uint8Array.of(1, 2, 3),
      });
      const out = new Memory(2048);
      out.bytes.set(packet);
      assert.equal(tun.write(out.base, packet.length), packet.length);
      assert.ok(waitReadable(listening.fd), 'the packet was forwarded');
      const source = newSource();
      assert.equal(listening.receive(source), 3);
      assert.equal(source.remote.subarray(0, 4).join('.'), '192.0.2.1', 'the source address is the host’s');

      const client: Peer = {
        family: 4,
        local: new Uint8Array(4),
        localPort: 4242,
        remote: source.remote.slice(0, 4),
        remotePort: source.remotePort,
        driver: undefined,
      };
      assert.equal(listening.send(listening.headerFor(client), room.base, 3), 3);
      assert.ok(waitReadable(tun.fd), 'the answer came back');
      const length = tun.read(out.base, 2048);
      assert.equal(readUdpPacket(out.bytes.subarray(0, length))?.destination, '10.99.0.5');
      listening.close();

      assert.deepEqual(changes.undoAll(), []);
      assertClean();
      assert.equal(existsSync(journal), false);
      tun.close();
      assert.deepEqual(changes.undoAll(), []);
    });
  });

  it('are shown by nft as they are meant', { skip: hasNft() ? false : 'skipped: no nft here' }, () => {
    host.run(() => {
      const nftables = new Nftables();
      nftables.addMasquerade({ table: 'sallyport', pools: ['10.99.0.0/22', '10.7.0.0/16'], device: 'sallyport0' });
      const shown = execFileSync('nft', ['list', 'ruleset'], { encoding: 'utf8' }).replace(/\s+/g, ' ');
      assert.match(shown, /table ip sallyport \{ comment "sallyport sallyport0"/);
      assert.match(shown, /type nat hook postrouting priority (srcnat|100); policy accept;/);
      assert.match(shown, /ip saddr 10\.99\.0\.0\/22 oifname != "sallyport0" masquerade/);
      assert.match(shown, /ip saddr 10\.7\.0\.0\/16 oifname != "sallyport0" masquerade/);
      assert.deepEqual(deleteStaleTables(), ['sallyport']);
      assert.deepEqual(nftables.tables(), []);
      nftables.close();
    });
  });

  it('are cleaned up by the next start after a kill', () => {
    host.run(() => {
      const result = spawnSync(
        process.execPath,
        ['--import', 'tsx', joinPath(import.meta.dirname, 'killedProcess.ts'), journal],
        { encoding: 'utf8' },
      );
      assert.equal(result.signal, 'SIGKILL', result.stderr);
      assert.equal(readSysctl('net.ipv4.ip_forward'), '1');
      assert.ok(withRtnetlink((rtnetlink) => rtnetlink.routeTo('10.97.0.1')));
      const recovered = recover(journal);
      assert.ok(recovered.ok);
      assert.deepEqual(recovered.recovery.failed, []);
      assert.equal(recovered.recovery.undone.length, 5);
      assertClean();
      assert.deepEqual(recover(journal), { ok: true, recovery: { undone: [], failed: [], gone: [] } });
    });
  });

  it('leave a kernel parameter alone that was set so before, or by somebody else since', () => {
    host.run(() => {
      const forward = { kind: 'sysctl', name: 'net.ipv4.ip_forward', value: '1' } as const;
      const changes = new HostChanges(journal);
      writeSysctl(forward.name, '1');
      assert.deepEqual(changes.apply(forward), { ok: true, made: false });
      changes.undoAll();
      assert.equal(readSysctl(forward.name), '1');
      const ttl = { kind: 'sysctl', name: 'net.ipv4.ip_default_ttl', value: '63' } as const;
      changes.apply(ttl);
      writeSysctl(ttl.name, '62');
      changes.undoAll();
      assert.equal(readSysctl(ttl.name), '62');
      writeSysctl(ttl.name, '64');
      writeSysctl(forward.name, '0');
    });
  });

  it('of another network namespace are not undone here', () => {
    host.run(() => new HostChanges(journal).apply({ kind: 'route', destination: '198.51.100.1', device: 'v0' }));
    const elsewhere = server.run(() => recover(journal));
    assert.ok(elsewhere.ok);
    assert.deepEqual(elsewhere.recovery, { undone: [], failed: [], gone: ['route to 198.51.100.1 by v0'] });
  });

  it('do not take over a table that is not ours', () => {
    host.run(() => {
      const nftables = new Nftables();
      nftables.addMasquerade({ table: 'sallyport', pools: ['10.0.0.0/8'], device: 'lo' });
      const result = new HostChanges(journal).apply({
        kind: 'nat',
        table: 'sallyport',
        pools: ['10.99.0.0/24'],
        device: 'v0',
      });
      assert.equal(!result.ok && result.failure.code, 'table-exists');
      assert.equal(existsSync(journal), false);
      assert.deepEqual(deleteStaleTables(), [], 'its device exists');
      nftables.deleteTable('sallyport');
      nftables.close();
    });
  });

  it('refuse a TUN device whose name is taken, and take a free one', () => {
    host.run(() => {
      assert.throws(() => new TunDevice('v0'), /create the TUN device v0/);
      const one = new TunDevice();
      const two = new TunDevice();
      assert.deepEqual([one.name, two.name], ['sallyport0', 'sallyport1']);
      one.close();
      two.close();
      assert.equal(
        withRtnetlink((rtnetlink) => rtnetlink.link('sallyport0')),
        undefined,
      );
    });
  });

  it('never share a UDP port', () => {
    host.run(() => {
      const room = new Memory(64);
      const one = new UdpSocket(new Uint8Array(4), 500, room.base, 64);
      assert.throws(() => new UdpSocket(new Uint8Array(4), 500, room.base, 64), /in use by another process/);
      const other = new UdpSocket(new Uint8Array(16), 500, room.base, 64);
      one.close();
      other.close();
    });
  });

  function assertClean(): void {
    const nftables = new Nftables();
    assert.deepEqual(nftables.tables(), []);
    nftables.close();
    assert.equal(readSysctl('net.ipv4.ip_forward'), '0');
    withRtnetlink((rtnetlink) => {
      assert.ok(!rtnetlink.addresses().some(({ address }) => address === '10.99.0.1'));
      assert.throws(() => rtnetlink.routeTo('10.98.0.1'));
      assert.throws(() => rtnetlink.routeTo('10.97.0.1'));
    });
  }
});

function hasNft(): boolean {
  return spawnSync('nft', ['--version']).status === 0;
}
