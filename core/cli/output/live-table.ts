import { table } from './table.ts';

/** A table that is drawn over itself on a terminal, whose width it does not exceed. In a pipe each row is printed once for each change, ages apart. */
export class LiveTable {
  readonly #stream: NodeJS.WriteStream;
  readonly #columns: readonly string[];
  /** Columns, by index, whose change alone is no news. */
  readonly #unimportant: readonly number[];
  readonly #printed = new Set<string>();
  #drawn = '';

  constructor(stream: NodeJS.WriteStream, columns: readonly string[], unimportant: readonly number[]) {
    this.#stream = stream;
    this.#columns = columns;
    this.#unimportant = unimportant;
  }

  /** `footer`: a line below the table, on a terminal only. */
  show(rows: readonly (readonly string[])[], footer?: string): void {
    const text = `${table(this.#columns, rows)}${footer === undefined || !this.#stream.isTTY ? '' : `${footer}\n`}`;
    if (this.#stream.isTTY) this.#draw(text);
    else this.#print(text.split('\n'), rows);
  }

  #draw(text: string): void {
    // A line that the terminal wraps would be two of those to go up.
    const cut = text.split('\n').map((line) => line.slice(0, this.#stream.columns)).join('\n');
    if (cut === this.#drawn) return;
    const lines = this.#drawn.split('\n').length - 1;
    this.#stream.write(`${lines === 0 ? '' : `\x1b[${lines}A`}\x1b[J${cut}`);
    this.#drawn = cut;
  }

  #print([header, ...lines]: readonly string[], rows: readonly (readonly string[])[]): void {
    rows.forEach((row, index) => {
      const key = JSON.stringify(row.filter((_, column) => !this.#unimportant.includes(column)));
      if (this.#printed.has(key)) return;
      if (this.#printed.size === 0) this.#stream.write(`${header}\n`);
      this.#printed.add(key);
      this.#stream.write(`${lines[index]}\n`);
    });
  }
}
