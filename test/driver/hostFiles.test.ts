import assert from 'node:assert/strict';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { HostChanges, recover } from '../../src/driver/host/hostChanges.ts';
import { readJournal } from '../../src/driver/host/journal.ts';
import { readResolvers, resolverChange, resolverOwner } from '../../src/driver/host/resolver.ts';
import { readSysctl } from '../../src/driver/host/sysctl.ts';

const BEFORE = '# by hand\nsearch example.test\noptions edns0\nnameserver 192.0.2.53\n';

let folder: string;
let journal: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sallyport-test-'));
  journal = join(folder, 'host.journal');
  path = join(folder, 'resolv.conf');
  writeFileSync(path, BEFORE);
});
afterEach(() => rmSync(folder, { recursive: true }));

const resolver = () => ({ kind: 'resolver', path, servers: ['10.0.0.53', '10.0.0.54'] }) as const;

describe('resolver file', () => {
  it('is written with a journal on the disk first, and restored', () => {
    const changes = new HostChanges(journal);
    assert.deepEqual(changes.apply(resolver()), { ok: true, made: true });
    assert.deepEqual(readResolvers(path), ['10.0.0.53', '10.0.0.54']);
    assert.match(readFileSync(path, 'utf8'), /search example\.test\n/);
    assert.match(readFileSync(path, 'utf8'), /options edns0\n/);
    assert.equal(readJournal(journal)?.entries[0]?.before.text, BEFORE);
    assert.deepEqual(changes.undoAll(), []);
    assert.equal(readFileSync(path, 'utf8'), BEFORE);
    assert.equal(existsSync(journal), false);
    assert.deepEqual(changes.undoAll(), []);
  });

  it('is left alone at the end where somebody else has written it since', () => {
    const changes = new HostChanges(journal);
    changes.apply(resolver());
    writeFileSync(path, 'nameserver 192.0.2.99\n');
    assert.deepEqual(changes.undoAll(), []);
    assert.equal(readFileSync(path, 'utf8'), 'nameserver 192.0.2.99\n');
  });

  it('is restored by the next start after a crash, even one that cut off the journal', () => {
    new HostChanges(journal).apply(resolver());
    writeFileSync(journal, `${readFileSync(journal, 'utf8')}{"id":2,"chan`);
    const result = recover(journal);
    assert.ok(result.ok);
    assert.equal(result.recovery.undone.length, 1);
    assert.equal(readFileSync(path, 'utf8'), BEFORE);
    assert.equal(existsSync(journal), false);
    assert.deepEqual(recover(journal), { ok: true, recovery: { undone: [], failed: [], gone: [] } });
  });

  it('is restored after a boot, unlike changes of the kernel', () => {
    new HostChanges(journal).apply(resolver());
    const [owner, entry] = readFileSync(journal, 'utf8').split('\n');
    const route = { id: 7, change: { kind: 'route', destination: '198.51.100.1', device: 'no0' }, before: {} };
    const old = owner!.replace(/"boot":"[^"]*"/, '"boot":"another"');
    writeFileSync(journal, `${old}\n${entry}\n${JSON.stringify(route)}\n`);
    const result = recover(journal);
    assert.ok(result.ok);
    assert.deepEqual(result.recovery.gone, ['route to 198.51.100.1 by no0']);
    assert.equal(readFileSync(path, 'utf8'), BEFORE);
  });

  it('says why a change was not made, and forgets it', () => {
    const changes = new HostChanges(journal);
    const result = changes.apply({ ...resolver(), path: join(folder, 'none', 'resolv.conf') });
    assert.equal(result.ok, false);
    assert.deepEqual(changes.made, []);
    assert.equal(existsSync(journal), false);
  });

  it('gives way where it is a link, and what the link leads to stays untouched', () => {
    const owned = join(folder, 'owned-by-another');
    rmSync(path);
    writeFileSync(owned, BEFORE);
    symlinkSync('owned-by-another', path);
    assert.equal(resolverOwner(path), 'other');
    const changes = new HostChanges(journal);
    assert.deepEqual(changes.apply(resolver()), { ok: true, made: true });
    assert.deepEqual(readResolvers(path), ['10.0.0.53', '10.0.0.54']);
    assert.match(readFileSync(path, 'utf8'), /search example\.test\n/);
    assert.equal(lstatSync(path).isSymbolicLink(), false);
    assert.equal(readFileSync(owned, 'utf8'), BEFORE);
    // Again after a loss: it is as wanted already.
    assert.deepEqual(changes.apply(resolver()), { ok: true, made: false });
    assert.deepEqual(changes.undoAll(), []);
    assert.equal(readlinkSync(path), 'owned-by-another');
    assert.equal(readFileSync(path, 'utf8'), BEFORE);
  });

  it('is a link again after a crash, also where the link leads nowhere', () => {
    rmSync(path);
    symlinkSync('/nonexistent/resolv.conf', path);
    new HostChanges(journal).apply(resolver());
    assert.deepEqual(readResolvers(path), ['10.0.0.53', '10.0.0.54']);
    assert.ok(recover(journal).ok);
    assert.equal(readlinkSync(path), '/nonexistent/resolv.conf');
  });

  it('goes again where there was none', () => {
    rmSync(path);
    const changes = new HostChanges(journal);
    assert.deepEqual(changes.apply(resolver()), { ok: true, made: true });
    assert.deepEqual(readResolvers(path), ['10.0.0.53', '10.0.0.54']);
    assert.deepEqual(changes.undoAll(), []);
    assert.equal(existsSync(path), false);
  });

  it('is left to systemd-resolved, which is told by its program or not at all', () => {
    rmSync(path);
    symlinkSync('/run/systemd/resolve/stub-resolv.conf', path);
    const searched = process.env.PATH;
    try {
      process.env.PATH = join(folder, 'bin');
      if (!existsSync('/usr/bin/resolvectl')) {
        const refused = resolverChange('tun9', ['10.0.0.53'], path);
        assert.equal(!refused.ok && refused.failure.code, 'resolver-owned');
      }
      mkdirSync(join(folder, 'bin'));
      const said = join(folder, 'said');
      writeFileSync(join(folder, 'bin', 'resolvectl'), `#!/bin/sh\necho "$@" >> '${said}'\n`, { mode: 0o755 });
      const wanted = resolverChange('tun9', ['10.0.0.53', '10.0.0.54'], path);
      assert.ok(wanted.ok);
      const changes = new HostChanges(journal);
      assert.deepEqual(changes.apply(wanted.change), { ok: true, made: true });
      assert.equal(
        readFileSync(said, 'utf8'),
        'dns tun9 10.0.0.53 10.0.0.54\ndomain tun9 ~.\ndefault-route tun9 yes\n',
      );
      // There is no such device, so there is nothing to revert.
      assert.deepEqual(changes.undoAll(), []);
      assert.equal(readlinkSync(path), '/run/systemd/resolve/stub-resolv.conf');
    } finally {
      process.env.PATH = searched;
    }
  });

  it('has an owner', () => {
    assert.equal(resolverOwner(path), 'plain');
    assert.equal(resolverOwner(join(folder, 'none')), 'none');
    writeFileSync(path, 'nameserver 127.0.0.53\n');
    assert.equal(resolverOwner(path), 'systemd-resolved');
    symlinkSync('/run/systemd/resolve/stub-resolv.conf', join(folder, 'link'));
    assert.equal(resolverOwner(join(folder, 'link')), 'systemd-resolved');
  });
});

