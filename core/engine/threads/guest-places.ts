import type { ContainerConfig } from '../../api/engine.ts';
import type { Clock } from '../../api/clock.ts';
import type { Logger } from '../../api/logger.ts';
import type { RegisteredRuntime } from '../../api/runtime.ts';
import type { Preload } from '../../guest/protocol.ts';
import type { GuestPlace } from './guest-place.ts';
import type { Pacing } from './dedicated/guest-thread.ts';
import { SharedThreads } from './shared/shared-threads.ts';
import type { SharedThreadsOptions } from './shared/shared-threads.ts';
import { ThreadSupply } from './dedicated/thread-supply.ts';
import type { SizeClass, ThreadSupplyOptions } from './dedicated/thread-supply.ts';
import { Ticker } from './ticker.ts';

export interface GuestPlacesOptions extends ThreadSupplyOptions, Omit<SharedThreadsOptions, 'ticker' | 'maxGuests'> {
  /** Guests on shared threads, all together. */
  readonly maxSharedGuests: number;
}

/** A guest that is to be unwound meets a yield check within milliseconds, unless it is in a host call. */
const unwindMilliseconds = 2_000;

/**
 * Whether a container's modules need yield checks: to share a thread, to be throttled, or to be unwound because its runtime
 * frees what it holds only then.
 */
export function needsYieldChecks({ isolation, resources }: ContainerConfig, { manifest }: RegisteredRuntime): boolean {
  return isolation === 'shared' || resources.cpuMillicores !== undefined || manifest.features?.yieldChecks === true;
}

/** Where guests run: gives each container the place that its isolation class asks for. */
export class GuestPlaces {
  readonly #dedicated: ThreadSupply;
  readonly #shared: SharedThreads;
  readonly #ticker: Ticker;
  readonly #clock: Clock;
  readonly #logger: Logger;

  constructor(options: GuestPlacesOptions) {
    this.#clock = options.clock;
    this.#logger = options.logger;
    this.#ticker = new Ticker({ ...options, entry: new URL('ticker-thread.js', options.entry) });
    this.#dedicated = new ThreadSupply(options);
    this.#shared = new SharedThreads({ ...options, ticker: this.#ticker, maxGuests: options.maxSharedGuests });
  }

  /** Begins to keep threads ready, for guests of that runtime first. */
  warmUp(runtime: RegisteredRuntime | undefined): void {
    this.#dedicated.warmUp(runtime === undefined ? undefined : preloadOf(runtime));
  }

  /**
   * A place for one container, free again when it was released.
   * @throws WasmletError `NODE_FULL`, `THREAD_START_FAILED`; the signal's reason when it aborts first
   */
  acquire(config: ContainerConfig, runtime: RegisteredRuntime, signal: AbortSignal): Promise<GuestPlace> {
    return config.isolation === 'shared' ? this.#shared.acquire(signal) : this.#acquireDedicated(config, runtime, signal);
  }

  async #acquireDedicated(config: ContainerConfig, runtime: RegisteredRuntime, signal: AbortSignal): Promise<GuestPlace> {
    const pacing = needsYieldChecks(config, runtime) ? this.#pacing(runtime) : undefined;
    try {
      return await this.#dedicated.acquire({ heap: heapOf(config.artifact), stack: config.stack ?? 'small' }, preloadOf(runtime), signal, pacing);
    } catch (error) {
      pacing?.forget();
      throw error;
    }
  }

  #pacing({ manifest }: RegisteredRuntime): Pacing {
    // A guest that holds a thread of its own holds nobody up.
    const watched = this.#ticker.watch(() => {});
    if (manifest.features?.yieldChecks !== true) return watched;
    return {
      ...watched,
      unwind: (act) => this.#clock.after(unwindMilliseconds, () => {
        this.#logger.warn({ runtime: manifest.name }, 'a guest did not let itself be unwound: it is ended with its thread, and what it held is lost');
        act();
      }),
    };
  }

  /** Terminates every thread. */
  async stop(): Promise<void> {
    await Promise.all([this.#dedicated.stop(), this.#shared.stop(), this.#ticker.stop()]);
  }
}

/** Each function that a module has in a table costs its instance an object: pandoc's 59 MB do not fit in a module's heap. */
const largeModuleBytes = 40_000_000;

function heapOf({ kind, sizeBytes }: ContainerConfig['artifact']): SizeClass['heap'] {
  return kind === 'component' || sizeBytes > largeModuleBytes ? 'component' : 'module';
}

/** What a spare thread for that runtime does in advance. */
function preloadOf({ threadUrl, manifest }: RegisteredRuntime): Preload {
  return { runtimeUrl: threadUrl, rehearsed: manifest.accepts.some((accepted) => accepted.kind === 'module' && accepted.imports.includes('wasi_snapshot_preview1')) };
}
