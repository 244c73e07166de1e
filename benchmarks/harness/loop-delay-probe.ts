/**
 * Preloaded into a node under test (`--import`): how long its main loop was held, in milliseconds. Writes
 * `{p99, max}` to the file that WASMLET_BENCH_LOOP_DELAY names when the process ends; SIGUSR2 forgets what was before.
 */
import { writeFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { isMainThread } from 'node:worker_threads';

export interface LoopDelay {
  readonly p99: number;
  readonly max: number;
}

const file = process.env['WASMLET_BENCH_LOOP_DELAY'];
if (isMainThread && file !== undefined) {
  const resolution = 5;
  const delays = monitorEventLoopDelay({ resolution });
  delays.enable();
  process.on('SIGUSR2', () => delays.reset());
  process.on('exit', () => {
    const delay: LoopDelay = { p99: delays.percentile(99) / 1e6 - resolution, max: delays.max / 1e6 - resolution };
    writeFileSync(file, JSON.stringify(delay));
  });
}
