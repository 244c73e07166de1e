import assert from 'node:assert/strict';
import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { right } from '../../../../runtimes/wasi/rights.ts';
import { beyond, create, failure, fd, oflag, open, rights, success, writable } from '../case.ts';
import type { Case, Run } from '../case.ts';
import type { Caller } from '../caller.ts';
import type { Preview1Function } from '../signatures.ts';

const whence = { set: 0, current: 1, end: 2 } as const;
const fdflag = { append: 1, nonblock: 4 } as const;
const [characterDevice, directoryType, regularFile] = [2, 3, 4];

/** EBADF for a number where nothing is open. `rest` makes the other arguments. */
function closedDescriptor(name: Preview1Function, rest: (guest: Caller) => (number | bigint)[]): Case {
  return failure(name, 'EBADF', 'nothing is open there', (guest) => guest.call(name, fd.closed, ...rest(guest)));
}

/** Reads a file through the guest from the offset it has. */
async function readAll(guest: Caller, file: number, length = 64): Promise<string> {
  const [vectors, count] = guest.vectors(length);
  const read = await guest.u32('fd_read', file, vectors, count);
  return guest.bytes(guest.view.getUint32(vectors, true), read).toString();
}

function times(guest: Caller, status: number): { access: bigint; modification: bigint } {
  return { access: guest.view.getBigUint64(status + 40, true), modification: guest.view.getBigUint64(status + 48, true) };
}

/** On an open file or directory of the fixture. */
const onFile = (name: string, act: (guest: Caller, file: number) => ReturnType<Run>): Run => async (guest) => act(guest, await open(guest, name));

