import type { Wait } from '../../../core/guest/host.ts';
import { trap } from '../host/component-failure.ts';
import type { GuestContext, HostInterfaces } from '../host/guest-context.ts';
import { HostResource } from '../host/host-resource.ts';

/** `wasi:io/poll.pollable`. */
export class Pollable extends HostResource {
  /** What to wait for; undefined when it is ready. */
  readonly pending: () => Wait | undefined;

  constructor(context: GuestContext, pending: () => Wait | undefined) {
    super(context);
    this.pending = pending;
  }

  ready(): boolean {
    this.context.called();
    return this.pending() === undefined;
  }

  /** A promise only where the component is suspended while it waits (`GuestContext.suspends`). */
  block(): void | Promise<void> {
    this.context.called();
    return this.context.waitWhile(this.pending);
  }
}

/**
 * Runs a host function that waits for each thing it yields: in place, or by a promise where the component is suspended while
 * it waits. So such a function is written once.
 */
export function waiting<Result>(context: GuestContext, steps: Iterator<() => Wait | undefined, Result, void>): Result | Promise<Result> {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
    const blocked = context.waitWhile(step.value);
    if (blocked !== undefined) return blocked.then(() => waiting(context, steps));
  }
}

/** `wasi:io/poll` 0.2. */
export function createPoll(context: GuestContext): HostInterfaces[string] {
  /** The indices of those that are ready; waits until one is. */
  const poll = (pollables: readonly Pollable[]): Uint32Array | Promise<Uint32Array> => {
    context.called();
    if (pollables.length === 0) trap('poll of no pollables');
    let ready: number[] = [];
    const waited = context.waitWhile(() => {
      ready = [];
      let deadline: bigint | undefined;
      for (const [index, pollable] of pollables.entries()) {
        const wait = pollable.pending();
        if (wait === undefined) ready.push(index);
        else if (wait.deadline !== undefined && (deadline === undefined || wait.deadline < deadline)) deadline = wait.deadline;
      }
      if (ready.length > 0) return undefined;
      return { ...(deadline === undefined ? {} : { deadline }), ready: () => pollables.some((pollable) => pollable.pending() === undefined) };
    });
    return waited === undefined ? Uint32Array.from(ready) : waited.then(() => Uint32Array.from(ready));
  };
  return { Pollable, poll };
}
