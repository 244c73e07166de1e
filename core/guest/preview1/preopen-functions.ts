import { FileError } from '../files/file-error.ts';
import type { GuestHost } from '../host.ts';
import { errno } from './errno.ts';
import type { GuestMemory } from './guest-memory.ts';
import { syscall } from './syscall.ts';

/** `prestat`'s tag. The standard knows directories only; libraries pass over any other and go on to the next descriptor. */
const tag = { directory: 0, listener: 1 } as const;

/**
 * `fd_prestat_get` and `fd_prestat_dir_name`. `nameOf` throws EBADF for what is not open, answers 'listener' for one, and has
 * no name for what is not preopened.
 */
export function preopenFunctions(host: GuestHost, memory: GuestMemory, nameOf: (fd: number) => Uint8Array | 'listener' | undefined): Record<string, WebAssembly.ImportValue> {
  const preopened = (fd: number): Uint8Array | 'listener' => {
    const name = nameOf(fd);
    if (name === undefined) throw new FileError('EBADF');
    return name;
  };
  return {
    fd_prestat_get: syscall(host, (fd: number, result: number) => {
      const name = preopened(fd);
      memory.setU32(result, name === 'listener' ? tag.listener : tag.directory);
      memory.setU32((result >>> 0) + 4, name === 'listener' ? 0 : name.length);
      return errno.SUCCESS;
    }),
    fd_prestat_dir_name: syscall(host, (fd: number, buffer: number, length: number) => {
      const name = preopened(fd);
      if (name === 'listener') throw new FileError('ENOTDIR');
      if (length >>> 0 < name.length) throw new FileError('ENAMETOOLONG');
      memory.bytes(buffer, name.length).set(name);
      return errno.SUCCESS;
    }),
  };
}