/** `fd_*` on files: reading, writing, places, sizes, times, flags and rights. */
export const descriptorCases: readonly Case[] = [
  success('fd_write', 'of several pieces to stdout is one record', async (guest) => {
    assert.equal(await guest.u32('fd_write', fd.stdout, ...guest.vectors('one ', 'two ', 'three')), 13);
    assert.deepEqual(guest.host.records.map(({ stream, bytes }) => [stream, bytes.toString()]), [[1, 'one two three']]);
  }),
  success('fd_write', 'waits while the ring is full', async (guest) => {
    assert.equal(await guest.u32('fd_write', fd.stderr, ...guest.vectors('held')), 4);
    assert.equal(guest.host.stderr, 'held');
  }, { options: { fullBefore: 2 } }),
  success('fd_write', 'of more than a record is cut in records', async (guest) => {
    assert.equal(await guest.u32('fd_write', fd.stdout, ...guest.vectors('x'.repeat(70_000), 'end')), 70_003);
    assert.equal(guest.host.stdout, `${'x'.repeat(70_000)}end`);
  }),
  success('fd_write', 'of nothing writes nothing', async (guest) => {
    assert.equal(await guest.u32('fd_write', fd.stdout, ...guest.vectors()), 0);
    assert.deepEqual(guest.host.records, []);
  }),
  success('fd_write', 'to a file moves its offset', async (guest, directory) => {
    const file = await create(guest, 'new');
    await guest.u32('fd_write', file, ...guest.vectors('one', 'two'));
    await guest.u32('fd_write', file, ...guest.vectors('!'));
    assert.equal(readFileSync(path.join(directory, 'new'), 'utf8'), 'onetwo!');
  }, writable),
  closedDescriptor('fd_write', (guest) => [...guest.vectors('x'), guest.room(4)]),
  failure('fd_write', 'EBADF', 'to stdin', (guest) => guest.call('fd_write', fd.stdin, ...guest.vectors('x'), guest.room(4))),
  failure('fd_write', 'EFAULT', 'the iovecs lie beyond the memory', (guest) => guest.call('fd_write', fd.stdout, beyond, 1, guest.room(4))),
  failure('fd_write', 'EFAULT', 'an iovec names what lies beyond the memory', (guest) => {
    const [vectors, count] = guest.vectors('x');
    guest.view.setUint32(vectors, beyond, true);
    return guest.call('fd_write', fd.stdout, vectors, count, guest.room(4));
  }),
  failure('fd_write', 'EFAULT', 'the pointer for the result lies', (guest) => guest.call('fd_write', fd.stdout, ...guest.vectors('x'), beyond)),
  failure('fd_write', 'EINVAL', 'there are more iovecs than Linux takes', (guest) => guest.call('fd_write', fd.stdout, guest.room(8 * 1025), 1025, guest.room(4))),
  failure('fd_write', 'EBADF', 'a file that was opened for reading only', onFile('a.txt', (guest, file) => guest.call('fd_write', file, ...guest.vectors('x'), guest.room(4)))),

  success('fd_read', 'from stdin, to its end', async (guest) => {
    assert.equal(await readAll(guest, fd.stdin), 'typed');
    assert.equal(await readAll(guest, fd.stdin), '');
  }, { options: { stdin: 'typed' } }),
  success('fd_read', 'fills several pieces from a file', async (guest) => {
    const file = await open(guest, 'a.txt');
    const [vectors, count] = guest.vectors(6, 64);
    assert.equal(await guest.u32('fd_read', file, vectors, count), 10);
    assert.equal(guest.bytes(guest.view.getUint32(vectors, true), 6).toString(), 'first ');
    assert.equal(guest.bytes(guest.view.getUint32(vectors + 8, true), 4).toString(), 'file');
    assert.equal(await readAll(guest, file), '');
  }),
  closedDescriptor('fd_read', (guest) => [...guest.vectors(8), guest.room(4)]),
  failure('fd_read', 'EBADF', 'from stdout', (guest) => guest.call('fd_read', fd.stdout, ...guest.vectors(8), guest.room(4))),
  failure('fd_read', 'EISDIR', 'from a directory', (guest) => guest.call('fd_read', fd.directory, ...guest.vectors(8), guest.room(4))),
  failure('fd_read', 'EFAULT', 'the iovecs lie beyond the memory', onFile('a.txt', (guest, file) => guest.call('fd_read', file, beyond, 1, guest.room(4)))),
  failure('fd_read', 'EBADF', 'a file that was opened for writing only', async (guest) => {
    const file = await open(guest, 'a.txt', { rights: rights.write });
    return guest.call('fd_read', file, ...guest.vectors(8), guest.room(4));
  }, writable),

  success('fd_pread', 'reads elsewhere and leaves the offset', async (guest) => {
    const file = await open(guest, 'a.txt');
    const [vectors, count] = guest.vectors(2, 2);
    assert.equal(await guest.u32('fd_pread', file, vectors, count, 6n), 4);
    assert.equal(guest.bytes(guest.view.getUint32(vectors, true), 2).toString(), 'fi');
    assert.equal(await readAll(guest, file), 'first file');
  }),
  closedDescriptor('fd_pread', (guest) => [...guest.vectors(8), 0n, guest.room(4)]),
  failure('fd_pread', 'ESPIPE', 'on a stream', (guest) => guest.call('fd_pread', fd.stdin, ...guest.vectors(8), 0n, guest.room(4))),
  failure('fd_pread', 'EISDIR', 'on a directory', (guest) => guest.call('fd_pread', fd.directory, ...guest.vectors(8), 0n, guest.room(4))),
  failure('fd_pread', 'EINVAL', 'the offset is beyond every file', onFile('a.txt', (guest, file) => guest.call('fd_pread', file, ...guest.vectors(8), -1n, guest.room(4)))),
  failure('fd_pread', 'EFAULT', 'the iovecs lie beyond the memory', onFile('a.txt', (guest, file) => guest.call('fd_pread', file, beyond, 1, 0n, guest.room(4)))),

  success('fd_pwrite', 'writes elsewhere and leaves the offset', async (guest, directory) => {
    const file = await create(guest, 'new');
    await guest.u32('fd_write', file, ...guest.vectors('0123456789'));
    assert.equal(await guest.u32('fd_pwrite', file, ...guest.vectors('a', 'b'), 4n), 2);
    await guest.u32('fd_write', file, ...guest.vectors('!'));
    assert.equal(readFileSync(path.join(directory, 'new'), 'utf8'), '0123ab6789!');
  }, writable),
  closedDescriptor('fd_pwrite', (guest) => [...guest.vectors('x'), 0n, guest.room(4)]),
  failure('fd_pwrite', 'ESPIPE', 'on a stream', (guest) => guest.call('fd_pwrite', fd.stdout, ...guest.vectors('x'), 0n, guest.room(4))),
  failure('fd_pwrite', 'EBADF', 'a file that was opened for reading only', onFile('a.txt', (guest, file) => guest.call('fd_pwrite', file, ...guest.vectors('x'), 0n, guest.room(4)))),

  success('fd_seek', 'from the start, from here and from the end', async (guest) => {
    const file = await open(guest, 'a.txt');
    assert.equal(await guest.u64('fd_seek', file, 6n, whence.set), 6n);
    assert.equal(await guest.u64('fd_seek', file, -2n, whence.current), 4n);
    assert.equal(await guest.u64('fd_seek', file, -4n, whence.end), 6n);
    assert.equal(await readAll(guest, file), 'file');
  }),
  closedDescriptor('fd_seek', (guest) => [0n, whence.set, guest.room(8)]),
  failure('fd_seek', 'ESPIPE', 'on a stream', (guest) => guest.call('fd_seek', fd.stdout, 0n, whence.set, guest.room(8))),
  failure('fd_seek', 'EBADF', 'on a directory', (guest) => guest.call('fd_seek', fd.directory, 0n, whence.set, guest.room(8))),
  failure('fd_seek', 'EINVAL', 'there is no such origin', onFile('a.txt', (guest, file) => guest.call('fd_seek', file, 0n, 3, guest.room(8)))),
  failure('fd_seek', 'EINVAL', 'it would end before the start', onFile('a.txt', (guest, file) => guest.call('fd_seek', file, -1n, whence.set, guest.room(8)))),
  failure('fd_seek', 'EFAULT', 'the pointer lies', onFile('a.txt', (guest, file) => guest.call('fd_seek', file, 0n, whence.set, beyond))),

  success('fd_tell', 'is where reading and seeking have led', async (guest) => {
    const file = await open(guest, 'a.txt');
    assert.equal(await guest.u64('fd_tell', file), 0n);
    await readAll(guest, file, 3);
    assert.equal(await guest.u64('fd_tell', file), 3n);
  }),
  closedDescriptor('fd_tell', (guest) => [guest.room(8)]),
  failure('fd_tell', 'ESPIPE', 'on a stream', (guest) => guest.call('fd_tell', fd.stdout, guest.room(8))),
  failure('fd_tell', 'EBADF', 'on a directory', (guest) => guest.call('fd_tell', fd.directory, guest.room(8))),
  failure('fd_tell', 'EFAULT', 'the pointer lies', onFile('a.txt', (guest, file) => guest.call('fd_tell', file, beyond))),

  success('fd_close', 'frees the number, which is given again', async (guest) => {
    const file = await open(guest, 'a.txt');
    await guest.succeed('fd_close', file);
    assert.equal(await guest.call('fd_tell', file, guest.room(8)), 'EBADF');
    assert.equal(await open(guest, 'a.txt'), file);
  }),
  closedDescriptor('fd_close', () => []),
  success('fd_renumber', 'moves a file to the number of another, which is closed', async (guest) => {
    const [file, other] = [await open(guest, 'a.txt'), await open(guest, 'sub/inner.txt')];
    await guest.succeed('fd_renumber', other, file);
    assert.equal(await readAll(guest, file), 'inner');
    assert.equal(await guest.call('fd_tell', other, guest.room(8)), 'EBADF');
  }),
  closedDescriptor('fd_renumber', () => [fd.stdout]),
  failure('fd_renumber', 'EBADF', 'nothing is open where it is to go', onFile('a.txt', (guest, file) => guest.call('fd_renumber', file, fd.closed))),

  ...(['fd_sync', 'fd_datasync'] as const).flatMap((name): Case[] => [
    success(name, 'a file that was written', async (guest) => {
      const file = await create(guest, 'new');
      await guest.u32('fd_write', file, ...guest.vectors('kept'));
      await guest.succeed(name, file);
    }, writable),
    closedDescriptor(name, () => []),
    failure(name, 'EINVAL', 'on a stream', (guest) => guest.call(name, fd.stdout)),
  ]),

  success('fd_advise', 'takes every advice', async (guest) => {
    const file = await open(guest, 'a.txt');
    for (let advice = 0; advice <= 5; advice++) await guest.succeed('fd_advise', file, 0n, 10n, advice);
  }),
  closedDescriptor('fd_advise', () => [0n, 0n, 0]),
  failure('fd_advise', 'ESPIPE', 'on a stream', (guest) => guest.call('fd_advise', fd.stdout, 0n, 0n, 0)),
  failure('fd_advise', 'EBADF', 'on a directory', (guest) => guest.call('fd_advise', fd.directory, 0n, 0n, 0)),
  failure('fd_advise', 'EINVAL', 'there is no such advice', onFile('a.txt', (guest, file) => guest.call('fd_advise', file, 0n, 0n, 6))),
  failure('fd_advise', 'EINVAL', 'the length is beyond every file', onFile('a.txt', (guest, file) => guest.call('fd_advise', file, 0n, -1n, 0))),

  success('fd_allocate', 'makes the file long enough, and never shorter', async (guest, directory) => {
    const file = await create(guest, 'new');
    await guest.succeed('fd_allocate', file, 10n, 90n);
    await guest.succeed('fd_allocate', file, 0n, 5n);
    assert.equal(statSync(path.join(directory, 'new')).size, 100);
  }, writable),
  closedDescriptor('fd_allocate', () => [0n, 1n]),
  failure('fd_allocate', 'ESPIPE', 'on a stream', (guest) => guest.call('fd_allocate', fd.stdout, 0n, 1n)),
  failure('fd_allocate', 'EBADF', 'on a directory', (guest) => guest.call('fd_allocate', fd.directory, 0n, 1n)),
  failure('fd_allocate', 'EINVAL', 'the length is 0', async (guest) => guest.call('fd_allocate', await create(guest, 'new'), 0n, 0n), writable),
  failure('fd_allocate', 'EBADF', 'a file that was opened for reading only', onFile('a.txt', (guest, file) => guest.call('fd_allocate', file, 0n, 100n))),

  success('fd_fdstat_get', 'tells what a file is, its flags and rights', async (guest) => {
    const status = guest.room(24);
    await guest.succeed('fd_fdstat_get', await open(guest, 'a.txt'), status);
    assert.equal(guest.view.getUint8(status), regularFile);
    assert.notEqual(guest.view.getBigUint64(status + 8, true) & BigInt(right.FD_READ), 0n);
    assert.equal(guest.view.getBigUint64(status + 8, true) & BigInt(right.FD_WRITE), 0n);
  }),
  success('fd_fdstat_get', 'tells what a directory is', async (guest) => {
    const status = guest.room(24);
    await guest.succeed('fd_fdstat_get', fd.directory, status);
    assert.equal(guest.view.getUint8(status), directoryType);
    assert.notEqual(guest.view.getBigUint64(status + 16, true) & BigInt(right.FD_READ), 0n);
  }),
  success('fd_fdstat_get', 'tells a terminal by its type and by the right it lacks', async (guest) => {
    const status = guest.room(24);
    await guest.succeed('fd_fdstat_get', fd.stdout, status);
    assert.equal(guest.view.getUint8(status), characterDevice);
    assert.equal(guest.view.getBigUint64(status + 8, true) & BigInt(right.FD_SEEK | right.FD_TELL), 0n);
  }, { options: { tty: true } }),
  closedDescriptor('fd_fdstat_get', (guest) => [guest.room(24)]),
  failure('fd_fdstat_get', 'EFAULT', 'the pointer lies', onFile('a.txt', (guest, file) => guest.call('fd_fdstat_get', file, beyond))),

  success('fd_fdstat_set_flags', 'makes a file append', async (guest, directory) => {
    const file = await open(guest, 'a.txt', { rights: rights.both });
    await guest.succeed('fd_fdstat_set_flags', file, fdflag.append);
    await guest.u32('fd_write', file, ...guest.vectors('!'));
    assert.equal(readFileSync(path.join(directory, 'a.txt'), 'utf8'), 'first file!');
    const status = guest.room(24);
    await guest.succeed('fd_fdstat_get', file, status);
    assert.equal(guest.view.getUint16(status + 2, true) & fdflag.append, fdflag.append);
  }, writable),
  success('fd_fdstat_set_flags', 'makes a stream answer at once', (guest) => guest.succeed('fd_fdstat_set_flags', fd.stdin, fdflag.nonblock)),
  closedDescriptor('fd_fdstat_set_flags', () => [0]),
  failure('fd_fdstat_set_flags', 'EBADF', 'on a directory', (guest) => guest.call('fd_fdstat_set_flags', fd.directory, 0)),
  failure('fd_fdstat_set_flags', 'EINVAL', 'there is no such flag', onFile('a.txt', (guest, file) => guest.call('fd_fdstat_set_flags', file, 32))),

  success('fd_fdstat_set_rights', 'gives rights up, which are refused from then on', async (guest) => {
    const file = await open(guest, 'a.txt');
    await guest.succeed('fd_fdstat_set_rights', file, BigInt(right.FD_SEEK | right.FD_TELL), 0n);
    assert.equal(await guest.call('fd_read', file, ...guest.vectors(4), guest.room(4)), 'ENOTCAPABLE');
    assert.equal(await guest.u64('fd_tell', file), 0n);
  }),
  closedDescriptor('fd_fdstat_set_rights', () => [0n, 0n]),
  failure('fd_fdstat_set_rights', 'ENOTCAPABLE', 'more than it has is asked for', onFile('a.txt', (guest, file) => guest.call('fd_fdstat_set_rights', file, BigInt(right.PATH_OPEN | right.FD_READ), 0n))),

  success('fd_filestat_get', 'tells what the host knows of a file', async (guest, directory) => {
    const [status, real] = [guest.room(64), statSync(path.join(directory, 'a.txt'), { bigint: true })];
    await guest.succeed('fd_filestat_get', await open(guest, 'a.txt'), status);
    assert.equal(guest.view.getBigUint64(status + 8, true), real.ino);
    assert.equal(guest.view.getUint8(status + 16), regularFile);
    assert.equal(guest.view.getBigUint64(status + 24, true), 1n);
    assert.equal(guest.view.getBigUint64(status + 32, true), 10n);
    assert.equal(times(guest, status).modification / 1_000_000_000n, real.mtimeNs / 1_000_000_000n);
  }),
  success('fd_filestat_get', 'tells the type of a stream and nothing else', async (guest) => {
    const status = guest.room(64);
    await guest.succeed('fd_filestat_get', fd.stdout, status);
    assert.equal(guest.view.getUint8(status + 16), characterDevice);
    assert.equal(guest.view.getBigUint64(status + 32, true), 0n);
  }, { options: { tty: true } }),
  closedDescriptor('fd_filestat_get', (guest) => [guest.room(64)]),
  failure('fd_filestat_get', 'EFAULT', 'the pointer lies', onFile('a.txt', (guest, file) => guest.call('fd_filestat_get', file, beyond))),

  success('fd_filestat_set_size', 'cuts a file, and stretches it with zeros', async (guest, directory) => {
    const file = await open(guest, 'a.txt', { rights: rights.both });
    await guest.succeed('fd_filestat_set_size', file, 5n);
    await guest.succeed('fd_filestat_set_size', file, 7n);
    assert.equal(readFileSync(path.join(directory, 'a.txt'), 'utf8'), 'first\0\0');
  }, writable),
  closedDescriptor('fd_filestat_set_size', () => [0n]),
  failure('fd_filestat_set_size', 'EINVAL', 'on a stream', (guest) => guest.call('fd_filestat_set_size', fd.stdout, 0n)),
  failure('fd_filestat_set_size', 'EBADF', 'on a directory', (guest) => guest.call('fd_filestat_set_size', fd.directory, 0n)),
  failure('fd_filestat_set_size', 'EINVAL', 'a file that was opened for reading only', onFile('a.txt', (guest, file) => guest.call('fd_filestat_set_size', file, 0n))),

  success('fd_filestat_set_times', 'sets both times', async (guest, directory) => {
    const file = await open(guest, 'a.txt', { rights: rights.both });
    await guest.succeed('fd_filestat_set_times', file, 1_000_000_000_123_456_789n, 1_100_000_000_987_654_321n, 1 | 4);
    const { atimeMs, mtimeNs } = { ...statSync(path.join(directory, 'a.txt')), mtimeNs: statSync(path.join(directory, 'a.txt'), { bigint: true }).mtimeNs };
    assert.equal(Math.floor(atimeMs / 1000), 1_000_000_000);
    assert.equal(mtimeNs / 1000n, 1_100_000_000_987_654n);
  }, writable),
  success('fd_filestat_set_times', 'sets one to now and leaves the other', async (guest, directory) => {
    const before = statSync(path.join(directory, 'a.txt')).atimeMs;
    const file = await open(guest, 'a.txt', { rights: rights.both });
    await guest.succeed('fd_filestat_set_times', file, 0n, 1n, 4);
    await guest.succeed('fd_filestat_set_times', file, 0n, 0n, 8);
    const { atimeMs, mtimeMs } = statSync(path.join(directory, 'a.txt'));
    assert.ok(Math.abs(mtimeMs - Date.now()) < 60_000);
    assert.equal(Math.floor(atimeMs / 1000), Math.floor(before / 1000));
  }, writable),
  closedDescriptor('fd_filestat_set_times', () => [0n, 0n, 2]),
  failure('fd_filestat_set_times', 'EBADF', 'on a stream', (guest) => guest.call('fd_filestat_set_times', fd.stdout, 0n, 0n, 2)),
  failure('fd_filestat_set_times', 'EINVAL', 'a time is both given and now', async (guest) =>
    guest.call('fd_filestat_set_times', await open(guest, 'a.txt', { rights: rights.both }), 0n, 0n, 1 | 2), writable),
  failure('fd_filestat_set_times', 'EROFS', 'in a read-only mount', async (guest) =>
    guest.call('fd_filestat_set_times', await open(guest, 'a.txt', { at: fd.readOnly }), 0n, 0n, 2)),
  failure('fd_write', 'EBADF', 'a file of a read-only mount', async (guest) =>
    guest.call('fd_write', await open(guest, 'a.txt', { at: fd.readOnly }), ...guest.vectors('x'), guest.room(4))),
  success('fd_write', 'appends, wherever the offset is', async (guest, directory) => {
    const file = await open(guest, 'a.txt', { rights: rights.both, oflags: oflag.create, fdflags: fdflag.append });
    await guest.u32('fd_write', file, ...guest.vectors('!'));
    assert.equal(readFileSync(path.join(directory, 'a.txt'), 'utf8'), 'first file!');
  }, writable),
];
