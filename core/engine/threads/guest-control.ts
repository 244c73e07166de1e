import { controlBytes, controlWord, cpuOffset } from '../../guest/protocol.ts';
import type { GuestUsage } from './guest-place.ts';

/** Control blocks that lie one after the other. */
export class ControlBlocks {
  readonly memory: SharedArrayBuffer;
  readonly words: Int32Array;
  readonly cpu: Float64Array;

  constructor(memory = new SharedArrayBuffer(controlBytes)) {
    this.memory = memory;
    this.words = new Int32Array(memory, 0, memory.byteLength / 4);
    this.cpu = new Float64Array(memory, 0, memory.byteLength / 8);
  }
}

/** The main thread's end of one container's control block. */
export class GuestControl {
  readonly #blocks: ControlBlocks;
  readonly #number: number;

  /** The block of that number, cleared: nobody else may have it. */
  constructor(blocks: ControlBlocks, number: number) {
    this.#blocks = blocks;
    this.#number = number;
    blocks.words.fill(0, this.#at(0), this.#at(0) + controlBytes / 4);
  }

  get touched(): boolean {
    return this.#is(controlWord.touched);
  }

  get begun(): boolean {
    return this.#is(controlWord.entered) || this.touched;
  }

  get over(): boolean {
    return this.#is(controlWord.ended);
  }

  /** See `cpuOffset`. */
  get cpuMicroseconds(): number {
    return this.#blocks.cpu[(this.#number * controlBytes + cpuOffset) / 8]!;
  }

  /** Wakes a guest that waits for anything but a deadline. */
  wake(): void {
    Atomics.add(this.#blocks.words, this.#at(controlWord.wake), 1);
    Atomics.notify(this.#blocks.words, this.#at(controlWord.wake));
  }

  /** Asks a guest with yield checks to unwind itself. */
  stop(): void {
    Atomics.store(this.#blocks.words, this.#at(controlWord.stop), 1);
    this.wake();
  }

  /** Asks the guest to end. False: it cannot be asked. */
  requestStop(): boolean {
    if (!this.#is(controlWord.takesStop)) return false;
    Atomics.store(this.#blocks.words, this.#at(controlWord.stopRequested), 1);
    this.wake();
    return true;
  }

  /** That the guest holds, or held when its thread was ended. */
  get descriptors(): number {
    return Atomics.load(this.#blocks.words, this.#at(controlWord.descriptors));
  }

  usage(threadId: number, cpuNanoseconds: number): GuestUsage {
    return {
      threadId,
      cpuNanoseconds,
      memoryBytes: Atomics.load(this.#blocks.words, this.#at(controlWord.memoryKibibytes)) * 1024,
      descriptors: this.descriptors,
    };
  }

  #is(word: number): boolean {
    return Atomics.load(this.#blocks.words, this.#at(word)) === 1;
  }

  #at(word: number): number {
    return (this.#number * controlBytes) / 4 + word;
  }
}
