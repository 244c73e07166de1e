import os from 'node:os';
import { guestNiceness } from '../protocol.ts';

/**
 * The scheduling priority of the calling thread. A thread that waits for a container wakes at the node's own priority, or the
 * container would wait behind everything else on the machine; code of a guest runs below it.
 */
export class Priority {
  readonly #own = os.getPriority();
  readonly #guests: number;
  #lowered = false;

  /** `guests`: the niceness of guests, unless the node's own is higher. */
  constructor(guests = guestNiceness) {
    this.#guests = Math.max(guests, this.#own);
  }

  /** Before the first code of a guest. */
  lower(): void {
    if (this.#lowered) return;
    os.setPriority(this.#guests);
    this.#lowered = true;
  }

  /** When a guest has ended. Only root may; for others the thread stays where it is. */
  raise(): void {
    if (!this.#lowered) return;
    try {
      os.setPriority(this.#own);
      this.#lowered = false;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ERR_SYSTEM_ERROR') throw error;
    }
  }
}
