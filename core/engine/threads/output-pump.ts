import type { OutputRecord, OutputRingReader } from '../../guest/rings/output-ring.ts';

/** A ring, and how whoever waits for space in it is woken. */
export interface PumpedOutput {
  readonly output: OutputRingReader;
  readonly wake: () => void;
}

/**
 * Carries output from its ring to where it belongs. Space in the ring is freed only after `deliver` has
 * resolved, so that whatever is slow behind it holds the guest back and no byte is lost.
 */
export class OutputPump {
  readonly #source: PumpedOutput;
  readonly #deliver: (records: readonly OutputRecord[]) => Promise<void>;
  /** One run after the other. */
  #last: Promise<void> = Promise.resolve();

  /** `deliver` must not reject. */
  constructor(source: PumpedOutput, deliver: (records: readonly OutputRecord[]) => Promise<void>) {
    this.#source = source;
    this.#deliver = deliver;
  }

  /** Resolves when everything that was in the ring at the time of the call has been delivered. */
  pump(): Promise<void> {
    this.#last = this.#last.then(() => this.#run());
    return this.#last;
  }

  async #run(): Promise<void> {
    const { output, wake } = this.#source;
    for (let records = output.read(); records.length > 0; records = output.read()) {
      await this.#deliver(records);
      output.release();
      wake();
    }
  }
}
