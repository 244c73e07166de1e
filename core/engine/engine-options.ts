import type { Clock } from '../api/clock.ts';
import type { Logger } from '../api/logger.ts';
import type { RuntimeRegistry } from '../api/runtime.ts';

export interface WasmEngineOptions {
  /** The node's `--root-dir`; prepared artifacts are kept under it. */
  readonly rootDirectory: string;
  readonly runtimes: RuntimeRegistry;
  readonly clock: Clock;
  readonly logger: Logger;
  /** `core/engine/threads/thread-entry.js`, or the release bundle's `thread-entry.cjs`. */
  readonly threadEntry: URL;
  /** V8's compile cache for threads and prepare processes; absent: none. */
  readonly compileCache?: string | undefined;
  /** Containers at once (`dedicatedCapacity`). */
  readonly maxThreads: number;
  /** Guests on shared threads, all together. Default 10,000. */
  readonly maxSharedGuests?: number;
  /** Descriptors of all guests together. Default: no limit. */
  readonly maxGuestDescriptors?: number;
  /** Threads kept ready when nothing happens; a burst raises it for a while. Default 2. */
  readonly warmThreads?: number;
  /** Threads take one container after the other where their runtime leaves nothing behind. False: none does, and each is bound to its mounts by Landlock. Default true. */
  readonly reuseThreads?: boolean;
  /** TCP connections of all guests at once; beyond them a peer is reset. Default 4,096. */
  readonly maxConnections?: number;
  /** For a thread to be ready, and again for its guest to be entered. Default 30,000. */
  readonly startDeadlineMilliseconds?: number;
  /** For a transpilation. Default 120,000. */
  readonly prepareDeadlineMilliseconds?: number;
  /** Bound on `<root-dir>/prepared`. Default 1 GiB. */
  readonly maxPreparedBytes?: number;
  /** Bound on the Wasm bytes behind compiled modules kept in memory. Default 32 MiB. */
  readonly maxCompiledBytes?: number;
  /** Upstream's `containerLogMaxSize` (default 10 MiB) and `containerLogMaxFiles` (default 5). */
  readonly logMaxBytes?: number;
  readonly logMaxFiles?: number;
}

/** What holds where nothing was said. */
export const engineDefaults = {
  maxSharedGuests: 10_000,
  maxGuestDescriptors: Infinity,
  warmThreads: 2,
  reuseThreads: true,
  maxConnections: 4_096,
  startDeadlineMilliseconds: 30_000,
  prepareDeadlineMilliseconds: 120_000,
  maxPreparedBytes: 1024 ** 3,
  maxCompiledBytes: 32 * 1024 ** 2,
  logMaxBytes: 10 * 1024 ** 2,
  logMaxFiles: 5,
} as const;
