import { readFileSync } from 'node:fs';

/** CPU time of one thread of this process, in nanoseconds (`/proc/self/task/<tid>/schedstat`, first field); undefined when it is gone. */
export function threadCpuNanoseconds(tid: number): number | undefined {
  try {
    return Number(readFileSync(`/proc/self/task/${tid}/schedstat`, 'utf8').split(' ')[0]);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ESRCH') return undefined;
    throw error;
  }
}
