import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import type { GuestTask } from '../../../core/api/runtime.ts';
import { ExitSignal, isExitSignal } from '../../../core/guest/ending/exit.ts';
import type { Blocked, GuestHost } from '../../../core/guest/host.ts';
import { errno } from '../../../core/guest/preview1/errno.ts';
import { createWasi } from '../../../runtimes/wasi/wasi.ts';
import { TestGuestHost } from '../../support/guest-host.ts';
import type { TestGuestOptions } from '../../support/guest-host.ts';

/** Arguments of every preview-1 function: `i` a 32-bit one, `l` a 64-bit one (wasi_snapshot_preview1.witx). */
const signatures: Readonly<Record<string, string>> = {
  args_get: 'ii', args_sizes_get: 'ii', clock_res_get: 'ii', clock_time_get: 'ili', environ_get: 'ii', environ_sizes_get: 'ii', fd_advise: 'illi', fd_allocate: 'ill', fd_close: 'i',
  fd_datasync: 'i', fd_fdstat_get: 'ii', fd_fdstat_set_flags: 'ii', fd_fdstat_set_rights: 'ill', fd_filestat_get: 'ii', fd_filestat_set_size: 'il', fd_filestat_set_times: 'illi',
  fd_pread: 'iiili', fd_prestat_dir_name: 'iii', fd_prestat_get: 'ii', fd_pwrite: 'iiili', fd_read: 'iiii', fd_readdir: 'iiili', fd_renumber: 'ii', fd_seek: 'ilii', fd_sync: 'i',
  fd_tell: 'ii', fd_write: 'iiii', path_create_directory: 'iii', path_filestat_get: 'iiiii', path_filestat_set_times: 'iiiilli', path_link: 'iiiiiii', path_open: 'iiiiillii',
  path_readlink: 'iiiiii', path_remove_directory: 'iii', path_rename: 'iiiiii', path_symlink: 'iiiii', path_unlink_file: 'iii', poll_oneoff: 'iiii', proc_exit: 'i', proc_raise: 'i',
  random_get: 'ii', sched_yield: '', sock_accept: 'iii', sock_recv: 'iiiiii', sock_send: 'iiiii', sock_shutdown: 'ii',
};

const task: GuestTask = { containerId: 'test', argv: ['program', 'argument'], env: [['NAME', 'value']], cwd: '/', isolation: 'dedicated', tty: false, modules: {} };

let root: string;
before(() => {
  root = mkdtempSync(path.join(os.tmpdir(), 'wasi-'));
});
after(() => rmSync(root, { recursive: true, force: true }));

interface Guest {
  readonly host: TestGuestHost;
  readonly memory: WebAssembly.Memory;
  readonly bytes: () => Buffer;
  call(name: string, ...args: (number | bigint)[]): number;
  /** Puts text into memory and answers its length in bytes. */
  text(at: number, text: string): number;
  close(): void;
}

function guest(options: TestGuestOptions = {}): Guest {
  const host = new TestGuestHost(options);
  const wasi = createWasi(task, host);
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 4 });
  wasi.memory.bind(memory);
  const functions = wasi.functions();
  return {
    host,
    memory,
    bytes: () => Buffer.from(memory.buffer),
    call: (name, ...args) => (functions[name] as (...args: unknown[]) => number)(...args),
    text: (at, text) => Buffer.from(memory.buffer).write(text, at),
    close: () => wasi.close(),
  };
}

test('every function of preview 1 is there', () => {
  const { functions, close } = createWasi(task, new TestGuestHost());
  assert.deepEqual(Object.keys(functions()).sort(), Object.keys(signatures).sort());
  close();
});

