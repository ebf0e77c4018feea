/** Peers that truncate HMAC-SHA2-256 to 96 bits: taken where that is allowed, and answered alike. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InboundSa, NextHeader, OutboundSa, packetCiphers, RandomPool } from '../../src/esp/index.ts';
import { seededEnvironment } from '../sim/random.ts';
import { crypto, End, toClientKeys, toClientSpi, toGatewayKeys, toGatewaySpi } from './ends.ts';

const suite = { encryption: 'aes-cbc', keyBits: 256, integrity: 'hmac-sha2-256-128' } as const;
const newCipher = packetCiphers(crypto);
const peer = { address: '192.0.2.2', port: 4500 };
const gateway = { address: '192.0.2.1', port: 4500 };

/** A gateway with one SA, and a peer that is nothing but its two SAs. */
function pair({ shortIcv, icvBytes }: { shortIcv: boolean; icvBytes: number }) {
  const end = new End();
  const ports = { localL2tpPort: 1701, remoteL2tpPort: 1701 };
  const record = { channel: 1, protection: 'udp', local: gateway, remote: peer, ...ports } as const;
  end.plane.post({ type: 'openChannel', record });
  end.plane.post({
    type: 'installSa',
    record: {
      ...{ channel: 1, mode: 'transport', suite, replayWindow: 64, shortIcv },
      ...{ inboundSpi: toGatewaySpi(1), outboundSpi: toClientSpi(1) },
      ...{ inboundKeys: toGatewayKeys(suite, 1), outboundKeys: toClientKeys(suite, 1) },
    },
  });
  end.plane.post({ type: 'useSa', channel: 1, outboundSpi: toClientSpi(1) });
  const out = new OutboundSa({
    ...{ spi: toGatewaySpi(1), suite, keys: toGatewayKeys(suite, 1), newCipher, icvBytes },
    random: new RandomPool(seededEnvironment(3)),
  });
  const open = new InboundSa({ spi: toClientSpi(1), suite, keys: toClientKeys(suite, 1), newCipher, icvBytes });
  const hello = Uint8Array.of(0xc8, 2, 0, 20, 0, 22, 0, 0, 0, 0, 0, 0, 0x80, 8, 0, 0, 0, 0, 0, 6);
  const datagram = Uint8Array.of(6, 165, 6, 165, 0, 8 + hello.length, 0, 0, ...hello);
  const send = (spoil = false) => {
    const bytes = new Uint8Array(200);
    const length = out.seal(NextHeader.udp, datagram, 0, datagram.length, bytes, 0);
    if (spoil) bytes[length - 1]! ^= 1;
    end.plane.receive({ protocol: 'udp', local: gateway, remote: peer, bytes: bytes.slice(0, length) });
  };
  /** Whether the peer can open what the gateway sends. */
  const answered = () => {
    end.plane.post({ type: 'sendL2tp', channel: 1, bytes: hello });
    const { bytes } = end.sent.at(-1)!;
    return open.open(bytes, 0, bytes.length, new Uint8Array(300), 0) === datagram.length;
  };
  return { end, send, answered };
}

test('the first authentic packet shows the length, and both directions keep to it', () => {
  for (const icvBytes of [12, 16]) {
    const { end, send, answered } = pair({ shortIcv: true, icvBytes });
    send();
    send();
    assert.equal(end.eventsOf('l2tp').length, 2, `ICV of ${icvBytes} bytes`);
    assert.ok(answered());
    assert.ok(answered(), 'sequence numbers go on');
  }
});

test('a short ICV is refused where nobody allowed it, and one that is wrong always', () => {
  const strict = pair({ shortIcv: false, icvBytes: 12 });
  strict.send();
  assert.equal(strict.end.eventsOf('l2tp').length, 0);
  const { end, send } = pair({ shortIcv: true, icvBytes: 12 });
  for (let i = 0; i < 4; i++) send(true);
  assert.equal(end.eventsOf('l2tp').length, 0);
  send();
  assert.equal(end.eventsOf('l2tp').length, 1, 'and forgeries do not decide');
});
