import type { OutputRecord } from '../../guest/output-ring.ts';
import type { GuestThread } from './guest-thread.ts';

/**
 * Carries a thread's output from its ring to where it belongs. Space in the ring is freed only after `deliver` has
 * resolved, so that whatever is slow behind it holds the guest back and no byte is lost.
 */
export class OutputPump {
  readonly #thread: GuestThread;
  readonly #deliver: (records: readonly OutputRecord[]) => Promise<void>;
  /** One run after the other. */
  #last: Promise<void> = Promise.resolve();

  /** `deliver` must not reject. */
  constructor(thread: GuestThread, deliver: (records: readonly OutputRecord[]) => Promise<void>) {
    this.#thread = thread;
    this.#deliver = deliver;
  }

  /** Resolves when everything that was in the ring at the time of the call has been delivered. */
  pump(): Promise<void> {
    this.#last = this.#last.then(() => this.#run());
    return this.#last;
  }

  async #run(): Promise<void> {
    const { output } = this.#thread;
    for (let records = output.read(); records.length > 0; records = output.read()) {
      await this.#deliver(records);
      output.release();
      this.#thread.wake();
    }
  }
}
