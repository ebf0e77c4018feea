import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StartError } from '../../src/driver/openPorts.ts';
import { redirectLoop, ServerAddresses } from '../../src/process/serverAddresses.ts';

const unknown = new StartError({ code: 'unknown-server', reason: 'the name was not found' });

test('all addresses of a server have their turn, and one that answered keeps it', async () => {
  const addresses = new ServerAddresses('vpn.example', async () => ['192.0.2.1', '192.0.2.2', '192.0.2.3']);
  const tried: string[] = [];
  for (const same of [true, false, false, false, false]) tried.push(await addresses.next(same));
  assert.deepEqual(tried, ['192.0.2.1', '192.0.2.2', '192.0.2.3', '192.0.2.1', '192.0.2.2']);
  assert.equal(await addresses.next(true), '192.0.2.2');
});

test('the name is looked up each time, and what was known last serves where that fails', async () => {
  const answers = [['192.0.2.1'], ['192.0.2.7'], undefined];
  const addresses = new ServerAddresses('vpn.example', async () => {
    const answer = answers.shift();
    if (answer === undefined) throw unknown;
    return answer;
  });
  assert.equal(await addresses.next(true), '192.0.2.1');
  assert.equal(await addresses.next(true), '192.0.2.7', 'the server has moved');
  assert.equal(await addresses.next(true), '192.0.2.7');
  const never = new ServerAddresses('vpn.example', () => Promise.reject(unknown));
  await assert.rejects(never.next(true), unknown);
});

function followed(lookUp?: (name: string) => Promise<string[]>) {
  const asked: string[] = [];
  const clock = { now: 0 };
  const addresses = new ServerAddresses(
    'vpn.example',
    async (name) => {
      asked.push(name);
      return lookUp === undefined ? [`192.0.2.${asked.length}`] : lookUp(name);
    },
    () => clock.now,
  );
  return { asked, clock, addresses };
}

test('a server that sends us on is followed, and the next one hears from whom we come', async () => {
  const { asked, addresses } = followed();
  await addresses.next(true);
  assert.ok(addresses.redirect('gw2.example'));
  assert.deepEqual([addresses.server, addresses.redirectedFrom], ['gw2.example', '192.0.2.1']);
  assert.equal(await addresses.next(true), '192.0.2.2');
  assert.deepEqual(asked, ['vpn.example', 'gw2.example']);
  addresses.reached();
  assert.equal(await addresses.next(true), '192.0.2.3', 'the one that took us is asked again after a loss');
});

test('five in five minutes are followed, whether they took us between or not; then the first one is to take us', async () => {
  const { clock, addresses } = followed();
  await addresses.next(true);
  const go = (seconds: number) => {
    clock.now += seconds * 1000;
    addresses.reached();
    return addresses.redirect('gw2.example');
  };
  assert.deepEqual([go(0), go(10), go(10), go(10), go(10)], [true, true, true, true, true]);
  assert.deepEqual([go(10), addresses.server, addresses.followsRedirects], [false, 'vpn.example', false]);
  assert.deepEqual([addresses.redirectedFrom, go(10)], [undefined, false]);
  addresses.reached();
  assert.ok(addresses.followsRedirects);
  assert.ok(go(300), 'that is long ago');
  assert.match(redirectLoop('gw2.example').reason, /the last of them to gw2\.example/);
});

test('where the other one is not reached, or has no address, the first one is asked to take us itself', async () => {
  const { addresses } = followed(async (name) => {
    if (name === 'gone.example') throw unknown;
    return name === 'vpn.example' ? ['192.0.2.1'] : ['192.0.2.7', '192.0.2.8'];
  });
  await addresses.next(true);
  addresses.redirect('gw2.example');
  const tried = [await addresses.next(true), await addresses.next(false), await addresses.next(false)];
  assert.deepEqual(tried, ['192.0.2.7', '192.0.2.8', '192.0.2.1']);
  assert.deepEqual([addresses.server, addresses.followsRedirects], ['vpn.example', false]);
  addresses.reached();
  addresses.redirect('gone.example');
  assert.equal(await addresses.next(true), '192.0.2.1');
  assert.equal(addresses.followsRedirects, false);
});
