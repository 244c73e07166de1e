import { getRawPointer, dlopen } from 'node:ffi';

/** CLOCK_THREAD_CPUTIME_ID of time.h. */
const threadClock = 3;

const { functions } = dlopen(null, { clock_gettime: { arguments: ['i32', 'pointer'], return: 'i32' } });
const time = new BigInt64Array(2);
const address = getRawPointer(time.buffer);

/** CPU time of the calling thread in milliseconds, to the nanosecond: what Node itself can say counts in the kernel's ticks of 1 to 4 ms. */
export function threadCpuMilliseconds(): number {
  functions.clock_gettime(threadClock, address);
  return Number(time[0]) * 1000 + Number(time[1]) / 1e6;
}
