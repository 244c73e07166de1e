import type { IncomingMessage } from 'node:http';
import type { Body } from './body.ts';
import { HttpFailure, errorCodeOf } from './error-code.ts';
import type { ErrorCode } from './error-code.ts';
import { FieldList } from './field-list.ts';

/** The body of a message that Node receives. What nobody reads stays in the socket. */
export class NodeBody implements Body {
  readonly #message: IncomingMessage;
  readonly #pieces: AsyncIterator<Uint8Array>;
  readonly #incomplete: ErrorCode;
  readonly #ends: boolean;
  #ended = false;

  /**
   * `incomplete`: what it is called when the peer goes away in the middle. `ends`: giving up the body ends the connection, as
   * that of a response; a request's still carries the answer.
   */
  constructor(message: IncomingMessage, { incomplete, ends }: { readonly incomplete: ErrorCode; readonly ends: boolean }) {
    this.#message = message;
    this.#ends = ends;
    this.#pieces = message.iterator({ destroyOnReturn: false }) as AsyncIterator<Uint8Array>;
    this.#incomplete = incomplete;
    message.on('error', () => {}); // The reader is told; a body that is not read has nobody to tell.
  }

  async read(): Promise<Uint8Array | undefined> {
    if (this.#ended) return undefined;
    try {
      for (;;) {
        const next = await this.#pieces.next();
        if (next.done === true) break;
        if (next.value.length > 0) return next.value;
      }
    } catch (error) {
      throw this.#failure(error);
    }
    this.#ended = true;
    if (!this.#message.complete) throw this.#failure(undefined);
    return undefined;
  }

  trailers(): Promise<FieldList | undefined> {
    const raw = this.#message.rawTrailers;
    return Promise.resolve(raw.length === 0 ? undefined : FieldList.received(raw).freeze());
  }

  cancel(): void {
    if (this.#ended) return;
    this.#ended = true;
    if (this.#ends) this.#message.destroy();
  }

  #failure(error: unknown): HttpFailure {
    this.#ended = true;
    const code = error === undefined ? this.#incomplete : errorCodeOf(error);
    return new HttpFailure(code.tag === 'connection-terminated' || code.tag === 'internal-error' ? this.#incomplete : code, { cause: error });
  }
}
