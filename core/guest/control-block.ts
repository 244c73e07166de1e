import { controlBytes } from './protocol.ts';

/** What is written there reaches nobody. */
const nobodys = new Int32Array(controlBytes / 4);

/** A guest's end of its control block: the words of `controlWord`. */
export class ControlBlock {
  #words: Int32Array;
  #at: number;

  /** The block of that number among `words`. */
  constructor(words: Int32Array, number: number) {
    this.#words = words;
    this.#at = (number * controlBytes) / 4;
  }

  store(word: number, value: number): void {
    Atomics.store(this.#words, this.#at + word, value);
  }

  load(word: number): number {
    return Atomics.load(this.#words, this.#at + word);
  }

  /** The guest is over: the block may be another's soon, and nothing that comes late reaches it. */
  abandon(): void {
    this.#words = nobodys;
    this.#at = 0;
  }
}
