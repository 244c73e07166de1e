import type { Blocked, Blocker, Wait } from '../host.ts';
import type { ScheduledGuest } from './guest-scheduler.ts';

type Syscall = (a: unknown, b: unknown, c: unknown, d: unknown, e: unknown, f: unknown, g: unknown, h: unknown, i: unknown) => number | Blocked;

/** For a thread with many guests: suspends the one that waits (JSPI), the thread goes on with the others. */
export class SharedBlocker implements Blocker {
  readonly #guest: ScheduledGuest;
  readonly #onEnter: () => void;

  /** `onEnter` is called right before the guest's entry. */
  constructor(guest: ScheduledGuest, onEnter: () => void) {
    this.#guest = guest;
    this.#onEnter = onEnter;
  }

  wrap<Arguments extends unknown[]>(syscall: (...args: Arguments) => number | Blocked): WebAssembly.ImportValue {
    const call = syscall as unknown as Syscall;
    return new WebAssembly.Suspending((a: unknown, b: unknown, c: unknown, d: unknown, e: unknown, f: unknown, g: unknown, h: unknown, i: unknown): number | Promise<number> => {
      const answer = call(a, b, c, d, e, f, g, h, i);
      return typeof answer === 'number' ? answer : this.#later(answer);
    });
  }

  waitNow(): never {
    throw new Error('a guest on a shared thread cannot wait in place: it would hold every other guest');
  }

  waitLater(wait: Wait): Promise<void> {
    return this.#guest.wait(wait);
  }

  wake(): void {
    this.#guest.wake();
  }

  enter(entry: Function): () => Promise<void> {
    const suspendable = WebAssembly.promising(entry) as () => Promise<void>;
    return () => {
      this.#onEnter();
      return suspendable();
    };
  }

  #later(blocked: Blocked): Promise<number> {
    return this.#guest.wait(blocked.wait).then(() => {
      const answer = blocked.resume();
      return typeof answer === 'number' ? answer : this.#later(answer);
    });
  }
}
