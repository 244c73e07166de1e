import { Directory } from '../../../../core/guest/files/directory.ts';
import { FileError } from '../../../../core/guest/files/file-error.ts';
import type { Listing } from '../../../../core/guest/files/listing.ts';
import type { BigIntStats } from 'node:fs';
import type { GuestContext } from '../../host/guest-context.ts';
import { HostResource } from '../../host/host-resource.ts';
import { boundedLength } from '../streams.ts';
import { attempt } from './error-code.ts';
import { hashOf, positionOf, statOf, textOf, timesOf, typeOf } from './file-status.ts';
import type { DescriptorStat, DescriptorType, NewTimestamp } from './file-status.ts';
import { FileInputStream, FileOutputStream } from './file-streams.ts';
import { OpenNode } from '../../filesystem/open-node.ts';
import type { NodeTable } from '../../filesystem/open-node.ts';

/** Flags of WIT arrive as objects of booleans. */
interface PathFlags { readonly symlinkFollow?: boolean }
interface OpenFlags { readonly create?: boolean; readonly directory?: boolean; readonly exclusive?: boolean; readonly truncate?: boolean }
interface DescriptorFlags {
  readonly read?: boolean;
  readonly write?: boolean;
  readonly fileIntegritySync?: boolean;
  readonly dataIntegritySync?: boolean;
  readonly requestedWriteSync?: boolean;
  readonly mutateDirectory?: boolean;
}

/** What a listing takes in the node's heap, roughly: Node reads 32 entries at once. */
const listingBytes = 4096;

/** `wasi:filesystem/types.directory-entry-stream`. Counts as a descriptor. */
export class DirectoryEntryStream extends HostResource {
  readonly #table: NodeTable;
  readonly #listing: Listing;

  /** `listing` is held by `table`. */
  constructor(context: GuestContext, table: NodeTable, listing: Listing) {
    super(context, listingBytes);
    this.#table = table;
    this.#listing = listing;
  }

  override [Symbol.dispose](): void {
    super[Symbol.dispose]();
    this.#table.release(this.#listing);
  }

  readDirectoryEntry(): { readonly type: DescriptorType; readonly name: string } | undefined {
    this.context.called();
    return attempt(() => {
      const entry = this.#listing.next();
      return entry && { type: typeOf(entry), name: textOf(entry.name) };
    });
  }
}

/**
 * `wasi:filesystem/types.descriptor` 0.2, on the same resolver as preview 1. Paths are relative, links are followed inside
 * the mounts only; every method throws an `error-code` as ComponentFailure.
 */
export class Descriptor extends HostResource {
  readonly #table: NodeTable;
  readonly #open: OpenNode;

  constructor(context: GuestContext, table: NodeTable, open: OpenNode) {
    super(context);
    this.#table = table;
    this.#open = open;
  }

  override [Symbol.dispose](): void {
    super[Symbol.dispose]();
    this.#open.release();
  }

