import type { Blocked, GuestHost, Wait } from '../host.ts';
import { errnoOf } from './errno.ts';

/** The arguments of a preview-1 function: i32 as a signed number, i64 as a bigint. At most nine (`path_open`). */
type Syscall<Answer> = (...args: never[]) => Answer;
type AnySyscall<Answer> = (a: unknown, b: unknown, c: unknown, d: unknown, e: unknown, f: unknown, g: unknown, h: unknown, i: unknown) => Answer;

/**
 * The import for a function that never blocks: reports the host call and turns a failure into its errno. Nine plain
 * parameters instead of a rest parameter, so that no array is made for a call.
 */
export function syscall(host: GuestHost, act: Syscall<number>): WebAssembly.ImportValue {
  const call = act as AnySyscall<number>;
  return (a: unknown, b: unknown, c: unknown, d: unknown, e: unknown, f: unknown, g: unknown, h: unknown, i: unknown): number => {
    host.touch();
    try {
      return call(a, b, c, d, e, f, g, h, i);
    } catch (error) {
      return errnoOrThrow(error);
    }
  };
}

/** The import for a function that may block, through the host's blocker. */
export function blockingSyscall(host: GuestHost, act: Syscall<number | Blocked>): WebAssembly.ImportValue {
  const call = act as (a: unknown, b: unknown, c: unknown, d: unknown, e: unknown, f: unknown) => number | Blocked;
  return host.blocker.wrap((a: unknown, b: unknown, c: unknown, d: unknown, e: unknown, f: unknown): number | Blocked => {
    host.touch();
    try {
      const answer = call(a, b, c, d, e, f);
      return typeof answer === 'number' ? answer : new GuardedBlocked(answer);
    } catch (error) {
      return errnoOrThrow(error);
    }
  });
}

/** Turns a failure after the wait into its errno. */
class GuardedBlocked implements Blocked {
  readonly #blocked: Blocked;

  constructor(blocked: Blocked) {
    this.#blocked = blocked;
  }

  get wait(): Wait {
    return this.#blocked.wait;
  }

  resume(): number | Blocked {
    try {
      const answer = this.#blocked.resume();
      return typeof answer === 'number' ? answer : new GuardedBlocked(answer);
    } catch (error) {
      return errnoOrThrow(error);
    }
  }
}

function errnoOrThrow(error: unknown): number {
  const number = errnoOf(error);
  if (number === undefined) throw error;
  return number;
}
