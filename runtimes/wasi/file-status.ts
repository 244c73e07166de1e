import type { BigIntStats, Dirent } from 'node:fs';
import type { GuestMemory } from '../../core/guest/preview1/guest-memory.ts';

/** `filetype` of preview 1. */
export const fileType = { unknown: 0, blockDevice: 1, characterDevice: 2, directory: 3, regularFile: 4, socketDatagram: 5, socketStream: 6, symbolicLink: 7 } as const;

/** Size of `filestat`. */
export const fileStatusSize = 64;

export function fileTypeOf(entry: BigIntStats | Dirent<Buffer>): number {
  if (entry.isFile()) return fileType.regularFile;
  if (entry.isDirectory()) return fileType.directory;
  if (entry.isSymbolicLink()) return fileType.symbolicLink;
  if (entry.isCharacterDevice()) return fileType.characterDevice;
  if (entry.isBlockDevice()) return fileType.blockDevice;
  if (entry.isSocket()) return fileType.socketStream;
  return fileType.unknown;
}

export function writeFileStatus(memory: GuestMemory, at: number, status: BigIntStats): void {
  memory.setU64(at, status.dev);
  memory.setU64(at + 8, status.ino);
  memory.setU64(at + 16, BigInt(fileTypeOf(status)));
  memory.setU64(at + 24, status.nlink);
  memory.setU64(at + 32, status.size);
  memory.setU64(at + 40, status.atimeNs);
  memory.setU64(at + 48, status.mtimeNs);
  memory.setU64(at + 56, status.ctimeNs);
}
