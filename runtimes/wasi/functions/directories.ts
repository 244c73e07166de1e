import type { Blocked } from '../../../core/guest/host.ts';
import { errno } from '../../../core/guest/preview1/errno.ts';
import { preopenFunctions } from '../../../core/guest/preview1/preopen-functions.ts';
import { blockingSyscall } from '../../../core/guest/preview1/syscall.ts';
import type { DirectoryDescriptor } from '../descriptor.ts';
import { fileType, fileTypeOf } from '../file-status.ts';
import { right } from '../rights.ts';
import type { WasiContext, WasiFunctions } from '../wasi-context.ts';

/** Size of `dirent`, which the name follows. */
const entrySize = 24;
/** Entries that a call passes before others have their turn. */
const entriesAtOnce = 256;
const [self, parent] = [Buffer.from('.'), Buffer.from('..')];

/** Preopened directories and `fd_readdir`. */
export function directoryFunctions({ host, memory, descriptors }: WasiContext): WasiFunctions {
  return {
    ...preopenFunctions(host, memory, (fd) => {
      const descriptor = descriptors.get(fd);
      if (descriptor.kind === 'listener') return 'listener';
      return descriptor.kind === 'directory' ? descriptor.preopenedAs : undefined;
    }),
    fd_readdir: blockingSyscall(host, (fd: number, buffer: number, length: number, cookie: bigint, result: number) => {
      const descriptor = descriptors.directory(fd, right.FD_READDIR);
      memory.check(result, 4);
      const filling = new Filling(descriptor, Number(BigInt.asUintN(64, cookie)));
      const goOn = (): number | Blocked => {
        if (!filling.goOn(memory.bytes(buffer, length))) return { wait: { deadline: 0n }, resume: goOn };
        memory.setU32(result, filling.used);
        return errno.SUCCESS;
      };
      return goOn();
    }),
  };
}

/** One call's entries from a cookie on; the last one is cut where the buffer ends, which tells the guest to ask again. */
class Filling {
  /** Bytes so far. */
  used = 0;
  readonly #descriptor: DirectoryDescriptor;
  readonly #own: bigint;
  /** The entry that is written next: 0 and 1 are the directory and its parent. */
  #index: number;

  constructor(descriptor: DirectoryDescriptor, cookie: number) {
    this.#descriptor = descriptor;
    this.#own = descriptor.directory.status().ino;
    this.#index = cookie;
    if (cookie === 0) descriptor.cursor.rewind();
  }

  /** False: others have their turn first. */
  goOn(target: Uint8Array): boolean {
    const { cursor, directory } = this.#descriptor;
    for (let left = entriesAtOnce; left > 0; left--) {
      if (this.used >= target.length) return true;
      if (this.#index < 2) {
        this.#write(target, this.#index === 0 ? self : parent, fileType.directory, this.#index === 0 ? this.#own : 0n);
        continue;
      }
      const entry = cursor.entry(this.#index - 2);
      if (entry === undefined) return true;
      if (entry !== 'further') this.#write(target, entry.name, fileTypeOf(entry), directory.inodeOf(entry.name));
    }
    return false;
  }

  #write(target: Uint8Array, name: Buffer, type: number, inode: bigint): void {
    const entry = new Uint8Array(entrySize + name.length);
    const view = new DataView(entry.buffer);
    view.setBigUint64(0, BigInt(++this.#index), true);
    view.setBigUint64(8, inode, true);
    view.setUint32(16, name.length, true);
    view.setUint8(20, type);
    entry.set(name, entrySize);
    const fitting = entry.subarray(0, target.length - this.used);
    target.set(fitting, this.used);
    this.used += fitting.length;
  }
}
