import { availableParallelism } from 'node:os';
import type { ResourceLimits } from 'node:worker_threads';
import type { Clock } from '../../../api/clock.ts';
import { WasmletError } from '../../../api/errors.ts';
import type { Logger } from '../../../api/logger.ts';
import { createOutputRing } from '../../../guest/rings/output-ring.ts';
import { controlBytes } from '../../../guest/protocol.ts';
import { reserveShared } from '../../../guest/rings/reserve-shared.ts';
import { ControlBlocks } from '../guest-control.ts';
import type { SharedGuest } from './shared-guest.ts';
import { SharedThread } from './shared-thread.ts';
import { ThreadPool } from '../thread-pool.ts';
import type { Ticker } from '../ticker.ts';

export interface SharedThreadsOptions {
  readonly entry: URL;
  /** Guests on all shared threads together. */
  readonly maxGuests: number;
  readonly ticker: Ticker;
  readonly compileCache?: string | undefined;
  readonly startDeadlineMilliseconds: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** More would compete for the same CPUs; each costs a heap of its own. */
const mostThreads = Math.min(availableParallelism(), 4);
/** Guests of each thread before another thread is begun. */
const guestsBeforeAnother = 32;
/** The JavaScript heap of thousands of guests; each has some 10 kB in it. */
const resourceLimits: ResourceLimits = { maxYoungGenerationSizeMb: 16, maxOldGenerationSizeMb: 2048, stackSizeMb: 4 };

/** The threads that have many guests each, and who gets onto which. */
export class SharedThreads {
  readonly #options: SharedThreadsOptions;
  readonly #pool: ThreadPool;
  readonly #threads: SharedThread[] = [];
  /** The start of one more thread; those who need it wait together. */
  #starting: Promise<void> | undefined;
  #guests = 0;
  /** Fewer than it could be once the machine has refused one more. */
  #mostThreads = mostThreads;

  constructor(options: SharedThreadsOptions) {
    this.#options = options;
    this.#pool = new ThreadPool({ ...options, maxThreads: mostThreads, resourceLimits });
  }

  /** Guests that hold or wait for a place. */
  get taken(): number {
    return this.#guests;
  }

  /**
   * A place on a thread; it is free again when the container has released it.
   * @throws WasmletError `NODE_FULL`, `THREAD_START_FAILED`; the signal's reason when it aborts first
   */
  async acquire(signal: AbortSignal): Promise<SharedGuest> {
    signal.throwIfAborted();
    const { maxGuests } = this.#options;
    if (this.#guests >= maxGuests) throw new WasmletError('NODE_FULL', `all ${maxGuests} places on shared threads of this node are taken`);
    this.#guests += 1;
    try {
      // Chosen and admitted in one go, so that the next one sees its load.
      while (this.#wantsAnother()) {
        this.#starting ??= this.#start().finally(() => (this.#starting = undefined));
        await this.#starting.catch((error: unknown) => {
          if (this.#emptiest() === undefined) throw error;
          this.#mostThreads = this.#threads.length;
        });
        signal.throwIfAborted();
      }
      return this.#emptiest()!.admit();
    } catch (error) {
      this.#guests -= 1;
      throw error;
    }
  }

  async stop(): Promise<void> {
    await this.#pool.destroy();
  }

  #wantsAnother(): boolean {
    const emptiest = this.#emptiest();
    return emptiest === undefined || (emptiest.load >= guestsBeforeAnother && this.#threads.length < this.#mostThreads);
  }

  /** The thread with the fewest guests. */
  #emptiest(): SharedThread | undefined {
    return this.#threads.filter((thread) => thread.alive).toSorted((one, other) => one.load - other.load)[0];
  }

  async #start(): Promise<void> {
    let thread: SharedThread | undefined;
    const { pace, forget } = this.#options.ticker.watch((guest) => this.#endStuck(thread, guest));
    const output = createOutputRing();
    const blocks = new ControlBlocks(reserveShared(this.#options.maxGuests * controlBytes));
    try {
      thread = await this.#pool.start({ kind: 'shared', output, control: blocks.memory, pace }, (started) => new SharedThread(started, output, blocks, () => void (this.#guests -= 1)));
    } catch (error) {
      forget();
      throw error;
    }
    const started = thread;
    this.#threads.push(started);
    void started.gone.then(() => {
      forget();
      this.#threads.splice(this.#threads.indexOf(started), 1);
    });
  }

  #endStuck(thread: SharedThread | undefined, guest: number): void {
    if (thread === undefined) return;
    const containerId = thread.containerOf(guest);
    this.#options.logger.error({ containerId, guests: thread.load }, 'a guest holds its shared thread: the thread is ended with all its guests');
    void thread.terminate(`container ${containerId ?? 'unknown'} held the shared thread and did not yield; the thread was ended with all its guests`);
  }
}
