import { emptyBody } from '../../http/body.ts';
import { errorCodeOf } from '../../http/error-code.ts';
import type { ErrorCode } from '../../http/error-code.ts';
import type { FieldList } from '../../http/field-list.ts';
import { isStatus } from '../../http/message.ts';
import type { HttpResponse } from '../../http/message.ts';
import { ComponentFailure } from '../../host/component-failure.ts';
import type { GuestContext } from '../../host/guest-context.ts';
import { HostResource } from '../../host/host-resource.ts';
import { Pollable } from '../poll.ts';
import { Fields } from './fields.ts';
import { OutgoingBody } from './outgoing-body.ts';
import { IncomingMessage } from './requests.ts';

/** `wasi:http/types.incoming-response`. */
export class IncomingResponse extends IncomingMessage {
  readonly #status: number;

  constructor(context: GuestContext, response: HttpResponse) {
    super(context, response);
    this.#status = response.status;
  }

  status(): number {
    return this.#status;
  }
}

type Arrived = { readonly tag: 'ok'; readonly val: HttpResponse } | { readonly tag: 'err'; readonly val: ErrorCode };

/** `wasi:http/types.future-incoming-response`. */
export class FutureIncomingResponse extends HostResource {
  #arrived: Arrived | undefined;
  #given = false;
  #dropped = false;

  constructor(context: GuestContext, response: Promise<HttpResponse>) {
    super(context);
    response.then(
      (val) => {
        this.#arrived = { tag: 'ok', val };
        if (this.#dropped) val.body.cancel();
      },
      (error: unknown) => (this.#arrived = { tag: 'err', val: errorCodeOf(error) }),
    ).finally(() => context.host.blocker.wake());
  }

  subscribe(): Pollable {
    this.context.called();
    const ready = (): boolean => this.#arrived !== undefined;
    return new Pollable(this.context, () => (ready() ? undefined : { ready }));
  }

  get(): { readonly tag: 'ok'; readonly val: { readonly tag: 'ok'; readonly val: IncomingResponse } | { readonly tag: 'err'; readonly val: ErrorCode } } | { readonly tag: 'err' } | undefined {
    this.context.called();
    if (this.#arrived === undefined) return undefined;
    if (this.#given) return { tag: 'err' };
    this.#given = true;
    return { tag: 'ok', val: this.#arrived.tag === 'ok' ? { tag: 'ok', val: new IncomingResponse(this.context, this.#arrived.val) } : this.#arrived };
  }

  override [Symbol.dispose](): void {
    super[Symbol.dispose]();
    this.#dropped = true;
    if (!this.#given && this.#arrived?.tag === 'ok') this.#arrived.val.body.cancel();
  }
}

/** `wasi:http/types.outgoing-response`. */
export class OutgoingResponse extends HostResource {
  readonly #fields: FieldList;
  #status = 200;
  #body: OutgoingBody | undefined;

  constructor(context: GuestContext, headers: Fields) {
    super(context);
    context.called();
    this.#fields = headers.consume();
  }

  statusCode(): number {
    return this.#status;
  }

  setStatusCode(code: number): void {
    if (!isStatus(code)) throw new ComponentFailure(undefined);
    this.#status = code;
  }

  headers(): Fields {
    this.context.called();
    return new Fields(this.context, this.#fields);
  }

  body(): OutgoingBody {
    this.context.called();
    if (this.#body !== undefined) throw new ComponentFailure(undefined);
    this.#body = new OutgoingBody(this.context, { bytes: this.#fields.contentLength, sizeError: 'HTTP-response-body-size' });
    return this.#body;
  }

  /** What is to be sent; the handle is gone. */
  consume(): HttpResponse {
    this[Symbol.dispose]();
    return { status: this.#status, fields: this.#fields, body: this.#body?.pipe ?? emptyBody };
  }
}

/** `wasi:http/types.response-outparam`. */
export class ResponseOutparam extends HostResource {
  readonly #respond: (response: HttpResponse | ErrorCode) => void;

  /** `respond` is called once at most. */
  constructor(context: GuestContext, respond: (response: HttpResponse | ErrorCode) => void) {
    super(context);
    this.#respond = respond;
  }

  static set(param: ResponseOutparam, response: { readonly tag: 'ok'; readonly val: OutgoingResponse } | { readonly tag: 'err'; readonly val: ErrorCode }): void {
    param.context.called();
    param[Symbol.dispose]();
    param.#respond(response.tag === 'ok' ? response.val.consume() : response.val);
  }

  /** Unstable in all of 0.2. */
  sendInformational(status: number): never {
    this.context.called();
    throw new ComponentFailure(status >= 100 && status <= 199 ? { tag: 'internal-error', val: 'informational responses are not sent' } : { tag: 'HTTP-protocol-error' });
  }
}
