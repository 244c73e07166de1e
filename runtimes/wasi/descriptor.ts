import type { Dirent } from 'node:fs';
import type { Directory } from '../../core/guest/files/directory.ts';
import { FileError } from '../../core/guest/files/file-error.ts';
import type { RegularFile } from '../../core/guest/files/regular-file.ts';
import type { Rights } from './rights.ts';

/** One of the container's stdin, stdout and stderr. */
export interface StreamDescriptor {
  readonly kind: 'stream';
  readonly stream: 0 | 1 | 2;
  rights: Rights;
  nonblocking: boolean;
  close(): void;
}

export interface FileDescriptor {
  readonly kind: 'file';
  readonly file: RegularFile;
  rights: Rights;
  nonblocking: boolean;
  close(): void;
}

export interface DirectoryDescriptor {
  readonly kind: 'directory';
  readonly directory: Directory;
  rights: Rights;
  /** The name under which a preopened directory is announced. */
  readonly preopenedAs?: Uint8Array;
  /** What `fd_readdir` found at cookie 0; later cookies count within it. */
  listing?: readonly Dirent<Buffer>[];
  close(): void;
}

export type Descriptor = StreamDescriptor | FileDescriptor | DirectoryDescriptor;

export function streamDescriptor(stream: 0 | 1 | 2, rights: Rights): StreamDescriptor {
  return { kind: 'stream', stream, rights, nonblocking: false, close() {} };
}

export function fileDescriptor(file: RegularFile, rights: Rights, nonblocking: boolean): FileDescriptor {
  return { kind: 'file', file, rights, nonblocking, close: () => file.close() };
}

export function directoryDescriptor(directory: Directory, rights: Rights, preopenedAs?: Uint8Array): DirectoryDescriptor {
  return { kind: 'directory', directory, rights, ...(preopenedAs === undefined ? {} : { preopenedAs }), close: () => directory.close() };
}

/** The file behind a descriptor; `otherwise` is the errno for a stream. A directory is EISDIR or, where it fits better, `forDirectory`. */
export function expectFile(descriptor: Descriptor, otherwise: string, forDirectory = 'EISDIR'): RegularFile {
  if (descriptor.kind === 'file') return descriptor.file;
  throw new FileError(descriptor.kind === 'directory' ? forDirectory : otherwise);
}

export function expectDirectory(descriptor: Descriptor): DirectoryDescriptor {
  if (descriptor.kind === 'directory') return descriptor;
  throw new FileError('ENOTDIR');
}
