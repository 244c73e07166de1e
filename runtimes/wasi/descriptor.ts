import { DescriptorTable } from '../../core/guest/files/descriptor-table.ts';
import type { Directory } from '../../core/guest/files/directory.ts';
import { FileError } from '../../core/guest/files/file-error.ts';
import type { RegularFile } from '../../core/guest/files/regular-file.ts';
import type { GuestConnection, GuestListener } from '../../core/guest/host.ts';
import { socketRights } from '../../core/guest/preview1/guest-socket-calls.ts';
import type { GuestSocket } from '../../core/guest/preview1/guest-socket-calls.ts';
import { streamRights } from '../../core/guest/preview1/guest-streams.ts';
import { ListingCursor } from './listing-cursor.ts';
import { noRights } from './rights.ts';
import type { Rights } from './rights.ts';

interface Capable {
  /** As the guest reads them. */
  rights: Rights;
  /** Given up by `fd_fdstat_set_rights`, and so refused. What was merely not asked for at `path_open` is not, as in other hosts. */
  dropped: Rights;
  close(): void;
}

const rightsOfStreams = streamRights.map((base): Rights => ({ base, inheriting: 0 }));

/** One of the container's stdin, stdout and stderr; a class, since each of thousands of guests has three. */
export class StreamDescriptor implements Capable {
  readonly kind = 'stream';
  readonly stream: 0 | 1 | 2;
  rights: Rights;
  dropped = noRights;
  nonblocking = false;

  constructor(stream: 0 | 1 | 2) {
    this.stream = stream;
    this.rights = rightsOfStreams[stream]!;
  }

  close(): void {
    // Nothing is held.
  }
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
  /** Where `fd_readdir` is. */
  readonly cursor: ListingCursor;
}

/** A listener of the container, or a connection that it accepted. */
export type SocketDescriptor = GuestSocket & Capable;

export type Descriptor = StreamDescriptor | FileDescriptor | DirectoryDescriptor | SocketDescriptor;

/** What a guest has open. Every look-up names the right (one bit) that the call needs. */
export class Descriptors extends DescriptorTable<Descriptor> {
  with(fd: number, right: number): Descriptor {
    const descriptor = this.get(fd);
    if ((descriptor.dropped.base & right) !== 0) throw new FileError('ENOTCAPABLE');
    return descriptor;
  }

  /** `forStream` (which sockets are, too) and `forDirectory` are the errnos for what is no file. */
  file(fd: number, right: number, forStream: string, forDirectory: string): RegularFile {
    const descriptor = this.with(fd, right);
    if (descriptor.kind === 'file') return descriptor.file;
    throw new FileError(descriptor.kind === 'directory' ? forDirectory : forStream);
  }

  socket(fd: number, right: number): SocketDescriptor {
    const descriptor = this.with(fd, right);
    if (isSocket(descriptor)) return descriptor;
    throw new FileError('ENOTSOCK');
  }

  directory(fd: number, right: number): DirectoryDescriptor {
    const descriptor = this.with(fd, right);
    if (descriptor.kind === 'directory') return descriptor;
    throw new FileError('ENOTDIR');
  }
}

export function fileDescriptor(file: RegularFile, rights: Rights, dropped: Rights, nonblocking: boolean): FileDescriptor {
  return { kind: 'file', file, rights, dropped, nonblocking, close: () => file.close() };
}

/** `table` counts its listing. */
export function directoryDescriptor(table: Descriptors, directory: Directory, rights: Rights, dropped: Rights, preopenedAs?: Uint8Array): DirectoryDescriptor {
  const cursor = new ListingCursor(directory, table);
  const close = (): void => {
    cursor.close();
    directory.close();
  };
  return { kind: 'directory', directory, cursor, rights, dropped, ...(preopenedAs === undefined ? {} : { preopenedAs }), close };
}

export function listenerDescriptor(listener: GuestListener): SocketDescriptor {
  return { kind: 'listener', listener, rights: { base: socketRights.listener, inheriting: socketRights.connection }, dropped: noRights, nonblocking: false, close: () => listener.close() };
}

/** It has what its listener passes on. */
export function connectionDescriptor(connection: GuestConnection, { rights, dropped }: SocketDescriptor, nonblocking: boolean): SocketDescriptor {
  const base = socketRights.connection & rights.inheriting;
  return { kind: 'connection', connection, rights: { base, inheriting: 0 }, dropped: { base: dropped.inheriting, inheriting: dropped.inheriting }, nonblocking, close: () => connection.close() };
}

export function isSocket(descriptor: Descriptor): descriptor is SocketDescriptor {
  return descriptor.kind === 'listener' || descriptor.kind === 'connection';
}
