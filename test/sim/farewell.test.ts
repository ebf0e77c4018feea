/** How real clients go: in the orders of their goodbyes, with some of them left out. Nothing is left afterwards. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DataPlaneCommand } from '../../src/dataplane/messages.ts';
import { leftOf } from '../../src/gateway/index.ts';
import { MessageType } from '../../src/l2tp/messageType.ts';
import { habits } from './foreign/habits.ts';
import { SERVER, world } from './foreign/world.ts';
import type { CarriedDatagram } from './network.ts';

const MINUTE = 60_000;
const NAT_T = 4500;
const CONTROL_HEADER = 12;
const RESULT_CODE = 1;

const isNatT = ({ from, to }: CarriedDatagram) => from.port === NAT_T || to.port === NAT_T;
/** Four zero bytes stand where ESP has its SPI. RFC 3948 §2.2. */
const isIke = (datagram: CarriedDatagram) =>
  !isNatT(datagram) || datagram.bytes.subarray(0, 4).every((byte) => byte === 0);

interface Farewell {
  readonly name: string;
  /** What the client says, of what an orderly one would. */
  says(command: DataPlaneCommand): boolean;
  /** So many minutes until nothing is left. */
  readonly minutes: number;
}

const l2tpOf = (command: DataPlaneCommand) => (command.type === 'sendL2tp' ? typeOf(command.bytes) : undefined);
const isPpp = (command: DataPlaneCommand) => command.type === 'sendL2tp' && (command.bytes[0]! & 0x80) === 0;

const FAREWELLS: readonly Farewell[] = [
  { name: 'pppd first, then xl2tpd, then IPsec: Terminate, CDN, StopCCN, Delete', says: () => true, minutes: 1 },
  { name: 'xl2tpd is stopped: CDN and StopCCN without a Terminate', says: (command) => !isPpp(command), minutes: 1 },
  {
    name: 'xl2tpd is stopped: StopCCN alone',
    says: (command) => !isPpp(command) && l2tpOf(command) !== MessageType.CDN,
    minutes: 1,
  },
  { name: 'Windows: ESP’s and IKE’s Deletes at once', says: ({ type }) => type !== 'sendL2tp', minutes: 1 },
  { name: 'IPsec stays silent: L2TP’s goodbyes and no Delete', says: ({ type }) => type !== 'sendIke', minutes: 10 },
];

for (const given of habits) {
  for (const { name, says, minutes } of FAREWELLS) {
    test(`${given.name}: ${name}`, () => {
      const { network, gateway, client } = world({ ...given, losesFirstFrame: false });
      client.connect();
      assert.ok(
        network.run(4000, () => client.up !== undefined),
        'it connects without waiting for a timer',
      );
      network.run(network.now + MINUTE);
      const post = client.plane.post.bind(client.plane);
      client.plane.post = (command) => {
        if (!says(command)) return;
        if (given.swapsResultCodes && command.type === 'sendL2tp') post({ ...command, bytes: swapped(command.bytes) });
        else post(command);
      };
      client.disconnect();
      // Whoever has said the last goodbye does not answer any more.
      network.run(network.now + 30_000);
      client.powerOff();
      network.run(network.now + minutes * MINUTE);
      assert.equal(leftOf(gateway.gateway.population), undefined);
      assert.equal(gateway.installed.left, undefined);
      if (given.swapsResultCodes && minutes === 1 && name.includes('CDN')) {
        const strange = gateway.log.find(({ text }) => /result (code )?(256|512|768|1536)\b/i.test(text));
        assert.equal(strange, undefined, strange?.text);
      }
    });
  }
}

test('a client whose goodbyes are all lost is gone when its silence is noticed', () => {
  const { network, gateway, client } = world(habits.at(-1)!);
  client.connect();
  assert.ok(network.run(20_000, () => client.up !== undefined));
  network.tamper = (datagram) => (datagram.to.address === SERVER && isIke(datagram) ? undefined : datagram);
  client.disconnect();
  network.run(network.now + 10 * MINUTE);
  assert.equal(leftOf(gateway.gateway.population), undefined);
});

/** @returns the type of a control message; undefined for data and for a ZLB */
function typeOf(bytes: Uint8Array): number | undefined {
  const isControl = (bytes[0]! & 0x80) !== 0;
  return isControl && bytes.length >= CONTROL_HEADER + 8 ? (bytes[18]! << 8) | bytes[19]! : undefined;
}

/** The message with a little-endian result code, as Apple's pppd writes it. RFC 2661 §4.4.2. */
function swapped(message: Uint8Array): Uint8Array {
  const bytes = message.slice();
  const type = typeOf(bytes);
  if (type !== MessageType.CDN && type !== MessageType.StopCCN) return bytes;
  for (let at = CONTROL_HEADER; at + 6 <= bytes.length; ) {
    const length = ((bytes[at]! & 3) << 8) | bytes[at + 1]!;
    if (bytes[at + 4] === 0 && bytes[at + 5] === RESULT_CODE) bytes.subarray(at + 6, at + 8).reverse();
    at += Math.max(6, length);
  }
  return bytes;
}
