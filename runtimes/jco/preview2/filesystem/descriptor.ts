import { errorCodeOf } from '../../filesystem/error-code.ts';
import { positionOf } from '../../filesystem/file-status.ts';
import type { FileType } from '../../filesystem/file-status.ts';
import { NodeDescriptor } from '../../filesystem/node-descriptor.ts';
import type { DescriptorFlags, OpenFlags, PathFlags, Words } from '../../filesystem/node-descriptor.ts';
import type { NodeTable, OpenNode } from '../../filesystem/open-node.ts';
import type { GuestContext } from '../../host/guest-context.ts';
import { dateTimeOf } from '../clocks.ts';
import type { DateTime } from '../clocks.ts';
import { boundedLength } from '../streams.ts';
import { DirectoryEntryStream } from './directory-entry-stream.ts';
import { FileInputStream, FileOutputStream } from './file-streams.ts';

const words: Words<FileType, DateTime> = { typeOf: (type) => type, timeOf: dateTimeOf, errorCodeOf };

/** `wasi:filesystem/types.descriptor` 0.2. */
export class Descriptor extends NodeDescriptor<FileType, DateTime> {
  constructor(context: GuestContext, table: NodeTable, open: OpenNode) {
    super(words, { context, table, open, mutateDirectory: true });
  }

  readViaStream(offset: bigint): FileInputStream {
    return this.attempt(() => {
      const { file } = this.open;
      return new FileInputStream(this.context, this.open, file.access.read ? positionOf(offset) : this.refuse('EBADF'));
    });
  }

  writeViaStream(offset: bigint): FileOutputStream {
    return this.attempt(() => new FileOutputStream(this.context, this.#writable(), positionOf(offset)));
  }

  appendViaStream(): FileOutputStream {
    return this.attempt(() => new FileOutputStream(this.context, this.#writable(), 'end'));
  }

  /** Bytes, and whether the file ended. */
  read(length: bigint, offset: bigint): [Uint8Array, boolean] {
    return this.attempt(() => {
      const target = new Uint8Array(boundedLength(length));
      const count = this.open.file.readAt(target, positionOf(offset));
      return [target.subarray(0, count), count === 0 && target.length > 0];
    });
  }

  write(bytes: Uint8Array, offset: bigint): bigint {
    return this.attempt(() => BigInt(this.open.file.writeAt(bytes, positionOf(offset))));
  }

  readDirectory(): DirectoryEntryStream {
    return this.attempt(() => new DirectoryEntryStream(this.context, this.table, this.table.hold(() => this.open.directory.list())));
  }

  openAt(pathFlags: PathFlags, path: string, openFlags: OpenFlags, flags: DescriptorFlags): Descriptor {
    return this.attempt(() => new Descriptor(this.context, this.table, this.openNodeAt(pathFlags, path, openFlags, flags)));
  }

  #writable(): OpenNode {
    return this.open.file.access.write ? this.open : this.refuse('EBADF');
  }
}
