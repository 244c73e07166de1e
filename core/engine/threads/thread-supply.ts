import type { ResourceLimits } from 'node:worker_threads';
import type { StackClass } from '../../api/engine.ts';
import type { Clock } from '../../api/clock.ts';
import { messageOf, WasmletError } from '../../api/errors.ts';
import type { Logger } from '../../api/logger.ts';
import type { Preload } from '../../guest/protocol.ts';
import type { GuestThread } from './guest-thread.ts';
import { ThreadPool } from './thread-pool.ts';

/**
 * Heap `module`: the guest is one core module, its host a few hundred lines. `component`: its glue is megabytes of JavaScript.
 * V8's limits bound the JavaScript heap only; linear memory is bounded by the rewriter.
 */
export interface SizeClass {
  readonly heap: 'module' | 'component';
  readonly stack: StackClass;
}

const heaps: Readonly<Record<SizeClass['heap'], ResourceLimits>> = {
  module: { maxYoungGenerationSizeMb: 1, maxOldGenerationSizeMb: 32 },
  component: { maxYoungGenerationSizeMb: 8, maxOldGenerationSizeMb: 256 },
};
const stacks: Readonly<Record<StackClass, ResourceLimits>> = { small: { stackSizeMb: 1 }, deep: { stackSizeMb: 64 } };

/** The class of the threads that are kept ready. */
const common: SizeClass = { heap: 'module', stack: 'small' };

const nameOf = ({ heap, stack }: SizeClass): string => `${heap}/${stack}`;

export interface ThreadSupplyOptions {
  readonly entry: URL;
  /** Containers at once; warm spares come on top. */
  readonly maxThreads: number;
  /** Threads of the commonest class that are kept ready. */
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
  /** By class. */
  readonly #pools = new Map<string, ThreadPool>();
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
      const isCommon = nameOf(sizeClass) === nameOf(common);
      const spare = isCommon ? this.#reserve.shift() : undefined;
      const thread = await (spare ?? this.#pool(sizeClass).start(undefined, signal));
      if (signal.aborted) {
        await thread.terminate();
        throw signal.reason;
      }
      void thread.gone.then(() => this.#leave());
      if (isCommon) this.#preload = preload;
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
    let pool = this.#pools.get(nameOf(sizeClass));
    if (pool === undefined) {
      const { warmThreads, maxThreads, ...rest } = this.#options;
      pool = new ThreadPool({ ...rest, maxThreads: maxThreads + warmThreads, resourceLimits: { ...heaps[sizeClass.heap], ...stacks[sizeClass.stack] } });
      this.#pools.set(nameOf(sizeClass), pool);
    }
    return pool;
  }

  #refill(): void {
    while (!this.#stopped && this.#reserve.length < this.#options.warmThreads) this.#addSpare();
  }

  #addSpare(): void {
    const spare = this.#pool(common).start(this.#preload);
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
