import { FileError } from '../../../core/guest/files/file-error.ts';
import type { RegularFile } from '../../../core/guest/files/regular-file.ts';
import type { Blocked } from '../../../core/guest/host.ts';
import { errno } from '../../../core/guest/preview1/errno.ts';
import { blockingSyscall, syscall } from '../../../core/guest/preview1/syscall.ts';
import { isSocket } from '../descriptor.ts';
import type { Descriptor } from '../descriptor.ts';
import { fileType } from '../file-status.ts';
import { difference, everyRight, intersection, right, rightsFrom } from '../rights.ts';
import { fileTimes } from '../file-times.ts';
import type { WasiContext, WasiFunctions } from '../wasi-context.ts';

/** `fdflags`. */
export const descriptorFlag = { append: 1, dataSync: 2, nonblock: 4, readSync: 8, sync: 16 } as const;
const lastAdvice = 5;
/** Moved by one native call, which is not interrupted: a guest must be ended in the middle of a gigabyte. */
const longestPiece = 1024 * 1024;

/** Functions on what is open, whatever it is: `fd_*` but for directories' own and those of `snapshotFunctions`. */
export function descriptorFunctions({ host, memory, streams, sockets, descriptors }: WasiContext): WasiFunctions {
  return {
    fd_write: blockingSyscall(host, (fd: number, vectors: number, count: number, result: number): number | Blocked => {
      const descriptor = descriptors.with(fd, right.FD_WRITE);
      if (descriptor.kind === 'stream') {
        if (descriptor.stream === 0) throw new FileError('EBADF');
        return streams.write(descriptor.stream, vectors, count, result);
      }
      if (descriptor.kind === 'directory') throw new FileError('EISDIR');
      if (isSocket(descriptor)) return sockets.write(descriptor, vectors, count, result);
      const { file } = descriptor;
      return transfer(vectors, count, result, (piece) => file.write(piece));
    }),
    fd_read: blockingSyscall(host, (fd: number, vectors: number, count: number, result: number): number | Blocked => {
      const descriptor = descriptors.with(fd, right.FD_READ);
      if (descriptor.kind === 'stream') {
        if (descriptor.stream !== 0) throw new FileError('EBADF');
        return streams.read(vectors, count, result, descriptor.nonblocking);
      }
      if (descriptor.kind === 'directory') throw new FileError('EISDIR');
      if (isSocket(descriptor)) return sockets.read(descriptor, vectors, count, result);
      const { file } = descriptor;
      return transfer(vectors, count, result, (piece) => file.read(piece));
    }),
    fd_pread: syscall(host, (fd: number, vectors: number, count: number, offset: bigint, result: number) => {
      const file = descriptors.file(fd, right.FD_READ, 'ESPIPE', 'EISDIR');
      let position = positionOf(offset);
      return transfer(vectors, count, result, (piece) => {
        const read = file.readAt(piece, position);
        position += read;
        return read;
      });
    }),
    fd_pwrite: syscall(host, (fd: number, vectors: number, count: number, offset: bigint, result: number) => {
      const file = descriptors.file(fd, right.FD_WRITE, 'ESPIPE', 'EISDIR');
      let position = positionOf(offset);
      return transfer(vectors, count, result, (piece) => {
        const written = file.writeAt(piece, position);
        position += written;
        return written;
      });
    }),
    fd_tell: syscall(host, (fd: number, result: number) => {
      memory.setU64(result, BigInt(descriptors.file(fd, right.FD_TELL, 'ESPIPE', 'EBADF').offset));
      return errno.SUCCESS;
    }),
    fd_close: syscall(host, (fd: number) => {
      descriptors.close(fd);
      return errno.SUCCESS;
    }),
    fd_renumber: syscall(host, (from: number, to: number) => {
      descriptors.renumber(from, to);
      return errno.SUCCESS;
    }),
    fd_sync: syscall(host, (fd: number) => {
      synchronized(descriptors.with(fd, right.FD_SYNC)).synchronize();
      return errno.SUCCESS;
    }),
    fd_datasync: syscall(host, (fd: number) => {
      const target = synchronized(descriptors.with(fd, right.FD_DATASYNC));
      if ('synchronizeData' in target) target.synchronizeData();
      else target.synchronize();
      return errno.SUCCESS;
    }),
    fd_advise: syscall(host, (fd: number, offset: bigint, length: bigint, advice: number) => {
      descriptors.file(fd, right.FD_ADVISE, 'ESPIPE', 'EBADF');
      if (offset < 0n || length < 0n || advice >>> 0 > lastAdvice) throw new FileError('EINVAL');
      // Advice need not be taken.
      return errno.SUCCESS;
    }),
    fd_allocate: syscall(host, (fd: number, offset: bigint, length: bigint) => {
      const file = descriptors.file(fd, right.FD_ALLOCATE, 'ESPIPE', 'EBADF');
      if (BigInt.asUintN(64, length) === 0n) throw new FileError('EINVAL');
      const end = positionOf(offset) + positionOf(length);
      if (!file.access.write) throw new FileError('EBADF');
      if (!Number.isSafeInteger(end)) throw new FileError('EFBIG');
      // Node has no fallocate. The size is what a program sees of it; the blocks come when they are written.
      if (Number(file.status().size) < end) file.setSize(end);
      return errno.SUCCESS;
    }),
    fd_fdstat_get: syscall(host, (fd: number, result: number) => {
      const descriptor = descriptors.get(fd);
      if (descriptor.kind === 'stream') return streams.writeDescriptorStatus(descriptor.stream, flagsOf(descriptor), result, descriptor.rights.base);
      if (isSocket(descriptor)) return sockets.writeDescriptorStatus(descriptor, result, descriptor.rights.base);
      memory.bytes(result, 24).fill(0);
      memory.setU8(result, descriptor.kind === 'file' ? fileType.regularFile : fileType.directory);
      memory.setU16((result >>> 0) + 2, flagsOf(descriptor));
      memory.setU64((result >>> 0) + 8, BigInt(descriptor.rights.base));
      memory.setU64((result >>> 0) + 16, BigInt(descriptor.rights.inheriting));
      return errno.SUCCESS;
    }),
    fd_fdstat_set_flags: syscall(host, (fd: number, flags: number) => {
      const descriptor = descriptors.with(fd, right.FD_FDSTAT_SET_FLAGS);
      if (flags >>> 0 > 31) throw new FileError('EINVAL');
      if (descriptor.kind === 'directory') throw new FileError('EBADF');
      if (descriptor.kind === 'file') {
        const { append, dataSync, readSync, sync } = descriptorFlag;
        descriptor.file.setFlags({ append: (flags & append) !== 0, dataSync: (flags & dataSync) !== 0, sync: (flags & (sync | readSync)) !== 0 });
      }
      descriptor.nonblocking = (flags & descriptorFlag.nonblock) !== 0;
      return errno.SUCCESS;
    }),
    fd_fdstat_set_rights: syscall(host, (fd: number, base: bigint, inheriting: bigint) => {
      const descriptor = descriptors.get(fd);
      const wanted = rightsFrom(base, inheriting);
      const gained = difference(wanted, descriptor.rights);
      if ((gained.base | gained.inheriting) !== 0) throw new FileError('ENOTCAPABLE');
      descriptor.dropped = difference(everyRight, wanted);
      descriptor.rights = intersection(descriptor.rights, wanted);
      return errno.SUCCESS;
    }),
    fd_filestat_set_size: syscall(host, (fd: number, size: bigint) => {
      descriptors.file(fd, right.FD_FILESTAT_SET_SIZE, 'EINVAL', 'EBADF').setSize(positionOf(size));
      return errno.SUCCESS;
    }),
    fd_filestat_set_times: syscall(host, (fd: number, access: bigint, modification: bigint, flags: number) => {
      const descriptor = descriptors.with(fd, right.FD_FILESTAT_SET_TIMES);
      const times = fileTimes(access, modification, flags, host.clock);
      if (descriptor.kind === 'file') descriptor.file.setTimes(times);
      else if (descriptor.kind === 'directory') descriptor.directory.setTimes(times);
      else throw new FileError('EBADF');
      return errno.SUCCESS;
    }),
  };

  /** Moves piece by piece until one is not moved whole. */
  function transfer(vectors: number, count: number, result: number, move: (piece: Uint8Array) => number): number {
    const total = memory.vectorLength(vectors, count);
    memory.check(result, 4);
    let done = 0;
    do {
      const piece = memory.vectorPiece(vectors, count, done).subarray(0, longestPiece);
      const moved = move(piece);
      done += moved;
      if (moved < piece.length) break;
    } while (done < total);
    memory.setU32(result, done);
    return errno.SUCCESS;
  }
}

function flagsOf(descriptor: Descriptor): number {
  if (descriptor.kind === 'directory') return 0;
  const nonblock = descriptor.nonblocking ? descriptorFlag.nonblock : 0;
  if (descriptor.kind !== 'file') return nonblock;
  const { append, sync, dataSync } = descriptor.file.flags;
  return nonblock | (append ? descriptorFlag.append : 0) | (sync ? descriptorFlag.sync : 0) | (dataSync ? descriptorFlag.dataSync : 0);
}

function synchronized(descriptor: Descriptor): RegularFile | { synchronize(): void } {
  if (descriptor.kind === 'file') return descriptor.file;
  if (descriptor.kind === 'directory') return descriptor.directory;
  throw new FileError('EINVAL');
}

/** A file's offset or size; what a double cannot hold exactly is beyond every file system. */
export function positionOf(value: bigint): number {
  if (value < 0n || value > BigInt(Number.MAX_SAFE_INTEGER)) throw new FileError('EINVAL');
  return Number(value);
}
