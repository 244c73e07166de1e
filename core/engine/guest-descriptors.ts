import { nodeDescriptorBytes, nodeDescriptorWord } from '../guest/protocol.ts';

/** What all guests together may have open: what is beyond is the node's own. Guests count for themselves, in memory that they share. */
export class GuestDescriptors {
  /** `nodeDescriptorWord`. */
  readonly memory = new SharedArrayBuffer(nodeDescriptorBytes);
  readonly #words = new Int32Array(this.memory);

  constructor(limit: number) {
    this.#words[nodeDescriptorWord.limit] = Math.min(limit, 2 ** 31 - 1);
  }

  /** A guest is gone, with so many that it could not give back itself. */
  giveBack(count: number): void {
    Atomics.sub(this.#words, nodeDescriptorWord.held, count);
  }
}
