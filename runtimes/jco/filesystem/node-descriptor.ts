import type { BigIntStats } from 'node:fs';
import { Directory } from '../../../core/guest/files/directory.ts';
import { FileError } from '../../../core/guest/files/file-error.ts';
import { attemptAs } from '../host/component-failure.ts';
import type { GuestContext } from '../host/guest-context.ts';
import { HostResource } from '../host/host-resource.ts';
import { fileTypeOf, hashOf, positionOf, textOf, timesOf } from './file-status.ts';
import type { FileType, NewTimestamp, Timestamp } from './file-status.ts';
import { OpenNode } from './open-node.ts';
import type { NodeTable } from './open-node.ts';

/** Flags of WIT arrive as objects of booleans. */
export interface PathFlags { readonly symlinkFollow?: boolean }
export interface OpenFlags { readonly create?: boolean; readonly directory?: boolean; readonly exclusive?: boolean; readonly truncate?: boolean }
export interface DescriptorFlags {
  readonly read?: boolean;
  readonly write?: boolean;
  readonly fileIntegritySync?: boolean;
  readonly dataIntegritySync?: boolean;
  readonly requestedWriteSync?: boolean;
  readonly mutateDirectory?: boolean;
}

/** `wasi:filesystem/types.descriptor-stat`. */
export interface DescriptorStat<Type, Time> {
  readonly type: Type;
  readonly linkCount: bigint;
  readonly size: bigint;
  readonly dataAccessTimestamp: Time;
  readonly dataModificationTimestamp: Time;
  readonly statusChangeTimestamp: Time;
}

/** `wasi:filesystem/types.metadata-hash-value`. */
export interface MetadataHash { readonly lower: bigint; readonly upper: bigint }

/** How a version of `wasi:filesystem` says things. */
export interface Words<Type, Time> {
  typeOf(type: FileType): Type;
  /** From nanoseconds since the epoch. */
  timeOf(nanoseconds: bigint): Time;
  /** @throws the error itself when it is not the file system's */
  errorCodeOf(error: unknown): unknown;
}

export interface NodeDescriptorOptions {
  readonly context: GuestContext;
  readonly table: NodeTable;
  readonly open: OpenNode;
  /** What the flags of a directory say, where its mount can be written. */
  readonly mutateDirectory: boolean;
}

/**
 * What `wasi:filesystem/types.descriptor` is in 0.2 and in 0.3, on the same resolver as preview 1. Paths are relative, links are
 * followed inside the mounts only; what fails throws an `error-code` as ComponentFailure.
 */
export abstract class NodeDescriptor<Type, Time extends Timestamp> extends HostResource {
  protected readonly table: NodeTable;
  protected readonly open: OpenNode;
  readonly #words: Words<Type, Time>;
  readonly #mutateDirectory: boolean;

  constructor(words: Words<Type, Time>, { context, table, open, mutateDirectory }: NodeDescriptorOptions) {
    super(context);
    this.table = table;
    this.open = open;
    this.#words = words;
    this.#mutateDirectory = mutateDirectory;
  }

  override [Symbol.dispose](): void {
    super[Symbol.dispose]();
    this.open.release();
  }

  /** Advice is taken note of by not failing. */
  advise(): void {
    this.attempt(() => this.open.node instanceof Directory && this.refuse('EBADF'));
  }

  syncData(): void {
    this.attempt(() => (this.open.node instanceof Directory ? this.open.node.synchronize() : this.open.node.synchronizeData()));
  }

  sync(): void {
    this.attempt(() => this.open.node.synchronize());
  }

