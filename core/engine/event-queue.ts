/** Values from many producers to one consumer, in order. Nothing is dropped while the consumer is away. */
export class EventQueue<Value> implements AsyncIterable<Value> {
  readonly #waiting: Value[] = [];
  #wake: () => void = () => {};
  #closed = false;
  #consumed = false;

  push(value: Value): void {
    if (this.#closed) return;
    this.#waiting.push(value);
    this.#wake();
  }

  /** What was pushed before is still delivered; then the iteration ends. */
  close(): void {
    this.#closed = true;
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Value, void, undefined> {
    if (this.#consumed) throw new Error('an event queue has one consumer');
    this.#consumed = true;
    for (;;) {
      const next = this.#waiting.shift();
      if (next !== undefined) {
        yield next;
      } else if (this.#closed) {
        return;
      } else {
        await new Promise<void>((resolve) => (this.#wake = resolve));
      }
    }
  }
}
