import type { Writable } from 'node:stream';
import type { Body } from './body.ts';
import { HttpFailure } from './error-code.ts';
import type { FieldList } from './field-list.ts';

/** `http.ClientRequest` and `http.ServerResponse`. */
export interface MessageSink extends Writable {
  addTrailers(trailers: [string, string][]): void;
}

/**
 * Writes a body, its trailers and the end, no faster than the peer takes it.
 * @param expected what `content-length` announced
 * @throws HttpFailure as the body's reader gives it, or when it is longer or shorter than announced; then the sink is not ended
 */
export async function sendBody(body: Body, sink: MessageSink, expected: bigint | undefined, sizeError: 'HTTP-request-body-size' | 'HTTP-response-body-size'): Promise<void> {
  let sent = 0n;
  for (let piece = await body.read(); piece !== undefined; piece = await body.read()) {
    sent += BigInt(piece.length);
    if (expected !== undefined && sent > expected) throw new HttpFailure({ tag: sizeError, val: sent });
    if (sink.destroyed) throw new HttpFailure({ tag: 'connection-terminated' });
    if (!sink.write(piece)) await drained(sink);
  }
  if (expected !== undefined && sent < expected) throw new HttpFailure({ tag: sizeError, val: sent });
  const trailers = await body.trailers();
  // Only a chunked message has a place for them; Node leaves them out otherwise.
  if (trailers !== undefined) sink.addTrailers(pairs(trailers));
  await ended(sink);
}

function pairs(trailers: FieldList): [string, string][] {
  const raw = trailers.toRaw();
  return Array.from({ length: raw.length / 2 }, (_, index) => [raw[2 * index]!, raw[2 * index + 1]!]);
}

function drained(sink: Writable): Promise<void> {
  if (sink.destroyed) return Promise.resolve();
  return new Promise((resolve) => {
    const done = (): void => {
      sink.off('drain', done).off('close', done);
      resolve();
    };
    sink.on('drain', done).on('close', done);
  });
}

/** Ends what is written. @throws HttpFailure when the connection closes before it is out */
export function ended(sink: Writable): Promise<void> {
  return new Promise((resolve, reject) => {
    const close = (): void => {
      if (!sink.writableFinished) reject(new HttpFailure({ tag: 'connection-terminated' }));
    };
    sink.once('close', close);
    sink.end(() => resolve());
  });
}
