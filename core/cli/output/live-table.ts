/** A text that is drawn over itself on a terminal; in a pipe only what changed is printed, once. */
export class LiveTable {
  readonly #stream: NodeJS.WriteStream;
  #shown = '';

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
  }

  show(text: string): void {
    if (text === this.#shown) return;
    if (this.#stream.isTTY) {
      const lines = this.#shown.split('\n').length - 1;
      this.#stream.write(`${lines === 0 ? '' : `\x1b[${lines}A`}\x1b[J${text}`);
    } else {
      const before = new Set(this.#shown.split('\n'));
      this.#stream.write(text.split('\n').filter((line) => line !== '' && !before.has(line)).map((line) => `${line}\n`).join(''));
    }
    this.#shown = text;
  }

  /** The last text stays. */
  end(): void {
    this.#shown = '';
  }
}
