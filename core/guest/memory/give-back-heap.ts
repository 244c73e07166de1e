import { threadCpuMicroseconds } from '../time/clock.ts';

/** V8's extension, in threads made after core/engine/threads has set its flag. */
const { gc } = globalThis as { gc?: (options: { type: 'major'; flavor?: 'last-resort' }) => void };

/**
 * Shrinks the calling thread's JavaScript heap to what is in use: of 8 MB that a start has left, a fifth. V8 does it by itself
 * for a thread that is idle in its event loop, and a guest that waits never gets there. Answers the CPU time that it took, in
 * microseconds, some 30,000: they are not the guest's.
 */
export function giveBackHeap(): number {
  const before = threadCpuMicroseconds();
  gc?.({ type: 'major', flavor: 'last-resort' });
  return threadCpuMicroseconds() - before;
}

/**
 * Collects what ended guests have left in the calling thread, in a few milliseconds. V8 would do it in its own time, which may
 * never come while nothing happens: their memories would be held, and counted among the process' memories, until then.
 */
export function collectGarbage(): void {
  gc?.({ type: 'major' });
}
