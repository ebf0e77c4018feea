import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { isSystemError } from '../../src/driver/systemError.ts';
import { join, Namespace, noNamespaces, withRtnetlink } from './namespace.ts';

const skip = noNamespaces() ?? false;

describe('rtnetlink', { skip }, () => {
  let host: Namespace;
  let other: Namespace;

  before(() => {
    host = Namespace.create();
    other = Namespace.create();
    join(
      { namespace: host, device: 'v0', address: '192.0.2.1/24' },
      { namespace: other, device: 'v1', address: '192.0.2.2/24' },
    );
  });
  after(() => {
    host?.close();
    other?.close();
  });

  it('lists links and addresses', () => {
    const [links, addresses] = host.run(() =>
      withRtnetlink((rtnetlink) => [rtnetlink.links(), rtnetlink.addresses()] as const),
    );
    assert.deepEqual(
      links.map(({ name, up, kind, loopback }) => ({ name, up, kind, loopback })),
      [
        { name: 'lo', up: true, kind: undefined, loopback: true },
        { name: 'v0', up: true, kind: 'veth', loopback: false },
      ],
    );
    assert.ok(addresses.some((a) => a.device === 'v0' && a.address === '192.0.2.1' && a.prefixLength === 24));
    assert.ok(addresses.some((a) => a.device === 'lo' && a.address === '::1' && a.prefixLength === 128));
  });

  it('sets an MTU and tells it', () => {
    const link = host.run(() =>
      withRtnetlink((rtnetlink) => {
        rtnetlink.setLink('v0', { mtu: 1400 });
        return rtnetlink.link('v0');
      }),
    );
    assert.equal(link?.mtu, 1400);
  });

  it('adds, finds and deletes routes of both families', () => {
    host.run(() =>
      withRtnetlink((rtnetlink) => {
        rtnetlink.addAddress({ device: 'v0', address: '2001:db8::1', prefixLength: 64 });
        const routes = [
          { destination: '198.51.100.0/24', gateway: '192.0.2.2', source: '192.0.2.1', mtu: 1300 },
          { destination: '203.0.113.7', device: 'v0' },
          { destination: '2001:db8:1::/48', gateway: '2001:db8::2' },
        ];
        for (const route of routes) rtnetlink.addRoute(route);
        assert.deepEqual(rtnetlink.routeTo('198.51.100.9'), {
          source: '192.0.2.1',
          device: 'v0',
          gateway: '192.0.2.2',
          mtu: 1300,
          local: false,
        });
        assert.deepEqual(rtnetlink.routeTo('203.0.113.7'), {
          source: '192.0.2.1',
          device: 'v0',
          mtu: 1400,
          local: false,
        });
        assert.equal(rtnetlink.routeTo('2001:db8:1::5').gateway, '2001:db8::2');
        assert.equal(rtnetlink.routeTo('192.0.2.1').local, true);
        assert.throws(
          () => rtnetlink.addRoute(routes[0]!),
          (error) => isSystemError(error, 'EEXIST'),
        );
        for (const route of routes) rtnetlink.deleteRoute(route);
        assert.throws(
          () => rtnetlink.deleteRoute(routes[0]!),
          (error) => isSystemError(error, 'ESRCH'),
        );
        assert.throws(
          () => rtnetlink.routeTo('198.51.100.9'),
          (error) => isSystemError(error, 'ENETUNREACH'),
        );
      }),
    );
  });

  it('says in plain words what is wrong', () => {
    host.run(() =>
      withRtnetlink((rtnetlink) => {
        assert.throws(
          () => rtnetlink.setLink('none', { up: true }),
          /look up the device none: there is no such device/,
        );
        assert.throws(() => rtnetlink.addRoute({ destination: '198.51.100.1', gateway: '10.1.1.1' }), /gateway/);
        assert.throws(() => rtnetlink.addRoute({ destination: '198.51.100.1/8', gateway: '10.1.1.1' }), RangeError);
      }),
    );
  });
});
