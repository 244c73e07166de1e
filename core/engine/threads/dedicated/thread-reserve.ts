import { availableParallelism } from 'node:os';
import type { Clock } from '../../../api/clock.ts';
import { messageOf } from '../../../api/errors.ts';
import type { Logger } from '../../../api/logger.ts';
import type { Preload } from '../../../guest/protocol.ts';
import type { PoolThread } from './guest-thread.ts';

export interface ThreadReserveOptions {
  /** Makes one thread. */
  readonly start: (preload: Preload | undefined) => Promise<PoolThread>;
  /** Threads that may exist at once, with a container or without. */
  readonly maxThreads: number;
  /** Kept ready when nothing happens. */
  readonly warmThreads: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Threads that may be starting at once. More would not be ready sooner: making one is work for a CPU, and of a hundred begun
 * together the last would be ready with the first, late.
 */
const parallelStarts = availableParallelism() * 2;
/** Threads kept ready after a burst, 6 MB each. */
const mostIdle = 8;
/** Making a thread takes 10 ms of a CPU and holds the main thread for one: not while the container that took the last spare begins. */
const refillPauseMilliseconds = 100;
/** Where threads come back this often, a container that waits gets one of them before a new one would be ready. */
const turnoverMilliseconds = 50;
/** What was not needed for so long is given up. */
const trimMilliseconds = 30_000;

interface Waiter {
  readonly preload: Preload;
  readonly resolve: (thread: PoolThread) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * The ready threads of one size class and the containers that wait for one, first come first served. A thread that a
 * container gave back is as good as a new one, for containers of the same runtime: a burst of short containers runs on a few.
 */
export class ThreadReserve {
  readonly #options: ThreadReserveOptions;
  /** Oldest first; the youngest is taken first, so that what is not needed grows old. */
  readonly #idle: PoolThread[] = [];
  readonly #waiting: Waiter[] = [];
  #starting = 0;
  /** Threads that containers have. */
  #taken = 0;
  /** Threads to be kept ready: doubled when there were too few, back to `warmThreads` when that was long ago. */
  #target: number;
  /** Fewest idle threads since the last trimming. */
  #lowWater = 0;
  #preload: Preload | undefined;
  #refilling = false;
  #startPending = false;
  /** When a container gave its thread back last, monotonic. */
  #givenBackAt = -Infinity;
  #trimming = false;
  #stopped = false;

  constructor(options: ThreadReserveOptions) {
    this.#options = options;
    this.#target = options.warmThreads;
  }

  /** Begins to keep threads ready, for `preload` until a container needed another runtime. */
  warmUp(preload: Preload | undefined): void {
    this.#preload = preload;
    this.#startMore();
  }

  /** Resolves with a ready thread, which is the caller's until `giveBack` or `lost`. Rejects with the signal's reason when it aborts first. */
  async take(preload: Preload, signal: AbortSignal): Promise<PoolThread> {
    const idle = this.#takeIdle(preload);
    if (this.#options.warmThreads > 0) this.#preload = preload;
    if (idle !== undefined) {
      this.#refillSoon();
      return idle;
    }
    const { promise, resolve, reject } = Promise.withResolvers<PoolThread>();
    const waiter = { preload, resolve, reject };
    const abort = (): void => {
      const index = this.#waiting.indexOf(waiter);
      if (index !== -1) this.#waiting.splice(index, 1);
      reject(signal.reason);
    };
    signal.addEventListener('abort', abort, { once: true });
    this.#waiting.push(waiter);
    this.#raiseTarget();
    this.#startMore();
    return promise.finally(() => signal.removeEventListener('abort', abort));
  }

  /** The container is done with the thread and has left nothing behind. */
  giveBack(thread: PoolThread): void {
    this.#taken -= 1;
    this.#givenBackAt = this.#options.clock.monotonic();
    this.#offer(thread);
  }

  /** The thread that the container had is gone. */
  lost(): void {
    this.#taken -= 1;
    this.#startMore();
  }

  stop(): void {
    this.#stopped = true;
  }

  #takeIdle({ runtimeUrl }: Preload): PoolThread | undefined {
    const index = this.#idle.findLastIndex((thread) => fits(thread, runtimeUrl));
    if (index === -1) return undefined;
    const [thread] = this.#idle.splice(index, 1);
    this.#lowWater = Math.min(this.#lowWater, this.#idle.length);
    this.#taken += 1;
    return thread;
  }