  getFlags(): DescriptorFlags {
    return this.attempt(() => {
      const { node } = this.open;
      if (node instanceof Directory) return { read: true, mutateDirectory: this.#mutateDirectory && !node.readOnly };
      return { ...node.access, fileIntegritySync: node.flags.sync, dataIntegritySync: node.flags.dataSync };
    });
  }

  getType(): Type {
    return this.attempt(() => this.#typeOf(this.#status()));
  }

  setSize(size: bigint): void {
    this.attempt(() => this.open.file.setSize(positionOf(size)));
  }

  setTimes(access: NewTimestamp<Time>, modification: NewTimestamp<Time>): void {
    this.attempt(() => this.open.node.setTimes(timesOf(access, modification, this.context.host.clock.realtime())));
  }

  createDirectoryAt(path: string): void {
    this.attempt(() => this.open.directory.createDirectory(path));
  }

  stat(): DescriptorStat<Type, Time> {
    return this.attempt(() => this.#statOf(this.#status()));
  }

  statAt(flags: PathFlags, path: string): DescriptorStat<Type, Time> {
    return this.attempt(() => this.#statOf(this.#statusAt(flags, path)));
  }

  setTimesAt(flags: PathFlags, path: string, access: NewTimestamp<Time>, modification: NewTimestamp<Time>): void {
    this.attempt(() => {
      const times = timesOf(access, modification, this.context.host.clock.realtime());
      this.open.directory.setTimesOf(path, flags.symlinkFollow === true, times);
    });
  }

  linkAt(flags: PathFlags, path: string, target: NodeDescriptor<Type, Time>, targetPath: string): void {
    this.attempt(() => {
      if (flags.symlinkFollow === true) this.refuse('EINVAL');
      if (this.#statusAt({}, path).isDirectory()) this.refuse('EPERM');
      this.open.directory.createHardLink(path, target.open.directory, targetPath);
    });
  }

  readlinkAt(path: string): string {
    return this.attempt(() => {
      const contents = textOf(this.open.directory.readSymbolicLink(path));
      return contents.startsWith('/') ? this.refuse('EPERM') : contents;
    });
  }

  removeDirectoryAt(path: string): void {
    this.attempt(() => {
      // With a slash at the end the name stands for what a link leads to, which may be outside.
      if (path.endsWith('/')) this.#statusAt({ symlinkFollow: true }, path);
      this.open.directory.removeDirectory(path);
    });
  }

  renameAt(path: string, target: NodeDescriptor<Type, Time>, targetPath: string): void {
    this.attempt(() => this.open.directory.rename(path, target.open.directory, targetPath));
  }

  symlinkAt(contents: string, path: string): void {
    this.attempt(() => this.open.directory.createSymbolicLink(contents, path));
  }

  unlinkFileAt(path: string): void {
    this.attempt(() => this.open.directory.removeFile(path));
  }

  isSameObject(other: NodeDescriptor<Type, Time>): boolean {
    this.context.called();
    const [mine, theirs] = [this.#status(), other.#status()];
    return mine.dev === theirs.dev && mine.ino === theirs.ino;
  }

  metadataHash(): MetadataHash {
    return this.attempt(() => hashOf(this.#status()));
  }

  metadataHashAt(flags: PathFlags, path: string): MetadataHash {
    return this.attempt(() => hashOf(this.#statusAt(flags, path)));
  }

  protected attempt<Result>(action: () => Result): Result {
    this.context.called();
    return attemptAs((error) => this.#words.errorCodeOf(error), action);
  }

  protected openNodeAt(pathFlags: PathFlags, path: string, openFlags: OpenFlags, flags: DescriptorFlags): OpenNode {
    const { directory } = this.open;
    return OpenNode.open(this.table, () => directory.open(path, {
      follow: pathFlags.symlinkFollow === true,
      create: openFlags.create === true,
      exclusive: openFlags.exclusive === true,
      truncate: openFlags.truncate === true,
      directory: openFlags.directory === true,
      read: flags.read === true,
      write: flags.write === true,
      append: false,
      sync: flags.fileIntegritySync === true,
      dataSync: flags.dataIntegritySync === true,
    }));
  }

  protected refuse(code: string): never {
    throw new FileError(code);
  }

  #status(): BigIntStats {
    return this.open.node.status();
  }

  #statusAt(flags: PathFlags, path: string): BigIntStats {
    return this.open.directory.statusOf(path, flags.symlinkFollow === true);
  }

  #typeOf(status: BigIntStats): Type {
    return this.#words.typeOf(fileTypeOf(status));
  }

  #statOf(status: BigIntStats): DescriptorStat<Type, Time> {
    return {
      type: this.#typeOf(status),
      linkCount: status.nlink,
      size: status.size,
      dataAccessTimestamp: this.#words.timeOf(status.atimeNs),
      dataModificationTimestamp: this.#words.timeOf(status.mtimeNs),
      statusChangeTimestamp: this.#words.timeOf(status.ctimeNs),
    };
  }
}
