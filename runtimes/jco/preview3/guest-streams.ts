import type { GuestContext } from '../host/guest-context.ts';

/** WIT's `result` inside a future. */
export type Outcome<Value, Failure> = { readonly tag: 'ok'; readonly val: Value } | { readonly tag: 'err'; readonly val: Failure };

export const done: Outcome<undefined, never> = { tag: 'ok', val: undefined };

/** The readable end of a guest's `stream<u8>`, as jco's glue hands it to the host. */
export interface GuestByteStream {
  /** At most `count` bytes, as soon as there are some. */
  read(options: { readonly count: number }): Promise<{ readonly value?: unknown; readonly done: boolean }>;
  /** Drops the end: the guest's writes are answered by that. */
  [Symbol.dispose](): void;
}

/** What jco's glue takes for a stream that the host writes: it asks for the next piece when the guest has read the last. */
export type HostStream<Piece> = AsyncIterableIterator<Piece>;

/** The most that one read moves: what lies in the host's memory at a time. */
export const pieceBytes = 64 * 1024;

/** The next bytes of a guest's stream, never none; undefined at its end. */
export async function readPiece(stream: GuestByteStream): Promise<Uint8Array | undefined> {
  for (;;) {
    const { value, done: ended } = await stream.read({ count: pieceBytes });
    const bytes = bytesOf(value);
    if (bytes.length > 0) return bytes;
    if (ended) return undefined;
  }
}

/** Hands every byte of a guest's stream to `sink`; drops the stream when that throws. */
export async function drainInto(stream: GuestByteStream, sink: (bytes: Uint8Array) => void | Promise<void>): Promise<void> {
  try {
    for (let piece = await readPiece(stream); piece !== undefined; piece = await readPiece(stream)) await sink(piece);
  } catch (error) {
    stream[Symbol.dispose]();
    throw error;
  }
}

/** jco gives bytes as typed array, list or single number, whatever the guest's buffer was. */
function bytesOf(value: unknown): Uint8Array {
  if (value instanceof Uint8Array) return value;
  if (Array.isArray(value)) return Uint8Array.from(value as number[]);
  return typeof value === 'number' ? Uint8Array.of(value) : new Uint8Array(0);
}

/** A stream that ends at once, and why. */
export function failedStream<Piece, Failure>(failure: Failure): [HostStream<Piece>, Promise<Outcome<undefined, Failure>>] {
  const stream: HostStream<Piece> = { next: () => Promise.resolve({ done: true, value: undefined }), [Symbol.asyncIterator]: () => stream };
  return [stream, Promise.resolve({ tag: 'err', val: failure })];
}

/**
 * A stream that the host writes, and the future that says how it ended. `pull` gives the next piece, undefined at the end; what
 * it throws is the failure, made the guest's by `failureOf`. `close` is called once, whoever ended it.
 */
export function hostStream<Piece, Failure>(
  context: GuestContext,
  source: { pull(): Promise<Piece | undefined> | Piece | undefined; failureOf(error: unknown): Failure; close?(): void },
): [HostStream<Piece>, Promise<Outcome<undefined, Failure>>] {
  const { promise, resolve } = Promise.withResolvers<Outcome<undefined, Failure>>();
  let open = true;
  const end = (outcome: Outcome<undefined, Failure>): IteratorResult<Piece, undefined> => {
    if (open) {
      open = false;
      source.close?.();
      resolve(outcome);
    }
    return { done: true, value: undefined };
  };
  const stream: HostStream<Piece> = {
    async next() {
      if (!open) return { done: true, value: undefined };
      context.called();
      try {
        const piece = await source.pull();
        return piece === undefined ? end(done) : { done: false, value: piece };
      } catch (error) {
        return end({ tag: 'err', val: source.failureOf(error) });
      }
    },
    return: () => Promise.resolve(end(done)),
    [Symbol.asyncIterator]: () => stream,
  };
  return [stream, promise];
}
