import assert from 'node:assert/strict';
import { beyond, failure, fd, open, success } from '../case.ts';
import type { Case } from '../case.ts';
import type { Caller } from '../caller.ts';

interface Entry {
  readonly name: string;
  readonly next: bigint;
  readonly type: number;
}

/** Whole entries of what `fd_readdir` wrote; the last one may be cut. */
async function list(guest: Caller, directory: number, length: number, cookie = 0n): Promise<{ entries: Entry[]; used: number }> {
  const buffer = guest.room(length);
  const used = await guest.u32('fd_readdir', directory, buffer, length, cookie);
  const entries: Entry[] = [];
  for (let at = buffer; at + 24 <= buffer + used;) {
    const size = guest.view.getUint32(at + 16, true);
    if (at + 24 + size > buffer + used) break;
    entries.push({ name: guest.bytes(at + 24, size).toString(), next: guest.view.getBigUint64(at, true), type: guest.view.getUint8(at + 20) });
    at += 24 + size;
  }
  return { entries, used };
}

const withoutDots = (entries: readonly Entry[]): string[] => entries.map(({ name }) => name).filter((name) => name !== '.' && name !== '..').sort();

/** Preopened directories and listings. */
export const directoryCases: readonly Case[] = [
  success('fd_prestat_get', 'tells the length of a mount\'s name, mount by mount', async (guest) => {
    const result = guest.room(8);
    await guest.succeed('fd_prestat_get', fd.directory, result);
    assert.deepEqual([guest.view.getUint8(result), guest.view.getUint32(result + 4, true)], [0, 5]);
    await guest.succeed('fd_prestat_get', fd.readOnly, result);
    assert.equal(guest.view.getUint32(result + 4, true), 3);
  }),
  failure('fd_prestat_get', 'EBADF', 'there are no more', (guest) => guest.call('fd_prestat_get', fd.readOnly + 1, guest.room(8))),
  failure('fd_prestat_get', 'EBADF', 'it was opened by the guest', async (guest) => guest.call('fd_prestat_get', await open(guest, 'a.txt'), guest.room(8))),
  failure('fd_prestat_get', 'EFAULT', 'the pointer lies', (guest) => guest.call('fd_prestat_get', fd.directory, beyond)),
  success('fd_prestat_dir_name', 'tells a mount\'s name', async (guest) => {
    const buffer = guest.room(8);
    await guest.succeed('fd_prestat_dir_name', fd.directory, buffer, 5);
    assert.equal(guest.bytes(buffer, 6).toString(), '/data\0');
  }),
  failure('fd_prestat_dir_name', 'EBADF', 'there are no more', (guest) => guest.call('fd_prestat_dir_name', fd.readOnly + 1, guest.room(8), 5)),
  failure('fd_prestat_dir_name', 'ENAMETOOLONG', 'the buffer is too short', (guest) => guest.call('fd_prestat_dir_name', fd.directory, guest.room(8), 4)),
  failure('fd_prestat_dir_name', 'EFAULT', 'the buffer lies beyond the memory', (guest) => guest.call('fd_prestat_dir_name', fd.directory, beyond, 5)),

  success('fd_readdir', 'lists every entry with its type', async (guest) => {
    const { entries } = await list(guest, fd.directory, 4096);
    assert.deepEqual(withoutDots(entries), ['a.txt', 'dangling', 'empty', 'link', 'loop', 'sub']);
    const types = Object.fromEntries(entries.map(({ name, type }) => [name, type]));
    assert.deepEqual([types['a.txt'], types.sub, types.link], [4, 3, 7]);
  }),
  success('fd_readdir', 'begins with the directory and its parent', async (guest) => {
    assert.deepEqual((await list(guest, fd.directory, 4096)).entries.slice(0, 2).map(({ name }) => name), ['.', '..']);
  }),
  success('fd_readdir', 'goes on where a cookie says', async (guest) => {
    const all = (await list(guest, fd.directory, 4096)).entries;
    const rest = (await list(guest, fd.directory, 4096, all[1]?.next)).entries;
    assert.deepEqual(rest.map(({ name }) => name), all.slice(2).map(({ name }) => name));
    assert.equal((await list(guest, fd.directory, 4096, all.at(-1)?.next as bigint)).used, 0);
  }),
  success('fd_readdir', 'fills the buffer to its end, so that the guest asks again', async (guest) => {
    assert.equal((await list(guest, fd.directory, 40)).used, 40);
  }),
  failure('fd_readdir', 'EBADF', 'nothing is open there', (guest) => guest.call('fd_readdir', fd.closed, guest.room(64), 64, 0n, guest.room(4))),
  failure('fd_readdir', 'ENOTDIR', 'it is a stream', (guest) => guest.call('fd_readdir', fd.stdout, guest.room(64), 64, 0n, guest.room(4))),
  failure('fd_readdir', 'ENOTDIR', 'it is a file', async (guest) => guest.call('fd_readdir', await open(guest, 'a.txt'), guest.room(64), 64, 0n, guest.room(4))),
  failure('fd_readdir', 'EFAULT', 'the buffer lies beyond the memory', (guest) => guest.call('fd_readdir', fd.directory, beyond, 64, 0n, guest.room(4))),
];
