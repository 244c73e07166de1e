import type { ResourceLimits } from 'node:worker_threads';
import type { Clock } from '../../api/clock.ts';
import { WasmletError } from '../../api/errors.ts';
import type { Logger } from '../../api/logger.ts';
import type { GuestThread } from './guest-thread.ts';
import { ThreadPool } from './thread-pool.ts';

/**
 * `module`: the guest is one core module, its host a few hundred lines. `component`: its glue is megabytes of JavaScript.
 * V8's limits bound the JavaScript heap only; linear memory is bounded by the rewriter.
 */
export type SizeClass = 'module' | 'component';

const resourceLimits: Readonly<Record<SizeClass, ResourceLimits>> = {
  module: { maxYoungGenerationSizeMb: 1, maxOldGenerationSizeMb: 32, stackSizeMb: 1 },
  component: { maxYoungGenerationSizeMb: 8, maxOldGenerationSizeMb: 256, stackSizeMb: 4 },
};

export interface ThreadSupplyOptions {
  readonly entry: URL;
  /** Containers at once; warm spares come on top. */
  readonly maxThreads: number;
  /** Threads of class `module` that are kept ready. */
  readonly warmThreads: number;
  readonly compileCache?: string;
  readonly startDeadlineMilliseconds: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Making a thread holds the main thread for a millisecond: not before the container that took the last spare has begun. */
const refillPauseMilliseconds = 5;

/** Gives each container a thread of its own, from a reserve of warm ones where it can. */
export class ThreadSupply {
  readonly #options: ThreadSupplyOptions;
  readonly #pools = new Map<SizeClass, ThreadPool>();
  readonly #warm: GuestThread[] = [];
  #warming = 0;
  #taken = 0;
  #preload: readonly string[] = [];
  #stopped = false;

  constructor(options: ThreadSupplyOptions) {
    this.#options = options;
  }

  /** Begins to warm threads up. `preload`: URLs that the next warm threads import in advance. */
  warmUp(preload: readonly string[]): void {
    this.#preload = preload;
    this.#refill();
  }

  /** Containers that hold or wait for a thread. */
  get taken(): number {
    return this.#taken;
  }

  /**
   * A ready thread, for one container; its place is free again when the thread is gone.
   * @throws WasmletError `NODE_FULL`, `THREAD_START_FAILED`; the signal's reason when it aborts first
   */
  async acquire(sizeClass: SizeClass, preload: readonly string[], signal: AbortSignal): Promise<GuestThread> {
    signal.throwIfAborted();
    if (this.#taken >= this.#options.maxThreads) throw new WasmletError('NODE_FULL', `all ${this.#options.maxThreads} threads of this node are taken`);
    this.#taken += 1;
    try {
      const thread = (sizeClass === 'module' ? this.#warm.pop() : undefined) ?? (await this.#startFor(sizeClass, preload, signal));
      void thread.gone.then(() => this.#leave());
      if (sizeClass === 'module') this.#preload = preload;
      this.#options.clock.after(refillPauseMilliseconds, () => this.#refill());
      return thread;
    } catch (error) {
      this.#leave();
      throw error;
    }
  }

  /** Terminates every thread. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all([...this.#pools.values()].map((pool) => pool.destroy()));
  }

  async #startFor(sizeClass: SizeClass, preload: readonly string[], signal: AbortSignal): Promise<GuestThread> {
    const thread = await this.#pool(sizeClass).start(preload);
    if (!signal.aborted) return thread;
    await thread.terminate();
    throw signal.reason;
  }

  #leave(): void {
    this.#taken -= 1;
    this.#refill();
  }

  #pool(sizeClass: SizeClass): ThreadPool {
    let pool = this.#pools.get(sizeClass);
    if (pool === undefined) {
      const { warmThreads, maxThreads, ...rest } = this.#options;
      pool = new ThreadPool({ ...rest, maxThreads: maxThreads + warmThreads, resourceLimits: resourceLimits[sizeClass] });
      this.#pools.set(sizeClass, pool);
    }
    return pool;
  }

  #refill(): void {
    while (!this.#stopped && this.#warm.length + this.#warming < this.#options.warmThreads) void this.#addWarm();
  }

  async #addWarm(): Promise<void> {
    this.#warming += 1;
    try {
      const thread = await this.#pool('module').start(this.#preload);
      this.#warm.push(thread);
      void thread.gone.then(() => this.#dropWarm(thread));
    } catch (error) {
      // The next container starts its own thread and reports what is wrong; its end tries to refill again.
      if (!this.#stopped) this.#options.logger.warn({ error }, 'no warm thread could be kept ready');
    } finally {
      this.#warming -= 1;
    }
  }

  #dropWarm(thread: GuestThread): void {
    const index = this.#warm.indexOf(thread);
    if (index !== -1) this.#warm.splice(index, 1);
  }
}
