/** What the kill switch and a tunnel change, without a host. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ClientSchema } from '../../src/config/clientSchema.ts';
import type { HostChange } from '../../src/driver/host/change.ts';
import { killSwitchChanges, localChanges, serverChanges } from '../../src/process/killSwitch.ts';
import { tunnelChanges } from '../../src/process/tunnelChanges.ts';

const settings = (more: object) => ClientSchema.parse({ server: '192.0.2.1', user: 'ann', ...more });
const network = {
  localAddress: '10.87.0.2',
  peerAddress: '10.87.0.1',
  dns: ['10.87.0.1', '10.9.9.9', '198.51.100.53'],
};
const way = { source: '198.18.0.9', device: 'eth0', gateway: '198.18.0.1', mtu: 1500, local: false };
const destinations = (changes: readonly HostChange[]) =>
  changes.flatMap((change) => ('destination' in change ? (change.destination ?? 'all') : []));

const link = (name: string, more: object = {}) => ({ index: 1, name, mtu: 1500, up: true, loopback: false, ...more });

describe('the kill switch', () => {
  it('refuses before it diverts, in both families', () => {
    const changes = killSwitchChanges(settings({ default_route: true }), 7701);
    const lastRoute = changes.findLastIndex(({ kind }) => kind === 'route');
    assert.ok(lastRoute < changes.findIndex(({ kind }) => kind === 'rule'));
    const all = changes.filter((change) => change.kind === 'rule' && change.table === 7701);
    assert.deepEqual(
      all.map((change) => change.kind === 'rule' && change.family),
      ['ipv4', 'ipv6'],
    );
    const without6 = killSwitchChanges(settings({ default_route: true, allow_ipv6: true }), 7701);
    assert.ok(without6.every((change) => change.kind !== 'rule' || change.family === 'ipv4'));
  });

  it('lets to the server our own protocols pass, and no other', () => {
    const wide = serverChanges(settings({}), '2001:db8::7').filter(
      (change) => change.kind !== 'rule' || change.protocol === undefined || change.destination !== '2001:db8::7/128',
    );
    assert.deepEqual(wide, []);
    assert.equal(serverChanges(settings({ ipsec: false }), '192.0.2.1').length, 2);
  });

  it('lets private networks of the host be local, and no public one that claims to be', () => {
    const links = [link('lo', { loopback: true }), link('eth0'), link('sallyport0', { kind: 'tun' })];
    const addresses = [
      { device: 'lo', address: '127.0.0.1', prefixLength: 8 },
      { device: 'eth0', address: '192.168.7.9', prefixLength: 24 },
      { device: 'eth0', address: '198.18.0.9', prefixLength: 24 },
      { device: 'eth0', address: '10.1.2.3', prefixLength: 7 },
      { device: 'eth0', address: 'fd00:1::9', prefixLength: 64 },
      { device: 'eth0', address: '2001:db8::9', prefixLength: 64 },
      { device: 'sallyport0', address: '10.87.0.2', prefixLength: 32, peer: '10.87.0.1' },
    ];
    const local = localChanges(settings({ default_route: true }), links, addresses);
    assert.deepEqual(destinations(local), ['192.168.7.0/24', 'fd00:1::/64']);
    assert.deepEqual(localChanges(settings({ routes: ['192.168.0.0/16'] }), links, addresses), []);
  });
});

describe('a tunnel that is up', () => {
  const tunnel = { device: 'tun0', network, server: '192.0.2.1', way };

  it('pins the server where a route would swallow it, and leads to name servers that no route leads to', () => {
    const changes = tunnelChanges({
      ...tunnel,
      settings: settings({ routes: ['192.0.2.0/24', '10.0.0.0/8'], dns: true }),
      table: undefined,
    });
    assert.deepEqual(destinations(changes), ['192.0.2.1/32', '192.0.2.0/24', '10.0.0.0/8', '198.51.100.53/32']);
    const [, pinned] = changes;
    assert.deepEqual(pinned, { kind: 'route', destination: '192.0.2.1/32', device: 'eth0', gateway: '198.18.0.1' });
  });

  it('is one better route in the table of the kill switch', () => {
    const changes = tunnelChanges({ ...tunnel, settings: settings({ default_route: true, dns: true }), table: 7701 });
    const [, route] = changes;
    assert.equal(changes.length, 2);
    const last = killSwitchChanges(settings({ default_route: true }), 7701)[0];
    assert.ok(route?.kind === 'route' && last?.kind === 'route' && last.destination === route.destination);
    assert.ok(route.metric! < last.metric!);
  });
});
