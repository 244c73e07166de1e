import type { BigIntStats } from 'node:fs';
import { Directory } from '../../../../core/guest/files/directory.ts';
import { FileError } from '../../../../core/guest/files/file-error.ts';
import type { Listing } from '../../../../core/guest/files/listing.ts';
import { hashOf, textOf } from '../../preview2/filesystem/file-status.ts';
import { OpenNode } from '../../filesystem/open-node.ts';
import type { NodeTable } from '../../filesystem/open-node.ts';
import type { GuestContext } from '../../host/guest-context.ts';
import { HostResource } from '../../host/host-resource.ts';
import { done, drainInto, hostStream, pieceBytes } from '../guest-streams.ts';
import type { GuestByteStream, HostStream, Outcome } from '../guest-streams.ts';
import { attempt, errorCodeOf } from './error-code.ts';
import type { ErrorCode } from './error-code.ts';
import { positionOf, statOf, timesOf, typeOf } from './file-status.ts';
import type { DescriptorStat, DescriptorType, NewTimestamp } from './file-status.ts';

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

type Written = Promise<Outcome<undefined, ErrorCode>>;

/**
 * `wasi:filesystem/types.descriptor` 0.3, on the same resolver as 0.2 and preview 1. Its asynchronous functions answer at once:
 * what the host's disk takes, the guest's thread takes. Failures are `error-code`s as ComponentFailure.
 */
export class Descriptor extends HostResource {
  readonly #table: NodeTable;
  readonly #open: OpenNode;
  /** As it was asked for. */
  readonly #mutateDirectory: boolean;

  constructor(context: GuestContext, table: NodeTable, open: OpenNode, mutateDirectory: boolean) {
    super(context);
    this.#table = table;
    this.#open = open;
    this.#mutateDirectory = mutateDirectory;
  }

  override [Symbol.dispose](): void {
    super[Symbol.dispose]();
    this.#open.release();
  }

  readViaStream(offset: bigint): [HostStream<Uint8Array>, Written] {
    this.context.called();
    const open = this.#open.hold();
    const target = new Uint8Array(pieceBytes);
    let position: number | undefined;
    return hostStream<Uint8Array, ErrorCode>(this.context, {
      pull() {
        if (!open.file.access.read) throw new FileError('EBADF');
        position ??= positionOf(offset);
        const count = open.file.readAt(target, position);
        position += count;
        return count === 0 ? undefined : target.slice(0, count);
      },
      failureOf: errorCodeOf,
      close: () => open.release(),
    });
  }

  writeViaStream(data: GuestByteStream, offset: bigint): Written {
    return this.#write(data, () => positionOf(offset));
  }

  appendViaStream(data: GuestByteStream): Written {
    return this.#write(data, () => 'end');
  }

  /** Advice is taken note of by not failing. */
  advise(): void {
    this.#attempt(() => this.#open.node instanceof Directory && this.#refuse('EBADF'));
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
      if (node instanceof Directory) return { read: true, mutateDirectory: this.#mutateDirectory && !node.readOnly };
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

  readDirectory(): [HostStream<DirectoryEntry>, Written] {
    this.context.called();
    const open = this.#open.hold();
    const table = this.#table;
    let listing: Listing | undefined;
    return hostStream<DirectoryEntry, ErrorCode>(this.context, {
      pull() {
        listing ??= table.hold(() => open.directory.list());
        const entry = listing.next();
        return entry && { type: typeOf(entry), name: textOf(entry.name) };
      },
      failureOf: errorCodeOf,
      close() {
        if (listing !== undefined) table.release(listing);
        open.release();
      },
    });
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
      if (this.#statusAt({}, path).isDirectory()) this.#refuse('EPERM');
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
        // No flags mean reading; making a file means writing it.
        read: flags.read === true || flags.write !== true,
        write: flags.write === true || openFlags.create === true,
        append: false,
        sync: flags.fileIntegritySync === true,
        dataSync: flags.dataIntegritySync === true,
      }));
      return new Descriptor(this.context, this.#table, open, flags.mutateDirectory === true);
    });
  }

  readlinkAt(path: string): string {
    return this.#attempt(() => {
      const contents = textOf(this.#open.directory.readSymbolicLink(path));
      return contents.startsWith('/') ? this.#refuse('EPERM') : contents;
    });
  }

  removeDirectoryAt(path: string): void {
    this.#attempt(() => {
      // With a slash at the end the name stands for what a link leads to, which may be outside.
      if (path.endsWith('/')) this.#statusAt({ symlinkFollow: true }, path);
      this.#open.directory.removeDirectory(path);
    });
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

  async #write(data: GuestByteStream, start: () => number | 'end'): Written {
    this.context.called();
    const open = this.#open.hold();
    try {
      const { file } = open;
      if (!file.access.write) throw new FileError('EBADF');
      let position = start();
      await drainInto(data, (bytes) => {
        this.context.called();
        let at = position === 'end' ? Number(file.status().size) : position;
        for (let written = 0; written < bytes.length; ) {
          const count = file.writeAt(bytes.subarray(written), at);
          written += count;
          at += count;
        }
        if (position !== 'end') position = at;
      });
      return done;
    } catch (error) {
      data[Symbol.dispose]();
      return { tag: 'err', val: errorCodeOf(error) };
    } finally {
      open.release();
    }
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

  #refuse(code: string): never {
    throw new FileError(code);
  }
}

interface DirectoryEntry {
  readonly type: DescriptorType;
  readonly name: string;
}
