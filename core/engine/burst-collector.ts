import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Clock } from '../api/clock.ts';

type CollectGarbage = (options: { type: 'major'; flavor: 'last-resort' }) => void;

/** Starts and ends that leave enough behind to be worth a collection, which takes some 30 ms for each thousand containers. */
const worthCollecting = 200;
/** Without another one, the burst is over. */
const calmMilliseconds = 5_000;

/**
 * Gives memory back after many containers have started or ended. The main isolate's heap grows with a burst to three times of
 * what is in use, and V8 takes its time with a process that then has nothing to do: for thousands of idle pods, for ever.
 */
export class BurstCollector {
  readonly #clock: Clock;
  readonly #collect: () => void;
  #count = 0;
  #cancel: () => void = () => {};

  constructor(clock: Clock, collect: () => void) {
    this.#clock = clock;
    this.#collect = collect;
  }

  /** A container has started or ended. */
  note(): void {
    this.#count += 1;
    if (this.#count < worthCollecting) return;
    this.#cancel();
    this.#cancel = this.#clock.after(calmMilliseconds, () => {
      this.#count = 0;
      this.#collect();
    });
  }

  stop(): void {
    this.#cancel();
  }
}

/** V8's collector, as tests of V8 itself call it: the only one that gives pages back at once. */
export function lastResort(): () => void {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as CollectGarbage;
  return () => collect({ type: 'major', flavor: 'last-resort' });
}
