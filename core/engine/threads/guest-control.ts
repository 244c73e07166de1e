import { controlWord, cpuOffset } from '../../guest/protocol.ts';
import type { GuestUsage } from './guest-place.ts';

/** The main thread's end of one container's control block. */
export class GuestControl {
  readonly #words: Int32Array;
  readonly #cpu: Float64Array;

  constructor(memory: SharedArrayBuffer) {
    this.#words = new Int32Array(memory);
    this.#cpu = new Float64Array(memory, cpuOffset, 1);
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
    return this.#cpu[0]!;
  }

  /** Wakes a guest that waits for anything but a deadline. */
  wake(): void {
    Atomics.add(this.#words, controlWord.wake, 1);
    Atomics.notify(this.#words, controlWord.wake);
  }

  /** Asks a guest with yield checks to unwind itself. */
  stop(): void {
    Atomics.store(this.#words, controlWord.stop, 1);
    this.wake();
  }

  /** Asks the guest to end. False: it cannot be asked. */
  requestStop(): boolean {
    if (!this.#is(controlWord.takesStop)) return false;
    Atomics.store(this.#words, controlWord.stopRequested, 1);
    this.wake();
    return true;
  }

  /** That the guest holds, or held when its thread was ended. */
  get descriptors(): number {
    return Atomics.load(this.#words, controlWord.descriptors);
  }

  usage(threadId: number, cpuNanoseconds: number): GuestUsage {
    return {
      threadId,
      cpuNanoseconds,
      memoryBytes: Atomics.load(this.#words, controlWord.memoryKibibytes) * 1024,
      descriptors: this.descriptors,
    };
  }

  #is(word: number): boolean {
    return Atomics.load(this.#words, word) === 1;
  }
}
