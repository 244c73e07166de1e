import { errno } from '../../../core/guest/preview1/errno.ts';
import { preopenFunctions } from '../../../core/guest/preview1/preopen-functions.ts';
import { syscall } from '../../../core/guest/preview1/syscall.ts';
import type { DirectoryDescriptor } from '../descriptor.ts';
import { fileType, fileTypeOf } from '../file-status.ts';
import { right } from '../rights.ts';
import type { WasiContext, WasiFunctions } from '../wasi-context.ts';

/** Size of `dirent`, which the name follows. */
const entrySize = 24;
const [self, parent] = [Buffer.from('.'), Buffer.from('..')];

/** Preopened directories and `fd_readdir`. */
export function directoryFunctions({ host, memory, descriptors }: WasiContext): WasiFunctions {
  return {
    ...preopenFunctions(host, memory, (fd) => {
      const descriptor = descriptors.get(fd);
      if (descriptor.kind === 'listener') return 'listener';
      return descriptor.kind === 'directory' ? descriptor.preopenedAs : undefined;
    }),
    fd_readdir: syscall(host, (fd: number, buffer: number, length: number, cookie: bigint, result: number) => {
      const descriptor = descriptors.directory(fd, right.FD_READDIR);
      memory.check(result, 4);
      const target = memory.bytes(buffer, length);
      memory.setU32(result, fill(descriptor, target, BigInt.asUintN(64, cookie)));
      return errno.SUCCESS;
    }),
  };
}

/** Writes entries from `cookie` on; the last one is cut where the buffer ends, which tells the guest to ask again. */
function fill(descriptor: DirectoryDescriptor, target: Uint8Array, cookie: bigint): number {
  const { directory } = descriptor;
  if (cookie === 0n || descriptor.listing === undefined) descriptor.listing = directory.entries();
  const listing = descriptor.listing;
  const own = directory.status().ino;
  let used = 0;
  for (let index = Number(cookie); used < target.length && index < listing.length + 2; index++) {
    const listed = listing[index - 2];
    const [name, type, inode] = listed === undefined
      ? [index === 0 ? self : parent, fileType.directory, index === 0 ? own : 0n] as const
      : [listed.name, fileTypeOf(listed), directory.inodeOf(listed.name)] as const;
    const entry = new Uint8Array(entrySize + name.length);
    const view = new DataView(entry.buffer);
    view.setBigUint64(0, BigInt(index + 1), true);
    view.setBigUint64(8, inode, true);
    view.setUint32(16, name.length, true);
    view.setUint8(20, type);
    entry.set(name, entrySize);
    const fitting = entry.subarray(0, target.length - used);
    target.set(fitting, used);
    used += fitting.length;
  }
  return used;
}
