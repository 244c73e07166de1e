import type { Wait } from '../../../core/guest/host.ts';
import { ComponentFailure, trap } from '../host/component-failure.ts';
import type { GuestContext } from '../host/guest-context.ts';
import { HostResource } from '../host/host-resource.ts';
import { Pollable, waiting } from './poll.ts';

/** Where an error of a stream comes from, for the interfaces that take its code out again. */
export type ErrorSource = { readonly filesystem: string } | { readonly sockets: string } | { readonly http: unknown };

/** `wasi:io/error.error`. */
export class IoError extends HostResource {
  readonly #message: string;
  readonly source: ErrorSource | undefined;

  constructor(context: GuestContext, message: string, source?: ErrorSource) {
    super(context);
    this.#message = message;
    this.source = source;
  }

  toDebugString(): string {
    return this.#message;
  }
}

/** `wasi:io/streams.stream-error` as a failure. */
type StreamError = { readonly tag: 'closed' } | { readonly tag: 'last-operation-failed'; readonly val: IoError };

export function closed(): ComponentFailure<StreamError> {
  return new ComponentFailure({ tag: 'closed' });
}

export function operationFailed(error: IoError): ComponentFailure<StreamError> {
  return new ComponentFailure({ tag: 'last-operation-failed', val: error });
}

/** The most that one call moves, and what `check-write` permits: the guest's lengths must not size the host's buffers. */
export const largestTransfer = 64 * 1024;

export function boundedLength(length: bigint): number {
  return length > BigInt(largestTransfer) ? largestTransfer : Number(length);
}

/** Steps that wait for each thing they yield. */
type Waiting<Result> = Generator<() => Wait | undefined, Result, void>;

/** What both kinds of stream share: after an operation has failed, the stream is closed. */
abstract class Stream extends HostResource {
  #failed = false;

  protected attempt<Result>(operation: () => Result): Result {
    this.context.called();
    if (this.#failed) throw closed();
    try {
      return operation();
    } catch (error) {
      if (error instanceof ComponentFailure && (error.payload as StreamError).tag === 'last-operation-failed') this.#failed = true;
      throw error;
    }
  }

  /** What to wait for until the stream can be used; undefined: nothing. A closed stream is always ready. */
  protected abstract pending(): Wait | undefined;

  /** As `pending`, for those who wait. */
  readonly whatToWaitFor = (): Wait | undefined => (this.#failed ? undefined : this.pending());

  subscribe(): Pollable {
    this.context.called();
    return new Pollable(this.context, this.whatToWaitFor);
  }
}

/** `wasi:io/streams.input-stream`: what reads is the subclass. */
export abstract class InputStream extends Stream {
  /** At most `length` bytes, which may be 0; none when there are none yet. Throws `closed()` at the end. */
  protected abstract take(length: number): Uint8Array;

  read(length: bigint): Uint8Array {
    return this.attempt(() => this.take(boundedLength(length)));
  }

  blockingRead(length: bigint): Uint8Array | Promise<Uint8Array> {
    return waiting(this.context, this.#readSteps(length));
  }

  skip(length: bigint): bigint {
    return BigInt(this.read(length).length);
  }

  blockingSkip(length: bigint): bigint | Promise<bigint> {
    const read = this.blockingRead(length);
    return read instanceof Promise ? read.then((bytes) => BigInt(bytes.length)) : BigInt(read.length);
  }

  *#readSteps(length: bigint): Waiting<Uint8Array> {
    if (length > 0n) yield this.whatToWaitFor;
    return this.read(length);
  }
}

/** `wasi:io/streams.output-stream`: what takes the bytes is the subclass. */
export abstract class OutputStream extends Stream {
  /** How many bytes `accept` takes now. */
  protected abstract permit(): number;
  /** Takes all of `bytes`, which are no more than `permit` said. */
  protected abstract accept(bytes: Uint8Array): void;
  /** Begins to bring what was accepted to where it belongs; `permit` is 0 until it is there. */
  protected abstract deliver(): void;

  checkWrite(): bigint {
    return BigInt(this.attempt(() => this.permit()));
  }

  write(bytes: Uint8Array): void {
    this.attempt(() => {
      if (bytes.length > this.permit()) trap('write of more bytes than check-write permitted');
      this.accept(bytes);
    });
  }

  blockingWriteAndFlush(bytes: Uint8Array): void | Promise<void> {
    return waiting(this.context, this.#writeSteps(bytes));
  }

  flush(): void {
    this.attempt(() => this.deliver());
  }

  blockingFlush(): void | Promise<void> {
    return waiting(this.context, this.#flushSteps());
  }

  writeZeroes(length: bigint): void {
    this.attempt(() => {
      if (length > BigInt(this.permit())) trap('write of more bytes than check-write permitted');
      this.accept(new Uint8Array(Number(length)));
    });
  }

  blockingWriteZeroesAndFlush(length: bigint): void | Promise<void> {
    return waiting(this.context, this.#writeZeroesSteps(length));
  }

  splice(source: InputStream, length: bigint): bigint {
    const permitted = this.checkWrite();
    const bytes = source.read(length < permitted ? length : permitted);
    this.attempt(() => this.accept(bytes));
    return BigInt(bytes.length);
  }

  blockingSplice(source: InputStream, length: bigint): bigint | Promise<bigint> {
    return waiting(this.context, this.#spliceSteps(source, length));
  }

  *#writeSteps(bytes: Uint8Array): Waiting<void> {
    for (let offset = 0; offset < bytes.length; ) {
      const permitted = yield* this.#permitted();
      const piece = bytes.subarray(offset, offset + permitted);
      this.attempt(() => this.accept(piece));
      offset += piece.length;
    }
    yield* this.#flushSteps();
  }

  *#writeZeroesSteps(length: bigint): Waiting<void> {
    for (let left = length; left > 0n; ) {
      const permitted = BigInt(yield* this.#permitted());
      const piece = left < permitted ? left : permitted;
      this.attempt(() => this.accept(new Uint8Array(Number(piece))));
      left -= piece;
    }
    yield* this.#flushSteps();
  }

  *#flushSteps(): Waiting<void> {
    this.flush();
    yield* this.#permitted();
  }

  *#spliceSteps(source: InputStream, length: bigint): Waiting<bigint> {
    if (length === 0n) return 0n;
    yield* this.#permitted();
    yield source.whatToWaitFor;
    return this.splice(source, length);
  }

  /** Waits until something can be written. */
  *#permitted(): Waiting<number> {
    for (;;) {
      const permitted = this.attempt(() => this.permit());
      if (permitted > 0) return permitted;
      yield this.whatToWaitFor;
    }
  }
}

/** `wasi:io/streams` and `wasi:io/error` 0.2. The classes are what jco's glue checks instances against. */
export const streams = { InputStream, OutputStream } as const;
export const errors = { Error: IoError } as const;
