import type { Blocked, Blocker, GuestClock, Wait } from './host.ts';

export interface BlockerOptions {
  /** A word that is counted up, and notified, whenever something a guest may wait for has changed. */
  readonly wake: { readonly words: Int32Array; readonly index: number };
  readonly clock: GuestClock;
  /** Called right before the guest's entry. */
  readonly onEnter: () => void;
  /** `run` is called once, in the middle of the first wait that lasts so long. Dedicated threads only. */
  readonly whenIdle?: { readonly afterMilliseconds: number; readonly run: () => void };
}

/** Longest single wait, in milliseconds: `Atomics.wait` loses precision beyond what a double holds; the loop goes on. */
const longestWait = 2 ** 31;

abstract class WakeWordBlocker {
  protected readonly options: BlockerOptions;

  constructor(options: BlockerOptions) {
    this.options = options;
  }

  /** Milliseconds to the deadline; 0 or less when it has passed. */
  protected remaining(wait: Wait): number {
    if (wait.deadline === undefined) return longestWait;
    const nanoseconds = wait.deadline - this.options.clock.monotonic();
    return nanoseconds <= 0n ? 0 : Math.min(Number(nanoseconds) / 1e6, longestWait);
  }

  wake(): void {
    const { words, index } = this.options.wake;
    Atomics.add(words, index, 1);
    Atomics.notify(words, index);
  }

  async waitLater(wait: Wait): Promise<void> {
    const { words, index } = this.options.wake;
    for (;;) {
      // Read before asking: a change after the question makes the wait return at once.
      const seen = Atomics.load(words, index);
      if (wait.ready?.() === true) return;
      const milliseconds = this.remaining(wait);
      if (milliseconds === 0) return;
      const waiting = Atomics.waitAsync(words, index, seen, milliseconds);
      if (waiting.async) await waiting.value;
    }
  }
}

/** For a thread with one guest: blocks the thread. `terminate()` ends such a wait at once. */
export class DedicatedBlocker extends WakeWordBlocker implements Blocker {
  #whenIdle: BlockerOptions['whenIdle'];

  constructor(options: BlockerOptions) {
    super(options);
    this.#whenIdle = options.whenIdle;
  }

  wrap<Arguments extends unknown[]>(syscall: (...args: Arguments) => number | Blocked): WebAssembly.ImportValue {
    return (...args: Arguments): number => {
      let answer = syscall(...args);
      while (typeof answer !== 'number') {
        this.waitNow(answer.wait);
        answer = answer.resume();
      }
      return answer;
    };
  }

  waitNow(wait: Wait): void {
    const { words, index } = this.options.wake;
    for (;;) {
      const seen = Atomics.load(words, index);
      if (wait.ready?.() === true) return;
      const milliseconds = this.remaining(wait);
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

  enter(entry: Function): () => void {
    return () => {
      this.options.onEnter();
      (entry as () => void)();
    };
  }
}

/** For a thread with many guests: suspends the one that waits (JSPI), the thread goes on with the others. */
export class SharedBlocker extends WakeWordBlocker implements Blocker {
  wrap<Arguments extends unknown[]>(syscall: (...args: Arguments) => number | Blocked): WebAssembly.ImportValue {
    return new WebAssembly.Suspending((...args: Arguments): number | Promise<number> => {
      const answer = syscall(...args);
      return typeof answer === 'number' ? answer : this.#later(answer);
    });
  }

  waitNow(): never {
    throw new Error('a guest on a shared thread cannot wait in place: it would hold every other guest');
  }

  enter(entry: Function): () => Promise<void> {
    const suspendable = WebAssembly.promising(entry);
    return async () => {
      this.options.onEnter();
      await suspendable();
    };
  }

  async #later(blocked: Blocked): Promise<number> {
    let answer: number | Blocked = blocked;
    while (typeof answer !== 'number') {
      await this.waitLater(answer.wait);
      answer = answer.resume();
    }
    return answer;
  }
}
