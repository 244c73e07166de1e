import { createHash } from 'node:crypto';
import type { BigIntStats, Dirent } from 'node:fs';
import { FileError } from '../../../core/guest/files/file-error.ts';
import type { FileTimes } from '../../../core/guest/files/set-file-times.ts';

/** `wasi:filesystem/types.descriptor-type` of 0.2; 0.3 has the same and `other`. */
export type FileType = 'unknown' | 'block-device' | 'character-device' | 'directory' | 'fifo' | 'symbolic-link' | 'regular-file' | 'socket';

/** A point in time of either version. */
export interface Timestamp {
  readonly seconds: bigint;
  readonly nanoseconds: number;
}

/** `wasi:filesystem/types.new-timestamp`. */
export type NewTimestamp<Time extends Timestamp> = { readonly tag: 'no-change' } | { readonly tag: 'now' } | { readonly tag: 'timestamp'; readonly val: Time };

export function fileTypeOf(status: BigIntStats | Dirent<Buffer>): FileType {
  if (status.isFile()) return 'regular-file';
  if (status.isDirectory()) return 'directory';
  if (status.isSymbolicLink()) return 'symbolic-link';
  if (status.isFIFO()) return 'fifo';
  if (status.isSocket()) return 'socket';
  if (status.isCharacterDevice()) return 'character-device';
  return status.isBlockDevice() ? 'block-device' : 'unknown';
}

/**
 * Equal for the same file, and while it is not replaced: libraries make their inode number of it, which must not change with
 * the file's contents. A digest, so that the host's device and inode numbers are not shown.
 */
export function hashOf(status: BigIntStats): { readonly lower: bigint; readonly upper: bigint } {
  const digest = createHash('sha256').update(BigUint64Array.of(status.dev, status.ino)).digest();
  return { lower: digest.readBigUInt64LE(0), upper: digest.readBigUInt64LE(8) };
}

/** What the guest's file system takes; `now` in nanoseconds since the epoch. */
export function timesOf(access: NewTimestamp<Timestamp>, modification: NewTimestamp<Timestamp>, now: bigint): FileTimes {
  const time = (timestamp: NewTimestamp<Timestamp>): bigint | undefined => {
    if (timestamp.tag === 'no-change') return undefined;
    if (timestamp.tag === 'now') return now;
    if (timestamp.val.nanoseconds >= 1e9) throw new FileError('EINVAL');
    return timestamp.val.seconds * 1_000_000_000n + BigInt(timestamp.val.nanoseconds);
  };
  const [accessTime, modificationTime] = [time(access), time(modification)];
  return {
    ...(accessTime === undefined ? {} : { access: accessTime }),
    ...(modificationTime === undefined ? {} : { modification: modificationTime }),
  };
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** WIT strings are Unicode; a name on the host's disk may not be. */
export function textOf(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw new FileError('EILSEQ');
  }
}

/** A position in a file: what a double cannot count is no place in any file. */
export function positionOf(offset: bigint): number {
  if (offset > BigInt(Number.MAX_SAFE_INTEGER)) throw new FileError('EINVAL');
  return Number(offset);
}
