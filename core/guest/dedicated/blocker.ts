import type { Blocked, Blocker, GuestClock, Wait } from '../host.ts';
import type { Pace } from '../cpu/pace.ts';

export interface BlockerOptions {
  /** A word that is counted up, and notified, whenever something a guest may wait for has changed. */
  readonly wake: { readonly words: Int32Array; readonly index: number };
  readonly clock: GuestClock;
  /** Called right before the guest's entry. */
  readonly onEnter: () => void;
  /** Asked at each look: why the guest is to end, which the wait then throws. */
  readonly stopped?: () => Error | undefined;
  /** Told that a waiting guest does not compute. */
  readonly pace?: Pace;
  /** Called when a wait in place is over, before the guest goes on; may wait itself. */
  readonly afterWait?: () => void;
  /** `run` is called once, in the middle of the first wait that lasts so long. Dedicated threads only. */
  readonly whenIdle?: { readonly afterMilliseconds: number; readonly run: () => void };
}

/** Plain parameters, so that no array is made for a call; no function that blocks has more (`sock_recv`). */
type AnySyscall = (a: unknown, b: unknown, c: unknown, d: unknown, e: unknown, f: unknown) => number | Blocked;

/** Longest single wait, in milliseconds: `Atomics.wait` loses precision beyond what a double holds; the loop goes on. */
const longestWait = 2 ** 31;

/** For a thread with one guest: blocks the thread. `terminate()` ends such a wait at once. */
export class DedicatedBlocker implements Blocker {
  readonly #options: BlockerOptions;
  #whenIdle: BlockerOptions['whenIdle'];

  constructor(options: BlockerOptions) {
    this.#options = options;
    this.#whenIdle = options.whenIdle;
  }

  wrap<Arguments extends unknown[]>(syscall: (...args: Arguments) => number | Blocked): WebAssembly.ImportValue {
    const act = syscall as unknown as AnySyscall;
    return (a: unknown, b: unknown, c: unknown, d: unknown, e: unknown, f: unknown): number => {
      let answer = act(a, b, c, d, e, f);
      while (typeof answer !== 'number') {
        this.waitNow(answer.wait);
        answer = answer.resume();
      }
      return answer;
    };
  }

  waitNow(wait: Wait): void {
    const { pace, afterWait } = this.#options;
    pace?.leave();
    this.#wait(wait);
    afterWait?.();
    pace?.enter(0);
  }

  wake(): void {
    const { words, index } = this.#options.wake;
    Atomics.add(words, index, 1);
    Atomics.notify(words, index);
  }

  async waitLater(wait: Wait): Promise<void> {
    const { words, index } = this.#options.wake;
    for (;;) {
      const seen = Atomics.load(words, index);
      if (wait.ready?.() === true) return;
      const milliseconds = this.#remaining(wait);
      if (milliseconds === 0) return;
      const waiting = Atomics.waitAsync(words, index, seen, milliseconds);
      if (waiting.async) await waiting.value;
    }
  }

  enter(entry: Function): () => void {
    return () => {
      this.#options.onEnter();
      (entry as () => void)();
    };
  }

  #wait(wait: Wait): void {
    const { wake: { words, index }, stopped } = this.#options;
    for (;;) {
      // Read before asking: a change after the question makes the wait return at once.
      const seen = Atomics.load(words, index);
      const reason = stopped?.();
      if (reason !== undefined) throw reason;
      if (wait.ready?.() === true) return;
      const milliseconds = this.#remaining(wait);
      if (milliseconds === 0) return;
      const idle = this.#whenIdle;
      if (idle === undefined || milliseconds <= idle.afterMilliseconds) {
        Atomics.wait(words, index, seen, milliseconds);
      } else if (Atomics.wait(words, index, seen, idle.afterMilliseconds) === 'timed-out') {
        this.#whenIdle = undefined;
        idle.run();
      }
    }
  }

  /** Milliseconds to the deadline; 0 or less when it has passed. */
  #remaining(wait: Wait): number {
    if (wait.deadline === undefined) return longestWait;
    const nanoseconds = wait.deadline - this.#options.clock.monotonic();
    return nanoseconds <= 0n ? 0 : Math.min(Number(nanoseconds) / 1e6, longestWait);
  }
}
