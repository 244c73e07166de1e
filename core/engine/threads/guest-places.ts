import type { ContainerConfig } from '../../api/engine.ts';
import type { RegisteredRuntime } from '../../api/runtime.ts';
import type { Preload } from '../../guest/protocol.ts';
import type { GuestPlace } from './guest-place.ts';
import { SharedThreads } from './shared-threads.ts';
import type { SharedThreadsOptions } from './shared-threads.ts';
import { ThreadSupply } from './thread-supply.ts';
import type { ThreadSupplyOptions } from './thread-supply.ts';
import { Ticker } from './ticker.ts';

export interface GuestPlacesOptions extends ThreadSupplyOptions, Omit<SharedThreadsOptions, 'ticker' | 'maxGuests'> {
  /** Guests on shared threads, all together. */
  readonly maxSharedGuests: number;
}

/** Where guests run: gives each container the place that its isolation class asks for. */
export class GuestPlaces {
  readonly #dedicated: ThreadSupply;
  readonly #shared: SharedThreads;
  readonly #ticker: Ticker;

  constructor(options: GuestPlacesOptions) {
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
    if (config.isolation === 'shared') return this.#shared.acquire(signal);
    return this.#dedicated.acquire({ heap: config.artifact.kind, stack: config.stack ?? 'small' }, preloadOf(runtime), signal);
  }

  /** Terminates every thread. */
  async stop(): Promise<void> {
    await Promise.all([this.#dedicated.stop(), this.#shared.stop(), this.#ticker.stop()]);
  }
}

/** What a spare thread for that runtime does in advance. */
function preloadOf({ threadUrl, manifest }: RegisteredRuntime): Preload {
  return { runtimeUrl: threadUrl, rehearse: manifest.accepts.some((accepted) => accepted.kind === 'module' && accepted.importless !== false) };
}
