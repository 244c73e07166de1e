import type { BigIntStats, Dirent } from 'node:fs';

/** `filetype` of preview 1. */
export const fileType = { unknown: 0, blockDevice: 1, characterDevice: 2, directory: 3, regularFile: 4, socketDatagram: 5, socketStream: 6, symbolicLink: 7 } as const;

export function fileTypeOf(entry: BigIntStats | Dirent<Buffer>): number {
  if (entry.isFile()) return fileType.regularFile;
  if (entry.isDirectory()) return fileType.directory;
  if (entry.isSymbolicLink()) return fileType.symbolicLink;
  if (entry.isCharacterDevice()) return fileType.characterDevice;
  if (entry.isBlockDevice()) return fileType.blockDevice;
  if (entry.isSocket()) return fileType.socketStream;
  return fileType.unknown;
}
