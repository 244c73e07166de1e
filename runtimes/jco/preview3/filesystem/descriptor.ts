import { FileError } from '../../../../core/guest/files/file-error.ts';
import type { Listing } from '../../../../core/guest/files/listing.ts';
import { fileTypeOf, positionOf, textOf } from '../../filesystem/file-status.ts';
import type { FileType } from '../../filesystem/file-status.ts';
import { NodeDescriptor } from '../../filesystem/node-descriptor.ts';
import type { DescriptorFlags, OpenFlags, PathFlags, Words } from '../../filesystem/node-descriptor.ts';
import type { NodeTable, OpenNode } from '../../filesystem/open-node.ts';
import { writeAll } from '../../filesystem/write-all.ts';
import type { GuestContext } from '../../host/guest-context.ts';
import { instantOf } from '../clocks.ts';
import type { Instant } from '../clocks.ts';
import { done, drainInto, hostStream, pieceBytes } from '../guest-streams.ts';
import type { GuestByteStream, HostStream, Outcome } from '../guest-streams.ts';
import { errorCodeOf } from './error-code.ts';
import type { ErrorCode } from './error-code.ts';

/** `wasi:filesystem/types.descriptor-type` 0.3. */
type DescriptorType = { readonly tag: string; readonly val?: string | undefined };

/** `wasi:filesystem/types.directory-entry` 0.3. */
interface DirectoryEntry {
  readonly type: DescriptorType;
  readonly name: string;
}

type Written = Promise<Outcome<undefined, ErrorCode>>;

function typeOf(type: FileType): DescriptorType {
  return type === 'unknown' ? { tag: 'other', val: undefined } : { tag: type };
}

const words: Words<DescriptorType, Instant> = { typeOf, timeOf: instantOf, errorCodeOf };

/** `wasi:filesystem/types.descriptor` 0.3. Its asynchronous functions answer at once: what the host's disk takes, the guest's thread takes. */
export class Descriptor extends NodeDescriptor<DescriptorType, Instant> {
  constructor(context: GuestContext, table: NodeTable, open: OpenNode, mutateDirectory: boolean) {
    super(words, { context, table, open, mutateDirectory });
  }

  readViaStream(offset: bigint): [HostStream<Uint8Array>, Written] {
    this.context.called();
    const open = this.open.hold();
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

  readDirectory(): [HostStream<DirectoryEntry>, Written] {
    this.context.called();
    const { table } = this;
    const open = this.open.hold();
    let listing: Listing | undefined;
    return hostStream<DirectoryEntry, ErrorCode>(this.context, {
      pull() {
        listing ??= table.hold(() => open.directory.list());
        const entry = listing.next();
        return entry && { type: typeOf(fileTypeOf(entry)), name: textOf(entry.name) };
      },
      failureOf: errorCodeOf,
      close() {
        if (listing !== undefined) table.release(listing);
        open.release();
      },
    });
  }

  openAt(pathFlags: PathFlags, path: string, openFlags: OpenFlags, flags: DescriptorFlags): Descriptor {
    // No flags mean reading; making a file means writing it.
    const access = { ...flags, read: flags.read === true || flags.write !== true, write: flags.write === true || openFlags.create === true };
    return this.attempt(() => new Descriptor(this.context, this.table, this.openNodeAt(pathFlags, path, openFlags, access), flags.mutateDirectory === true));
  }

  async #write(data: GuestByteStream, start: () => number | 'end'): Written {
    this.context.called();
    const open = this.open.hold();
    try {
      const { file } = open;
      if (!file.access.write) throw new FileError('EBADF');
      let position = start();
      await drainInto(data, (bytes) => {
        this.context.called();
        position = writeAll(file, bytes, position);
      });
      return done;
    } catch (error) {
      data[Symbol.dispose]();
      return { tag: 'err', val: errorCodeOf(error) };
    } finally {
      open.release();
    }
  }
}
