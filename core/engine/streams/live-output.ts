/** Bytes that one attached reader may be behind before the guest is held back. */
const readAheadBytes = 64 * 1024;

/** One stream of one attached reader: a live copy of what the guest writes. */
export class LiveOutput {
  readonly stream: ReadableStream<Uint8Array>;
  readonly #controller: ReadableStreamDefaultController<Uint8Array>;
  #closed = false;
  #holding = true;
  #resume: () => void = () => {};

  constructor() {
    let controller: ReadableStreamDefaultController<Uint8Array> | undefined;
    this.stream = new ReadableStream<Uint8Array>(
      {
        start: (given) => void (controller = given),
        pull: () => this.#resume(),
        cancel: () => this.#end(),
      },
      new ByteLengthQueuingStrategy({ highWaterMark: readAheadBytes }),
    );
    // `start` is called by the constructor itself.
    this.#controller = controller!;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Resolves when the reader can take more, or has gone. */
  async write(bytes: Uint8Array): Promise<void> {
    if (this.#closed) return;
    this.#controller.enqueue(bytes);
    while (this.#holding && !this.#closed && (this.#controller.desiredSize ?? 0) <= 0) await new Promise<void>((resolve) => (this.#resume = resolve));
  }

  /** The guest has ended and cannot be held back any more: what is left of its output is kept for the reader. */
  stopHolding(): void {
    this.#holding = false;
    this.#resume();
  }

  /** The reader gets what was written, then the end. */
  close(): void {
    if (this.#closed) return;
    this.#end();
    this.#controller.close();
  }

  #end(): void {
    this.#closed = true;
    this.#resume();
  }
}
