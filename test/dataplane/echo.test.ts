import assert from 'node:assert/strict';
import test from 'node:test';
import { fromHex, toHex } from '../../src/wire/index.ts';
import { End, join, openTunnel, type TunnelOptions } from './ends.ts';
import { l2tpMessage, pppFrame, readL2tp, readPpp } from './slow.ts';

const LCP = 0xc021;
const OURS = 0xa1b2c3d4;

/** A client's control plane that sends LCP packets to a gateway which knows its own magic number. */
function echoEnds(options: TunnelOptions = {}) {
  const [client, gateway] = [new End(), new End()];
  join(client, gateway);
  openTunnel(client, gateway, options);
  gateway.plane.post({
    type: 'openSession',
    session: {
      ...{ slot: 0, channel: 1, localTunnel: 22, localSession: 2, peerTunnel: 11, peerSession: 1 },
      ...{ sequencing: false, lengthBit: true, sendAddressControl: false, compressProtocol: true },
      ...{ mtuToPeer: 1400, mss: 1360, magic: OURS, ...options.session },
    },
  });
  const send = (packet: string) =>
    client.plane.post({
      type: 'sendL2tp',
      channel: 1,
      bytes: l2tpMessage({ control: false, tunnel: 22, session: 2, payload: pppFrame(fromHex(packet), LCP) }),
    });
  /** What came back, as hexadecimal LCP packets. */
  const answers = () =>
    client.eventsOf('l2tp').map(({ bytes }) => {
      const { tunnel, session, payload } = readL2tp(bytes);
      assert.deepEqual([tunnel, session], [11, 1]);
      // LCP is never compressed, whatever was agreed.
      assert.equal(toHex(payload.subarray(0, 4)), 'ff03c021');
      return toHex(readPpp(payload).payload);
    });
  return { gateway, send, answers };
}

for (const protection of ['none', 'udp', 'esp'] as const) {
  test(`an Echo-Request is answered with our magic number, and counts as a sign of life (${protection})`, () => {
    const { gateway, send, answers } = echoEnds({ protection });
    send('0907000c 00000001 01020304');
    assert.deepEqual(answers(), ['0a07000ca1b2c3d401020304']);
    assert.equal(gateway.eventsOf('l2tp').length, 0);
    assert.equal(gateway.counter(0, 'messagesFromPeer'), 1);
    assert.equal(gateway.counter(0, 'packetsToPeer'), 0);
  });
}

test('padding behind the packet is left out of the answer', () => {
  const { send, answers } = echoEnds();
  send('09070008 00000001 ffffffff');
  assert.deepEqual(answers(), ['0a070008a1b2c3d4']);
});

test('the answer goes on with the numbering of the session', () => {
  const { send, answers } = echoEnds({ session: { sequencing: true } });
  send('09010008 00000001');
  send('09020008 00000001');
  assert.deepEqual(answers(), ['0a010008a1b2c3d4', '0a020008a1b2c3d4']);
});

test('an Echo-Reply is only counted', () => {
  const { gateway, send, answers } = echoEnds();
  send('0a070008 00000001');
  assert.deepEqual(answers(), []);
  assert.equal(gateway.eventsOf('l2tp').length, 0);
  assert.equal(gateway.counter(0, 'messagesFromPeer'), 1);
});

test('what needs judgement is handed up: our own magic number, wrong lengths, every other code', () => {
  for (const packet of ['09070008 a1b2c3d4', '09070007 00000001', '09070010 00000001', '09070008', '05070004']) {
    const { gateway, send, answers } = echoEnds();
    send(packet);
    assert.deepEqual(answers(), [], packet);
    assert.equal(gateway.eventsOf('l2tp').length, 1, packet);
  }
});

test('a session without a magic number hands everything up', () => {
  const [client, gateway] = [new End(), new End()];
  join(client, gateway);
  openTunnel(client, gateway);
  client.plane.post({
    type: 'sendL2tp',
    channel: 1,
    bytes: l2tpMessage({
      ...{ control: false, tunnel: 22, session: 2 },
      payload: pppFrame(fromHex('0907000800000001'), LCP),
    }),
  });
  assert.equal(gateway.eventsOf('l2tp').length, 1);
});
