import { FileError } from '../files/file-error.ts';
import type { Blocked, GuestStdio } from '../host.ts';
import { errno } from './errno.ts';
import type { GuestMemory } from './guest-memory.ts';

/** Most that GuestStdio takes in one call. */
const maximumRecord = 65_536;

/** `fd_read` and `fd_write` on the container's stdin, stdout and stderr. */
export class GuestStreams {
  readonly #stdio: GuestStdio;
  readonly #memory: GuestMemory;
  /** Where the pieces of a vectored write come together, so that a line stays one record. */
  #gathered: Uint8Array | undefined;

  constructor(stdio: GuestStdio, memory: GuestMemory) {
    this.#stdio = stdio;
    this.#memory = memory;
  }

  /** Writes all of it before it answers, however often the ring is full meanwhile. */
  write(stream: 1 | 2, vectors: number, count: number, written: number): number | Blocked {
    const total = this.#memory.vectorLength(vectors, count);
    this.#memory.check(written, 4);
    return this.#writeFrom(stream, vectors, count, written, total, 0);
  }

  /** At most what one iovec holds, as a read from a pipe may. `nonblocking` answers EAGAIN instead of waiting. */
  read(vectors: number, count: number, result: number, nonblocking: boolean): number | Blocked {
    this.#memory.vectorLength(vectors, count);
    this.#memory.check(result, 4);
    const answer = this.#stdio.read(this.#memory.vectorPiece(vectors, count, 0));
    if (typeof answer === 'number') {
      this.#memory.setU32(result, answer);
      return errno.SUCCESS;
    }
    if (nonblocking) throw new FileError('EAGAIN');
    return { wait: answer, resume: () => this.read(vectors, count, result, nonblocking) };
  }

  #writeFrom(stream: 1 | 2, vectors: number, count: number, written: number, total: number, from: number): number | Blocked {
    let done = from;
    while (done < total) {
      const record = this.#record(vectors, count, done, total);
      const wait = this.#stdio.write(stream, record);
      if (wait !== undefined) return { wait, resume: () => this.#writeFrom(stream, vectors, count, written, total, done) };
      done += record.length;
    }
    this.#memory.setU32(written, total);
    return errno.SUCCESS;
  }

  #record(vectors: number, count: number, from: number, total: number): Uint8Array {
    const first = this.#memory.vectorPiece(vectors, count, from);
    if (first.length >= maximumRecord) return first.subarray(0, maximumRecord);
    if (from + first.length === total) return first;
    this.#gathered ??= new Uint8Array(maximumRecord);
    let length = 0;
    while (length < maximumRecord && from + length < total) {
      const piece = this.#memory.vectorPiece(vectors, count, from + length).subarray(0, maximumRecord - length);
      this.#gathered.set(piece, length);
      length += piece.length;
    }
    return this.#gathered.subarray(0, length);
  }
}
