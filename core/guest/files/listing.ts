import { opendirSync } from 'node:fs';
import type { Dir, Dirent } from 'node:fs';

/**
 * The entries of a directory but `.` and `..`, in the host's order, each read when it is asked for: a directory may have more
 * than a heap has room for. Holds a descriptor of the host until it is closed. Names are the bytes that the host has.
 */
export class Listing implements Iterable<Dirent<Buffer>> {
  readonly #directory: Dir;
  #open = true;

  /** @throws Node's system error */
  constructor(hostPath: string) {
    // @types/node 26 knows neither the encoding nor a `Dir` with names that are bytes.
    this.#directory = opendirSync(hostPath, { encoding: 'buffer' as BufferEncoding });
  }

  /** Undefined at the end. */
  next(): Dirent<Buffer> | undefined {
    return (this.#directory.readSync() as unknown as Dirent<Buffer> | null) ?? undefined;
  }

  /** Idempotent. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#directory.closeSync();
  }

  /** All that are left; closes it. */
  * [Symbol.iterator](): Generator<Dirent<Buffer>, void> {
    try {
      for (let entry = this.next(); entry !== undefined; entry = this.next()) yield entry;
    } finally {
      this.close();
    }
  }
}
