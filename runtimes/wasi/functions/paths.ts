import { Directory } from '../../../core/guest/files/directory.ts';
import { FileError } from '../../../core/guest/files/file-error.ts';
import { errno } from '../../../core/guest/preview1/errno.ts';
import { syscall } from '../../../core/guest/preview1/syscall.ts';
import { directoryDescriptor, fileDescriptor } from '../descriptor.ts';
import { fileTimes } from '../file-times.ts';
import { directoryRights, fileRights, intersection, right, rightsFrom } from '../rights.ts';
import type { WasiContext, WasiFunctions } from '../wasi-context.ts';
import { descriptorFlag } from './descriptors.ts';

/** `oflags` and `lookupflags`. */
const openFlag = { create: 1, directory: 2, exclusive: 4, truncate: 8 } as const;
export const followFlag = 1;
/** Linux' PATH_MAX less the zero at its end. */
export const longestPath = 4095;

/** `path_*`, but for `path_filestat_get`. */
export function pathFunctions({ host, memory, descriptors }: WasiContext): WasiFunctions {
  const directoryAt = (fd: number, needed: number): Directory => descriptors.directory(fd, needed).directory;
  const pathAt = (pointer: number, length: number): string => memory.text(pointer, length, longestPath);

  return {
    path_open: syscall(host, (fd: number, lookup: number, pointer: number, length: number, oflags: number, base: bigint, inheriting: bigint, fdflags: number, result: number) => {
      const parent = descriptors.directory(fd, right.PATH_OPEN | (oflags & openFlag.truncate ? right.PATH_FILESTAT_SET_SIZE : 0) | (oflags & openFlag.create ? right.PATH_CREATE_FILE : 0));
      const path = pathAt(pointer, length);
      memory.check(result, 4);
      const wantsDirectory = (oflags & openFlag.directory) !== 0;
      const truncate = (oflags & openFlag.truncate) !== 0;
      const create = (oflags & openFlag.create) !== 0;
      if (wantsDirectory && (create || truncate)) throw new FileError('EINVAL');
      const wanted = rightsFrom(base, inheriting);
      const dropped = { base: parent.dropped.inheriting, inheriting: parent.dropped.inheriting };
      if ((wanted.base & dropped.base) !== 0) throw new FileError('ENOTCAPABLE');
      const opened = descriptors.insert(() => {
        const access = { read: (wanted.base & right.FD_READ) !== 0, write: (wanted.base & right.FD_WRITE) !== 0 };
        const entry = parent.directory.open(path, {
          ...access,
          create,
          truncate,
          follow: (lookup & followFlag) !== 0,
          exclusive: (oflags & openFlag.exclusive) !== 0,
          directory: wantsDirectory,
          append: (fdflags & descriptorFlag.append) !== 0,
          dataSync: (fdflags & descriptorFlag.dataSync) !== 0,
          sync: (fdflags & (descriptorFlag.sync | descriptorFlag.readSync)) !== 0,
        });
        return entry instanceof Directory
          ? directoryDescriptor(descriptors, entry, intersection(wanted, directoryRights), dropped)
          : fileDescriptor(entry, intersection(wanted, fileRights(access)), dropped, (fdflags & descriptorFlag.nonblock) !== 0);
      });
      memory.setU32(result, opened);
      return errno.SUCCESS;
    }),
    path_filestat_set_times: syscall(host, (fd: number, lookup: number, pointer: number, length: number, access: bigint, modification: bigint, flags: number) => {
      const directory = directoryAt(fd, right.PATH_FILESTAT_SET_TIMES);
      directory.setTimesOf(pathAt(pointer, length), (lookup & followFlag) !== 0, fileTimes(access, modification, flags, host.clock));
      return errno.SUCCESS;
    }),
    path_create_directory: syscall(host, (fd: number, pointer: number, length: number) => {
      directoryAt(fd, right.PATH_CREATE_DIRECTORY).createDirectory(pathAt(pointer, length));
      return errno.SUCCESS;
    }),
    path_remove_directory: syscall(host, (fd: number, pointer: number, length: number) => {
      directoryAt(fd, right.PATH_REMOVE_DIRECTORY).removeDirectory(pathAt(pointer, length));
      return errno.SUCCESS;
    }),
    path_unlink_file: syscall(host, (fd: number, pointer: number, length: number) => {
      directoryAt(fd, right.PATH_UNLINK_FILE).removeFile(pathAt(pointer, length));
      return errno.SUCCESS;
    }),
    path_rename: syscall(host, (fd: number, pointer: number, length: number, toFd: number, toPointer: number, toLength: number) => {
      directoryAt(fd, right.PATH_RENAME_SOURCE).rename(pathAt(pointer, length), directoryAt(toFd, right.PATH_RENAME_TARGET), pathAt(toPointer, toLength));
      return errno.SUCCESS;
    }),
    path_link: syscall(host, (fd: number, lookup: number, pointer: number, length: number, toFd: number, toPointer: number, toLength: number) => {
      // Linux' linkat cannot do it safely either; wasi-libc asks for it only with AT_SYMLINK_FOLLOW.
      if ((lookup & followFlag) !== 0) throw new FileError('EINVAL');
      directoryAt(fd, right.PATH_LINK_SOURCE).createHardLink(pathAt(pointer, length), directoryAt(toFd, right.PATH_LINK_TARGET), pathAt(toPointer, toLength));
      return errno.SUCCESS;
    }),
    path_symlink: syscall(host, (contents: number, contentsLength: number, fd: number, pointer: number, length: number) => {
      directoryAt(fd, right.PATH_SYMLINK).createSymbolicLink(pathAt(contents, contentsLength), pathAt(pointer, length));
      return errno.SUCCESS;
    }),
    path_readlink: syscall(host, (fd: number, pointer: number, length: number, buffer: number, bufferLength: number, result: number) => {
      const directory = directoryAt(fd, right.PATH_READLINK);
      memory.check(result, 4);
      const target = memory.bytes(buffer, bufferLength);
      const contents = directory.readSymbolicLink(pathAt(pointer, length)).subarray(0, target.length);
      target.set(contents);
      memory.setU32(result, contents.length);
      return errno.SUCCESS;
    }),
  };
}
