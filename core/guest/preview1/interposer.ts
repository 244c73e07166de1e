import { DescriptorTable } from '../files/descriptor-table.ts';
import { FileError } from '../files/file-error.ts';
import type { Blocked, GuestHost, GuestMount } from '../host.ts';
import { clockFunctions } from './clock-functions.ts';
import { errno } from './errno.ts';
import type { GuestMemory } from './guest-memory.ts';
import { GuestSocketCalls } from './guest-socket-calls.ts';
import type { GuestSocket } from './guest-socket-calls.ts';
import { GuestStreams, streamAnswers } from './guest-streams.ts';
import { withExactArguments } from './native-function.ts';
import type { NativeFunction } from './native-function.ts';
import { Poll } from './poll.ts';
import { preopenFunctions } from './preopen-functions.ts';
import { blockingSyscall, syscall } from './syscall.ts';

/** A directory that the other implementation has preopened, with its number there. */
export interface NativeDirectory {
  readonly native: number;
  readonly mount: GuestMount;
}

/** A path as a guest gave it, from the root of a mount. */
export interface GuestPath {
  readonly mount: GuestMount;
  readonly path: string;
}

export interface InterposerOptions {
  readonly host: GuestHost;
  readonly memory: GuestMemory;
  readonly native: Readonly<Record<string, NativeFunction>>;
  readonly preopened: readonly NativeDirectory[];
  /**
   * Looks at a path before the native function gets it and throws a FileError to refuse it.
   * `opening`: what is there will be opened, so it must not be able to block.
   */
  readonly inspect?: (path: GuestPath, follow: boolean, opening: boolean) => void;
}

interface NativeEntry extends GuestPath {
  readonly kind: 'native';
  readonly native: number;
  readonly preopenedAs?: Uint8Array;
  close(): void;
}

interface StreamEntry {
  readonly kind: 'stream';
  readonly stream: 0 | 1 | 2;
  nonblocking: boolean;
  close(): void;
}

type SocketEntry = GuestSocket & { close(): void };

const longestPath = 4095;
/** Every bit of `fdflags`; the last `whence` and `advice`. */
const [lastDescriptorFlags, lastWhence, lastAdvice] = [31, 2, 5];
const [createFlag, directoryFlag, truncateFlag] = [1, 2, 8];
const [followFlag, nonblockFlag] = [1, 4];
const writeRight = 1n << 6n;
/** FD_DATASYNC, FD_WRITE, FD_ALLOCATE, FD_FILESTAT_SET_SIZE: what uvwasi opens a file for writing for. */
const writingRights = (1n << 0n) | writeRight | (1n << 8n) | (1n << 22n);

/**
 * Stands between a guest and another implementation of preview 1, so that the guest never sits in a native call: streams,
 * sockets, sleeping and the end are ours. Descriptors are numbered, counted and capped here; the implementation's own numbers stay
 * hidden. It also refuses what no such implementation checks well enough: writes to read-only mounts and new symbolic links.
 */
export class Interposer {
  readonly #options: InterposerOptions;
  readonly #memory: GuestMemory;
  readonly #native: Readonly<Record<string, NativeFunction>>;
  readonly #streams: GuestStreams;
  readonly #sockets: GuestSocketCalls;
  readonly #table: DescriptorTable<NativeEntry | StreamEntry | SocketEntry>;

  constructor(options: InterposerOptions) {
    const { host, memory, native, preopened } = options;
    this.#options = options;
    this.#memory = memory;
    this.#native = Object.fromEntries(Object.entries(native).map(([name, act]) => [name, withExactArguments(act)]));
    this.#streams = new GuestStreams(host.stdio, memory);
    this.#sockets = new GuestSocketCalls(memory);
    this.#table = new DescriptorTable(host);
    for (const stream of [0, 1, 2] as const) this.#table.insert(() => ({ kind: 'stream', stream, nonblocking: false, close() {} }));
    for (const listener of host.listeners) this.#table.insert(() => ({ kind: 'listener', listener, nonblocking: false, close: () => listener.close() }));
    for (const directory of preopened) {
      this.#table.insert(() => ({ ...this.#entry(directory.native, directory.mount, ''), preopenedAs: new TextEncoder().encode(directory.mount.guestPath) }));
    }
  }

