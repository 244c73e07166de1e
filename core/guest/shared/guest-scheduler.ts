import { CpuQuota } from '../cpu/cpu-quota.ts';
import type { Wait } from '../host.ts';
import type { Pace } from '../cpu/pace.ts';

export interface SchedulerOptions {
  readonly pace: Pace;
  /** CPU time of this thread, in microseconds. */
  readonly cpu: () => number;
  /** Monotonic nanoseconds. */
  readonly monotonic: () => bigint;
  /** Runs `act` in a later turn of the event loop, after messages and timers had theirs. */
  readonly later: (act: () => void) => void;
  /** Runs `act` after so many milliseconds; what it answers cancels. */
  readonly after: (milliseconds: number, act: () => void) => () => void;
}

/** Longest single timer, in milliseconds; a longer wait sets another. */
const longestTimer = 2 ** 31 - 1;

/**
 * Shares one thread among guests that suspend at every wait (JSPI): who may go on stands in one queue, and each turn of the
 * event loop belongs to one of them, so that messages (a kill, for one) and timers get their turn in between. A guest that
 * computes on is asked to yield by its yield checks, when the ticker has found that it has had the thread for a while.
 */
export class GuestScheduler {
  readonly options: SchedulerOptions;
  readonly #queue: { readonly guest: ScheduledGuest; readonly go: () => void }[] = [];
  readonly #waiting = new Set<ScheduledGuest>();
  #current: ScheduledGuest | undefined;
  #since = 0;
  #pumping = false;

  constructor(options: SchedulerOptions) {
    this.options = options;
  }

  /**
   * `onCpu` hears the guest's CPU time so far, in microseconds, whenever it has had a turn. `cpuMillicores`: its limit; absent: none.
   */
  admit(index: number, onCpu: (microseconds: number) => void, cpuMillicores?: number): ScheduledGuest {
    const quota = cpuMillicores === undefined ? undefined : new CpuQuota(cpuMillicores, this.options.monotonic(), 0);
    return new ScheduledGuest(this, index, onCpu, quota);
  }

