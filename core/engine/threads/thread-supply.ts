import type { ResourceLimits } from 'node:worker_threads';
import type { Clock } from '../../api/clock.ts';
import { messageOf, WasmletError } from '../../api/errors.ts';
import type { Logger } from '../../api/logger.ts';
import type { Preload } from '../../guest/protocol.ts';
import type { GuestThread } from './guest-thread.ts';
import { ThreadPool } from './thread-pool.ts';

/**
 * `module`: the guest is one core module, its host a few hundred lines. `component`: its glue is megabytes of JavaScript.
 * V8's limits bound the JavaScript heap only; linear memory is bounded by the rewriter. A stack of 4 MiB, about 80,000
 * frames, costs an idle thread nothing: it is touched when it is used.
 */
export type SizeClass = 'module' | 'component';

const resourceLimits: Readonly<Record<SizeClass, ResourceLimits>> = {
  module: { maxYoungGenerationSizeMb: 1, maxOldGenerationSizeMb: 32, stackSizeMb: 4 },
  component: { maxYoungGenerationSizeMb: 8, maxOldGenerationSizeMb: 256, stackSizeMb: 4 },
};

export interface ThreadSupplyOptions {
  readonly entry: URL;
  /** Containers at once; warm spares come on top. */
  readonly maxThreads: number;
  /** Threads of class `module` that are kept ready. */
  readonly warmThreads: number;
  readonly compileCache?: string | undefined;
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
  /** Spares, oldest first; the newest may still be starting. */
  readonly #reserve: Promise<GuestThread>[] = [];
  #taken = 0;
  #preload: Preload | undefined;
  #stopped = false;

  constructor(options: ThreadSupplyOptions) {
    this.#options = options;
  }

  /** Begins to keep threads ready, for `preload` until a container needed another runtime. */
  warmUp(preload: Preload | undefined): void {
    this.#preload = preload;
    this.#refill();
  }

  /** Containers that hold or wait for a thread. */
  get taken(): number {
    return this.#taken;
  }

  /**
   * A ready thread, for one container; its place is free again when the thread is gone. `preload`: what the thread that
   * replaces it in the reserve should know.
   * @throws WasmletError `NODE_FULL`, `THREAD_START_FAILED`; the signal's reason when it aborts first
   */
  async acquire(sizeClass: SizeClass, preload: Preload, signal: AbortSignal): Promise<GuestThread> {
    signal.throwIfAborted();
    if (this.#taken >= this.#options.maxThreads) throw new WasmletError('NODE_FULL', `all ${this.#options.maxThreads} threads of this node are taken`);
    this.#taken += 1;
    try {
      // A spare that is still starting is sooner there than a thread begun now.
      const spare = sizeClass === 'module' ? this.#reserve.shift() : undefined;
      const thread = await (spare ?? this.#pool(sizeClass).start(undefined, signal));
      if (signal.aborted) {
        await thread.terminate();
        throw signal.reason;
      }
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
    while (!this.#stopped && this.#reserve.length < this.#options.warmThreads) this.#addSpare();
  }

  #addSpare(): void {
    const spare = this.#pool('module').start(this.#preload);
    this.#reserve.push(spare);
    void spare
      .then((thread) => thread.gone)
      // Nobody waits for it: the next container starts a thread of its own, and whatever is wrong is its start error.
      .catch((error: unknown) => this.#stopped || this.#options.logger.warn({ error: messageOf(error) }, 'no warm thread could be kept ready'))
      .finally(() => {
        const index = this.#reserve.indexOf(spare);
        if (index !== -1) void this.#reserve.splice(index, 1);
      });
  }
}
