import { collectGarbage } from '../memory/give-back-heap.ts';

/** Before what the first of some ended guests has left is collected. */
const leastPause = 500;
/** A collection takes as long as there are guests, and all of them wait for it: a twentieth of the time at most. */
const pausePerCollection = 20;

/**
 * Has the linear memories of ended guests collected. V8 does it in its own time, which on a thread whose guests all wait may
 * never come: their memory would stay taken, and count among the process' memories.
 */
export class EndedGuests {
  #timer: NodeJS.Timeout | undefined;
  #pause = leastPause;

  guestEnded(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      const began = performance.now();
      collectGarbage();
      this.#pause = Math.max(leastPause, (performance.now() - began) * pausePerCollection);
    }, this.#pause);
  }
}