test('arguments that lie are answered by an errno', () => {
  const directory = path.join(root, 'lies');
  mkdirSync(directory);
  for (const name of ['a', 'b']) writeFileSync(path.join(directory, name), 'text');
  symlinkSync('a', path.join(directory, 'link'));
  const blocker: GuestHost['blocker'] = {
    wrap: (syscall) => (...args: Parameters<typeof syscall>) => {
      const answer: number | Blocked = syscall(...args);
      return typeof answer === 'number' ? answer : errno.SUCCESS;
    },
    waitNow() {},
    wake() {},
    waitLater: async () => {},
    enter: (entry) => () => void entry(),
  };
  // An exit ends one sequence of calls, not the guest: the next one goes on with it.
  const exit = (code: number): never => {
    throw new ExitSignal(code);
  };
  const host = Object.assign(new TestGuestHost({ mounts: [{ guestPath: '/', hostPath: directory, readOnly: false }], stdin: 'input' }), { blocker, exit });
  const wasi = createWasi(task, host);
  const functions = wasi.functions();
  const memory = new WebAssembly.Memory({ initial: 1 });
  wasi.memory.bind(memory);
  const number = fc.oneof(fc.integer({ min: 0, max: 8 }), fc.integer({ min: 0, max: 65_536 }), fc.constantFrom(-1, 65_528, 65_535, 65_536, 2 ** 31 - 1, -(2 ** 31)), fc.integer());
  const long = fc.oneof(fc.bigInt({ min: 0n, max: 100n }), fc.constantFrom(-1n, 2n ** 63n - 1n, -(2n ** 63n), 2n ** 53n), fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }));
  const calls = fc.constantFrom(...Object.keys(signatures)).chain((name) =>
    fc.tuple(fc.constant(name), fc.tuple(...[...(signatures[name] as string)].map((kind): fc.Arbitrary<number | bigint> => (kind === 'i' ? number : long)))));
  fc.assert(fc.property(fc.array(calls, { maxLength: 30 }), fc.uint8Array({ minLength: 64, maxLength: 256 }), (sequence, contents) => {
    const bytes = new Uint8Array(memory.buffer);
    for (let at = 0; at + contents.length <= 4096; at += contents.length) bytes.set(contents, at);
    for (const [name, args] of sequence) {
      try {
        const answer = (functions[name] as (...args: unknown[]) => unknown)(...args);
        assert.ok(Number.isInteger(answer) && (answer as number) >= 0 && (answer as number) <= 76, `${name}: ${String(answer)}`);
      } catch (error) {
        if (name !== 'proc_exit' || !isExitSignal(error)) throw error;
      }
    }
  }), { numRuns: 1000 });
  wasi.close();
});

describe('memory', () => {
  test('that has grown since the last call is seen, and reported', () => {
    const { host, memory, call, close } = guest();
    assert.equal(host.memoryBytes, 65_536);
    assert.equal(call('random_get', 65_530, 10), errno.EFAULT);
    memory.grow(1);
    assert.equal(call('random_get', 65_530, 10), errno.SUCCESS);
    assert.equal(call('random_get', 0, 0), errno.SUCCESS);
    assert.equal(host.memoryBytes, 131_072);
    close();
  });

  test('does not exist before it is bound', () => {
    const wasi = createWasi(task, new TestGuestHost());
    assert.equal((wasi.functions().random_get as Function)(0, 1), errno.EFAULT);
    wasi.close();
  });
});

test('a pointer for the result that lies is found before anything is done', () => {
  const mount = { guestPath: '/', hostPath: mkdtempSync(path.join(root, 'mount-')), readOnly: false };
  const { host, call, text, close } = guest({ mounts: [mount] });
  const length = text(100, 'new');
  assert.equal(call('path_open', 3, 0, 100, length, 1, 0x42n, 0n, 0, 65_533), errno.EFAULT);
  assert.deepEqual(readdirSync(mount.hostPath), []);
  assert.equal(host.descriptors, 4);
  close();
});

