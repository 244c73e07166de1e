import { closeSync, openSync, readSync } from 'node:fs';

/** Longer than the file's three numbers. */
const buffer = Buffer.alloc(128);
const space = 0x20;

/**
 * CPU time of one thread of this process, in nanoseconds (`/proc/self/task/<tid>/schedstat`, first field); undefined when it
 * is gone. Ten microseconds: a thousand are read in a row.
 */
export function threadCpuNanoseconds(tid: number): number | undefined {
  let file: number;
  try {
    file = openSync(`/proc/self/task/${tid}/schedstat`, 'r');
  } catch (error) {
    return undefinedIfGone(error);
  }
  try {
    const length = readSync(file, buffer, 0, buffer.length, 0);
    let nanoseconds = 0;
    for (let index = 0; index < length && buffer[index] !== space; index += 1) nanoseconds = nanoseconds * 10 + buffer[index]! - 0x30;
    return nanoseconds;
  } catch (error) {
    return undefinedIfGone(error);
  } finally {
    closeSync(file);
  }
}

function undefinedIfGone(error: unknown): undefined {
  const { code } = error as NodeJS.ErrnoException;
  if (code !== 'ENOENT' && code !== 'ESRCH') throw error;
}
