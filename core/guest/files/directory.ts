import { closeSync, constants, fstatSync, fsyncSync, linkSync, lstatSync, mkdirSync, openSync, readlinkSync, renameSync, rmdirSync, statSync, symlinkSync, unlinkSync } from 'node:fs';
import type { BigIntStats } from 'node:fs';
import { FileError } from './file-error.ts';
import { Listing } from './listing.ts';
import type { HeldDirectory, MountTable } from './mount-table.ts';
import { walkFlags } from './open-flags.ts';
import { hostPathOf, walk } from './path-walk.ts';
import type { WalkTarget } from './path-walk.ts';
import { RegularFile } from './regular-file.ts';
import type { FileStatusFlags } from './regular-file.ts';
import { setFileTimes } from './set-file-times.ts';
import type { FileTimes } from './set-file-times.ts';

export interface OpenOptions extends FileStatusFlags {
  readonly follow: boolean;
  readonly create: boolean;
  readonly exclusive: boolean;
  readonly truncate: boolean;
  /** Only a directory will do. */
  readonly directory: boolean;
  readonly read: boolean;
  readonly write: boolean;
}

/** A race with whoever else changes the directory is lost at most this often. */
const maximumAttempts = 8;

/**
 * A directory that the guest has open. Paths are the guest's: relative, `/` between components. Every method throws a
 * FileError or Node's system error, whose `code` is the errno.
 */
export class Directory {
  readonly #mounts: MountTable;
  readonly #held: HeldDirectory;

  /** Owns `held` unless it is a root of `mounts`, which the table itself closes. */
  constructor(mounts: MountTable, held: HeldDirectory) {
    this.#mounts = mounts;
    this.#held = held;
  }

  close(): void {
    if (!this.#mounts.isRoot(this.#held)) closeSync(this.#held.fd);
  }

  get readOnly(): boolean {
    return this.#held.mount.readOnly;
  }

  /**
   * Opens what is at `path`, creating it if asked. Nothing that could block is opened: what is there is looked at through
   * an O_PATH descriptor first, and anything but a file or a directory is ENOTSUP.
   */
  open(path: string, options: OpenOptions): RegularFile | Directory {
    for (let attempt = 0; ; attempt++) {
      const opened = this.#walk(path, options.follow && !options.exclusive, (target) => this.#openTarget(target, options));
      if (opened !== undefined) return opened;
      if (attempt === maximumAttempts) throw new FileError('EAGAIN');
    }
  }

  status(): BigIntStats {
    return fstatSync(this.#held.fd, { bigint: true });
  }

  statusOf(path: string, follow: boolean): BigIntStats {
    return this.#walk(path, follow, statusOf);
  }

  setTimes(times: FileTimes): void {
    this.#refuseReadOnly(this.#held);
    setFileTimes(hostPathOf(this.#held), true, times);
  }

  setTimesOf(path: string, follow: boolean, times: FileTimes): void {
    this.#walk(path, follow, (target) => {
      this.#refuseReadOnly(target.directory);
      statusOf(target);
      setFileTimes(target.hostPath, target.name === undefined, times);
    });
  }

  createDirectory(path: string): void {
    this.#change(path, 'EEXIST', (hostPath) => mkdirSync(hostPath));
  }

  removeDirectory(path: string): void {
    this.#change(path, 'EINVAL', (hostPath) => rmdirSync(hostPath));
  }

  removeFile(path: string): void {
    this.#change(path, 'EISDIR', (hostPath) => unlinkSync(hostPath));
  }

  /**
   * What relative `contents` lead to is decided when the link is walked. Absolute ones are ENOTCAPABLE: whoever else reads
   * the volume, on the host for one, would be led elsewhere.
   */
  createSymbolicLink(contents: string, path: string): void {
    if (contents === '') throw new FileError('ENOENT');
    if (contents.includes('\0')) throw new FileError('EINVAL');
    if (contents.startsWith('/')) throw new FileError('ENOTCAPABLE');
    this.#change(path, 'EEXIST', (hostPath) => symlinkSync(contents, hostPath));
  }

  readSymbolicLink(path: string): Buffer {
    return this.#walk(path, false, (target) => {
      if (target.name === undefined || target.directoryOnly) throw new FileError('EINVAL');
      return readlinkSync(target.hostPath, { encoding: 'buffer' });
    });
  }

  /** Within one mount, as on a bind mount: elsewhere EXDEV. */
  rename(path: string, toDirectory: Directory, toPath: string): void {
    this.#changeTwo(path, toDirectory, toPath, 'EBUSY', (from, to) => renameSync(from, to));
  }

  /** Within one mount: a link from a read-only mount into a writable one would make the file writable. */
  createHardLink(path: string, toDirectory: Directory, toPath: string): void {
    this.#changeTwo(path, toDirectory, toPath, 'EEXIST', (from, to) => linkSync(from, to));
  }