describe('paths', () => {
  test('that are no UTF-8, too long, or hold a zero are refused by the right errno', () => {
    const { bytes, call, text, close } = guest({ mounts: [{ guestPath: '/', hostPath: root, readOnly: false }] });
    const open = (length: number): number => call('path_open', 3, 0, 100, length, 0, 2n, 0n, 0, 0);
    bytes()[100] = 0xff;
    assert.equal(open(1), errno.EILSEQ);
    assert.equal(open(text(100, 'a\0b')), errno.EINVAL);
    assert.equal(open(text(100, 'p/'.repeat(2500))), errno.ENAMETOOLONG);
    assert.equal(open(text(100, 'p'.repeat(256))), errno.ENAMETOOLONG);
    assert.equal(open(text(100, '/etc/hostname')), errno.ENOTCAPABLE);
    assert.equal(open(0), errno.ENOENT);
    close();
  });

  test('cannot be opened beyond the limit of descriptors', () => {
    const directory = mkdtempSync(path.join(root, 'limit-'));
    writeFileSync(path.join(directory, 'file'), '');
    const before = readdirSync('/proc/self/fd').length;
    const { host, call, text, close } = guest({ descriptors: 8, mounts: [{ guestPath: '/', hostPath: directory, readOnly: true }] });
    const length = text(100, 'file');
    const answers = Array.from({ length: 6 }, () => call('path_open', 3, 0, 100, length, 0, 2n, 0n, 0, 0));
    assert.deepEqual(answers, [0, 0, 0, 0, errno.EMFILE, errno.EMFILE]);
    assert.equal(host.descriptors, 8);
    assert.equal(call('fd_close', 5), errno.SUCCESS);
    assert.equal(call('path_open', 3, 0, 100, length, 0, 2n, 0n, 0, 0), errno.SUCCESS);
    close();
    assert.equal(readdirSync('/proc/self/fd').length, before);
    assert.equal(host.descriptors, 0);
  });
});

describe('stdout', () => {
  const vectors = (target: Guest, ...pieces: string[]): void => {
    const view = target.bytes();
    let at = 1024;
    for (const [index, piece] of pieces.entries()) {
      view.writeUInt32LE(at, 8 * index);
      view.writeUInt32LE(target.text(at, piece), 8 * index + 4);
      at += Buffer.byteLength(piece);
    }
  };

  test('gets the pieces of one write as one record', () => {
    const target = guest();
    vectors(target, 'one ', '', 'two', '\n');
    assert.equal(target.call('fd_write', 1, 0, 4, 512), errno.SUCCESS);
    assert.equal(target.bytes().readUInt32LE(512), 8);
    assert.deepEqual(target.host.records.map(({ bytes }) => bytes.toString()), ['one two\n']);
  });

  test('loses nothing when its ring is full, and more than a record holds is cut', () => {
    const target = guest({ fullBefore: 3 });
    target.memory.grow(2);
    const long = 'x'.repeat(100_000);
    vectors(target, long, 'end');
    assert.equal(target.call('fd_write', 2, 0, 2, 512), errno.SUCCESS);
    assert.equal(target.host.stderr, `${long}end`);
    assert.deepEqual(target.host.records.map(({ bytes }) => bytes.length), [65_536, 34_467]);
  });

  test('cannot be read, nor stdin written', () => {
    const target = guest({ stdin: 'text' });
    vectors(target, 'x');
    assert.equal(target.call('fd_read', 1, 0, 1, 512), errno.EBADF);
    assert.equal(target.call('fd_write', 0, 0, 1, 512), errno.EBADF);
    assert.equal(target.call('fd_seek', 1, 0n, 0, 512), errno.ESPIPE);
    assert.equal(target.call('fd_write', 9, 0, 1, 512), errno.EBADF);
    assert.equal(target.call('fd_write', 1, 0, 2000, 512), errno.EINVAL);
  });
});

describe('poll_oneoff', () => {
  test('answers the descriptor that is ready and not the clock that is not', () => {
    const target = guest({ stdin: 'text' });
    const view = target.bytes();
    view.writeBigUInt64LE(7n, 0);
    view.writeUInt32LE(1, 16);
    view.writeBigUInt64LE(10n ** 18n, 24);
    view.writeBigUInt64LE(8n, 48);
    view.writeUInt8(1, 56);
    view.writeUInt32LE(0, 64);
    assert.equal(target.call('poll_oneoff', 0, 200, 2, 512), errno.SUCCESS);
    assert.deepEqual([view.readUInt32LE(512), view.readBigUInt64LE(200), view.readUInt16LE(208), view.readUInt8(210), view.readBigUInt64LE(216)], [1, 8n, 0, 1, 4n]);
  });

  test('tells of a descriptor that cannot be waited for in its event', () => {
    const target = guest();
    const view = target.bytes();
    view.writeUInt8(2, 8);
    view.writeUInt32LE(99, 16);
    assert.equal(target.call('poll_oneoff', 0, 200, 1, 512), errno.SUCCESS);
    assert.equal(view.readUInt16LE(208), errno.EBADF);
  });

  test('for nothing is refused', () => {
    assert.equal(guest().call('poll_oneoff', 0, 200, 0, 512), errno.EINVAL);
  });
});
