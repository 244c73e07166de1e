import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, renameSync, rmSync, statSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import fc from 'fast-check';
import { Directory } from '../../../core/guest/files/directory.ts';
import type { OpenOptions } from '../../../core/guest/files/directory.ts';
import { MountTable } from '../../../core/guest/files/mount-table.ts';
import { RegularFile } from '../../../core/guest/files/regular-file.ts';

const reading: OpenOptions = { follow: true, create: false, exclusive: false, truncate: false, directory: false, read: true, write: false, append: false, sync: false, dataSync: false };
const creating: OpenOptions = { ...reading, write: true, create: true };

let base: string;
let table: MountTable;
let data: Directory;
let config: Directory;

/** base/secret.txt lies outside; base/data is mounted writable, base/config read-only, base/nested at /data/nested. */
beforeEach(() => {
  base = mkdtempSync(path.join(os.tmpdir(), 'guest-files-'));
  for (const directory of ['data/a/b', 'data/nested', 'config', 'nested', 'data-other']) mkdirSync(path.join(base, directory), { recursive: true });
  writeFileSync(path.join(base, 'secret.txt'), 'secret');
  writeFileSync(path.join(base, 'data-other/secret.txt'), 'secret');
  writeFileSync(path.join(base, 'data/a/b/file.txt'), 'inside');
  writeFileSync(path.join(base, 'data/nested/hidden.txt'), 'hidden by the mount');
  writeFileSync(path.join(base, 'nested/shown.txt'), 'shown');
  writeFileSync(path.join(base, 'config/key'), 'value');
  table = new MountTable([
    { guestPath: '/config', hostPath: path.join(base, 'config'), readOnly: true },
    { guestPath: '/data', hostPath: path.join(base, 'data'), readOnly: false },
    { guestPath: '/data/nested', hostPath: path.join(base, 'nested'), readOnly: false },
  ]);
  [config, data] = table.roots().map((root) => new Directory(table, root)) as [Directory, Directory];
});

afterEach(() => {
  table.close();
  rmSync(base, { recursive: true, force: true });
});

function contents(directory: Directory, name: string): string {
  const file = directory.open(name, reading);
  assert.ok(file instanceof RegularFile);
  const bytes = new Uint8Array(100);
  const count = file.read(bytes);
  file.close();
  return Buffer.from(bytes.subarray(0, count)).toString();
}

function code(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error);
  }
  return 'no error';
}

function link(target: string, name: string): void {
  symlinkSync(target, path.join(base, 'data', name));
}

