/** Commands reach the worker that a channel lives in, and the others learn what they must know. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DataPlaneCommand, SaRecord, SessionParameters } from '../../../src/dataplane/messages.ts';
import { CommandRouter, type WorkerCommand } from '../../../src/driver/workers/commandRouter.ts';
import { Elsewhere, type ElsewhereCommand } from '../../../src/driver/workers/elsewhere.ts';
import { udpPacket } from '../packets.ts';

const place = { address: '192.0.2.1', port: 4500 };
const open = (channel: number, protection: 'none' | 'udp' = 'udp'): DataPlaneCommand => ({
  type: 'openChannel',
  record: { channel, protection, local: place, remote: place, localL2tpPort: 1701, remoteL2tpPort: 1701 },
});
const install = (channel: number, inboundSpi: number): DataPlaneCommand => ({
  type: 'installSa',
  record: { channel, inboundSpi } as SaRecord,
});
const session = (channel: number, slot: number, peerAddress?: string): DataPlaneCommand => ({
  type: 'openSession',
  session: { channel, slot, ...(peerAddress === undefined ? {} : { peerAddress }) } as SessionParameters,
});

function routed(workers: number, ...commands: readonly DataPlaneCommand[]): string[] {
  const seen: string[] = [];
  const router = new CommandRouter(workers, (worker, command) => seen.push(`${worker} ${nameOf(command)}`));
  for (const command of commands) router.route(command);
  return seen;
}

const nameOf = (command: WorkerCommand) => ('worker' in command ? `${command.type} ${command.worker}` : command.type);

test('a channel lives where the SPI of its first SA is steered to, and takes what waited with it', () => {
  assert.deepEqual(routed(4, open(1), install(1, 0x1006), session(1, 0, '10.0.0.1')), [
    '2 openChannel',
    '2 installSa',
    '2 openSession',
    '0 sessionElsewhere 2',
    '1 sessionElsewhere 2',
    '3 sessionElsewhere 2',
  ]);
});

test('an SA of the same channel with an SPI of another worker: that one hands over, until the SA goes', () => {
  const commands = [open(1), install(1, 0x1000), install(1, 0x1001)] as const;
  assert.deepEqual(routed(2, ...commands, { type: 'removeSa', inboundSpi: 0x1001 }).slice(2), [
    '0 installSa',
    '1 spiElsewhere 0',
    '1 spiForgotten',
    '0 removeSa',
  ]);
  assert.deepEqual(routed(2, ...commands, { type: 'closeChannel', channel: 1 }).slice(4), [
    '1 spiForgotten',
    '0 closeChannel',
  ]);
});

test('unprotected channels and IKE are the first worker’s; configuration is everybody’s', () => {
  const ike: DataPlaneCommand = { type: 'sendIke', local: place, remote: place, bytes: new Uint8Array() };
  assert.deepEqual(routed(3, open(1, 'none'), ike, { type: 'configure', clientToClient: true }), [
    '0 openChannel',
    '0 sendIke',
    '0 configure',
    '1 configure',
    '2 configure',
  ]);
});

test('a session that is closed, or whose slot another channel takes, is forgotten by all', () => {
  const both = [open(1), install(1, 2), open(2), install(2, 3), session(1, 5)] as const;
  assert.deepEqual(routed(2, ...both, session(2, 5)).slice(6), [
    '1 sessionForgotten',
    '0 closeSession',
    '1 openSession',
    '0 sessionElsewhere 1',
  ]);
  assert.deepEqual(routed(2, ...both, { type: 'closeChannel', channel: 1 }).slice(6), [
    '1 sessionForgotten',
    '0 closeChannel',
  ]);
});

test('what others have is found by SPI, by address, by prefix, and forgotten again', () => {
  const elsewhere = new Elsewhere();
  const to = (destination: string) =>
    udpPacket({ source: '10.0.0.9', sourcePort: 1, destination, destinationPort: 2, payload: new Uint8Array(4) });
  const of = (packet: Uint8Array) => elsewhere.ofInner(packet, 0, packet.length);
  const told: ElsewhereCommand[] = [
    { type: 'spiElsewhere', spi: 0xffff_fff0, worker: 3 },
    {
      type: 'sessionElsewhere',
      slot: 1,
      inner: { peerAddress: '10.0.0.1', peerPrefixes: ['2001:db8:1::/64'] },
      worker: 2,
    },
  ];
  for (const command of told) elsewhere.command(command);
  assert.equal(elsewhere.ofSpi(0xffff_fff0 | 0), 3);
  assert.equal(of(to('10.0.0.1')), 2);
  assert.equal(of(to('10.0.0.2')), -1);
  const ipv6 = new Uint8Array(40);
  ipv6[0] = 0x60;
  ipv6.set([0x20, 1, 0x0d, 0xb8, 0, 1], 24);
  assert.equal(of(ipv6), 2);
  assert.equal(of(new Uint8Array(0)), -1);
  elsewhere.command({ type: 'sessionElsewhere', slot: 2, inner: { peerAddress: '10.0.0.1' }, worker: 0 });
  elsewhere.command({ type: 'sessionForgotten', slot: 1 });
  elsewhere.command({ type: 'spiForgotten', spi: 0xffff_fff0 });
  assert.equal(of(to('10.0.0.1')), 0, 'the newer session has the address');
  assert.equal(of(ipv6), -1);
  assert.equal(elsewhere.ofSpi(0xffff_fff0 | 0), -1);
  elsewhere.command({ type: 'sessionElsewhere', slot: 7, inner: {}, worker: 1 });
  assert.equal(of(to('192.0.2.77')), 1, 'a client’s session takes what nobody claims');
});

test('one worker is given all as it comes', () => {
  const commands = [install(1, 0x1000), open(1), session(1, 0), { type: 'closeSession', slot: 0 } as const];
  assert.deepEqual(routed(1, ...commands), ['0 installSa', '0 openChannel', '0 openSession', '0 closeSession']);
});