describe('journal', () => {
  it('is refused while its process runs', () => {
    new HostChanges(journal).apply(resolver());
    const text = readFileSync(journal, 'utf8');
    const stat = readFileSync('/proc/1/stat', 'utf8');
    const started = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]!;
    writeFileSync(journal, text.replace(/"pid":\d+/, '"pid":1').replace(/"started":"\d+"/, `"started":"${started}"`));
    const result = recover(journal);
    assert.equal(!result.ok && result.failure.code, 'already-running');
    writeFileSync(journal, text.replace(/"pid":\d+/, '"pid":1').replace(/"started":"\d+"/, '"started":"0"'));
    assert.equal(recover(journal).ok, true);
  });

  it('takes over what could not be undone', () => {
    new HostChanges(journal).apply(resolver());
    const broken = readFileSync(journal, 'utf8').replaceAll(path, folder);
    writeFileSync(journal, broken);
    const result = recover(journal);
    assert.ok(result.ok && result.recovery.failed.length === 1);
    const changes = new HostChanges(journal);
    writeFileSync(path, BEFORE);
    changes.apply(resolver());
    assert.equal(changes.made.length, 2);
    assert.equal(readJournal(journal)?.entries.length, 2);
  });
});

describe('sysctl', () => {
  it('is read by its dotted name and cannot lead out of /proc/sys', () => {
    assert.equal(readSysctl('kernel.ostype'), 'Linux');
    assert.equal(readSysctl('kernel/ostype'), 'Linux');
    assert.throws(() => readSysctl('../../etc/hostname'), RangeError);
  });
});
