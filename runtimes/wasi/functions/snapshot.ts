import { FileError } from '../../../core/guest/files/file-error.ts';
import { errno } from '../../../core/guest/preview1/errno.ts';
import { Poll } from '../../../core/guest/preview1/poll.ts';
import { blockingSyscall, syscall } from '../../../core/guest/preview1/syscall.ts';
import { isSocket } from '../descriptor.ts';
import { right } from '../rights.ts';
import type { Snapshot } from '../snapshot.ts';
import type { WasiContext, WasiFunctions } from '../wasi-context.ts';
import { followFlag, longestPath } from './paths.ts';

/** The functions whose numbers or layouts depend on the snapshot. Both sets of one guest share its descriptors. */
export function snapshotFunctions({ host, memory, streams, sockets, descriptors }: WasiContext, snapshot: Snapshot): WasiFunctions {
  const poll = new Poll(host, memory, (fd, write) => {
    const descriptor = descriptors.with(fd, right.POLL_FD_READWRITE);
    if (descriptor.kind === 'directory') throw new FileError('EBADF');
    if (descriptor.kind === 'file') return write ? 1 : Math.max(0, Number(descriptor.file.status().size) - descriptor.file.offset);
    return isSocket(descriptor) ? sockets.readiness(descriptor, write) : streams.readiness(descriptor.stream, write);
  }, snapshot.subscription);

  return {
    fd_seek: syscall(host, (fd: number, offset: bigint, whence: number, result: number) => {
      const file = descriptors.file(fd, right.FD_SEEK, 'ESPIPE', 'EBADF');
      memory.check(result, 8);
      const origin = snapshot.whence[whence >>> 0];
      if (origin === undefined) throw new FileError('EINVAL');
      const start = origin === 'set' ? 0 : origin === 'current' ? file.offset : Number(file.status().size);
      const target = start + Number(offset);
      if (target < 0 || !Number.isSafeInteger(target)) throw new FileError('EINVAL');
      file.offset = target;
      memory.setU64(result, BigInt(target));
      return errno.SUCCESS;
    }),
    fd_filestat_get: syscall(host, (fd: number, result: number) => {
      const descriptor = descriptors.with(fd, right.FD_FILESTAT_GET);
      if (descriptor.kind === 'stream') return streams.writeFileStatus(result, snapshot.fileStatusSize);
      if (isSocket(descriptor)) return sockets.writeFileStatus(result, snapshot.fileStatusSize);
      memory.check(result, snapshot.fileStatusSize);
      snapshot.writeFileStatus(memory, result >>> 0, descriptor.kind === 'file' ? descriptor.file.status() : descriptor.directory.status());
      return errno.SUCCESS;
    }),
    path_filestat_get: syscall(host, (fd: number, lookup: number, pointer: number, length: number, result: number) => {
      const { directory } = descriptors.directory(fd, right.PATH_FILESTAT_GET);
      memory.check(result, snapshot.fileStatusSize);
      snapshot.writeFileStatus(memory, result >>> 0, directory.statusOf(memory.text(pointer, length, longestPath), (lookup & followFlag) !== 0));
      return errno.SUCCESS;
    }),
    poll_oneoff: blockingSyscall(host, (subscriptions: number, events: number, count: number, result: number) => poll.pollOneoff(subscriptions, events, count, result)),
  };
}
