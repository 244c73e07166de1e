/**
 * How a thread whose guests have yield checks tells the ticker that a guest computes, and is told that it has done so long
 * enough. One thread for the whole node, the ticker, looks at all of them; it sleeps while no guest computes.
 */

/** 32-bit words of a paced thread. Writer: the guest's thread. */
export const paceWord = {
  /** 1 while a guest has the thread. */
  running: 0,
  /** Counted up whenever a guest gets the thread. */
  slice: 1,
  /** Number of the guest that has it. */
  guest: 2,
} as const;

export const paceBytes = 16;

/** A paced thread's shared parts. */
export interface PacedThread {
  /** `paceWord`. */
  readonly words: SharedArrayBuffer;
  /** Word 0 is what yield checks look at: the ticker sets it, the thread clears it. */
  readonly epoch: WebAssembly.Memory;
  /** Word 0 is 1 while the ticker sleeps, and is what it waits on. */
  readonly ticker: SharedArrayBuffer;
}

/** The thread's end of its pace. */
export class Pace {
  readonly epoch: WebAssembly.Memory;
  readonly #words: Int32Array;
  readonly #epoch: Int32Array;
  readonly #ticker: Int32Array;

  constructor({ words, epoch, ticker }: PacedThread) {
    this.epoch = epoch;
    this.#words = new Int32Array(words);
    this.#epoch = new Int32Array(epoch.buffer);
    this.#ticker = new Int32Array(ticker);
  }

  /** A guest has the thread from now on. `due`: its next yield check is to call at once. */
  enter(guest: number, due = false): void {
    Atomics.store(this.#epoch, 0, due ? 1 : 0);
    Atomics.store(this.#words, paceWord.guest, guest);
    Atomics.add(this.#words, paceWord.slice, 1);
    Atomics.store(this.#words, paceWord.running, 1);
    // After `running`, which the ticker reads after it has said that it sleeps: one of the two sees the other.
    if (Atomics.load(this.#ticker, 0) === 0) return;
    Atomics.store(this.#ticker, 0, 0);
    Atomics.notify(this.#ticker, 0);
  }

  leave(): void {
    Atomics.store(this.#words, paceWord.running, 0);
  }

  /** The next yield check is to call. */
  setDue(): void {
    Atomics.store(this.#epoch, 0, 1);
  }
}
