import type { Wait } from '../../../../core/guest/host.ts';
import { PolledBody } from '../../http/body.ts';
import type { Body } from '../../http/body.ts';
import { errorCodeOf } from '../../http/error-code.ts';
import type { ErrorCode } from '../../http/error-code.ts';
import type { FieldList } from '../../http/field-list.ts';
import { ComponentFailure, trap } from '../../host/component-failure.ts';
import type { GuestContext } from '../../host/guest-context.ts';
import { HostResource } from '../../host/host-resource.ts';
import { Pollable } from '../poll.ts';
import { InputStream, IoError, closed, largestTransfer, operationFailed } from '../streams.ts';
import { Fields } from './fields.ts';

/** An error of HTTP as a stream's. */
export function httpError(context: GuestContext, code: ErrorCode): ComponentFailure<unknown> {
  return operationFailed(new IoError(context, `HTTP: ${code.tag}`, { http: code }));
}

/** The contents of a message that comes in. */
class BodyInputStream extends InputStream {
  readonly #body: PolledBody;
  readonly #onDrop: () => void;

  constructor(context: GuestContext, body: PolledBody, onDrop: () => void) {
    // What has arrived and was not read lies in the host's memory.
    super(context, largestTransfer);
    this.#body = body;
    this.#onDrop = onDrop;
  }

  protected take(length: number): Uint8Array {
    if (length === 0) return new Uint8Array();
    const taken = this.#body.take(length);
    if (taken === undefined) return new Uint8Array();
    if (taken instanceof Uint8Array) return taken;
    throw taken === 'ended' ? closed() : httpError(this.context, taken);
  }

  protected pending(): Wait | undefined {
    return this.#body.ready ? undefined : { ready: () => this.#body.ready };
  }

  override [Symbol.dispose](): void {
    super[Symbol.dispose]();
    this.#onDrop();
  }
}

/** `wasi:http/types.incoming-body`. */
export class IncomingBody extends HostResource {
  readonly #body: Body;
  readonly #polled: PolledBody;
  #stream: 'none' | 'held' | 'dropped' = 'none';

  constructor(context: GuestContext, body: Body) {
    super(context);
    this.#body = body;
    this.#polled = new PolledBody(body, () => context.host.blocker.wake());
  }

  stream(): InputStream {
    this.context.called();
    if (this.#stream !== 'none') throw new ComponentFailure(undefined);
    this.#stream = 'held';
    return new BodyInputStream(this.context, this.#polled, () => (this.#stream = 'dropped'));
  }

  static finish(body: IncomingBody): FutureTrailers {
    body.context.called();
    if (body.#stream === 'held') trap('incoming-body.finish: its stream is still alive');
    body.#release();
    return new FutureTrailers(body.context, body.#body, body.#polled);
  }

  override [Symbol.dispose](): void {
    this.#release();
    this.#body.cancel();
  }

  #release(): void {
    super[Symbol.dispose]();
  }
}

type Trailers = { readonly tag: 'ok'; readonly val: FieldList | undefined } | { readonly tag: 'err'; readonly val: ErrorCode };
type Once<Value> = { readonly tag: 'ok'; readonly val: Value } | { readonly tag: 'err' };

/** `wasi:http/types.future-trailers`. What the guest left unread of the body is passed over. */
export class FutureTrailers extends HostResource {
  readonly #body: Body;
  readonly #polled: PolledBody;
  #trailers: Trailers | undefined;
  #asked = false;
  #given = false;

  constructor(context: GuestContext, body: Body, polled: PolledBody) {
    super(context);
    this.#body = body;
    this.#polled = polled;
  }

  subscribe(): Pollable {
    this.context.called();
    return new Pollable(this.context, () => (this.#ready() ? undefined : { ready: () => this.#ready() }));
  }

  get(): Once<{ readonly tag: 'ok'; readonly val: Fields | undefined } | { readonly tag: 'err'; readonly val: ErrorCode }> | undefined {
    this.context.called();
    if (!this.#ready()) return undefined;
    if (this.#given) return { tag: 'err' };
    this.#given = true;
    const trailers = this.#trailers!;
    if (trailers.tag === 'err') return { tag: 'ok', val: trailers };
    return { tag: 'ok', val: { tag: 'ok', val: trailers.val === undefined ? undefined : new Fields(this.context, trailers.val) } };
  }

  override [Symbol.dispose](): void {
    super[Symbol.dispose]();
    this.#body.cancel();
  }

  #ready(): boolean {
    if (this.#trailers !== undefined) return true;
    let piece = this.#polled.take(largestTransfer);
    while (piece instanceof Uint8Array) piece = this.#polled.take(largestTransfer);
    if (piece === undefined) return false;
    if (piece !== 'ended') this.#trailers = { tag: 'err', val: piece };
    else this.#ask();
    return this.#trailers !== undefined;
  }

  #ask(): void {
    if (this.#asked) return;
    this.#asked = true;
    this.#body.trailers().then(
      (val) => (this.#trailers = { tag: 'ok', val }),
      (error: unknown) => (this.#trailers = { tag: 'err', val: errorCodeOf(error) }),
    ).finally(() => this.context.host.blocker.wake());
  }
}
