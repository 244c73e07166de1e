import type { DescriptorTable } from '../../../core/guest/files/descriptor-table.ts';
import { Directory } from '../../../core/guest/files/directory.ts';
import { FileError } from '../../../core/guest/files/file-error.ts';
import type { RegularFile } from '../../../core/guest/files/regular-file.ts';

/** What the guest may hold open at once, counted and closed together. */
export type NodeTable = DescriptorTable<RegularFile | Directory>;

/** An open file or directory. A stream may outlive the descriptor that it was made from: the last holder closes. */
export class OpenNode {
  readonly #table: NodeTable;
  readonly #number: number;
  readonly #node: RegularFile | Directory;
  #holders = 1;

  private constructor(table: NodeTable, number: number) {
    this.#table = table;
    this.#number = number;
    this.#node = table.get(number);
  }

  /** Throws EMFILE at the guest's limit, before `open` is called. */
  static open(table: NodeTable, open: () => RegularFile | Directory): OpenNode {
    return new OpenNode(table, table.insert(open));
  }

  get node(): RegularFile | Directory {
    return this.#node;
  }

  get file(): RegularFile {
    if (this.#node instanceof Directory) throw new FileError('EISDIR');
    return this.#node;
  }

  get directory(): Directory {
    if (!(this.#node instanceof Directory)) throw new FileError('ENOTDIR');
    return this.#node;
  }

  hold(): this {
    this.#holders++;
    return this;
  }

  release(): void {
    if (--this.#holders === 0) this.#table.close(this.#number);
  }
}
