import { ComponentFailure, trap } from './component-failure.ts';
import type { Pollable } from './poll.ts';

/** `wasi:io/error.error`. `code` is the file system's, where it comes from there. */
export class IoError {
  readonly #message: string;
  readonly code: string | undefined;

  constructor(message: string, code?: string) {
    this.#message = message;
    this.code = code;
  }

  toDebugString(): string {
    return this.#message;
  }
}

/** `wasi:io/streams.stream-error` as a failure. */
export function closed(): ComponentFailure<{ readonly tag: 'closed' }> {
  return new ComponentFailure({ tag: 'closed' });
}

export function operationFailed(error: IoError): ComponentFailure<{ readonly tag: 'last-operation-failed'; readonly val: IoError }> {
  return new ComponentFailure({ tag: 'last-operation-failed', val: error });
}

/** The most that one call moves, and what `check-write` permits: the guest's lengths must not size the host's buffers. */
export const largestTransfer = 64 * 1024;

export function boundedLength(length: bigint): number {
  return length > BigInt(largestTransfer) ? largestTransfer : Number(length);
}

/** `wasi:io/streams.input-stream`: what reads is the subclass. */
export abstract class InputStream {
  /** At most `length` bytes; none when there are none yet. Throws `closed()` at the end. */
  abstract read(length: bigint): Uint8Array;
  abstract subscribe(): Pollable;

  blockingRead(length: bigint): Uint8Array {
    if (length > 0n) this.subscribe().block();
    return this.read(length);
  }

  skip(length: bigint): bigint {
    return BigInt(this.read(length).length);
  }

  blockingSkip(length: bigint): bigint {
    return BigInt(this.blockingRead(length).length);
  }
}

/** `wasi:io/streams.output-stream`: what takes the bytes is the subclass. */
export abstract class OutputStream {
  /** How many bytes `write` takes now. */
  abstract checkWrite(): bigint;
  /** Takes all of `bytes`, which are no more than `checkWrite` permitted. */
  protected abstract accept(bytes: Uint8Array): void;
  abstract flush(): void;
  abstract subscribe(): Pollable;

  write(bytes: Uint8Array): void {
    if (BigInt(bytes.length) > this.checkWrite()) trap('write of more bytes than check-write permitted');
    this.accept(bytes);
  }

  blockingWriteAndFlush(bytes: Uint8Array): void {
    for (let offset = 0; offset < bytes.length; ) {
      const permitted = this.#permitted();
      const piece = bytes.subarray(offset, offset + permitted);
      this.accept(piece);
      offset += piece.length;
    }
    this.blockingFlush();
  }

  blockingFlush(): void {
    this.flush();
    this.#permitted();
  }

  writeZeroes(length: bigint): void {
    if (length > this.checkWrite()) trap('write of more bytes than check-write permitted');
    this.accept(new Uint8Array(Number(length)));
  }

  blockingWriteZeroesAndFlush(length: bigint): void {
    for (let left = length; left > 0n; ) {
      const permitted = BigInt(this.#permitted());
      const piece = left < permitted ? left : permitted;
      this.accept(new Uint8Array(Number(piece)));
      left -= piece;
    }
    this.blockingFlush();
  }

  splice(source: InputStream, length: bigint): bigint {
    const permitted = this.checkWrite();
    const bytes = source.read(length < permitted ? length : permitted);
    this.accept(bytes);
    return BigInt(bytes.length);
  }

  blockingSplice(source: InputStream, length: bigint): bigint {
    if (length === 0n) return 0n;
    this.#permitted();
    source.subscribe().block();
    return this.splice(source, length);
  }

  /** Waits until something can be written. */
  #permitted(): number {
    for (;;) {
      const permitted = this.checkWrite();
      if (permitted > 0n) return Number(permitted);
      this.subscribe().block();
    }
  }
}

/** `wasi:io/streams` and `wasi:io/error` 0.2. The classes are what jco's glue checks instances against. */
export const streams = { InputStream, OutputStream } as const;
export const errors = { Error: IoError } as const;
