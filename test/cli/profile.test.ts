import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { StateDirectory } from '../../src/process/stateDirectory.ts';
import { inProcess } from './run.ts';

const folder = mkdtempSync(join(tmpdir(), 'sallyport-profile-'));
const state = join(folder, 'state');
const out = join(folder, 'out');
after(() => rmSync(folder, { recursive: true }));

const profile = (...words: string[]) => inProcess('profile', ...words, '--state', state, '--out', out);

describe('sallyport profile', { concurrency: false }, () => {
  before(async () => {
    const file = join(folder, 'password');
    writeFileSync(file, 'hunter2 hunter2', { mode: 0o600 });
    assert.equal((await inProcess('user', 'add', 'ann', '--password-file', file, '--state', state)).code, 0);
  });

  it('writes files that only their owner reads, with the gateway’s own key and without the password', async () => {
    const tooEarly = await profile('ann', '--os', 'windows', '--server', 'vpn.example.org');
    assert.match(tooEarly.err, /^Error: There is no pre-shared key in the state directory\. Name .* with -c/);
    assert.equal(existsSync(join(state, 'psk')), false, 'none is made up');
    new StateDirectory(state).defaultPsk();
    const told = await profile('ann', '--os', 'windows', '--server', 'vpn.example.org');
    assert.equal(told.code, 0, told.err);
    const file = join(out, 'Sallyport-ann.ps1');
    assert.match(told.out, /Wrote .*Sallyport-ann\.ps1[\s\S]*1\. Copy/);
    assert.equal(statSync(file).mode & 0o777, 0o600);
    const text = readFileSync(file, 'utf8');
    assert.ok(text.includes(readFileSync(join(state, 'psk'), 'utf8').trim()));
    assert.doesNotMatch(text + told.out, /hunter2/);
  });

  it('takes the key of a configuration, and the password where it is asked to', async () => {
    const config = join(folder, 'sallyport.yaml');
    writeFileSync(config, 'ike: { psk: another key of twelve }\n', { mode: 0o600 });
    const told = await profile('ann', '--os', 'chromeos', '--server', '192.0.2.7', '-c', config, '--with-password');
    assert.equal(told.code, 0, told.err);
    const { VPN } = JSON.parse(readFileSync(join(out, 'Sallyport-ann.onc'), 'utf8')).NetworkConfigurations[0];
    assert.deepEqual([VPN.IPsec.PSK, VPN.L2TP.Password], ['another key of twelve', 'hunter2 hunter2']);
    assert.doesNotMatch(told.out, /hunter2/);
  });

  it('gives the same profile the same UUID, and another user another', async () => {
    const uuid = async () => {
      await profile('ann', '--os', 'ios', '--server', 'vpn.example.org');
      return /PayloadUUID<\/key>\s*<string>([^<]*)/.exec(
        readFileSync(join(out, 'Sallyport-ann.mobileconfig'), 'utf8'),
      )?.[1];
    };
    const first = await uuid();
    assert.match(first ?? '', /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    assert.equal(await uuid(), first);
  });

  it('says what is wrong', async () => {
    const nobody = await profile('bob', '--os', 'ios', '--server', 'vpn.example.org');
    assert.match(nobody.err, /There is no user "bob"/);
    const wrong = await profile('ann', '--os', 'linux-swanctl', '--server', 'vpn.example.org');
    assert.equal(wrong.code, 2);
    assert.match(wrong.err, /linux-swanctl is set up for ikev2 only/);
    const ca = await profile('ann', '--os', 'ios', '--server', 'a.example', '--protocol', 'ikev2', '--ca', '/dev/null');
    assert.match(ca.err, /\/dev\/null cannot be read as a certificate/);
    assert.ok(!existsSync(join(out, 'sallyport.conf')));
  });
});
