import type { Dirent } from 'node:fs';
import { DescriptorTable } from '../../core/guest/files/descriptor-table.ts';
import type { Directory } from '../../core/guest/files/directory.ts';
import { FileError } from '../../core/guest/files/file-error.ts';
import type { RegularFile } from '../../core/guest/files/regular-file.ts';
import { noRights } from './rights.ts';
import type { Rights } from './rights.ts';

interface Capable {
  /** As the guest reads them. */
  rights: Rights;
  /** Given up by `fd_fdstat_set_rights`, and so refused. What was merely not asked for at `path_open` is not, as in other hosts. */
  dropped: Rights;
  close(): void;
}

/** One of the container's stdin, stdout and stderr. */
export interface StreamDescriptor extends Capable {
  readonly kind: 'stream';
  readonly stream: 0 | 1 | 2;
  nonblocking: boolean;
}

export interface FileDescriptor extends Capable {
  readonly kind: 'file';
  readonly file: RegularFile;
  nonblocking: boolean;
}

export interface DirectoryDescriptor extends Capable {
  readonly kind: 'directory';
  readonly directory: Directory;
  /** The name under which a preopened directory is announced. */
  readonly preopenedAs?: Uint8Array;
  /** What `fd_readdir` found at cookie 0; later cookies count within it. */
  listing?: readonly Dirent<Buffer>[];
}

export type Descriptor = StreamDescriptor | FileDescriptor | DirectoryDescriptor;

/** What a guest has open. Every look-up names the right (one bit) that the call needs. */
export class Descriptors extends DescriptorTable<Descriptor> {
  with(fd: number, right: number): Descriptor {
    const descriptor = this.get(fd);
    if ((descriptor.dropped.base & right) !== 0) throw new FileError('ENOTCAPABLE');
    return descriptor;
  }

  /** `forStream` and `forDirectory` are the errnos for what is no file. */
  file(fd: number, right: number, forStream: string, forDirectory: string): RegularFile {
    const descriptor = this.with(fd, right);
    if (descriptor.kind === 'file') return descriptor.file;
    throw new FileError(descriptor.kind === 'directory' ? forDirectory : forStream);
  }

  directory(fd: number, right: number): DirectoryDescriptor {
    const descriptor = this.with(fd, right);
    if (descriptor.kind === 'directory') return descriptor;
    throw new FileError('ENOTDIR');
  }
}

export function streamDescriptor(stream: 0 | 1 | 2, rights: Rights): StreamDescriptor {
  return { kind: 'stream', stream, rights, dropped: noRights, nonblocking: false, close() {} };
}

export function fileDescriptor(file: RegularFile, rights: Rights, dropped: Rights, nonblocking: boolean): FileDescriptor {
  return { kind: 'file', file, rights, dropped, nonblocking, close: () => file.close() };
}

export function directoryDescriptor(directory: Directory, rights: Rights, dropped: Rights, preopenedAs?: Uint8Array): DirectoryDescriptor {
  return { kind: 'directory', directory, rights, dropped, ...(preopenedAs === undefined ? {} : { preopenedAs }), close: () => directory.close() };
}
