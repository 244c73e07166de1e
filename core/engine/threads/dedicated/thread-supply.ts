import type { ResourceLimits } from 'node:worker_threads';
import type { StackClass } from '../../../api/engine.ts';
import type { Clock } from '../../../api/clock.ts';
import { WasmletError } from '../../../api/errors.ts';
import type { Logger } from '../../../api/logger.ts';
import type { Preload } from '../../../guest/protocol.ts';
import { GuestThread, PoolThread } from './guest-thread.ts';
import type { Pacing } from './guest-thread.ts';
import { ThreadPool } from '../thread-pool.ts';
import { ThreadReserve } from './thread-reserve.ts';

/**
 * Heap `module`: the guest is one core module, its host a few hundred lines. `component`: its glue is megabytes of JavaScript; also for modules that are as large as that.
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

/** The class of the threads that are kept ready from the beginning. */
const common: SizeClass = { heap: 'module', stack: 'small' };

/** Of the others one is kept ready from the first container of that class on; what may need 64 MB of stack is not. */
function warmThreadsOf({ heap, stack }: SizeClass, warmThreads: number): number {
  if (stack !== common.stack) return 0;
  return heap === common.heap ? warmThreads : Math.min(1, warmThreads);
}

const nameOf = ({ heap, stack }: SizeClass): string => `${heap}/${stack}`;

export interface ThreadSupplyOptions {
  readonly entry: URL;
  /** Containers at once; warm spares come on top. */
  readonly maxThreads: number;
  /** Threads of the commonest class that are kept ready when nothing happens. */
  readonly warmThreads: number;
  readonly compileCache?: string | undefined;
  readonly startDeadlineMilliseconds: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

interface Supplied {
  readonly pool: ThreadPool;
  readonly reserve: ThreadReserve<PoolThread>;
}

/** Gives each container a thread that nobody else has, from a reserve of warm ones where it can. */
export class ThreadSupply {
  readonly #options: ThreadSupplyOptions;
  /** By class. */
  readonly #classes = new Map<string, Supplied>();
  #taken = 0;

  constructor(options: ThreadSupplyOptions) {
    this.#options = options;
  }

  /** Begins to keep threads ready, for `preload` until a container needed another runtime. */
  warmUp(preload: Preload | undefined): void {
    this.#of(common).reserve.warmUp(preload);
  }

  /** Containers that hold or wait for a thread. */
  get taken(): number {
    return this.#taken;
  }

  /**
   * A ready thread, for one container; its place is free again when the container has released it. Waits for its turn. `pacing`: of a
   * container with yield checks; the caller's again when this rejects.
   * @throws WasmletError `NODE_FULL`, `THREAD_START_FAILED`; the signal's reason when it aborts first
   */
  async acquire(sizeClass: SizeClass, preload: Preload, signal: AbortSignal, pacing?: Pacing): Promise<GuestThread> {
    signal.throwIfAborted();
    if (this.#taken >= this.#options.maxThreads) throw new WasmletError('NODE_FULL', `all ${this.#options.maxThreads} threads of this node are taken`);
    this.#taken += 1;
    const { reserve } = this.#of(sizeClass);
    try {
      const thread = await reserve.take(preload, signal);
      return new GuestThread(thread, pacing, (clean) => {
        this.#taken -= 1;
        if (clean) reserve.giveBack(thread);
        else reserve.lost(thread);
      });
    } catch (error) {
      this.#taken -= 1;
      throw error;
    }
  }

  /** Terminates every thread. */
  async stop(): Promise<void> {
    const classes = [...this.#classes.values()];
    for (const { reserve } of classes) reserve.stop();
    await Promise.all(classes.map(({ pool }) => pool.destroy()));
  }

  #of(sizeClass: SizeClass): Supplied {
    const name = nameOf(sizeClass);
    let supplied = this.#classes.get(name);
    if (supplied === undefined) {
      const { maxThreads, clock, logger } = this.#options;
      const warmThreads = warmThreadsOf(sizeClass, this.#options.warmThreads);
      const most = maxThreads + warmThreads;
      const pool = new ThreadPool({ ...this.#options, maxThreads: most, resourceLimits: { ...heaps[sizeClass.heap], ...stacks[sizeClass.stack] } });
      supplied = { pool, reserve: new ThreadReserve({ start: (preload) => pool.start({ kind: 'dedicated', ...(preload === undefined ? {} : { preload }) }, (started) => new PoolThread(started, preload?.runtimeUrl)), maxThreads: most, warmThreads, clock, logger }) };
      this.#classes.set(name, supplied);
    }
    return supplied;
  }
}
