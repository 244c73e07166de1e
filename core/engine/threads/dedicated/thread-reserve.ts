import { availableParallelism } from 'node:os';
import type { Clock } from '../../../api/clock.ts';
import { messageOf } from '../../../api/errors.ts';
import type { Logger } from '../../../api/logger.ts';
import type { Preload } from '../../../guest/protocol.ts';
import type { PoolThread } from './guest-thread.ts';

/** What the reserve must know of a thread. */
export type SpareThread = Pick<PoolThread, 'alive' | 'servedRuntime' | 'gone' | 'terminate'>;

export interface ThreadReserveOptions<Thread extends SpareThread> {
  /** Makes one thread. */
  readonly start: (preload: Preload | undefined) => Promise<Thread>;
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
/** A thread that came back sooner had a short container: the next one that waits will have it sooner than a new thread would be ready. */
const shortMilliseconds = 250;
/** As often it is looked whether such threads still come back. */
const lookMilliseconds = 25;
/** Looks in a row that find none, before threads are made again: the first may come right after the main loop was held. */
const looksInVain = 2;
/** What was not needed for so long is given up. */
const trimMilliseconds = 30_000;

interface Waiter<Thread> {
  readonly preload: Preload;
  readonly resolve: (thread: Thread) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * The ready threads of one size class and the containers that wait for one, first come first served. A thread that a
 * container gave back is as good as a new one, for containers of the same runtime: a burst of short containers runs on a few.
 */
export class ThreadReserve<Thread extends SpareThread> {
  readonly #options: ThreadReserveOptions<Thread>;
  /** Oldest first; the youngest is taken first, so that what is not needed grows old. */
  readonly #idle: Thread[] = [];
  readonly #waiting: Waiter<Thread>[] = [];
  #starting = 0;
  /** Threads that containers have, and since when, monotonic. */
  readonly #taken = new Map<Thread, number>();
  /** Threads to be kept ready: doubled when there were too few, back to `warmThreads` when that was long ago. */
  #target: number;
  /** Fewest idle threads since the last trimming. */
  #lowWater = 0;
  #preload: Preload | undefined;
  #refilling = false;
  /** Short containers have come and gone since the last look. */
  #turnover = false;
  #looking = false;
  #trimming = false;
  #stopped = false;

  constructor(options: ThreadReserveOptions<Thread>) {
    this.#options = options;
    this.#target = options.warmThreads;
  }

  /** Begins to keep threads ready, for `preload` until a container needed another runtime. */
  warmUp(preload: Preload | undefined): void {
    this.#preload = preload;
    this.#startMore();
  }

  /** Resolves with a ready thread, which is the caller's until `giveBack` or `lost`. Rejects with the signal's reason when it aborts first. */
  async take(preload: Preload, signal: AbortSignal): Promise<Thread> {
    const idle = this.#takeIdle(preload);
    if (this.#options.warmThreads > 0) this.#preload = preload;
    if (idle !== undefined) {
      // With nothing left the next container would wait for all of a start.
      if (this.#idle.length === 0) this.#raiseTarget();
      this.#refillSoon();
      return idle;
    }
    const { promise, resolve, reject } = Promise.withResolvers<Thread>();
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
  giveBack(thread: Thread): void {
    const short = this.#options.clock.monotonic() - this.#taken.get(thread)! < shortMilliseconds;
    this.#taken.delete(thread);
    // Of no use to the container that waits longest: that one must not wait for such.
    const [next] = this.#waiting;
    if (short && (next === undefined || fits(thread, next.preload.runtimeUrl))) {
      this.#turnover = true;
      if (!this.#looking) this.#look(0);
    }
    this.#offer(thread);
  }

  /** The thread that the container had is gone. */
  lost(thread: Thread): void {
    this.#taken.delete(thread);
    this.#startMore();
  }

  stop(): void {
    this.#stopped = true;
  }

  #takeIdle({ runtimeUrl }: Preload): Thread | undefined {
    const index = this.#idle.findLastIndex((thread) => fits(thread, runtimeUrl));
    if (index === -1) return undefined;
    const [thread] = this.#idle.splice(index, 1);
    this.#lowWater = Math.min(this.#lowWater, this.#idle.length);
    this.#hand(thread!);
    return thread;
  }

  #hand(thread: Thread): void {
    this.#taken.set(thread, this.#options.clock.monotonic());
  }

  /** To the container that waits longest, else to the reserve. */
  #offer(thread: Thread): void {
    if (!thread.alive) return;
    const index = this.#waiting.findIndex(({ preload }) => fits(thread, preload.runtimeUrl));
    if (index !== -1) {
      const [waiter] = this.#waiting.splice(index, 1);
      this.#hand(thread);
      waiter!.resolve(thread);
      // It may keep the thread for good: the others need one of their own.
      if (this.#waiting.length > 0) this.#startMore();
      else this.#refillSoon();
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
    const { maxThreads } = this.#options;
    if (this.#looking && (this.#waiting.length === 0 || this.#taken.size > 0)) return;
    for (;;) {
      const missing = this.#waiting.length > 0 ? this.#waiting.length : this.#refilling ? 0 : this.#target - this.#idle.length;
      if (this.#stopped || this.#starting >= Math.min(missing, parallelStarts)) return;
      if (this.#taken.size + this.#idle.length + this.#starting >= maxThreads) {
        // An idle thread of another runtime is in the way of a container that waits.
        if (this.#waiting.length === 0 || this.#idle.length === 0) return;
        void this.#idle.shift()!.terminate();
      }
      const waiter = this.#waiting[this.#starting];
      // A container that waits has its own start for a rehearsal.
      void this.#start(waiter === undefined ? this.#preload : { ...waiter.preload, rehearsed: false });
    }
  }

  async #start(preload: Preload | undefined): Promise<void> {
    this.#starting += 1;
    try {
      const thread = await this.#options.start(preload);
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

  /** While short containers come and go no thread is made: neither for those that wait nor for the reserve. */
  #look(vain: number): void {
    this.#looking = true;
    this.#options.clock.after(lookMilliseconds, () => {
      const inVain = this.#turnover ? 0 : vain + 1;
      this.#turnover = false;
      if (inVain < looksInVain) {
        this.#look(inVain);
        return;
      }
      this.#looking = false;
      this.#startMore();
    });
  }

  #raiseTarget(): void {
    this.#target = Math.min(Math.max(mostIdle, this.#target), this.#target * 2);
    this.#trimLater();
  }

  #refillSoon(): void {
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

function fits(thread: SpareThread, runtimeUrl: string): boolean {
  return thread.alive && (thread.servedRuntime === undefined || thread.servedRuntime === runtimeUrl);
}
