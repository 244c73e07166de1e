import { lstatSync, lutimesSync, statSync, utimesSync } from 'node:fs';
import { withoutWarnings } from '../without-warnings.ts';

/** Times to set, in nanoseconds since the epoch; an absent one stays as it is. */
export interface FileTimes {
  readonly access?: bigint;
  readonly modification?: bigint;
}

type Utimensat = (directory: number, path: string, times: bigint, flags: number) => number;

/** Linux' fcntl.h and stat.h. */
const AT_FDCWD = -100;
const AT_SYMLINK_NOFOLLOW = 0x100;
const UTIME_OMIT = 0x3fff_fffen;

/** `struct timespec[2]`: seconds and nanoseconds of access, then of modification. */
const timespecs = new BigInt64Array(4);
let utimensat: Utimensat | undefined | 'unknown' = 'unknown';
let timespecsAddress = 0n;

/**
 * Sets an entry's times to the nanosecond, as WASI has them. node:fs takes a double of seconds and cuts it to microseconds,
 * so libc's own call is used where this Node has node:ffi, and node:fs where it has not.
 * @param follow whether a link at `path` (a descriptor's magic link, for one) is followed.
 */
export function setFileTimes(path: string, follow: boolean, times: FileTimes): void {
  if (utimensat === 'unknown') utimensat = loadUtimensat();
  if (utimensat !== undefined) {
    timespecs.set(timespec(times.access), 0);
    timespecs.set(timespec(times.modification), 2);
    if (utimensat(AT_FDCWD, path, timespecsAddress, follow ? 0 : AT_SYMLINK_NOFOLLOW) === 0) return;
  }
  // Also after a failure: the same call again, and Node says which error it was.
  const { atimeNs, mtimeNs } = follow ? statSync(path, { bigint: true }) : lstatSync(path, { bigint: true });
  const set = follow ? utimesSync : lutimesSync;
  set(path, Number(times.access ?? atimeNs) / 1e9, Number(times.modification ?? mtimeNs) / 1e9);
}

function timespec(time: bigint | undefined): [bigint, bigint] {
  return time === undefined ? [0n, UTIME_OMIT] : [time / 1_000_000_000n, time % 1_000_000_000n];
}

function loadUtimensat(): Utimensat | undefined {
  try {
    const ffi = withoutWarnings(() => process.getBuiltinModule('node:ffi'));
    const { functions } = ffi.dlopen(null, { utimensat: { arguments: ['i32', 'string', 'pointer', 'i32'], return: 'i32' } });
    timespecsAddress = ffi.getRawPointer(timespecs);
    return functions.utimensat;
  } catch {
    // A Node without it: microseconds are what there is.
    return undefined;
  }
}