  /** The import object's functions: all that the native implementation has, and those that are ours. */
  functions(): Record<string, WebAssembly.ImportValue> {
    const { host } = this.#options;
    const plain = (act: (...args: never[]) => number) => syscall(host, act);
    const functions: Record<string, WebAssembly.ImportValue> = {};
    for (const [name, native] of Object.entries(this.#native)) functions[name] = plain((...args: never[]) => (this.#requireMemory(), native(...args)));
    for (const name of Object.keys(streamAnswers)) functions[name] = plain(this.#onDescriptor(name));
    return {
      ...functions,
      fd_write: blockingSyscall(host, (fd: number, vectors: number, count: number, result: number) => this.#write(fd, vectors, count, result)),
      fd_read: blockingSyscall(host, (fd: number, vectors: number, count: number, result: number) => this.#read(fd, vectors, count, result)),
      poll_oneoff: blockingSyscall(host, this.#poll()),
      fd_close: plain((fd: number) => (this.#table.close(fd), errno.SUCCESS)),
      fd_renumber: plain((from: number, to: number) => (this.#table.renumber(from, to), errno.SUCCESS)),
      ...clockFunctions(host, this.#memory),
      ...preopenFunctions(host, this.#memory, (fd) => this.#preopenedName(fd)),
      fd_fdstat_get: plain((fd: number, result: number) => this.#fdstat(fd, result)),
      fd_fdstat_set_flags: plain((fd: number, flags: number) => this.#setFlags(fd, flags)),
      fd_filestat_get: plain((fd: number, result: number) => this.#filestat(fd, result)),
      ...this.#pathFunctions(plain),
      proc_exit: plain((code: number) => this.#options.host.exit(code >>> 0)),
      proc_raise: plain(() => errno.ENOTSUP),
      random_get: plain((buffer: number, length: number) => (host.random(this.#memory.bytes(buffer, length)), errno.SUCCESS)),
      sched_yield: plain(() => errno.SUCCESS),
      ...this.#socketFunctions(plain),
    };
  }

  /** Closes all that the guest left open, preopened directories included. */
  close(): void {
    this.#table.closeAll();
  }

  #socketFunctions(plain: (act: (...args: never[]) => number) => WebAssembly.ImportValue): Record<string, WebAssembly.ImportValue> {
    const { host } = this.#options;
    const socket = (fd: number): SocketEntry => {
      const entry = this.#table.get(fd);
      if (entry.kind === 'native' || entry.kind === 'stream') throw new FileError('ENOTSOCK');
      return entry;
    };
    return {
      sock_accept: blockingSyscall(host, (fd: number, flags: number, result: number) =>
        this.#sockets.accept(socket(fd), flags, result, () => this.#table.requireRoom(), (connection, nonblocking) =>
          this.#table.insert(() => ({ kind: 'connection', connection, nonblocking, close: () => connection.close() })))),
      sock_recv: blockingSyscall(host, (fd: number, vectors: number, count: number, flags: number, length: number, resultFlags: number) =>
        this.#sockets.receive(socket(fd), vectors, count, flags, length, resultFlags)),
      sock_send: blockingSyscall(host, (fd: number, vectors: number, count: number, flags: number, result: number) => this.#sockets.send(socket(fd), vectors, count, flags, result)),
      sock_shutdown: plain((fd: number, how: number) => this.#sockets.shutdown(socket(fd), how)),
    };
  }

  #pathFunctions(plain: (act: (...args: never[]) => number) => WebAssembly.ImportValue): Record<string, WebAssembly.ImportValue> {
    const changing = (name: string) => plain((fd: number, path: number, length: number) => {
      const entry = this.#directory(fd, path, length, false, true);
      return this.#call(name, entry.native, path, length);
    });
    const two = (name: string, fd: number, lookup: number | undefined, path: number, length: number, toFd: number, toPath: number, toLength: number): number => {
      const from = this.#directory(fd, path, length, ((lookup ?? 0) & followFlag) !== 0, true);
      const to = this.#directory(toFd, toPath, toLength, false, true);
      if (from.mount !== to.mount) throw new FileError('EXDEV');
      return lookup === undefined
        ? this.#call(name, from.native, path, length, to.native, toPath, toLength)
        : this.#call(name, from.native, lookup, path, length, to.native, toPath, toLength);
    };
    return {
      path_open: plain((fd: number, lookup: number, path: number, length: number, oflags: number, base: bigint, inheriting: bigint, fdflags: number, result: number) =>
        this.#open(fd, lookup, path, length, oflags, base, inheriting, fdflags, result)),
      path_create_directory: changing('path_create_directory'),
      path_remove_directory: changing('path_remove_directory'),
      path_unlink_file: changing('path_unlink_file'),
      path_filestat_get: plain((fd: number, lookup: number, path: number, length: number, result: number) => {
        const entry = this.#directory(fd, path, length, (lookup & followFlag) !== 0, false);
        return this.#call('path_filestat_get', entry.native, lookup, path, length, result);
      }),
      path_filestat_set_times: plain((fd: number, lookup: number, path: number, length: number, access: bigint, modification: bigint, flags: number) => {
        const entry = this.#directory(fd, path, length, (lookup & followFlag) !== 0, true);
        checkTimes(flags);
        return this.#call('path_filestat_set_times', entry.native, lookup, path, length, access, modification, flags);
      }),
      path_readlink: plain((fd: number, path: number, length: number, buffer: number, bufferLength: number, result: number) => {
        const entry = this.#directory(fd, path, length, false, false);
        return this.#call('path_readlink', entry.native, path, length, buffer, bufferLength, result);
      }),
      path_rename: plain((fd: number, path: number, length: number, toFd: number, toPath: number, toLength: number) => two('path_rename', fd, undefined, path, length, toFd, toPath, toLength)),
      path_link: plain((fd: number, lookup: number, path: number, length: number, toFd: number, toPath: number, toLength: number) =>
        two('path_link', fd, lookup, path, length, toFd, toPath, toLength)),
      // A link that the guest makes is followed by the implementation's own, weaker resolution.
      path_symlink: plain((_contents: number, _contentsLength: number, fd: number) => (this.#table.get(fd), errno.EPERM)),
    };
  }

  #open(fd: number, lookup: number, path: number, length: number, oflags: number, base: bigint, inheriting: bigint, fdflags: number, result: number): number {
    // With O_DIRECTORY the right to write is for what is opened below.
    const writes = (oflags & (createFlag | truncateFlag)) !== 0 || ((base & writeRight) !== 0n && (oflags & directoryFlag) === 0);
    const entry = this.#directory(fd, path, length, (lookup & followFlag) !== 0, writes, true);
    this.#memory.check(result, 4);
    this.#table.requireRoom();
    const rights = entry.mount.readOnly ? base & ~writingRights : base;
    const answer = this.#call('path_open', entry.native, lookup, path, length, oflags, rights, inheriting, fdflags, result);
    if (answer !== errno.SUCCESS) return answer;
    const opened = this.#entry(this.#memory.u32(result), entry.mount, below(entry, this.#text(path, length)));
    this.#memory.setU32(result, this.#table.insert(() => opened));
    return errno.SUCCESS;
  }

  /** The directory that a path is relative to, after the path has been looked at. */
  #directory(fd: number, path: number, length: number, follow: boolean, changes: boolean, opening = false): NativeEntry {
    const entry = this.#table.get(fd);
    if (entry.kind !== 'native') throw new FileError('ENOTDIR');
    if (changes && entry.mount.readOnly) throw new FileError('EROFS');
    const text = this.#text(path, length);
    if (text === '') throw new FileError('ENOENT');
    if (text.includes('\0')) throw new FileError('EINVAL');
    if (text.startsWith('/')) throw new FileError('ENOTCAPABLE');
    this.#options.inspect?.({ mount: entry.mount, path: below(entry, text) }, follow, opening);
    return entry;
  }

  #onDescriptor(name: string): (...args: never[]) => number {
    const forStream = streamAnswers[name] as number;
    return ((fd: number, a: unknown, b: unknown, c: unknown, d: unknown) => {
      const entry = this.#table.get(fd);
      if (entry.kind !== 'native') return forStream;
      if (entry.mount.readOnly) refuseChange(name);
      checkNumber(name, b, c);
      return this.#call(name, entry.native, a, b, c, d);
    });
  }

  #write(fd: number, vectors: number, count: number, result: number): number | Blocked {
    const entry = this.#table.get(fd);
    if (entry.kind === 'native') {
      if (entry.mount.readOnly) refuseChange('fd_write');
      return this.#call('fd_write', entry.native, vectors, count, result);
    }
    if (entry.kind !== 'stream') return this.#sockets.write(entry, vectors, count, result);
    if (entry.stream === 0) throw new FileError('EBADF');
    return this.#streams.write(entry.stream, vectors, count, result);
  }

  #read(fd: number, vectors: number, count: number, result: number): number | Blocked {
    const entry = this.#table.get(fd);
    if (entry.kind === 'native') return this.#call('fd_read', entry.native, vectors, count, result);
    if (entry.kind !== 'stream') return this.#sockets.read(entry, vectors, count, result);
    if (entry.stream !== 0) throw new FileError('EBADF');
    return this.#streams.read(vectors, count, result, entry.nonblocking);
  }

  #poll(): (subscriptions: number, events: number, count: number, result: number) => number | Blocked {
    const poll = new Poll(this.#options.host, this.#memory, (fd, write) => {
      const entry = this.#table.get(fd);
      // A file never makes anyone wait; how much is left of it only the implementation knows.
      if (entry.kind === 'native') return 1;
      return entry.kind === 'stream' ? this.#streams.readiness(entry.stream, write) : this.#sockets.readiness(entry, write);
    });
    return (subscriptions, events, count, result) => poll.pollOneoff(subscriptions, events, count, result);
  }

  #preopenedName(fd: number): Uint8Array | 'listener' | undefined {
    const entry = this.#table.get(fd);
    if (entry.kind === 'listener') return 'listener';
    return entry.kind === 'native' ? entry.preopenedAs : undefined;
  }

  #fdstat(fd: number, result: number): number {
    const entry = this.#table.get(fd);
    if (entry.kind === 'native') return this.#call('fd_fdstat_get', entry.native, result);
    if (entry.kind !== 'stream') return this.#sockets.writeDescriptorStatus(entry, result);
    return this.#streams.writeDescriptorStatus(entry.stream, entry.nonblocking ? nonblockFlag : 0, result);
  }

  #setFlags(fd: number, flags: number): number {
    const entry = this.#table.get(fd);
    if (flags >>> 0 > lastDescriptorFlags) throw new FileError('EINVAL');
    if (entry.kind === 'native') return this.#call('fd_fdstat_set_flags', entry.native, flags);
    entry.nonblocking = (flags & nonblockFlag) !== 0;
    return errno.SUCCESS;
  }

  #filestat(fd: number, result: number): number {
    const entry = this.#table.get(fd);
    if (entry.kind === 'native') return this.#call('fd_filestat_get', entry.native, result);
    return (entry.kind === 'stream' ? this.#streams : this.#sockets).writeFileStatus(result);
  }

  #entry(native: number, mount: GuestMount, path: string): NativeEntry {
    return { kind: 'native', native, mount, path, close: () => void this.#call('fd_close', native) };
  }

  #text(pointer: number, length: number): string {
    return this.#memory.text(pointer, length, longestPath);
  }

  #call(name: string, ...args: unknown[]): number {
    this.#requireMemory();
    return (this.#native[name] as NativeFunction)(...args);
  }

  /** In a start section the implementation does not know the guest's memory yet, and says so by throwing. */
  #requireMemory(): void {
    if (!this.#memory.bound) throw new FileError('EFAULT');
  }
}

/** A path of the guest's under a directory that it opened, from the mount's root. */
function below(entry: GuestPath, path: string): string {
  return entry.path === '' ? path : `${entry.path}/${path}`;
}

/** What is opened in a read-only mount is never opened for writing; not every implementation remembers it. */
function refuseChange(name: string): void {
  if (name === 'fd_filestat_set_times') throw new FileError('EROFS');
  if (name === 'fd_filestat_set_size') throw new FileError('EINVAL');
  if (name === 'fd_write' || name === 'fd_pwrite' || name === 'fd_allocate') throw new FileError('EBADF');
}

/** Numbers out of their range: Wasmer panics at them, and uvwasi returns from `*_set_times` with its lock held. `b` and `c` follow the descriptor and one more. */
function checkNumber(name: string, b: unknown, c: unknown): void {
  if (name === 'fd_seek' && (b as number) >>> 0 > lastWhence) throw new FileError('EINVAL');
  if (name === 'fd_advise' && (c as number) >>> 0 > lastAdvice) throw new FileError('EINVAL');
  if (name === 'fd_filestat_set_times') checkTimes(c as number);
}

/** `fstflags`: a time cannot be both given and now. */
function checkTimes(flags: number): void {
  if (flags >>> 0 > 15 || (flags & 3) === 3 || (flags & 12) === 12) throw new FileError('EINVAL');
}