  /** Something has changed that guests may wait for. */
  wakeAll(): void {
    for (const guest of this.#waiting) guest.wake();
  }

  /** For guests only: `go` is called when it is the guest's turn. */
  enqueue(guest: ScheduledGuest, go: () => void): void {
    this.#queue.push({ guest, go });
    this.#keepPumping();
  }

  /** For guests only. */
  setWaiting(guest: ScheduledGuest, waiting: boolean): void {
    if (waiting) this.#waiting.add(guest);
    else this.#waiting.delete(guest);
  }

  /** For guests only: the guest has left the thread to others. Nothing when it was not on it. */
  leave(guest: ScheduledGuest): void {
    if (this.#current !== guest) return;
    this.#charge();
    this.#current = undefined;
    this.options.pace.leave();
  }

  /** CPU time of the guest up to now, while it is on the thread. */
  charge(guest: ScheduledGuest): void {
    if (this.#current === guest) this.#charge();
  }

  /** For guests only: a guest that is doomed while it runs is to trap at its next check. */
  expectDoom(guest: ScheduledGuest): void {
    if (this.#current === guest) this.options.pace.setDue();
  }

  #keepPumping(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    this.options.later(() => this.#pump());
  }

  /** One guest's turn: what `go` settles runs as soon as this returns. */
  #pump(): void {
    this.#pumping = false;
    const next = this.#queue.shift();
    if (next === undefined) return;
    if (this.#queue.length > 0) this.#keepPumping();
    this.#enter(next.guest);
    next.go();
  }

  #enter(guest: ScheduledGuest): void {
    // A guest whose adapter waits for something of its own has not said that it left.
    if (this.#current !== undefined) this.leave(this.#current);
    this.#current = guest;
    this.#since = this.options.cpu();
    // Every check of a doomed guest is to call, and so to trap.
    this.options.pace.enter(guest.index, guest.doomed !== undefined);
  }

  #charge(): void {
    const now = this.options.cpu();
    this.#current!.used(now - this.#since);
    this.#since = now;
  }
}

/** One guest of a shared thread, as its scheduler sees it. */
export class ScheduledGuest {
  readonly index: number;
  readonly #scheduler: GuestScheduler;
  readonly #onCpu: (microseconds: number) => void;
  readonly #quota: CpuQuota | undefined;
  #cpuMicroseconds = 0;
  #doomed: Error | undefined;
  /** What it waits for, and how it goes on. */
  #waiting: { wait: Wait; readonly resolve: () => void; readonly reject: (error: Error) => void; cancelTimer?: (() => void) | undefined } | undefined;

  constructor(scheduler: GuestScheduler, index: number, onCpu: (microseconds: number) => void, quota: CpuQuota | undefined) {
    this.#quota = quota;
    this.#scheduler = scheduler;
    this.index = index;
    this.#onCpu = onCpu;
  }

  /** CPU time so far, in microseconds. */
  get cpuMicroseconds(): number {
    this.#scheduler.charge(this);
    return this.#cpuMicroseconds;
  }

  /** Why it is to end; then every host call throws this, and every yield check traps. */
  get doomed(): Error | undefined {
    return this.#doomed;
  }

  /** Calls `go` in a turn of this guest's. */
  schedule(go: () => void): void {
    this.#scheduler.enqueue(this, go);
  }

  /** The guest is over. */
  end(): void {
    this.#scheduler.leave(this);
  }

  /** Leaves the thread until the wait has ended. Rejects with the doom. */
  wait(wait: Wait): Promise<void> {
    if (this.#doomed !== undefined) return Promise.reject(this.#doomed);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#scheduler.leave(this);
    this.#waiting = { wait, resolve, reject };
    this.#scheduler.setWaiting(this, wait.ready !== undefined);
    this.#look();
    return promise;
  }

  /** The yield checks' call: 0 to go on, later when others want the thread; 1 when the guest is to trap. */
  yield(): number | Promise<number> {
    if (this.#doomed !== undefined) return 1;
    this.#scheduler.leave(this);
    const pause = this.#pause();
    if (pause !== undefined) return this.wait(pause).then(() => 0, () => 1);
    const { promise, resolve } = Promise.withResolvers<number>();
    this.schedule(() => resolve(this.#doomed === undefined ? 0 : 1));
    return promise;
  }

  /** Ends it: what it waits for is over. The first reason stays. */
  doom(reason: Error): void {
    if (this.#doomed !== undefined) return;
    this.#doomed = reason;
    this.#scheduler.expectDoom(this);
    const waiting = this.#waiting;
    if (waiting === undefined) return;
    this.#stopWaiting();
    this.schedule(() => waiting.reject(reason));
  }

  /** Something has changed that it may wait for. */
  wake(): void {
    if (this.#waiting !== undefined) this.#look();
  }

  /** For the scheduler only. */
  used(microseconds: number): void {
    this.#cpuMicroseconds += microseconds;
    this.#onCpu(this.#cpuMicroseconds);
  }

  #look(): void {
    const waiting = this.#waiting!;
    const { wait } = waiting;
    const milliseconds = wait.deadline === undefined ? undefined : Number(wait.deadline - this.#scheduler.options.monotonic()) / 1e6;
    if ((milliseconds !== undefined && milliseconds <= 0) || wait.ready?.() === true) {
      const pause = this.#pause();
      if (pause !== undefined) {
        this.#scheduler.setWaiting(this, false);
        waiting.wait = pause;
        this.#look();
        return;
      }
      this.#stopWaiting();
      this.schedule(() => {
        if (this.#doomed === undefined) waiting.resolve();
        else waiting.reject(this.#doomed);
      });
      return;
    }
    if (milliseconds === undefined || waiting.cancelTimer !== undefined) return;
    waiting.cancelTimer = this.#scheduler.options.after(Math.min(Math.ceil(milliseconds), longestTimer), () => {
      waiting.cancelTimer = undefined;
      this.#look();
    });
  }

  /** What a guest that is over its CPU limit waits for before it goes on. */
  #pause(): Wait | undefined {
    if (this.#quota === undefined) return undefined;
    const now = this.#scheduler.options.monotonic();
    const nanoseconds = this.#quota.due(now, this.#cpuMicroseconds * 1000);
    return nanoseconds === 0 ? undefined : { deadline: now + BigInt(nanoseconds) };
  }

  #stopWaiting(): void {
    this.#waiting!.cancelTimer?.();
    this.#waiting = undefined;
    this.#scheduler.setWaiting(this, false);
  }
}
