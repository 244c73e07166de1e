import { Worker } from 'node:worker_threads';
import type { Clock } from '../../api/clock.ts';
import { messageOf } from '../../api/errors.ts';
import type { Logger } from '../../api/logger.ts';
import { paceBytes, paceWord } from '../../guest/cpu/pace.ts';
import type { PacedThread } from '../../guest/cpu/pace.ts';

/** A guest that had its thread at one tick and still has it at the next is asked to yield: after 1 to 2 ticks. */
const tickMilliseconds = 3;
/** A guest that has not yielded for so long although asked holds its thread for good. */
const stuckMilliseconds = 5_000;
/** Ticks without a computing guest after which the ticker sleeps until one begins. */
const idleTicks = 50;
/** Before a ticker that was lost is made again. */
const restartMilliseconds = 1_000;

interface Watched {
  readonly pace: PacedThread;
  readonly onStuck: (guest: number) => void;
}

/**
 * Asks guests that compute for long to yield, on all threads that have yield checks. A thread of its own, begun with the
 * first of them: the main thread may be busy for longer than a guest may hold others up.
 */
export class Ticker {
  readonly #entry: URL;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #words = new SharedArrayBuffer(4);
  readonly #watched = new Map<number, Watched>();
  #worker: Worker | undefined;
  #next = 0;
  #stopped = false;

  /** `entry`: the directory's `ticker-thread.js`, or its built name. */
  constructor({ entry, clock, logger }: { entry: URL; clock: Clock; logger: Logger }) {
    this.#entry = entry;
    this.#clock = clock;
    this.#logger = logger;
  }

  /**
   * The pace of a new thread, watched until `forget`. `onStuck` is called when a guest, by its number on the thread, has not
   * yielded for seconds.
   */
  watch(onStuck: (guest: number) => void): { readonly pace: PacedThread; readonly forget: () => void } {
    const pace: PacedThread = {
      words: new SharedArrayBuffer(paceBytes),
      epoch: new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true }),
      ticker: this.#words,
    };
    const id = this.#next++;
    this.#watched.set(id, { pace, onStuck });
    if (this.#worker === undefined) this.#start();
    else this.#add(id, pace);
    return { pace, forget: () => this.#forget(id) };
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#worker?.terminate();
  }

  #forget(id: number): void {
    if (this.#watched.delete(id)) this.#tell({ id });
  }

  #add(id: number, { words, epoch }: PacedThread): void {
    this.#tell({ id, words, epoch: epoch.buffer });
  }

  #tell(message: { readonly id: number; readonly words?: SharedArrayBuffer; readonly epoch?: ArrayBufferLike }): void {
    this.#worker?.postMessage(message);
    const asleep = new Int32Array(this.#words);
    Atomics.store(asleep, 0, 0);
    Atomics.notify(asleep, 0);
  }

  #start(): void {
    const worker = new Worker(this.#entry, {
      env: {},
      execArgv: [],
      resourceLimits: { maxYoungGenerationSizeMb: 1, maxOldGenerationSizeMb: 16, stackSizeMb: 1 },
      workerData: { ticker: this.#words, paceWord, tickMilliseconds, stuckMilliseconds, idleTicks },
    });
    worker.unref();
    worker.on('message', ({ id, guest }: { readonly id: number; readonly guest: number }) => this.#watched.get(id)?.onStuck(guest));
    worker.on('error', (error) => this.#logger.error({ error: messageOf(error) }, 'the ticker was lost: guests on shared threads are not asked to yield until it is back'));
    worker.on('exit', () => {
      this.#worker = undefined;
      if (!this.#stopped) this.#clock.after(restartMilliseconds, () => this.#stopped || this.#worker !== undefined || this.#start());
    });
    this.#worker = worker;
    for (const [id, { pace }] of this.#watched) this.#add(id, pace);
  }
}
