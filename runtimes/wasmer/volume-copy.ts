import type { MemFS } from '@wasmer/wasi';
import { Directory } from '../../core/guest/files/directory.ts';
import type { FileError } from '../../core/guest/files/file-error.ts';
import { MountTable } from '../../core/guest/files/mount-table.ts';
import { RegularFile } from '../../core/guest/files/regular-file.ts';
import type { GuestMount } from '../../core/guest/host.ts';

/** The runtime's memory is 32 bits wide, holds every copy and is not the guest's, so that no memory limit bounds it. */
export const maximumCopyBytes = 256 * 2 ** 20;

/** The volumes of a container hold more than can be copied. */
export class CopyTooLarge extends Error {
  constructor(guestPath: string) {
    super(`the runtime wasmer copies volumes into memory, at most ${maximumCopyBytes / 2 ** 20} MiB for a container, and the volume at ${guestPath} holds more`);
    this.name = 'CopyTooLarge';
  }
}

const reading = { follow: true, create: false, exclusive: false, truncate: false, directory: false, read: true, write: false, append: false, sync: false, dataSync: false } as const;

/** Entries that a guest of a live volume would be refused as well. */
const skipped = new Set(['ENOENT', 'ENOTCAPABLE', 'ELOOP', 'ENOTSUP', 'EACCES']);

/**
 * Copies a mount's files under `target` in the runtime's file system. Links are followed as for any guest, never out of the
 * mounts; names with two dots in front are left out: they are how the kubelet swaps a volume's contents, not contents.
 * @throws CopyTooLarge.
 */
export function copyVolumes(mounts: readonly GuestMount[], files: MemFS, targetOf: (index: number) => string): void {
  const table = new MountTable(mounts);
  try {
    let remaining = maximumCopyBytes;
    for (const [index, root] of table.roots().entries()) {
      const copy = new VolumeCopy(files, root.mount.guestPath, remaining);
      copy.directory(new Directory(table, root), targetOf(index), []);
      remaining = copy.remaining;
    }
  } finally {
    table.close();
  }
}

class VolumeCopy {
  readonly #files: MemFS;
  readonly #guestPath: string;
  remaining: number;

  constructor(files: MemFS, guestPath: string, remaining: number) {
    this.#files = files;
    this.#guestPath = guestPath;
    this.remaining = remaining;
  }

  /** `above` are the inodes on the way here: a link to one of them would go round for ever. */
  directory(directory: Directory, target: string, above: readonly string[]): void {
    const { dev, ino } = directory.status();
    const inode = `${dev}:${ino}`;
    if (above.includes(inode)) return;
    this.#files.createDir(target);
    for (const entry of directory.list()) {
      const name = entry.name.toString();
      if (name.startsWith('..')) continue;
      const opened = openEntry(directory, name);
      if (opened === undefined) continue;
      try {
        if (opened instanceof RegularFile) this.#file(opened, `${target}/${name}`);
        else this.directory(opened, `${target}/${name}`, [...above, inode]);
      } finally {
        opened.close();
      }
    }
  }

  #file(source: RegularFile, target: string): void {
    const size = Number(source.status().size);
    if (size > this.remaining) throw new CopyTooLarge(this.#guestPath);
    this.remaining -= size;
    const contents = new Uint8Array(size);
    let length = 0;
    for (let count = -1; count !== 0 && length < size; length += count) count = source.read(contents.subarray(length));
    const copy = this.#files.open(target, { read: true, write: true, create: true });
    if (length > 0) copy.write(contents.subarray(0, length));
    copy.flush();
    copy.free();
  }
}

function openEntry(directory: Directory, name: string): RegularFile | Directory | undefined {
  try {
    return directory.open(name, reading);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException | FileError;
    if (code !== undefined && skipped.has(code)) return undefined;
    throw error;
  }
}
