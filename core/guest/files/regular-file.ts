import { closeSync, constants, fdatasyncSync, fstatSync, fsyncSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs';
import type { BigIntStats } from 'node:fs';
import type { GuestMount } from '../host.ts';
import { FileError } from './file-error.ts';
import { setFileTimes } from './set-file-times.ts';
import type { FileTimes } from './set-file-times.ts';

/** What a guest may change on an open file. */
export interface FileStatusFlags {
  readonly append: boolean;
  /** O_SYNC. */
  readonly sync: boolean;
  /** O_DSYNC. */
  readonly dataSync: boolean;
}

interface Access extends FileStatusFlags {
  readonly read: boolean;
  readonly write: boolean;
}

/**
 * A regular file that the guest has open. Its offset is kept here: Node has no lseek. Descriptors come from node:fs only,
 * which closes what is left when a thread ends.
 */
export class RegularFile {
  readonly #mount: GuestMount;
  readonly #access: { readonly read: boolean; readonly write: boolean };
  #fd: number;
  #flags: FileStatusFlags;
  #offset = 0;

  private constructor(fd: number, mount: GuestMount, access: Access) {
    this.#fd = fd;
    this.#mount = mount;
    this.#access = { read: access.read, write: access.write };
    this.#flags = { append: access.append, sync: access.sync, dataSync: access.dataSync };
  }

  /** Makes a file where there is nothing, not even a link: else EEXIST. */
  static create(hostPath: string, mount: GuestMount, access: Access): RegularFile {
    const fd = openSync(hostPath, openFlags(access) | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, 0o666);
    return new RegularFile(fd, mount, access);
  }

  /** `hostPath` must name a regular file for certain. */
  static open(hostPath: string, mount: GuestMount, access: Access & { readonly truncate: boolean }): RegularFile {
    const fd = openSync(hostPath, openFlags(access) | (access.truncate ? constants.O_TRUNC : 0));
    return new RegularFile(fd, mount, access);
  }

  get flags(): FileStatusFlags {
    return this.#flags;
  }

  get access(): { readonly read: boolean; readonly write: boolean } {
    return this.#access;
  }

  get offset(): number {
    return this.#offset;
  }

  set offset(value: number) {
    this.#offset = value;
  }

  close(): void {
    closeSync(this.#fd);
  }

  /** At the offset, which moves on. 0 is the end of the file. */
  read(target: Uint8Array): number {
    const count = this.readAt(target, this.#offset);
    this.#offset += count;
    return count;
  }

  readAt(target: Uint8Array, position: number): number {
    if (!this.#access.read) throw new FileError('EBADF');
    return target.length === 0 ? 0 : readSync(this.#fd, target, 0, target.length, position);
  }

  /** At the offset, or at the end with `append`; the offset moves on. May write less than asked for. */
  write(bytes: Uint8Array): number {
    const count = this.writeAt(bytes, this.#offset);
    if (this.#flags.append) this.#offset = Number(this.status().size);
    else this.#offset += count;
    return count;
  }

  /** With `append` the kernel writes at the end whatever `position` says. */
  writeAt(bytes: Uint8Array, position: number): number {
    if (!this.#access.write) throw new FileError('EBADF');
    return bytes.length === 0 ? 0 : writeSync(this.#fd, bytes, 0, bytes.length, position);
  }

  status(): BigIntStats {
    return fstatSync(this.#fd, { bigint: true });
  }

  setSize(size: number): void {
    if (!this.#access.write) throw new FileError('EINVAL');
    ftruncateSync(this.#fd, size);
  }

  setTimes(times: FileTimes): void {
    if (this.#mount.readOnly) throw new FileError('EROFS');
    setFileTimes(`/proc/self/fd/${this.#fd}`, true, times);
  }

  /** Linux' O_APPEND can be changed in place, Node cannot: the same file is opened again through its descriptor. */
  setFlags(flags: FileStatusFlags): void {
    const fd = openSync(`/proc/self/fd/${this.#fd}`, openFlags({ ...this.#access, ...flags }));
    closeSync(this.#fd);
    this.#fd = fd;
    this.#flags = flags;
  }

  synchronize(): void {
    fsyncSync(this.#fd);
  }

  synchronizeData(): void {
    fdatasyncSync(this.#fd);
  }
}

function openFlags(access: Access): number {
  const mode = access.write ? (access.read ? constants.O_RDWR : constants.O_WRONLY) : constants.O_RDONLY;
  return mode | (access.append ? constants.O_APPEND : 0) | (access.sync ? constants.O_SYNC : 0) | (access.dataSync ? constants.O_DSYNC : 0);
}
