import type { Wait } from '../../../../core/guest/host.ts';
import { BodyPipe } from '../../http/body.ts';
import type { ErrorCode } from '../../http/error-code.ts';
import { ComponentFailure, trap } from '../../host/component-failure.ts';
import type { GuestContext } from '../../host/guest-context.ts';
import { HostResource } from '../../host/host-resource.ts';
import { OutputStream, closed, largestTransfer } from '../streams.ts';
import type { Fields } from './fields.ts';
import { httpError } from './incoming-body.ts';

/** What `content-length` announced, and what is said when it was not kept. */
export interface AnnouncedLength {
  readonly bytes: bigint | undefined;
  readonly sizeError: 'HTTP-request-body-size' | 'HTTP-response-body-size';
}

/** The contents of a message that goes out. */
class BodyOutputStream extends OutputStream {
  readonly #pipe: BodyPipe;
  readonly #announced: AnnouncedLength;
  readonly #onDrop: () => void;
  written = 0n;

  constructor(context: GuestContext, pipe: BodyPipe, announced: AnnouncedLength, onDrop: () => void) {
    super(context, largestTransfer);
    this.#pipe = pipe;
    this.#announced = announced;
    this.#onDrop = onDrop;
  }

  protected permit(): number {
    if (this.#pipe.cancelled) throw closed();
    return Math.min(this.#pipe.room, largestTransfer);
  }

  protected accept(bytes: Uint8Array): void {
    const written = this.written + BigInt(bytes.length);
    if (this.#announced.bytes !== undefined && written > this.#announced.bytes) throw httpError(this.context, { tag: this.#announced.sizeError, val: written });
    this.#pipe.write(bytes);
    this.written = written;
  }

  /** What is in the pipe is sent as the peer takes it, and not before the message itself: waiting for that would be for ever. */
  protected deliver(): void {
    if (this.#pipe.cancelled) throw closed();
  }

  protected pending(): Wait | undefined {
    const writable = (): boolean => this.#pipe.cancelled || this.#pipe.room > 0;
    return writable() ? undefined : { ready: writable };
  }

  override [Symbol.dispose](): void {
    super[Symbol.dispose]();
    this.#onDrop();
  }
}

/** `wasi:http/types.outgoing-body`. */
export class OutgoingBody extends HostResource {
  readonly pipe: BodyPipe;
  readonly #announced: AnnouncedLength;
  #stream: BodyOutputStream | undefined;
  #held = false;

  constructor(context: GuestContext, announced: AnnouncedLength) {
    super(context);
    this.pipe = new BodyPipe(() => context.host.blocker.wake());
    this.#announced = announced;
  }

  write(): OutputStream {
    this.context.called();
    if (this.#stream !== undefined) throw new ComponentFailure(undefined);
    this.#held = true;
    this.#stream = new BodyOutputStream(this.context, this.pipe, this.#announced, () => (this.#held = false));
    return this.#stream;
  }

  static finish(body: OutgoingBody, trailers: Fields | undefined): void {
    body.context.called();
    if (body.#held) trap('outgoing-body.finish: its stream is still alive');
    body.#release();
    const list = trailers?.consume();
    const { bytes, sizeError } = body.#announced;
    const written = body.#stream?.written ?? 0n;
    if (bytes !== undefined && written !== bytes) {
      const code: ErrorCode = { tag: sizeError, val: written };
      body.pipe.fail(code);
      throw new ComponentFailure(code);
    }
    body.pipe.finish(list);
  }

  /** Dropped without `finish`: the message is broken off. */
  override [Symbol.dispose](): void {
    if (this.#held) trap('outgoing-body: its stream is still alive');
    this.#release();
    this.pipe.fail({ tag: 'HTTP-protocol-error' });
  }

  #release(): void {
    super[Symbol.dispose]();
  }
}
