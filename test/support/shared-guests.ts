/** A scheduler of guests in the test's own thread: real turns and timers, a CPU clock that the test moves. */
import { GuestScheduler } from '../../core/guest/shared/guest-scheduler.ts';
import { Pace, paceBytes } from '../../core/guest/cpu/pace.ts';

export interface TestScheduler {
  readonly scheduler: GuestScheduler;
  /** The word that yield checks look at. */
  readonly epoch: Int32Array;
  readonly epochMemory: WebAssembly.Memory;
  /** `paceWord`. */
  readonly words: Int32Array;
  /** CPU time of the thread, in microseconds. */
  cpu: number;
}

export function testScheduler(): TestScheduler {
  const epochMemory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
  const words = new SharedArrayBuffer(paceBytes);
  const test: { cpu: number } = { cpu: 0 };
  const scheduler = new GuestScheduler({
    pace: new Pace({ words, epoch: epochMemory, ticker: new SharedArrayBuffer(4) }),
    cpu: () => test.cpu,
    monotonic: () => process.hrtime.bigint(),
    later: (act) => void setImmediate(act),
    after(milliseconds, act) {
      const timer = setTimeout(act, milliseconds);
      return () => clearTimeout(timer);
    },
  });
  return Object.assign(test, { scheduler, epoch: new Int32Array(epochMemory.buffer), epochMemory, words: new Int32Array(words) });
}