describe('a path', () => {
  test('may use dots and links as long as it stays inside', () => {
    link('a', 'dir');
    link('a/b/file.txt', 'file');
    link('../../a/./b/file.txt', 'a/b/again');
    for (const name of ['a/b/file.txt', './a//b/./file.txt', 'a/../a/b/../b/file.txt', 'dir/b/file.txt', 'file', 'a/b/again', 'dir/b/again']) {
      assert.equal(contents(data, name), 'inside', name);
    }
  });

  test('never leads out of its mount', () => {
    link('..', 'up');
    link('../secret.txt', 'file');
    link('a/../../data-other', 'sideways');
    link('/etc', 'absolute');
    link(path.join(base, 'secret.txt'), 'host-path');
    link('up/up', 'twice');
    for (const name of ['../secret.txt', 'a/../../secret.txt', 'up/secret.txt', 'file', 'sideways/secret.txt', 'absolute/hostname', 'host-path', 'twice/secret.txt', '/etc/hostname', 'a/b/../../../secret.txt']) {
      assert.equal(code(() => data.open(name, reading)), 'ENOTCAPABLE', `open ${name}`);
      assert.equal(code(() => data.statusOf(name, true)), 'ENOTCAPABLE', `stat ${name}`);
    }
    for (const name of ['up/new', 'sideways/new', '../new', 'absolute/new']) {
      assert.equal(code(() => data.open(name, creating)), 'ENOTCAPABLE', name);
      assert.equal(code(() => data.createDirectory(name)), 'ENOTCAPABLE', name);
      assert.equal(code(() => data.createSymbolicLink('a', name)), 'ENOTCAPABLE', name);
      assert.equal(code(() => data.rename('a', data, name)), 'ENOTCAPABLE', name);
    }
    for (const name of ['up/secret.txt', 'sideways/secret.txt']) assert.equal(code(() => data.removeFile(name)), 'ENOTCAPABLE', name);
    assert.deepEqual(readdirSync(base).sort(), ['config', 'data', 'data-other', 'nested', 'secret.txt']);
  });

  test('of any make never reaches a file outside', () => {
    link('..', 'up');
    link('../..', 'a/up2');
    link('/', 'root');
    link('.', 'self');
    const parts = fc.array(fc.constantFrom('..', '.', '', 'a', 'b', 'up', 'up2', 'root', 'self', 'nested', 'data', 'data-other', 'config', 'secret.txt'), { maxLength: 8 });
    fc.assert(fc.property(parts, (names) => {
      const given = [...names, 'secret.txt'].join('/');
      if (given.startsWith('/')) return;
      assert.notEqual(code(() => data.open(given, reading).close()), 'no error', given);
    }), { numRuns: 500 });
  });

  test('that is a link in the last place is followed only on request', () => {
    link('a/b/file.txt', 'file');
    assert.equal(code(() => data.open('file', { ...reading, follow: false })), 'ELOOP');
    assert.ok(data.statusOf('file', false).isSymbolicLink());
    assert.ok(data.statusOf('file', true).isFile());
    assert.equal(data.readSymbolicLink('file').toString(), 'a/b/file.txt');
  });

  test('answers the errno that Linux would', () => {
    link('loop', 'loop');
    link('missing', 'dangling');
    assert.equal(code(() => data.open('', reading)), 'ENOENT');
    assert.equal(code(() => data.open('missing', reading)), 'ENOENT');
    assert.equal(code(() => data.open('missing/x', reading)), 'ENOENT');
    assert.equal(code(() => data.open('a/b/file.txt/x', reading)), 'ENOTDIR');
    assert.equal(code(() => data.open('a/b/file.txt/', reading)), 'ENOTDIR');
    assert.equal(code(() => data.open('loop', reading)), 'ELOOP');
    assert.equal(code(() => data.open('loop/x', reading)), 'ELOOP');
    assert.equal(code(() => data.open('a\0b', reading)), 'EINVAL');
    assert.equal(code(() => data.open('n'.repeat(300), reading)), 'ENAMETOOLONG');
    assert.equal(code(() => data.open('a', { ...reading, write: true })), 'EISDIR');
    assert.equal(code(() => data.open('a/b/file.txt', { ...reading, directory: true })), 'ENOTDIR');
    assert.equal(code(() => data.open('dangling', { ...creating, exclusive: true })), 'EEXIST');
    assert.equal(code(() => data.removeDirectory('a')), 'ENOTEMPTY');
    assert.equal(code(() => data.removeFile('a')), 'EISDIR');
    assert.equal(code(() => data.removeDirectory('a/b/file.txt')), 'ENOTDIR');
    assert.equal(code(() => data.createDirectory('a')), 'EEXIST');
    assert.equal(code(() => data.createSymbolicLink('/etc', 'x')), 'ENOTCAPABLE');
  });

  test('of very many components costs bounded work and few descriptors', () => {
    const before = readdirSync('/proc/self/fd').length;
    const deep = Array.from({ length: 1500 }, () => 'd').join('/');
    assert.equal(code(() => data.open(deep, reading)), 'ENOENT');
    assert.equal(code(() => data.open('a/b/../../'.repeat(1000), reading)), 'ENAMETOOLONG');
    assert.equal(readdirSync('/proc/self/fd').length, before);
  });

  test('through a dangling link creates its target, as Linux does', () => {
    link('a/made', 'dangling');
    data.open('dangling', creating).close();
    assert.ok(statSync(path.join(base, 'data/a/made')).isFile());
  });
});

describe('what can block', () => {
  test('is not opened', async () => {
    execFileSync('mkfifo', [path.join(base, 'data/fifo')]);
    const server = createServer().listen(path.join(base, 'data/socket'));
    await new Promise((resolve) => server.once('listening', resolve));
    link('fifo', 'to-fifo');
    for (const name of ['fifo', 'socket', 'to-fifo']) {
      assert.equal(code(() => data.open(name, reading)), 'ENOTSUP', name);
      assert.equal(code(() => data.open(name, { ...reading, read: false, write: true })), 'ENOTSUP', name);
      assert.equal(code(() => data.open(name, creating)), 'ENOTSUP', name);
    }
    await new Promise((resolve) => server.close(resolve));
  });
});

describe('a read-only mount', () => {
  test('is read', () => {
    assert.equal(contents(config, 'key'), 'value');
  });

  test('refuses every change', () => {
    const changes: Record<string, () => unknown> = {
      create: () => config.open('new', creating),
      write: () => config.open('key', { ...reading, write: true }),
      truncate: () => config.open('key', { ...reading, truncate: true }),
      mkdir: () => config.createDirectory('new'),
      rmdir: () => config.removeDirectory('key'),
      unlink: () => config.removeFile('key'),
      symlink: () => config.createSymbolicLink('key', 'new'),
      'rename from': () => config.rename('key', data, 'key'),
      'rename to': () => data.rename('a', config, 'a'),
      'link from': () => config.createHardLink('key', data, 'key'),
      'link to': () => data.createHardLink('a/b/file.txt', config, 'x'),
      times: () => config.setTimesOf('key', true, { modification: 0n }),
      'own times': () => config.setTimes({ modification: 0n }),
      'times of an open file': () => {
        const file = config.open('key', reading) as RegularFile;
        try {
          file.setTimes({ modification: 0n });
        } finally {
          file.close();
        }
      },
    };
    for (const [name, change] of Object.entries(changes)) assert.equal(code(change), 'EROFS', name);
    assert.deepEqual(readdirSync(path.join(base, 'config')), ['key']);
    assert.equal(readFileSync(path.join(base, 'config/key'), 'utf8'), 'value');
  });

  test('stays read-only through a link from a writable one', () => {
    link('/config/key', 'to-config');
    assert.equal(contents(data, 'to-config'), 'value');
    assert.equal(code(() => data.open('to-config', { ...reading, write: true })), 'EROFS');
  });
});

