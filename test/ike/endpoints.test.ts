import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nodeCrypto, nodeKeyExchange } from '../../src/crypto/node/index.ts';
import { IkeEndpoints } from '../../src/ike/endpoints.ts';
import type { IkeCommand, IkeOutput } from '../../src/ike/output.ts';
import { IkeV1Endpoint, secretTable } from '../../src/ike/v1/index.ts';
import { IkeV2Endpoint } from '../../src/ike/v2/index.ts';
import { utf8 } from '../../src/wire/index.ts';
import { seededEnvironment } from '../sim/random.ts';
import { profileOf as profileV1 } from './v1/exchanges/world.ts';
import { profileOf as profileV2 } from './v2/exchanges/world.ts';

const secrets = secretTable([{ secret: utf8('one secret for both versions') }]);

/** An end with both versions, and all that it said. */
class Both {
  readonly said: IkeOutput[] = [];
  readonly address: string;
  readonly core: IkeEndpoints;
  peer: Both | undefined;

  constructor(address: string, seed: number, connect: 1 | 2) {
    this.address = address;
    const given = (offset: number) => ({ crypto: nodeCrypto, environment: seededEnvironment(seed + offset) });
    this.core = new IkeEndpoints({
      v1: new IkeV1Endpoint({ config: { secrets, profile: profileV1() }, ...given(1) }),
      v2: new IkeV2Endpoint({ config: { secrets, profile: profileV2() }, ...given(2) }),
      connect,
    });
  }

  connect(to: Both, ikeSa: number): void {
    const selector = (address: string) => ({ address, protocol: 17, port: 1701 });
    const [local, remote] = [this.address, to.address].map((address) => ({ address, port: 500 }));
    const [localSelector, remoteSelector] = [selector(this.address), selector(to.address)];
    this.command({ type: 'connect', ikeSa, local: local!, remote: remote!, localSelector, remoteSelector });
  }

  command(command: IkeCommand): void {
    this.perform(this.core.command(command, 0));
  }

  perform(outputs: readonly IkeOutput[]): void {
    for (const output of outputs) {
      this.said.push(output);
      if (output.type === 'send') {
        const { local, remote, bytes } = output;
        this.peer!.perform(this.peer!.core.receive({ local: remote, remote: local, bytes }, 0));
      } else if (output.type === 'ask') {
        const { id, ask } = output;
        if (ask.kind === 'generateKey') {
          const keyPair = nodeKeyExchange.generateKey(ask.group);
          this.command({ type: 'answer', id, answer: { kind: 'generateKey', keyPair } });
        } else if (ask.kind === 'deriveSecret') {
          const secret = nodeKeyExchange.deriveSecret(ask.group, ask.privateValue, ask.peerPublicValue);
          this.command({ type: 'answer', id, answer: { kind: 'deriveSecret', secret } });
        }
      }
    }
  }

  of<Type extends IkeOutput['type']>(type: Type) {
    return this.said.filter((output): output is Extract<IkeOutput, { type: Type }> => output.type === type);
  }
}

function pair(): { server: Both; old: Both; modern: Both } {
  const server = new Both('203.0.113.1', 10, 2);
  const old = new Both('192.0.2.1', 20, 1);
  const modern = new Both('192.0.2.2', 30, 2);
  old.peer = server;
  modern.peer = server;
  return { server, old, modern };
}

test('one listener serves both versions, and their ids are never the same', () => {
  const { server, old, modern } = pair();
  server.peer = old;
  old.connect(server, 1);
  server.peer = modern;
  modern.connect(server, 1);
  assert.deepEqual(
    server.of('ikeEstablished').map(({ version }) => version),
    [1, 2],
  );
  assert.deepEqual(
    [old, modern].map((end) => end.of('ikeEstablished')[0]!.ikeSa),
    [1, 1],
    'who names an IKE SA keeps its name',
  );
  const ids = server.said.flatMap((output) =>
    'child' in output && output.type === 'childEstablished' ? [output.child] : [],
  );
  assert.equal(new Set(ids).size, 2);
  assert.equal(new Set(server.of('ikeEstablished').map(({ ikeSa }) => ikeSa)).size, 2);
  assert.deepEqual(server.core.population, { ikeSas: 2, halfOpen: 0, children: 2 });
  const [first, second] = server.of('childEstablished');
  assert.equal(first!.ikeSa, server.of('ikeEstablished')[0]!.ikeSa);
  assert.equal(second!.ikeSa, server.of('ikeEstablished')[1]!.ikeSa);
});

test('commands find the version whose id they carry', () => {
  const { server, old, modern } = pair();
  server.peer = old;
  old.connect(server, 7);
  server.peer = modern;
  modern.connect(server, 7);
  const [, second] = server.of('childEstablished');
  server.command({ type: 'closeChild', child: second!.child });
  assert.equal(modern.of('childClosed').length, 1);
  assert.equal(old.of('childClosed').length, 0);
  modern.command({ type: 'close', ikeSa: 7, reason: { code: 'closed', reason: 'the test is over' } });
  assert.equal(server.of('ikeClosed')[0]!.ikeSa, server.of('ikeEstablished')[1]!.ikeSa);
  // ESP that nobody knows, from the path of the peer of IKEv2: it is told under its keys, not in the clear.
  modern.connect(server, 8);
  const { local, remote } = server.of('ikeEstablished')[2]!;
  server.command({ type: 'unknownSpi', spi: 4711, bytes: 100, local, remote });
  const last = server
    .of('trace')
    .filter(({ direction }) => direction === 'out')
    .at(-1)!;
  assert.match(last.summary, /INFORMATIONAL \d+ request N\(INVALID_SPI\)$/);
});

test('ESP of somebody who is forgotten is answered in both versions by turns: each client hears its own alone', () => {
  const config = { secrets };
  const given = { config, crypto: nodeCrypto, environment: seededEnvironment(1) };
  const core = new IkeEndpoints({ v1: new IkeV1Endpoint(given), v2: new IkeV2Endpoint(given) });
  const at = (address: string) => ({ address, port: 4500 });
  const versions = [0, 2000, 4000, 6000].map((now) => {
    const command = {
      type: 'unknownSpi',
      spi: 4711,
      bytes: 100,
      local: at('203.0.113.1'),
      remote: at('192.0.2.1'),
    } as const;
    const sent = core.command(command, now).filter((output) => output.type === 'send');
    assert.equal(sent.length, 1);
    return sent[0]!.bytes[17]! >> 4;
  });
  assert.deepEqual(versions, [1, 2, 1, 2]);
});

test('a version that is not served is said so', () => {
  const v2 = new IkeV2Endpoint({ config: { secrets }, crypto: nodeCrypto, environment: seededEnvironment(1) });
  const core = new IkeEndpoints({ v2 });
  const bytes = new Uint8Array(28);
  bytes[17] = 0x10;
  const at = (address: string) => ({ address, port: 500 });
  const [output] = core.receive({ local: at('203.0.113.1'), remote: at('192.0.2.1'), bytes }, 0);
  assert.equal(output?.type === 'dropped' && output.code, 'version-not-served');
  assert.throws(() => new IkeEndpoints({ v2, connect: 1 }), RangeError);
});
