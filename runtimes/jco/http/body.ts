import type { FieldList } from './field-list.ts';
import { HttpFailure } from './error-code.ts';
import type { ErrorCode } from './error-code.ts';

/**
 * The contents of one message, pulled by one reader. Back-pressure is that nobody reads: at most one piece is under way.
 * Bodies come from the network (`NodeBody`), from a 0.3 guest's stream, or from a 0.2 guest that writes (`BodyPipe`).
 */
export interface Body {
  /** The next bytes, never none; undefined at the end. One call at a time. @throws HttpFailure */
  read(): Promise<Uint8Array | undefined>;
  /** After the end only; undefined when the message had none. @throws HttpFailure */
  trailers(): Promise<FieldList | undefined>;
  /** Nobody will read on. Idempotent; harmless after the end. */
  cancel(): void;
}

/** A body without bytes. */
export const emptyBody: Body = {
  read: () => Promise.resolve(undefined),
  trailers: () => Promise.resolve(undefined),
  cancel() {},
};

/** How much a writer may be ahead of its reader. */
const pipeBytes = 64 * 1024;

/** A body that is written by one side and read by the other; what is between them is bounded. */
export class BodyPipe implements Body {
  readonly #onChange: () => void;
  #pieces: Uint8Array[] = [];
  #buffered = 0;
  #end: { readonly trailers: FieldList | undefined } | { readonly failure: ErrorCode } | undefined;
  #cancelled = false;
  #changed = Promise.withResolvers<void>();

  /** `onChange` is called when the reader has taken something or given up: what the writer may wait for. */
  constructor(onChange: () => void = () => {}) {
    this.#onChange = onChange;
  }

  /** Bytes that `write` takes now. */
  get room(): number {
    return this.#end === undefined ? Math.max(0, pipeBytes - this.#buffered) : 0;
  }

  /** True when everything written has been read. */
  get drained(): boolean {
    return this.#buffered === 0;
  }

  /** The reader has given up: nothing written now will arrive. */
  get cancelled(): boolean {
    return this.#cancelled;
  }

  /** `bytes` must be the pipe's own to keep, and no more than `room`. */
  write(bytes: Uint8Array): void {
    if (this.#end !== undefined || bytes.length > this.room) throw new RangeError('more is written than the pipe has room for');
    if (bytes.length === 0 || this.#cancelled) return;
    this.#pieces.push(bytes);
    this.#buffered += bytes.length;
    this.#wake();
  }

  /** No more bytes. The first ending counts. */
  finish(trailers?: FieldList): void {
    this.#end ??= { trailers };
    this.#wake();
  }

  /** The message is broken off: its reader is told when it has read what was written. */
  fail(failure: ErrorCode): void {
    this.#end ??= { failure };
    this.#wake();
  }

  async read(): Promise<Uint8Array | undefined> {
    for (;;) {
      const piece = this.#pieces.shift();
      if (piece !== undefined) {
        this.#buffered -= piece.length;
        this.#onChange();
        return piece;
      }
      if (this.#end !== undefined) {
        if ('failure' in this.#end) throw new HttpFailure(this.#end.failure);
        return undefined;
      }
      await this.#changed.promise;
    }
  }

  async trailers(): Promise<FieldList | undefined> {
    while (this.#end === undefined) await this.#changed.promise;
    if ('failure' in this.#end) throw new HttpFailure(this.#end.failure);
    return this.#end.trailers;
  }

  cancel(): void {
    this.#cancelled = true;
    this.#pieces = [];
    this.#buffered = 0;
    this.#onChange();
  }

  #wake(): void {
    const { resolve } = this.#changed;
    this.#changed = Promise.withResolvers<void>();
    resolve();
  }
}

/** A body for a reader that asks and does not wait: `wasi:io`'s input streams. */
export class PolledBody {
  readonly #body: Body;
  readonly #onChange: () => void;
  #piece: Uint8Array | undefined;
  #end: 'ended' | ErrorCode | undefined;
  #reading = false;

  /** `onChange` is called when `take` would answer something else than undefined again. */
  constructor(body: Body, onChange: () => void) {
    this.#body = body;
    this.#onChange = onChange;
  }

  /** True when `take` answers something; else it has been begun to fetch it. */
  get ready(): boolean {
    if (this.#piece !== undefined || this.#end !== undefined) return true;
    this.#fetch();
    return false;
  }

  /** At most `length` bytes; undefined when there are none yet; `ended` or the failure at the end. */
  take(length: number): Uint8Array | 'ended' | ErrorCode | undefined {
    if (!this.ready) return undefined;
    if (this.#piece === undefined) return this.#end;
    const taken = this.#piece.subarray(0, length);
    this.#piece = taken.length < this.#piece.length ? this.#piece.subarray(taken.length) : undefined;
    return taken;
  }

  #fetch(): void {
    if (this.#reading) return;
    this.#reading = true;
    this.#body.read().then(
      (piece) => {
        if (piece === undefined) this.#end = 'ended';
        else this.#piece = piece;
      },
      (error: unknown) => {
        this.#end = error instanceof HttpFailure ? error.code : { tag: 'internal-error', val: undefined };
      },
    ).finally(() => {
      this.#reading = false;
      this.#onChange();
    });
  }
}
