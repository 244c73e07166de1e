import type { Wait } from '../../../core/guest/host.ts';
import { trap } from './component-failure.ts';
import type { GuestContext, HostInterfaces } from './guest-context.ts';

/** `wasi:io/poll.pollable`: `pending` answers what to wait for, undefined when it is ready. */
export class Pollable {
  readonly #context: GuestContext;
  readonly #pending: () => Wait | undefined;

  constructor(context: GuestContext, pending: () => Wait | undefined) {
    this.#context = context;
    this.#pending = pending;
  }

  get pending(): Wait | undefined {
    return this.#pending();
  }

  ready(): boolean {
    return this.#pending() === undefined;
  }

  block(): void {
    this.#context.called();
    for (let wait = this.#pending(); wait !== undefined; wait = this.#pending()) this.#context.host.blocker.waitNow(wait);
  }
}

/** `wasi:io/poll` 0.2. */
export function createPoll(context: GuestContext): HostInterfaces[string] {
  /** The indices of those that are ready; waits until one is. */
  const poll = (pollables: readonly Pollable[]): Uint32Array => {
    context.called();
    if (pollables.length === 0) trap('poll of no pollables');
    for (;;) {
      const waits = pollables.map((pollable) => pollable.pending);
      const ready = waits.flatMap((wait, index) => (wait === undefined ? [index] : []));
      if (ready.length > 0) return Uint32Array.from(ready);
      const deadlines = waits.flatMap((wait) => (wait?.deadline === undefined ? [] : [wait.deadline]));
      context.host.blocker.waitNow({
        ...(deadlines.length === 0 ? {} : { deadline: deadlines.reduce((first, other) => (other < first ? other : first)) }),
        ready: () => pollables.some((pollable) => pollable.ready()),
      });
    }
  };
  return { Pollable, poll };
}
