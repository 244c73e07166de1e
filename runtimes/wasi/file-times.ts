import type { FileTimes } from '../../core/guest/files/set-file-times.ts';
import { FileError } from '../../core/guest/files/file-error.ts';
import type { GuestClock } from '../../core/guest/host.ts';

/** `fstflags`. */
const flag = { access: 1, accessNow: 2, modification: 4, modificationNow: 8 } as const;

/** The times that `*_filestat_set_times` asks for. A time cannot be both given and now: EINVAL. */
export function fileTimes(access: bigint, modification: bigint, flags: number, clock: GuestClock): FileTimes {
  if (flags >>> 0 > 15) throw new FileError('EINVAL');
  const accessTime = chosen(access, flags & flag.access, flags & flag.accessNow, clock);
  const modificationTime = chosen(modification, flags & flag.modification, flags & flag.modificationNow, clock);
  return { ...(accessTime === undefined ? {} : { access: accessTime }), ...(modificationTime === undefined ? {} : { modification: modificationTime }) };
}

function chosen(nanoseconds: bigint, given: number, now: number, clock: GuestClock): bigint | undefined {
  if (given !== 0 && now !== 0) throw new FileError('EINVAL');
  if (given !== 0) return BigInt.asUintN(64, nanoseconds);
  return now !== 0 ? clock.realtime() : undefined;
}