describe('mounts', () => {
  test('resolve absolute links in the guest\'s view', () => {
    link('/data/a/b/file.txt', 'absolute');
    assert.equal(contents(data, 'absolute'), 'inside');
  });

  test('inside one another hide what is below them', () => {
    assert.equal(contents(data, 'nested/shown.txt'), 'shown');
    assert.equal(code(() => data.open('nested/hidden.txt', reading)), 'ENOENT');
    assert.equal(code(() => data.removeDirectory('nested')), 'EINVAL');
    assert.equal(code(() => data.rename('nested', data, 'moved')), 'EBUSY');
  });

  test('are not crossed by rename and link', () => {
    assert.equal(code(() => data.rename('a/b/file.txt', data, 'nested/x')), 'EXDEV');
    assert.equal(code(() => data.createHardLink('a/b/file.txt', data, 'nested/x')), 'EXDEV');
  });

  test('show a volume whose contents are swapped by the atomic writer', () => {
    const volume = path.join(base, 'config');
    const write = (version: string): void => {
      mkdirSync(path.join(volume, version));
      writeFileSync(path.join(volume, version, 'setting'), version);
      symlinkSync(version, path.join(volume, '..data_tmp'));
      renameSync(path.join(volume, '..data_tmp'), path.join(volume, '..data'));
    };
    write('..first');
    symlinkSync('..data/setting', path.join(volume, 'setting'));
    assert.equal(contents(config, 'setting'), '..first');
    write('..second');
    assert.equal(contents(config, 'setting'), '..second');
  });
});

describe('changes', () => {
  test('are made on the host', () => {
    data.createDirectory('new');
    data.createSymbolicLink('../a', 'new/link');
    const file = data.open('new/file', creating) as RegularFile;
    file.write(Buffer.from('text'));
    file.close();
    data.createHardLink('new/file', data, 'hard');
    data.rename('new/file', data, 'renamed');
    assert.equal(readlinkSync(path.join(base, 'data/new/link')), '../a');
    assert.equal(readFileSync(path.join(base, 'data/renamed'), 'utf8'), 'text');
    data.removeFile('hard');
    data.removeFile('new/link');
    data.removeDirectory('new');
    assert.deepEqual(readdirSync(path.join(base, 'data')).sort(), ['a', 'nested', 'renamed']);
  });

  test('of times keep nanoseconds and leave the other time alone', () => {
    const before = data.statusOf('a/b/file.txt', true);
    data.setTimesOf('a/b/file.txt', true, { modification: 1_795_533_850_361_943_191n });
    const after = data.statusOf('a/b/file.txt', true);
    assert.equal(after.mtimeNs, 1_795_533_850_361_943_191n);
    assert.equal(after.atimeNs, before.atimeNs);
  });

  test('of times do not follow a link unless asked', () => {
    link('a/b/file.txt', 'file');
    const target = data.statusOf('file', true).mtimeNs;
    data.setTimesOf('file', false, { modification: 5_000_000_000n });
    assert.equal(data.statusOf('file', false).mtimeNs, 5_000_000_000n);
    assert.equal(data.statusOf('file', true).mtimeNs, target);
  });
});

test('an open directory stays the same one when its name is taken by a link', () => {
  const opened = data.open('a', reading) as Directory;
  renameSync(path.join(base, 'data/a'), path.join(base, 'data/old'));
  link('..', 'a');
  assert.equal(contents(opened, 'b/file.txt'), 'inside');
  assert.equal(code(() => opened.open('../secret.txt', reading)), 'ENOTCAPABLE');
  opened.close();
  unlinkSync(path.join(base, 'data/a'));
});

test('nothing stays open after failures', () => {
  const before = readdirSync('/proc/self/fd').length;
  link('../x', 'out');
  for (const name of ['a/b/missing', 'a/b/file.txt/x', 'a/b/../../out', 'a/../../x', 'a/b/c/d']) code(() => data.open(name, reading));
  assert.equal(readdirSync('/proc/self/fd').length, before);
});
