import { emptyBody } from '../../http/body.ts';
import type { Body } from '../../http/body.ts';
import type { ErrorCode } from '../../http/error-code.ts';
import type { FieldList } from '../../http/field-list.ts';
import { isStatus } from '../../http/message.ts';
import type { HttpResponse } from '../../http/message.ts';
import { ComponentFailure } from '../../host/component-failure.ts';
import { HostResource } from '../../host/host-resource.ts';
import { done } from '../guest-streams.ts';
import type { GuestByteStream, HostStream, Outcome } from '../guest-streams.ts';
import type { Fields } from './fields.ts';
import { GuestBody, bodyForGuest } from './guest-body.ts';
import type { TrailersFuture } from './guest-body.ts';
import type { HttpResources } from './http-types.ts';

/** `wasi:http/types.response` 0.3. */
export class Response extends HostResource {
  readonly #resources: HttpResources;
  readonly #fields: FieldList;
  readonly #body: Body;
  readonly #transmission: PromiseWithResolvers<Outcome<undefined, ErrorCode>> | undefined;
  #status: number;
  #consumed = false;

  constructor(resources: HttpResources, response: HttpResponse, transmission?: PromiseWithResolvers<Outcome<undefined, ErrorCode>>) {
    super(resources.context);
    this.#resources = resources;
    this.#fields = response.fields.freeze();
    this.#body = response.body;
    this.#status = response.status;
    this.#transmission = transmission;
  }

  /** `[static]response.new`: what is handed over is the response's. */
  static create(resources: HttpResources, headers: Fields, contents: GuestByteStream | undefined, trailers: TrailersFuture): [Response, Promise<Outcome<undefined, ErrorCode>>] {
    resources.context.called();
    const transmission = Promise.withResolvers<Outcome<undefined, ErrorCode>>();
    return [new resources.Response(resources, { status: 200, fields: headers.take(), body: new GuestBody(contents, trailers) }, transmission), transmission.promise];
  }

  static consumeBody(response: Response, result: PromiseLike<unknown>): [HostStream<Uint8Array>, Promise<Outcome<Fields | undefined, ErrorCode>>] {
    return response.#consume(result);
  }

  override [Symbol.dispose](): void {
    super[Symbol.dispose]();
    if (this.#consumed) return;
    this.#consumed = true;
    this.#body.cancel();
    this.#transmission?.resolve({ tag: 'err', val: { tag: 'internal-error', val: 'the message was not sent' } });
  }

  getStatusCode(): number {
    return this.#status;
  }

  setStatusCode(status: number): void {
    if (!isStatus(status)) throw new ComponentFailure(undefined);
    this.#status = status;
  }

  getHeaders(): Fields {
    this.context.called();
    return this.#resources.fields(this.#fields);
  }

  /** Takes the response apart to send it; `sent` tells the guest how that went. */
  take(): { readonly response: HttpResponse; readonly sent: (outcome: Outcome<undefined, ErrorCode>) => void } {
    this.#consumed = true;
    this[Symbol.dispose]();
    const body = this.#body instanceof GuestBody && !this.#body.hasContents ? withoutContents(this.#body) : this.#body;
    return { response: { status: this.#status, fields: this.#fields, body }, sent: (outcome) => this.#transmission?.resolve(outcome) };
  }

  #consume(result: PromiseLike<unknown>): [HostStream<Uint8Array>, Promise<Outcome<Fields | undefined, ErrorCode>>] {
    this.#consumed = true;
    this[Symbol.dispose]();
    this.#transmission?.resolve(done);
    // What the guest made of the body: nobody here asks.
    void Promise.resolve(result).catch(() => {});
    return bodyForGuest(this.context, this.#body, this.#resources);
  }
}

/** No contents, but what the trailers say still counts. */
function withoutContents(body: GuestBody): Body {
  return { ...emptyBody, trailers: () => body.trailers() };
}