  /** Its entries, from the first one on. */
  list(): Listing {
    return new Listing(hostPathOf(this.#held));
  }

  /** The inode of an entry; 0 when it is gone. */
  inodeOf(name: Buffer): bigint {
    return lstatSync(Buffer.concat([Buffer.from(`${hostPathOf(this.#held)}/`), name]), { bigint: true, throwIfNoEntry: false })?.ino ?? 0n;
  }

  /** Writes the directory itself to the disk. */
  synchronize(): void {
    const fd = openSync(hostPathOf(this.#held), constants.O_RDONLY | constants.O_DIRECTORY);
    try {
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
  }

  /** A slash at the end asks for what a link leads to. */
  #walk<Result>(path: string, follow: boolean, act: (target: WalkTarget) => Result): Result {
    return walk(this.#mounts, this.#held, path, { follow: follow || path.endsWith('/') }, act);
  }

  /** Undefined: the entry changed under us and the walk must be made again. */
  #openTarget(target: WalkTarget, options: OpenOptions): RegularFile | Directory | undefined {
    const { directory, name } = target;
    if (name === undefined) return this.#openKnown(target.hostPath, directory, directory.guestPath, options);
    const guestPath = `${directory.guestPath}/${name}`;
    const status = lstatSync(target.hostPath, { throwIfNoEntry: false });
    if (status === undefined) {
      if (!options.create) throw new FileError('ENOENT');
      if (target.directoryOnly) throw new FileError('EISDIR');
      this.#refuseReadOnly(directory);
      try {
        return RegularFile.create(target.hostPath, directory.mount, options);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'EEXIST') return undefined;
        throw error;
      }
    }
    if (options.create && options.exclusive) throw new FileError('EEXIST');
    if (status.isSymbolicLink()) {
      if (options.follow) return undefined;
      throw new FileError('ELOOP');
    }
    const fd = openSync(target.hostPath, walkFlags.anything);
    try {
      if (fstatSync(fd).isSymbolicLink()) return undefined;
      return this.#openKnown(`/proc/self/fd/${fd}`, directory, guestPath, { ...options, directory: options.directory || target.directoryOnly });
    } finally {
      closeSync(fd);
    }
  }

  /** Opens what a descriptor names, through its magic link: nothing can be put in its place. */
  #openKnown(hostPath: string, parent: HeldDirectory, guestPath: string, options: OpenOptions): RegularFile | Directory {
    const status = statSync(hostPath);
    if (status.isDirectory()) {
      if (options.create && options.exclusive) throw new FileError('EEXIST');
      if (options.write || options.truncate) throw new FileError('EISDIR');
      const fd = openSync(hostPath, walkFlags.directory & ~constants.O_NOFOLLOW);
      return new Directory(this.#mounts, { fd, mount: parent.mount, guestPath });
    }
    if (options.directory) throw new FileError('ENOTDIR');
    if (!status.isFile()) throw new FileError('ENOTSUP');
    if (options.write || options.truncate) this.#refuseReadOnly(parent);
    return RegularFile.open(hostPath, parent.mount, options);
  }

  #change(path: string, onDirectoryItself: string, act: (hostPath: string) => void): void {
    walk(this.#mounts, this.#held, path, { follow: false }, (target) => act(this.#changeable(target, onDirectoryItself)));
  }

  #changeTwo(path: string, toDirectory: Directory, toPath: string, onDirectoryItself: string, act: (from: string, to: string) => void): void {
    walk(this.#mounts, this.#held, path, { follow: false }, (from) => {
      walk(this.#mounts, toDirectory.#held, toPath, { follow: false }, (to) => {
        const [fromHost, toHost] = [this.#changeable(from, onDirectoryItself), this.#changeable(to, onDirectoryItself)];
        if (from.directory.mount !== to.directory.mount) throw new FileError('EXDEV');
        act(fromHost, toHost);
      });
    });
  }

  /** The host path of an entry that is to be made, removed or replaced; the slash at its end is the kernel's to judge. */
  #changeable(target: WalkTarget, onDirectoryItself: string): string {
    this.#refuseReadOnly(target.directory);
    if (target.name === undefined) throw new FileError(onDirectoryItself);
    if (this.#mounts.isBusy(target.directory, target.name)) throw new FileError('EBUSY');
    return target.directoryOnly ? `${target.hostPath}/` : target.hostPath;
  }

  #refuseReadOnly(directory: HeldDirectory): void {
    if (directory.mount.readOnly) throw new FileError('EROFS');
  }
}

/** ENOENT when nothing is there, ENOTDIR when a path with a slash at its end leads to something else than a directory. */
function statusOf(target: WalkTarget): BigIntStats {
  if (target.name === undefined) return fstatSync(target.directory.fd, { bigint: true });
  const status = lstatSync(target.hostPath, { bigint: true });
  if (target.directoryOnly && !status.isDirectory()) throw new FileError('ENOTDIR');
  return status;
}
