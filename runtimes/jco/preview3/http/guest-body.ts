import type { Body } from '../../http/body.ts';
import { HttpFailure } from '../../http/error-code.ts';
import type { ErrorCode } from '../../http/error-code.ts';
import type { FieldList } from '../../http/field-list.ts';
import type { GuestContext } from '../../host/guest-context.ts';
import { hostStream, readPiece } from '../guest-streams.ts';
import type { GuestByteStream, HostStream, Outcome } from '../guest-streams.ts';
import { Fields } from './fields.ts';
import type { HttpResources } from './http-types.ts';

/** What a message's trailers come to. */
export type TrailersFuture = PromiseLike<Outcome<Fields | undefined, ErrorCode>>;

/** A body that the guest writes: a stream and the future of its trailers. Without a stream it has no bytes. */
export class GuestBody implements Body {
  readonly #stream: GuestByteStream | undefined;
  readonly #trailers: Promise<Outcome<Fields | undefined, ErrorCode>>;
  #open = true;

  constructor(stream: GuestByteStream | undefined, trailers: TrailersFuture) {
    this.#stream = stream;
    this.#trailers = Promise.resolve(trailers);
    // Whoever sends the body asks; a message that is not sent has nobody.
    this.#trailers.catch(() => {});
  }

  get hasContents(): boolean {
    return this.#stream !== undefined;
  }

  async read(): Promise<Uint8Array | undefined> {
    if (!this.#open || this.#stream === undefined) return undefined;
    const piece = await readPiece(this.#stream);
    if (piece === undefined) this.#open = false;
    return piece;
  }

  async trailers(): Promise<FieldList | undefined> {
    const outcome = await this.#trailers;
    if (outcome.tag === 'err') throw new HttpFailure(outcome.val);
    return outcome.val instanceof Fields ? outcome.val.take() : undefined;
  }

  cancel(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#stream?.[Symbol.dispose]();
  }
}

/** A body for the guest to read: a stream, and the future of its trailers that settles when the stream has ended. */
export function bodyForGuest(context: GuestContext, body: Body, resources: HttpResources): [HostStream<Uint8Array>, Promise<Outcome<Fields | undefined, ErrorCode>>] {
  const [stream, ended] = hostStream<Uint8Array, ErrorCode>(context, {
    pull: () => body.read(),
    failureOf: failureCode,
    close: () => body.cancel(),
  });
  const trailers = ended.then(async (outcome): Promise<Outcome<Fields | undefined, ErrorCode>> => {
    if (outcome.tag === 'err') return outcome;
    try {
      const list = await body.trailers();
      return { tag: 'ok', val: list === undefined ? undefined : resources.fields(list) };
    } catch (error) {
      return { tag: 'err', val: failureCode(error) };
    }
  });
  return [stream, trailers];
}

/** @throws the error itself when it is no message's */
function failureCode(error: unknown): ErrorCode {
  if (error instanceof HttpFailure) return error.code;
  throw error;
}
