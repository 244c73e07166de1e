import { collectGarbage, giveBackHeap } from '../memory/give-back-heap.ts';

/** Before what the first of some ended guests has left is collected. */
const leastPause = 500;
/** A collection takes as long as there are guests, and all of them wait for it: a twentieth of the time at most. */
const pausePerCollection = 20;
/** Starts that leave enough behind to be worth a shrinking of the heap, which takes some 20 ms for each thousand guests. */
const worthShrinking = 100;
/** Without another start, the burst is over. */
const calmMilliseconds = 5_000;

/**
 * Gives back what guests leave on their thread. V8 does it in its own time, which on a thread whose guests all wait may
 * never come: the linear memories of ended ones would stay taken, and count among the process' memories, and after many starts
 * the heap would stay a third larger than what is in use.
 */
export class GuestGarbage {
  #collection: NodeJS.Timeout | undefined;
  #pause = leastPause;
  #begun = 0;
  #shrinking: NodeJS.Timeout | undefined;

  guestBegan(): void {
    this.#begun += 1;
    if (this.#begun < worthShrinking) return;
    this.#shrinking = this.#shrinking?.refresh() ?? setTimeout(() => {
      this.#shrinking = undefined;
      this.#begun = 0;
      giveBackHeap();
    }, calmMilliseconds);
  }

  guestEnded(): void {
    this.#collection ??= setTimeout(() => {
      this.#collection = undefined;
      const began = performance.now();
      collectGarbage();
      this.#pause = Math.max(leastPause, (performance.now() - began) * pausePerCollection);
    }, this.#pause);
  }
}