  /** To the container that waits longest, else to the reserve. */
  #offer(thread: PoolThread): void {
    if (!thread.alive) return;
    const index = this.#waiting.findIndex(({ preload }) => fits(thread, preload.runtimeUrl));
    if (index !== -1) {
      const [waiter] = this.#waiting.splice(index, 1);
      this.#taken += 1;
      waiter!.resolve(thread);
      // It may keep the thread for good: the others need one of their own.
      if (this.#waiting.length > 0) this.#startMore();
      return;
    }
    if (this.#stopped || this.#idle.length >= Math.max(mostIdle, this.#options.warmThreads)) {
      void thread.terminate();
      return;
    }
    this.#idle.push(thread);
    void thread.gone.then(() => {
      const at = this.#idle.indexOf(thread);
      if (at !== -1) this.#idle.splice(at, 1);
    });
    this.#trimLater();
    this.#startMore();
  }

  /** As many starts as containers wait for, then as the reserve lacks; a few at a time. */
  #startMore(): void {
    const { maxThreads, clock } = this.#options;
    const turnover = this.#taken > 0 && clock.monotonic() - this.#givenBackAt < turnoverMilliseconds;
    if (turnover && this.#waiting.length > 0) {
      this.#startMoreSoon();
      return;
    }
    for (;;) {
      const missing = this.#waiting.length > 0 ? this.#waiting.length : this.#refilling ? 0 : this.#target - this.#idle.length;
      if (this.#stopped || this.#starting >= Math.min(missing, parallelStarts)) return;
      if (this.#taken + this.#idle.length + this.#starting >= maxThreads) {
        // An idle thread of another runtime is in the way of a container that waits.
        if (this.#waiting.length === 0 || this.#idle.length === 0) return;
        void this.#idle.shift()!.terminate();
      }
      void this.#start(this.#waiting[this.#starting]?.preload);
    }
  }

  /** `preload`: of the container that will probably get it. */
  async #start(preload: Preload | undefined): Promise<void> {
    this.#starting += 1;
    try {
      const thread = await this.#options.start(preload ?? this.#preload);
      this.#starting -= 1;
      this.#offer(thread);
    } catch (error) {
      this.#starting -= 1;
      const waiter = this.#waiting.shift();
      // Without one, the next container starts a thread of its own, and whatever is wrong is its start error.
      if (waiter !== undefined) waiter.reject(error);
      else if (!this.#stopped) this.#options.logger.warn({ error: messageOf(error) }, 'no warm thread could be kept ready');
      if (this.#waiting.length > 0) this.#startMore();
    }
  }

  #startMoreSoon(): void {
    if (this.#startPending) return;
    this.#startPending = true;
    this.#options.clock.after(turnoverMilliseconds, () => {
      this.#startPending = false;
      this.#startMore();
    });
  }

  #raiseTarget(): void {
    this.#target = Math.min(Math.max(mostIdle, this.#target), this.#target * 2);
    this.#trimLater();
  }

  #refillSoon(): void {
    // With nothing left the next container would wait for all of a start.
    if (this.#idle.length === 0) this.#raiseTarget();
    if (this.#refilling) return;
    this.#refilling = true;
    this.#options.clock.after(refillPauseMilliseconds, () => {
      this.#refilling = false;
      this.#startMore();
    });
  }

  #trimLater(): void {
    if (this.#trimming || (this.#idle.length <= this.#options.warmThreads && this.#target === this.#options.warmThreads)) return;
    this.#trimming = true;
    this.#lowWater = this.#idle.length;
    this.#options.clock.after(trimMilliseconds, () => {
      this.#trimming = false;
      if (this.#stopped) return;
      // None of these was needed since.
      const surplus = Math.min(this.#lowWater, this.#idle.length - this.#options.warmThreads);
      if (this.#lowWater > 0) this.#target = this.#options.warmThreads;
      if (surplus > 0) for (const thread of this.#idle.splice(0, surplus)) void thread.terminate();
      this.#trimLater();
    });
  }
}

function fits(thread: PoolThread, runtimeUrl: string): boolean {
  return thread.alive && (thread.servedRuntime === undefined || thread.servedRuntime === runtimeUrl);
}
