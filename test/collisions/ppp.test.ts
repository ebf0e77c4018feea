/** What crosses on the wire between two PPP links. RFC 1661 §4. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judge, Pair } from '../ppp/sim.ts';

const REASON = { code: 'test', reason: 'The test ends it.' };
const CLIENT = { config: { credentials: { user: 'User', password: 'clientPass' } } };
const SERVER = { config: {}, judge };

const pair = (wire = {}) => new Pair(CLIENT, SERVER, wire).start();

function closedOnce(of: Pair): void {
  of.run(60_000);
  for (const name of ['client', 'server'] as const) {
    assert.equal(of.of(name, 'closed').length, 1, `${name} is closed once`);
    assert.equal(of.links[name].deadline, undefined, `${name} waits for nothing`);
  }
}

// Each step of the way up takes 10 ms: LCP, authentication, IPCP.
for (const after of [0, 5, 10, 15, 20, 30, 40, 50, 60, 80, 120]) {
  for (const who of ['client', 'server'] as const) {
    test(`Terminate of the ${who} during Configure, ${after} ms after the start`, () => {
      const link = pair().run(after);
      link.command(who, { type: 'close', reason: REASON });
      closedOnce(link);
    });
  }
}

test('Terminate crosses Terminate', () => {
  const link = pair().run(2000);
  for (const name of ['client', 'server'] as const) link.command(name, { type: 'close', reason: REASON });
  closedOnce(link);
});

test('Terminate crosses the answer about the user', () => {
  const link = new Pair(CLIENT, { ...SERVER, judgingTakes: 500 }).start().run(300);
  link.command('client', { type: 'close', reason: REASON });
  closedOnce(link);
  assert.equal(link.of('server', 'networkUp').length, 0);
});

test('the lower layer goes while Terminate is on its way', () => {
  const link = pair().run(2000);
  link.command('client', { type: 'close', reason: REASON });
  link.command('server', { type: 'down', reason: REASON });
  closedOnce(link);
});

test('IPCP is negotiated anew: the network goes down and comes back the same', () => {
  const link = pair().run(2000);
  // Another identifier: no copy of the request that was acknowledged, but a new one (RFC 1661 §4.1).
  const request = link
    .of('client', 'send')
    .findLast(({ frame }) => isIpcpRequest(frame))!
    .frame.slice();
  request[5] = (request[5]! + 77) & 255;
  const give = (name: 'client' | 'server', frames: readonly Uint8Array[]): Uint8Array[] => {
    const outputs = frames.flatMap((frame) => link.links[name].receive(frame, link.now));
    link.outputs[name].push(...outputs);
    return outputs.flatMap((output) => (output.type === 'send' ? [output.frame] : []));
  };
  let toServer: Uint8Array[] = [request];
  for (let rounds = 0; toServer.length > 0; rounds++) {
    assert.ok(rounds < 20, 'it converges');
    toServer = give('client', give('server', toServer));
  }
  link.run(20_000);
  for (const name of ['client', 'server'] as const) {
    assert.equal(link.of(name, 'closed').length, 0);
    assert.equal(link.of(name, 'networkUp').length, link.of(name, 'networkDown').length + 1, `${name} has its network`);
  }
  assert.ok(link.of('server', 'networkDown').length >= 1, 'it was down');
  assert.equal(link.last('client', 'networkUp')!.localAddress, link.of('client', 'networkUp')[0]!.localAddress);
});

test('Configure crosses Configure on a wire that loses and duplicates', () => {
  for (let seed = 1; seed <= 20; seed++) {
    const link = pair({ seed, loss: 0.2, duplicates: 0.2, jitter: 50 }).run(30_000);
    const up = (name: 'client' | 'server') => link.of(name, 'networkUp').length - link.of(name, 'networkDown').length;
    assert.equal(up('client'), 1, `seed ${seed}`);
    assert.equal(up('server'), 1, `seed ${seed}`);
  }
});

/** FF 03, protocol 8021, code 1. */
const isIpcpRequest = (frame: Uint8Array) => frame[2] === 0x80 && frame[3] === 0x21 && frame[4] === 1;
