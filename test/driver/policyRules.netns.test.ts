/** Rules and tables of routes, and the watch on the network, against the kernel in a namespace of the test's own. */

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join as joinPath } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { HostChange } from '../../src/driver/host/change.ts';
import { HostChanges } from '../../src/driver/host/hostChanges.ts';
import { NetworkWatch } from '../../src/driver/netlink/networkWatch.ts';
import { PolicyRules, type Rule } from '../../src/driver/netlink/rules.ts';
import { isSystemError } from '../../src/driver/systemError.ts';
import { join, Namespace, noNamespaces, withRtnetlink } from './namespace.ts';

const TABLE = 7701;
const ESP = 50;
const UDP = 17;
const SERVER = '198.51.100.7';

describe('policy routing', { skip: noNamespaces() ?? false }, () => {
  let host: Namespace;
  let other: Namespace;
  let folder: string;

  before(() => {
    [host, other] = [Namespace.create(), Namespace.create()];
    join(
      { namespace: host, device: 'eth0', address: '192.0.2.1/24' },
      { namespace: other, device: 'eth0', address: '192.0.2.2/24' },
    );
    host.run(() =>
      withRtnetlink((rtnetlink) => rtnetlink.addRoute({ destination: '0.0.0.0/0', gateway: '192.0.2.2' })),
    );
    folder = mkdtempSync(joinPath(tmpdir(), 'sallyport-test-'));
  });
  after(() => {
    host?.close();
    other?.close();
    rmSync(folder, { recursive: true });
  });

  const rules: Rule[] = [
    { family: 'ipv4', priority: 7700, destination: `${SERVER}/32`, protocol: ESP },
    { family: 'ipv4', priority: 7700, destination: `${SERVER}/32`, protocol: UDP, destinationPort: 4500 },
    { family: 'ipv4', priority: 7700, destination: `${SERVER}/32`, protocol: UDP, sourcePort: 4500 },
    { family: 'ipv4', priority: 7703, table: TABLE, destination: '198.51.100.0/24' },
  ];

  it('lets to the server its own protocols alone, and everything else nowhere', () => {
    host.run(() => {
      const changes = new HostChanges(joinPath(folder, 'journal'));
      const wanted: HostChange[] = [
        { kind: 'route', destination: '198.51.100.0/24', table: TABLE, refusal: 'unreachable', metric: 9000 },
        ...rules.map((rule): HostChange => ({ kind: 'rule', ...rule })),
      ];
      for (const change of wanted) assert.deepEqual(changes.apply(change), { ok: true, made: true });
      for (const change of wanted.slice(1)) assert.deepEqual(changes.apply(change), { ok: true, made: false });
      withRtnetlink((rtnetlink) => {
        const way = { device: 'eth0', gateway: '192.0.2.2', source: '192.0.2.1' };
        const { device, gateway, source } = rtnetlink.routeTo(SERVER, { protocol: UDP, destinationPort: 4500 });
        assert.deepEqual({ device, gateway, source }, way);
        for (const flow of [{ protocol: 6, destinationPort: 443 }, { protocol: UDP, destinationPort: 53 }, undefined]) {
          assert.throws(
            () => rtnetlink.routeTo(SERVER, flow),
            (error) => isSystemError(error, 'EHOSTUNREACH'),
          );
        }
        assert.equal(rtnetlink.routeTo('203.0.113.9').device, 'eth0');
      });
      assert.deepEqual(listed(), rules);
      assert.deepEqual(changes.undoAll(), []);
      assert.deepEqual(listed(), []);
      withRtnetlink((rtnetlink) => assert.equal(rtnetlink.routeTo(SERVER).device, 'eth0'));
    });
  });

  it('has the same for IPv6', () => {
    host.run(() => {
      const policy = new PolicyRules();
      const rule: Rule = { family: 'ipv6', priority: 7703, table: TABLE };
      policy.add(rule);
      assert.deepEqual(
        policy.list('ipv6').filter(({ priority }) => priority === 7703),
        [rule],
      );
      policy.delete(rule);
      assert.throws(
        () => policy.delete(rule),
        (error) => isSystemError(error, 'ENOENT'),
      );
      policy.close();
    });
  });

  it('is noticed when links, addresses and routes change, and at no other time', () => {
    const watch = host.run(() => new NetworkWatch());
    assert.equal(watch.changed(), false);
    const address = { device: 'eth0', address: '192.0.2.3', prefixLength: 24 };
    const route = { destination: '203.0.113.0/24', gateway: '192.0.2.2' };
    const changes: ((rtnetlink: Parameters<Parameters<typeof withRtnetlink>[0]>[0]) => void)[] = [
      (rtnetlink) => rtnetlink.addAddress(address),
      (rtnetlink) => rtnetlink.addRoute(route),
      (rtnetlink) => rtnetlink.deleteRoute(route),
      (rtnetlink) => rtnetlink.setLink('eth0', { up: false }),
    ];
    for (const change of changes) {
      host.run(() => withRtnetlink(change));
      assert.equal(watch.changed(), true);
      assert.equal(watch.changed(), false);
    }
    watch.close();
  });

  function listed(): Rule[] {
    const policy = new PolicyRules();
    const found = policy.list('ipv4').filter(({ priority }) => priority >= 7700 && priority < 7800);
    policy.close();
    return found;
  }
});
