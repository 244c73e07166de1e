import { FileError } from '../files/file-error.ts';
import type { Blocked, GuestStdio } from '../host.ts';
import { errno } from './errno.ts';
import type { GuestMemory } from './guest-memory.ts';

/** Most that GuestStdio takes in one call. */
const maximumRecord = 65_536;

/**
 * Where the pieces of a vectored write come together, so that a line stays one record. One for all guests of the thread: what is
 * in it has been copied, or is gathered again, before another guest has its turn.
 */
let gathered: Uint8Array | undefined;

/** `filetype` of preview 1 for a terminal; a pipe has none of its own and is unknown, as in other hosts. */
const [unknownType, characterDevice] = [0, 2];
/** FD_READ or FD_WRITE; FD_FDSTAT_SET_FLAGS, FD_FILESTAT_GET, POLL_FD_READWRITE. No FD_SEEK nor FD_TELL: then wasi-libc's isatty trusts the type. */
const [readRight, writeRight, sharedRights] = [1 << 1, 1 << 6, (1 << 3) | (1 << 21) | (1 << 27)];

/** Rights of stdin, stdout and stderr, by bit. */
export const streamRights = [sharedRights | readRight, sharedRights | writeRight, sharedRights | writeRight] as const;

/** What a stream answers to the functions that are for files and directories. */
export const streamAnswers: Readonly<Record<string, number>> = {
  fd_advise: errno.ESPIPE,
  fd_allocate: errno.ESPIPE,
  fd_datasync: errno.EINVAL,
  fd_fdstat_set_rights: errno.SUCCESS,
  fd_filestat_set_size: errno.EINVAL,
  fd_filestat_set_times: errno.EBADF,
  fd_pread: errno.ESPIPE,
  fd_pwrite: errno.ESPIPE,
  fd_readdir: errno.ENOTDIR,
  fd_seek: errno.ESPIPE,
  fd_sync: errno.EINVAL,
  fd_tell: errno.ESPIPE,
};

/** `fd_read` and `fd_write` on the container's stdin, stdout and stderr. */
export class GuestStreams {
  readonly #stdio: GuestStdio;
  readonly #memory: GuestMemory;

  constructor(stdio: GuestStdio, memory: GuestMemory) {
    this.#stdio = stdio;
    this.#memory = memory;
  }

  /** Writes all of it before it answers, however often the ring is full meanwhile. */
  write(stream: 1 | 2, vectors: number, count: number, written: number): number | Blocked {
    if (count === 1) {
      // The common case, without the loops.
      const length = this.#memory.u32(vectors + 4);
      const at = this.#memory.u32(vectors);
      this.#memory.check(written, 4);
      if (length <= maximumRecord && this.#stdio.writeFrom(stream, this.#memory.viewOf(at, length), at, length) === undefined) {
        this.#memory.setU32(written, length);
        return errno.SUCCESS;
      }
    }
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

  /** As `Readiness` of poll: undefined while stdin has nothing. Throws EBADF for the wrong direction. */
  readiness(stream: 0 | 1 | 2, write: boolean): number | undefined {
    if (write !== (stream !== 0)) throw new FileError('EBADF');
    if (write) return maximumRecord;
    const readable = this.#stdio.readable();
    return readable === 0 ? undefined : readable;
  }

  /** `filetype` of all three. */
  get type(): number {
    return this.#stdio.tty ? characterDevice : unknownType;
  }

  /** `fd_fdstat_get`. */
  writeDescriptorStatus(stream: 0 | 1 | 2, flags: number, result: number, rights: number = streamRights[stream]): number {
    this.#memory.bytes(result, 24).fill(0);
    this.#memory.setU8(result, this.type);
    this.#memory.setU16((result >>> 0) + 2, flags);
    this.#memory.setU64((result >>> 0) + 8, BigInt(rights));
    return errno.SUCCESS;
  }

  /** `fd_filestat_get`: a stream has a type and nothing else. `size` is the `filestat`'s. */
  writeFileStatus(result: number, size = 64): number {
    this.#memory.bytes(result, size).fill(0);
    this.#memory.setU8((result >>> 0) + 16, this.type);
    return errno.SUCCESS;
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
    gathered ??= new Uint8Array(maximumRecord);
    let length = 0;
    while (length < maximumRecord && from + length < total) {
      const piece = this.#memory.vectorPiece(vectors, count, from + length).subarray(0, maximumRecord - length);
      gathered.set(piece, length);
      length += piece.length;
    }
    return gathered.subarray(0, length);
  }
}
