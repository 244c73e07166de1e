import { setFlagsFromString } from 'node:v8';
import { MessageChannel } from 'node:worker_threads';
import type { ResourceLimits } from 'node:worker_threads';
import { fileURLToPath } from 'node:url';
import { Piscina } from 'piscina';
import type { Clock } from '../../api/clock.ts';
import { messageOf, WasmletError } from '../../api/errors.ts';
import type { Logger } from '../../api/logger.ts';
import type { ThreadMessage, ThreadTask } from '../../guest/protocol.ts';
import type { SharedThreadMessage, SharedThreadTask } from '../../guest/shared/shared-protocol.ts';
import { StartedThread } from './started-thread.ts';

export interface ThreadPoolOptions {
  /** The plain JavaScript file that every thread begins with. */
  readonly entry: URL;
  readonly maxThreads: number;
  readonly resourceLimits: ResourceLimits;
  /** V8's compile cache; absent: none. */
  readonly compileCache?: string | undefined;
  /** A thread that is not ready by then is given up. */
  readonly startDeadlineMilliseconds: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

type Task = ThreadTask | SharedThreadTask;

/** What a thread's task says besides its port. */
export type TaskParts = Omit<ThreadTask, 'port'> | Omit<SharedThreadTask, 'port'>;

type RunOptions = NonNullable<Parameters<Piscina<Task, never>['run']>[1]>;

// For core/guest/memory/give-back-heap.ts: only threads made after this have the collector in their reach.
setFlagsFromString('--expose-gc');

/** First pause after a thread could not be made, in milliseconds; doubled each time. */
const firstPause = 50;

/**
 * Threads of one size class, by piscina: a thread is a task that lasts until the thread is terminated, so that piscina
 * never gives one to another container: whether a thread may have a second one is for the supply to say. Its queue holds only tasks whose thread is still starting.
 */
export class ThreadPool {
  readonly #pool: Piscina<Task, never>;
  readonly #options: ThreadPoolOptions;
  /** What gives up the starts that wait for a thread, oldest first. */
  readonly #starting = new Set<(error: Error) => void>();
  #destroyed = false;

  constructor(options: ThreadPoolOptions) {
    this.#options = options;
    this.#pool = new Piscina<Task, never>({
      filename: fileURLToPath(options.entry),
      name: 'run',
      minThreads: 0,
      maxThreads: options.maxThreads,
      idleTimeout: Infinity,
      atomics: 'disabled',
      recordTiming: false,
      // Of the environment, V8's compile cache: set otherwise, it would miss the thread's first file.
      env: options.compileCache === undefined ? {} : { NODE_COMPILE_CACHE: options.compileCache },
      execArgv: [],
      resourceLimits: options.resourceLimits,
    });
    // A thread that cannot start (ERR_WORKER_INIT_FAILED) leaves its task in the queue for ever: give up the oldest start.
    this.#pool.on('error', (error: Error) => {
      const [giveUp] = this.#starting;
      giveUp?.(error);
    });
  }

  /**
   * A new thread, made into the main thread's end of it by `wrap`. Tries again while the machine refuses threads, until the deadline.
   * @throws WasmletError `THREAD_START_FAILED`
   */
  async start<Thread>(parts: TaskParts, wrap: (started: StartedThread) => Thread): Promise<Thread> {
    const { clock, logger, startDeadlineMilliseconds } = this.#options;
    const deadline = clock.monotonic() + startDeadlineMilliseconds;
    for (let pause = firstPause; ; pause *= 2) {
      const left = deadline - clock.monotonic();
      try {
        return await this.#startOnce(parts, wrap, left);
      } catch (error) {
        if (this.#destroyed || clock.monotonic() + pause >= deadline) throw new WasmletError('THREAD_START_FAILED', `no thread could be started: ${messageOf(error)}`, { cause: error });
        logger.warn({ error, retryMilliseconds: pause }, 'a thread could not be started');
        await clock.sleep(pause);
      }
    }
  }

  async destroy(): Promise<void> {
    this.#destroyed = true;
    await this.#pool.destroy();
  }

  #startOnce<Thread>(parts: TaskParts, wrap: (started: StartedThread) => Thread, milliseconds: number): Promise<Thread> {
    const { port1: port, port2 } = new MessageChannel();
    const abort = new AbortController();
    const { promise, resolve, reject } = Promise.withResolvers<Thread>();

    const settle = (): void => {
      this.#starting.delete(giveUp);
      cancelDeadline();
    };
    const giveUp = (error: Error): void => {
      if (!this.#starting.has(giveUp)) return;
      settle();
      reject(error);
      port.close();
      abort.abort();
    };
    const cancelDeadline = this.#options.clock.after(milliseconds, () => giveUp(new Error(`not ready after ${Math.round(milliseconds)} ms`)));
    this.#starting.add(giveUp);

    port.once('message', (message: ThreadMessage | SharedThreadMessage) => {
      if (message.kind !== 'ready') return;
      const worker = this.#pool.threads.find(({ threadId }) => threadId === message.threadId);
      if (worker === undefined) return giveUp(new Error('the thread was gone before it was ready'));
      settle();
      resolve(wrap(new StartedThread({ worker, port, tid: message.tid, abandon: () => abort.abort() })));
    });
    // Settles only when the thread dies or is abandoned; after the start, the thread's own end sees that by itself.
    // piscina 5 infers its list's type from an overload that @types/node 26 has put last.
    const transferList = [port2] as unknown as NonNullable<RunOptions['transferList']>;
    this.#pool.run({ ...parts, port: port2 }, { transferList, signal: abort.signal }).catch(giveUp);
    return promise;
  }
}
