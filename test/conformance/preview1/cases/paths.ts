import assert from 'node:assert/strict';
import { existsSync, linkSync, mkdirSync, readFileSync, readdirSync, readlinkSync, statSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { execFileSync } from 'node:child_process';
import { beyond, failure, fd, oflag, open, rights, success, tryOpen, writable } from '../case.ts';
import type { Case, Run } from '../case.ts';
import type { Caller } from '../caller.ts';
import type { Preview1Function } from '../signatures.ts';

const [follow, noFollow] = [1, 0];
const [directoryType, regularFile, symbolicLink] = [3, 4, 7];

/** What every function on one path refuses alike; `call` makes the call for a directory and a path. */
function refusals(name: Preview1Function, call: (guest: Caller, at: number, path: readonly [number, number]) => ReturnType<Run>): Case[] {
  const at = (given: string | Uint8Array): Run => (guest) => call(guest, fd.directory, guest.text(given));
  return [
    failure(name, 'EBADF', 'nothing is open there', (guest) => call(guest, fd.closed, guest.text('a.txt'))),
    failure(name, 'ENOTDIR', 'relative to a stream', (guest) => call(guest, fd.stdout, guest.text('a.txt'))),
    failure(name, 'ENOTCAPABLE', 'the path leaves the directory', at('../other')),
    failure(name, 'ENOTCAPABLE', 'the path leaves the directory in its middle', at('sub/../../other')),
    failure(name, 'ENOTCAPABLE', 'the path is absolute', at('/etc/passwd')),
    failure(name, 'ENOENT', 'the path is empty', at('')),
    failure(name, 'EINVAL', 'there is a zero in the path', at('a\0b')),
    failure(name, 'EILSEQ', 'the path is not UTF-8', at(Uint8Array.of(0xff, 0xfe))),
    failure(name, 'ENAMETOOLONG', 'the path is longer than PATH_MAX', at('x/'.repeat(2500))),
    failure(name, 'EFAULT', 'the path lies beyond the memory', (guest) => call(guest, fd.directory, [beyond, 4])),
  ];
}

const calls = {
  path_open: (guest, at, given) => guest.call('path_open', at, follow, ...given, 0, rights.read, 0n, 0, guest.room(4)),
  path_create_directory: (guest, at, given) => guest.call('path_create_directory', at, ...given),
  path_remove_directory: (guest, at, given) => guest.call('path_remove_directory', at, ...given),
  path_unlink_file: (guest, at, given) => guest.call('path_unlink_file', at, ...given),
  path_filestat_get: (guest, at, given) => guest.call('path_filestat_get', at, follow, ...given, guest.room(64)),
  path_filestat_set_times: (guest, at, given) => guest.call('path_filestat_set_times', at, follow, ...given, 0n, 0n, 2),
  path_readlink: (guest, at, given) => guest.call('path_readlink', at, ...given, guest.room(64), 64, guest.room(4)),
  path_rename: (guest, at, given) => guest.call('path_rename', at, ...given, fd.directory, ...guest.text('to')),
  path_link: (guest, at, given) => guest.call('path_link', at, noFollow, ...given, fd.directory, ...guest.text('to')),
  path_symlink: (guest, at, given) => guest.call('path_symlink', ...guest.text('a.txt'), at, ...given),
} satisfies Partial<Record<Preview1Function, (guest: Caller, at: number, path: readonly [number, number]) => ReturnType<Run>>>;

const on = (name: keyof typeof calls, given: string, at: number = fd.directory): Run => (guest) => calls[name](guest, at, guest.text(given));
const rename = (from: string, to: string, toAt: number = fd.directory): Run => (guest) => guest.call('path_rename', fd.directory, ...guest.text(from), toAt, ...guest.text(to));
const link = (from: string, to: string, { toAt = fd.directory, flags = noFollow }: { toAt?: number; flags?: number } = {}): Run => (guest) =>
  guest.call('path_link', fd.directory, flags, ...guest.text(from), toAt, ...guest.text(to));
const symlink = (contents: string, at: string): Run => (guest) => guest.call('path_symlink', ...guest.text(contents), fd.directory, ...guest.text(at));
const has = (directory: string, name: string): boolean => existsSync(path.join(directory, name));

/** What the host prepares before the call. */
const prepared = (prepare: (directory: string) => void, run: Run): Run => (guest, directory) => {
  prepare(directory);
  return run(guest, directory);
};

async function typeAt(guest: Caller, given: string, flags: number): Promise<number> {
  const status = guest.room(64);
  await guest.succeed('path_filestat_get', fd.directory, flags, ...guest.text(given), status);
  return guest.view.getUint8(status + 16);
}

/** `path_*`. */
export const pathCases: readonly Case[] = [
  ...Object.entries(calls).flatMap(([name, call]) => refusals(name as Preview1Function, call).map((each) => (changes(name) ? { ...each, ...writable } : each))),

  success('path_open', 'opens what is there', async (guest) => {
    for (const name of ['a.txt', 'sub/inner.txt', './sub/../a.txt', 'link', 'sub//inner.txt']) await open(guest, name);
    assert.equal(await open(guest, 'sub', { oflags: oflag.directory, rights: rights.directory }), 10);
  }),
  success('path_open', 'opens below a directory that was opened', async (guest) => {
    const sub = await open(guest, 'sub', { oflags: oflag.directory, rights: rights.directory });
    await open(guest, 'inner.txt', { at: sub });
  }),
  failure('path_open', 'ENOTCAPABLE', 'the path leaves a directory that the guest opened', async (guest) => {
    const sub = await open(guest, 'sub', { oflags: oflag.directory, rights: rights.directory });
    return tryOpen(guest, '../a.txt', { at: sub });
  }),
  success('path_open', 'creates and empties', async (guest, directory) => {
    await open(guest, 'new', { oflags: oflag.create, rights: rights.both });
    await open(guest, 'a.txt', { oflags: oflag.truncate, rights: rights.both });
    assert.deepEqual(['new', 'a.txt'].map((name) => readFileSync(path.join(directory, name), 'utf8')), ['', '']);
  }, writable),
  failure('path_open', 'ENOENT', 'nothing is there', (guest) => tryOpen(guest, 'missing')),
  failure('path_open', 'ENOENT', 'a link leads nowhere', (guest) => tryOpen(guest, 'dangling')),
  failure('path_open', 'ENOTDIR', 'a file is in the middle', (guest) => tryOpen(guest, 'a.txt/x')),
  failure('path_open', 'ENOTDIR', 'a file is opened as a directory', (guest) => tryOpen(guest, 'a.txt', { oflags: oflag.directory, rights: rights.directory })),
  failure('path_open', 'EISDIR', 'a directory is opened for writing', (guest) => tryOpen(guest, 'sub', { rights: rights.write }), writable),
  failure('path_open', 'EEXIST', 'it is there and must be new', (guest) => tryOpen(guest, 'a.txt', { oflags: oflag.create | oflag.exclusive, rights: rights.both }), writable),
  failure('path_open', 'EEXIST', 'a link is there and it must be new', (guest) => tryOpen(guest, 'dangling', { oflags: oflag.create | oflag.exclusive, rights: rights.both }), writable),
  failure('path_open', 'ELOOP', 'a link leads to itself', (guest) => tryOpen(guest, 'loop')),
  failure('path_open', 'ELOOP', 'a link is not to be followed', (guest) => tryOpen(guest, 'link', { follow: false })),
  failure('path_open', 'EINVAL', 'a directory is to be created', (guest) => tryOpen(guest, 'sub', { oflags: oflag.create | oflag.directory, rights: rights.directory }), writable),
  failure('path_open', 'EROFS', 'a file is to be created in a read-only mount', (guest) => tryOpen(guest, 'new', { at: fd.readOnly, oflags: oflag.create, rights: rights.both })),
  failure('path_open', 'EROFS', 'a file of a read-only mount is opened for writing', (guest) => tryOpen(guest, 'a.txt', { at: fd.readOnly, rights: rights.both })),
  failure('path_open', 'EMFILE', 'there are as many open as may be', async (guest) => {
    for (;;) {
      const answer = await tryOpen(guest, 'a.txt');
      if (answer !== 'SUCCESS') return answer;
    }
  }, { options: { descriptors: 8 } }),
  failure('path_open', 'ENOTSUP', 'a FIFO is there, which could hold the thread', prepared((directory) => void execFileSync('mkfifo', [path.join(directory, 'fifo')]), (guest) => tryOpen(guest, 'fifo'))),
  failure('path_open', 'ENAMETOOLONG', 'a name is longer than NAME_MAX', (guest) => tryOpen(guest, 'x'.repeat(300))),
  failure('path_open', 'EFAULT', 'the pointer for the result lies', (guest) => tryOpen(guest, 'a.txt', {}, beyond)),

  success('path_create_directory', 'makes one', async (guest, directory) => {
    for (const name of ['made', 'sub/made']) {
      assert.equal(await on('path_create_directory', name)(guest, directory), 'SUCCESS');
      assert.ok(statSync(path.join(directory, name)).isDirectory());
    }
  }, writable),
  failure('path_create_directory', 'EEXIST', 'there is one', on('path_create_directory', 'sub'), writable),
  failure('path_create_directory', 'EEXIST', 'there is a file', on('path_create_directory', 'a.txt'), writable),
  failure('path_create_directory', 'ENOENT', 'its parent is missing', on('path_create_directory', 'missing/made'), writable),
  failure('path_create_directory', 'EROFS', 'in a read-only mount', on('path_create_directory', 'made', fd.readOnly)),

  success('path_remove_directory', 'removes an empty one', async (guest, directory) => {
    assert.equal(await on('path_remove_directory', 'empty')(guest, directory), 'SUCCESS');
    assert.ok(!has(directory, 'empty'));
  }, writable),
  failure('path_remove_directory', 'ENOTEMPTY', 'it is not empty', on('path_remove_directory', 'sub'), writable),
  failure('path_remove_directory', 'ENOTDIR', 'it is a file', on('path_remove_directory', 'a.txt'), writable),
  failure('path_remove_directory', 'ENOENT', 'nothing is there', on('path_remove_directory', 'missing'), writable),
  failure('path_remove_directory', 'EROFS', 'in a read-only mount', on('path_remove_directory', 'empty', fd.readOnly)),

  success('path_unlink_file', 'removes a file, and of a link the link', async (guest, directory) => {
    for (const name of ['link', 'a.txt']) assert.equal(await on('path_unlink_file', name)(guest, directory), 'SUCCESS');
    assert.deepEqual(readdirSync(directory).sort(), ['dangling', 'empty', 'loop', 'sub']);
  }, writable),
  failure('path_unlink_file', 'EISDIR', 'it is a directory', on('path_unlink_file', 'empty'), writable),
  failure('path_unlink_file', 'ENOENT', 'nothing is there', on('path_unlink_file', 'missing'), writable),
  failure('path_unlink_file', 'ENOTDIR', 'a file with a slash behind it', on('path_unlink_file', 'a.txt/'), writable),
  failure('path_unlink_file', 'EROFS', 'in a read-only mount', on('path_unlink_file', 'a.txt', fd.readOnly)),

  success('path_filestat_get', 'tells of a file, a directory, and a link or what it leads to', async (guest) => {
    assert.equal(await typeAt(guest, 'a.txt', follow), regularFile);
    assert.equal(await typeAt(guest, 'sub', follow), directoryType);
    assert.equal(await typeAt(guest, 'link', follow), regularFile);
    assert.equal(await typeAt(guest, 'link', noFollow), symbolicLink);
    assert.equal(await typeAt(guest, '.', follow), directoryType);
  }),
  success('path_filestat_get', 'tells what the host knows', async (guest, directory) => {
    linkSync(path.join(directory, 'a.txt'), path.join(directory, 'hard'));
    const [status, real] = [guest.room(64), statSync(path.join(directory, 'a.txt'), { bigint: true })];
    await guest.succeed('path_filestat_get', fd.directory, follow, ...guest.text('a.txt'), status);
    assert.deepEqual([0, 8, 24, 32].map((offset) => guest.view.getBigUint64(status + offset, true)), [real.dev, real.ino, 2n, 10n]);
    assert.equal(guest.view.getBigUint64(status + 48, true) / 1_000_000_000n, real.mtimeNs / 1_000_000_000n);
  }),
  failure('path_filestat_get', 'ENOENT', 'nothing is there', on('path_filestat_get', 'missing')),
  failure('path_filestat_get', 'ELOOP', 'a link leads to itself', on('path_filestat_get', 'loop')),
  failure('path_filestat_get', 'EFAULT', 'the pointer for the result lies', (guest) => guest.call('path_filestat_get', fd.directory, follow, ...guest.text('a.txt'), beyond)),

  success('path_filestat_set_times', 'sets a file\'s times, through a link or the link\'s own', async (guest, directory) => {
    const set = (name: string, flags: number, seconds: bigint): Promise<void> =>
      guest.succeed('path_filestat_set_times', fd.directory, flags, ...guest.text(name), 0n, seconds * 1_000_000_000n, 4);
    await set('link', follow, 1_000_000_000n);
    assert.equal(statSync(path.join(directory, 'a.txt')).mtimeMs, 1_000_000_000_000);
    await set('link', noFollow, 1_100_000_000n);
    assert.equal(statSync(path.join(directory, 'a.txt')).mtimeMs, 1_000_000_000_000);
  }, writable),
  failure('path_filestat_set_times', 'ENOENT', 'nothing is there', on('path_filestat_set_times', 'missing'), writable),
  failure('path_filestat_set_times', 'EINVAL', 'a time is both given and now', (guest) => guest.call('path_filestat_set_times', fd.directory, follow, ...guest.text('a.txt'), 0n, 0n, 3), writable),
  failure('path_filestat_set_times', 'EROFS', 'in a read-only mount', on('path_filestat_set_times', 'a.txt', fd.readOnly)),

  success('path_readlink', 'tells what a link says', async (guest) => {
    const buffer = guest.room(64);
    assert.equal(await guest.u32('path_readlink', fd.directory, ...guest.text('link'), buffer, 64), 5);
    assert.equal(guest.bytes(buffer, 6).toString(), 'a.txt\0');
  }),
  success('path_readlink', 'cuts what the buffer does not hold', async (guest) => {
    const buffer = guest.room(8);
    assert.equal(await guest.u32('path_readlink', fd.directory, ...guest.text('link'), buffer, 3), 3);
    assert.equal(guest.bytes(buffer, 4).toString(), 'a.t\0');
  }),
  failure('path_readlink', 'EINVAL', 'it is a file', on('path_readlink', 'a.txt')),
  failure('path_readlink', 'ENOENT', 'nothing is there', on('path_readlink', 'missing')),
  failure('path_readlink', 'EFAULT', 'the buffer lies beyond the memory', (guest) => guest.call('path_readlink', fd.directory, ...guest.text('link'), beyond, 64, guest.room(4))),

  success('path_rename', 'moves files and directories, over what is there', async (guest, directory) => {
    assert.equal(await rename('a.txt', 'sub/inner.txt')(guest, directory), 'SUCCESS');
    assert.equal(readFileSync(path.join(directory, 'sub/inner.txt'), 'utf8'), 'first file');
    assert.equal(await rename('sub', 'empty')(guest, directory), 'SUCCESS');
    assert.ok(has(directory, 'empty/inner.txt') && !has(directory, 'sub') && !has(directory, 'a.txt'));
  }, writable),
  failure('path_rename', 'ENOENT', 'nothing is there', rename('missing', 'to'), writable),
  failure('path_rename', 'ENOTEMPTY', 'a directory that is not empty is in its place', prepared((directory) => mkdirSync(path.join(directory, 'full')), rename('full', 'sub')), writable),
  failure('path_rename', 'EISDIR', 'a directory is in the place of a file', rename('a.txt', 'empty'), writable),
  failure('path_rename', 'ENOTDIR', 'a file is in the place of a directory', rename('empty', 'a.txt'), writable),
  failure('path_rename', 'EINVAL', 'a directory into itself', rename('sub', 'sub/below'), writable),
  failure('path_rename', 'EROFS', 'into a read-only mount', rename('a.txt', 'to', fd.readOnly)),
  failure('path_rename', 'ENOTCAPABLE', 'the second path leaves the directory', rename('a.txt', '../to'), writable),
  failure('path_rename', 'EBADF', 'the second directory is not open', rename('a.txt', 'to', fd.closed), writable),

  success('path_link', 'gives a file a second name', async (guest, directory) => {
    assert.equal(await link('a.txt', 'sub/second')(guest, directory), 'SUCCESS');
    assert.equal(statSync(path.join(directory, 'a.txt')).nlink, 2);
  }, writable),
  failure('path_link', 'EEXIST', 'there is something', link('a.txt', 'sub/inner.txt'), writable),
  failure('path_link', 'ENOENT', 'nothing is there', link('missing', 'second'), writable),
  failure('path_link', 'EPERM', 'it is a directory', link('sub', 'second'), writable),
  failure('path_link', 'EROFS', 'into a read-only mount', link('a.txt', 'second', { toAt: fd.readOnly })),
  failure('path_link', 'EINVAL', 'the link is to be followed', link('link', 'second', { flags: follow }), writable),
  failure('path_link', 'ENOTCAPABLE', 'the second path leaves the directory', link('a.txt', '../second'), writable),

  success('path_symlink', 'makes a link that says what it was told', async (guest, directory) => {
    assert.equal(await symlink('../sub/inner.txt', 'sub/made')(guest, directory), 'SUCCESS');
    assert.equal(readlinkSync(path.join(directory, 'sub/made')), '../sub/inner.txt');
    await open(guest, 'sub/made');
  }, writable),
  failure('path_symlink', 'EEXIST', 'there is something', symlink('a.txt', 'link'), writable),
  failure('path_symlink', 'ENOENT', 'it says nothing', symlink('', 'made'), writable),
  failure('path_symlink', 'ENOTCAPABLE', 'it says an absolute path', symlink('/etc', 'made'), writable),
  failure('path_symlink', 'EROFS', 'in a read-only mount', (guest) => guest.call('path_symlink', ...guest.text('a.txt'), fd.readOnly, ...guest.text('made'))),
  success('path_open', 'never leads out by a link, whoever made it', async (guest, directory) => {
    symlinkSync('..', path.join(directory, 'up'));
    symlinkSync('/etc/hostname', path.join(directory, 'absolute'));
    for (const name of ['up/other', 'absolute']) assert.equal(await tryOpen(guest, name), 'ENOTCAPABLE', name);
  }),
];

function changes(name: string): boolean {
  return !['path_open', 'path_filestat_get', 'path_readlink'].includes(name);
}
