import type { BigIntStats, Dirent } from 'node:fs';
import { FileError } from '../../../../core/guest/files/file-error.ts';
import type { FileTimes } from '../../../../core/guest/files/set-file-times.ts';
import { typeOf as preview2TypeOf } from '../../preview2/filesystem/file-status.ts';
import { instantOf } from '../clocks.ts';
import type { Instant } from '../clocks.ts';

/** `wasi:filesystem/types.descriptor-type` 0.3. */
export type DescriptorType = { readonly tag: string; readonly val?: string | undefined };

export interface DescriptorStat {
  readonly type: DescriptorType;
  readonly linkCount: bigint;
  readonly size: bigint;
  readonly dataAccessTimestamp: Instant;
  readonly dataModificationTimestamp: Instant;
  readonly statusChangeTimestamp: Instant;
}

export type NewTimestamp = { readonly tag: 'no-change' } | { readonly tag: 'now' } | { readonly tag: 'timestamp'; readonly val: Instant };

export function typeOf(status: BigIntStats | Dirent<Buffer>): DescriptorType {
  const type = preview2TypeOf(status);
  return type === 'unknown' ? { tag: 'other', val: undefined } : { tag: type };
}

/** A position in a file: what a double cannot count is no place in any file. */
export function positionOf(offset: bigint): number {
  if (offset > BigInt(Number.MAX_SAFE_INTEGER)) throw new FileError('EINVAL');
  return Number(offset);
}

export function statOf(status: BigIntStats): DescriptorStat {
  return {
    type: typeOf(status),
    linkCount: status.nlink,
    size: status.size,
    dataAccessTimestamp: instantOf(status.atimeNs),
    dataModificationTimestamp: instantOf(status.mtimeNs),
    statusChangeTimestamp: instantOf(status.ctimeNs),
  };
}

/** What the guest's file system takes; `now` in nanoseconds since the epoch. */
export function timesOf(access: NewTimestamp, modification: NewTimestamp, now: bigint): FileTimes {
  const time = (timestamp: NewTimestamp): bigint | undefined => {
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