  readViaStream(offset: bigint): FileInputStream {
    return this.#attempt(() => {
      const { file } = this.#open;
      return new FileInputStream(this.context, this.#open, file.access.read ? positionOf(offset) : this.#refuse('EBADF'));
    });
  }

  writeViaStream(offset: bigint): FileOutputStream {
    return this.#attempt(() => new FileOutputStream(this.context, this.#writable(), positionOf(offset)));
  }

  appendViaStream(): FileOutputStream {
    return this.#attempt(() => new FileOutputStream(this.context, this.#writable(), 'end'));
  }

  /** Advice is taken note of by not failing. */
  advise(): void {
    this.#attempt(() => this.#open.file);
  }

  syncData(): void {
    this.#attempt(() => (this.#open.node instanceof Directory ? this.#open.node.synchronize() : this.#open.node.synchronizeData()));
  }

  sync(): void {
    this.#attempt(() => this.#open.node.synchronize());
  }

  getFlags(): DescriptorFlags {
    return this.#attempt(() => {
      const { node } = this.#open;
      if (node instanceof Directory) return { read: true, mutateDirectory: !node.readOnly };
      return { ...node.access, fileIntegritySync: node.flags.sync, dataIntegritySync: node.flags.dataSync };
    });
  }

  getType(): DescriptorType {
    return this.#attempt(() => typeOf(this.#status()));
  }

  setSize(size: bigint): void {
    this.#attempt(() => this.#open.file.setSize(positionOf(size)));
  }

  setTimes(access: NewTimestamp, modification: NewTimestamp): void {
    this.#attempt(() => this.#open.node.setTimes(timesOf(access, modification, this.context.host.clock.realtime())));
  }

  /** Bytes, and whether the file ended. */
  read(length: bigint, offset: bigint): [Uint8Array, boolean] {
    return this.#attempt(() => {
      const target = new Uint8Array(boundedLength(length));
      const count = this.#open.file.readAt(target, positionOf(offset));
      return [target.subarray(0, count), count === 0 && target.length > 0];
    });
  }

  write(bytes: Uint8Array, offset: bigint): bigint {
    return this.#attempt(() => BigInt(this.#open.file.writeAt(bytes, positionOf(offset))));
  }

  readDirectory(): DirectoryEntryStream {
    return this.#attempt(() => new DirectoryEntryStream(this.context, this.#table, this.#table.hold(() => this.#open.directory.list())));
  }

  createDirectoryAt(path: string): void {
    this.#attempt(() => this.#open.directory.createDirectory(path));
  }

  stat(): DescriptorStat {
    return this.#attempt(() => statOf(this.#status()));
  }

  statAt(flags: PathFlags, path: string): DescriptorStat {
    return this.#attempt(() => statOf(this.#statusAt(flags, path)));
  }

  setTimesAt(flags: PathFlags, path: string, access: NewTimestamp, modification: NewTimestamp): void {
    this.#attempt(() => {
      const times = timesOf(access, modification, this.context.host.clock.realtime());
      this.#open.directory.setTimesOf(path, flags.symlinkFollow === true, times);
    });
  }

  linkAt(flags: PathFlags, path: string, target: Descriptor, targetPath: string): void {
    this.#attempt(() => {
      if (flags.symlinkFollow === true) this.#refuse('EINVAL');
      this.#open.directory.createHardLink(path, target.#open.directory, targetPath);
    });
  }

  openAt(pathFlags: PathFlags, path: string, openFlags: OpenFlags, flags: DescriptorFlags): Descriptor {
    return this.#attempt(() => {
      const { directory } = this.#open;
      const open = OpenNode.open(this.#table, () => directory.open(path, {
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
      return new Descriptor(this.context, this.#table, open);
    });
  }

  readlinkAt(path: string): string {
    return this.#attempt(() => {
      const contents = textOf(this.#open.directory.readSymbolicLink(path));
      return contents.startsWith('/') ? this.#refuse('EPERM') : contents;
    });
  }

  removeDirectoryAt(path: string): void {
    this.#attempt(() => this.#open.directory.removeDirectory(path));
  }

  renameAt(path: string, target: Descriptor, targetPath: string): void {
    this.#attempt(() => this.#open.directory.rename(path, target.#open.directory, targetPath));
  }

  symlinkAt(contents: string, path: string): void {
    this.#attempt(() => this.#open.directory.createSymbolicLink(contents, path));
  }

  unlinkFileAt(path: string): void {
    this.#attempt(() => this.#open.directory.removeFile(path));
  }

  isSameObject(other: Descriptor): boolean {
    this.context.called();
    const [mine, theirs] = [this.#status(), other.#status()];
    return mine.dev === theirs.dev && mine.ino === theirs.ino;
  }

  metadataHash(): { readonly lower: bigint; readonly upper: bigint } {
    return this.#attempt(() => hashOf(this.#status()));
  }

  metadataHashAt(flags: PathFlags, path: string): { readonly lower: bigint; readonly upper: bigint } {
    return this.#attempt(() => hashOf(this.#statusAt(flags, path)));
  }

  #attempt<Result>(action: () => Result): Result {
    this.context.called();
    return attempt(action);
  }

  #status(): BigIntStats {
    return this.#open.node.status();
  }

  #statusAt(flags: PathFlags, path: string): BigIntStats {
    return this.#open.directory.statusOf(path, flags.symlinkFollow === true);
  }

  #writable(): OpenNode {
    return this.#open.file.access.write ? this.#open : this.#refuse('EBADF');
  }

  #refuse(code: string): never {
    throw new FileError(code);
  }
}
