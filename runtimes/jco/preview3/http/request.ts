import type { Body } from '../../http/body.ts';
import type { ErrorCode } from '../../http/error-code.ts';
import type { FieldList } from '../../http/field-list.ts';
import { checkedMethod, checkedScheme, isAuthority, isPathWithQuery } from '../../http/message.ts';
import type { IncomingRequest, RequestHead, WitMethod, WitScheme } from '../../http/message.ts';
import { ComponentFailure } from '../../host/component-failure.ts';
import { HostResource } from '../../host/host-resource.ts';
import { done } from '../guest-streams.ts';
import type { GuestByteStream, HostStream, Outcome } from '../guest-streams.ts';
import type { Fields } from './fields.ts';
import { GuestBody, bodyForGuest } from './guest-body.ts';
import type { TrailersFuture } from './guest-body.ts';
import type { HttpResources } from './http-types.ts';
import type { RequestOptions } from './request-options.ts';

/** How sending a message went: settled once. */
type Transmission = PromiseWithResolvers<Outcome<undefined, ErrorCode>>;

const notSent: ErrorCode = { tag: 'internal-error', val: 'the message was not sent' };

/** `wasi:http/types.request` 0.3. */
export class Request extends HostResource {
  readonly #resources: HttpResources;
  readonly #fields: FieldList;
  readonly #body: Body;
  readonly #options: RequestOptions | undefined;
  readonly #transmission: Transmission | undefined;
  #method: WitMethod;
  #scheme: WitScheme | undefined;
  #authority: string | undefined;
  #pathWithQuery: string | undefined;
  #consumed = false;

  constructor(resources: HttpResources, head: RequestHead, body: Body, options?: RequestOptions, transmission?: Transmission) {
    super(resources.context);
    this.#resources = resources;
    this.#fields = head.fields.freeze();
    this.#body = body;
    this.#options = options?.freeze();
    this.#transmission = transmission;
    this.#method = head.method;
    this.#scheme = head.scheme;
    this.#authority = head.authority;
    this.#pathWithQuery = head.pathWithQuery;
  }

  /** `[static]request.new`: what is handed over is the request's. */
  static create(
    resources: HttpResources,
    headers: Fields,
    contents: GuestByteStream | undefined,
    trailers: TrailersFuture,
    options: RequestOptions | undefined,
  ): [Request, Promise<Outcome<undefined, ErrorCode>>] {
    resources.context.called();
    options?.[Symbol.dispose]();
    const transmission = Promise.withResolvers<Outcome<undefined, ErrorCode>>();
    const head = { method: { tag: 'get' }, scheme: undefined, authority: undefined, pathWithQuery: undefined, fields: headers.take() } as const;
    return [new resources.Request(resources, head, new GuestBody(contents, trailers), options, transmission), transmission.promise];
  }

  /** One that the container was sent. */
  static incoming(resources: HttpResources, request: IncomingRequest): Request {
    return new resources.Request(resources, request, request.body);
  }

  static consumeBody(request: Request, result: PromiseLike<unknown>): [HostStream<Uint8Array>, Promise<Outcome<Fields | undefined, ErrorCode>>] {
    return request.#consume(result);
  }

  override [Symbol.dispose](): void {
    super[Symbol.dispose]();
    if (this.#consumed) return;
    this.#consumed = true;
    this.#body.cancel();
    this.#transmission?.resolve({ tag: 'err', val: notSent });
  }

  getMethod(): WitMethod {
    return this.#method;
  }

  setMethod(method: WitMethod): void {
    this.#method = checkedMethod(method) ?? invalid();
  }

  getPathWithQuery(): string | undefined {
    return this.#pathWithQuery;
  }

  setPathWithQuery(text: string | undefined): void {
    if (text !== undefined && !isPathWithQuery(text)) invalid();
    this.#pathWithQuery = text === '' ? '/' : text;
  }

  getScheme(): WitScheme | undefined {
    return this.#scheme;
  }

  setScheme(scheme: WitScheme | undefined): void {
    this.#scheme = scheme === undefined ? undefined : (checkedScheme(scheme) ?? invalid());
  }

  getAuthority(): string | undefined {
    return this.#authority;
  }

  setAuthority(authority: string | undefined): void {
    if (authority !== undefined && !isAuthority(authority)) invalid();
    this.#authority = authority;
  }

  getOptions(): RequestOptions | undefined {
    return this.#options === undefined ? undefined : this.#resources.options(this.#options).freeze();
  }

  getHeaders(): Fields {
    this.context.called();
    return this.#resources.fields(this.#fields);
  }

  /** Takes the request apart to send it; `sent` tells the guest how that went. */
  take(): { readonly head: RequestHead; readonly body: Body; readonly options: RequestOptions | undefined; readonly sent: (outcome: Outcome<undefined, ErrorCode>) => void } {
    this.#consumed = true;
    this[Symbol.dispose]();
    const head = { method: this.#method, scheme: this.#scheme, authority: this.#authority, pathWithQuery: this.#pathWithQuery, fields: this.#fields };
    return { head, body: this.#body, options: this.#options, sent: (outcome) => this.#transmission?.resolve(outcome) };
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

function invalid(): never {
  throw new ComponentFailure(undefined);
}
