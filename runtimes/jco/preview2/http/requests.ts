import type { Body } from '../../http/body.ts';
import { checkedMethod, checkedScheme, isAuthority, isPathWithQuery } from '../../http/message.ts';
import type { IncomingRequest as ReceivedRequest, OutgoingRequest as RequestToSend, RequestTimeouts, WitMethod, WitScheme } from '../../http/message.ts';
import type { FieldList } from '../../http/field-list.ts';
import { ComponentFailure } from '../../host/component-failure.ts';
import type { GuestContext } from '../../host/guest-context.ts';
import { HostResource } from '../../host/host-resource.ts';
import { Fields } from './fields.ts';
import { IncomingBody } from './incoming-body.ts';
import { OutgoingBody } from './outgoing-body.ts';

/** `err` of a `result` without a payload. */
function refuse(): never {
  throw new ComponentFailure(undefined);
}

/** What comes in has a body that is given once, and thrown away when nobody took it. */
export abstract class IncomingMessage extends HostResource {
  readonly #fields: FieldList;
  readonly #body: Body;
  #consumed = false;

  constructor(context: GuestContext, message: { readonly fields: FieldList; readonly body: Body }) {
    super(context);
    this.#fields = message.fields;
    this.#body = message.body;
  }

  headers(): Fields {
    this.context.called();
    return new Fields(this.context, this.#fields);
  }

  consume(): IncomingBody {
    this.context.called();
    if (this.#consumed) refuse();
    this.#consumed = true;
    return new IncomingBody(this.context, this.#body);
  }

  override [Symbol.dispose](): void {
    super[Symbol.dispose]();
    if (!this.#consumed) this.#body.cancel();
  }
}

/** `wasi:http/types.incoming-request`. */
export class IncomingRequest extends IncomingMessage {
  readonly #request: ReceivedRequest;

  constructor(context: GuestContext, request: ReceivedRequest) {
    super(context, request);
    this.#request = request;
  }

  method(): WitMethod {
    return this.#request.method;
  }

  pathWithQuery(): string | undefined {
    return this.#request.pathWithQuery;
  }

  scheme(): WitScheme | undefined {
    return this.#request.scheme;
  }

  authority(): string | undefined {
    return this.#request.authority;
  }
}

/** `wasi:http/types.outgoing-request`. */
export class OutgoingRequest extends HostResource {
  readonly #fields: FieldList;
  #method: WitMethod = { tag: 'get' };
  #pathWithQuery: string | undefined;
  #scheme: WitScheme | undefined;
  #authority: string | undefined;
  #body: OutgoingBody | undefined;

  constructor(context: GuestContext, headers: Fields) {
    super(context);
    context.called();
    this.#fields = headers.consume();
  }

  body(): OutgoingBody {
    this.context.called();
    if (this.#body !== undefined) refuse();
    this.#body = new OutgoingBody(this.context, { bytes: this.#fields.contentLength, sizeError: 'HTTP-request-body-size' });
    return this.#body;
  }

  method(): WitMethod {
    return this.#method;
  }

  setMethod(method: WitMethod): void {
    this.#method = checkedMethod(method) ?? refuse();
  }

  pathWithQuery(): string | undefined {
    return this.#pathWithQuery;
  }

  setPathWithQuery(path: string | undefined): void {
    if (path !== undefined && !isPathWithQuery(path)) refuse();
    this.#pathWithQuery = path;
  }

  scheme(): WitScheme | undefined {
    return this.#scheme;
  }

  setScheme(scheme: WitScheme | undefined): void {
    this.#scheme = scheme === undefined ? undefined : (checkedScheme(scheme) ?? refuse());
  }

  authority(): string | undefined {
    return this.#authority;
  }

  setAuthority(authority: string | undefined): void {
    if (authority !== undefined && !isAuthority(authority)) refuse();
    this.#authority = authority;
  }

  headers(): Fields {
    this.context.called();
    return new Fields(this.context, this.#fields);
  }

  /** What is to be sent; the handle is gone. */
  consume(options: RequestOptions | undefined): RequestToSend {
    this[Symbol.dispose]();
    return {
      method: this.#method,
      scheme: this.#scheme,
      authority: this.#authority,
      pathWithQuery: this.#pathWithQuery,
      fields: this.#fields,
      body: this.#body?.pipe,
      ...(options === undefined ? {} : { timeouts: options.timeouts }),
    };
  }
}

/** `wasi:http/types.request-options`. */
export class RequestOptions extends HostResource {
  #connect: bigint | undefined;
  #firstByte: bigint | undefined;
  #betweenBytes: bigint | undefined;

  get timeouts(): RequestTimeouts {
    return { connect: this.#connect, firstByte: this.#firstByte, betweenBytes: this.#betweenBytes };
  }

  connectTimeout(): bigint | undefined {
    return this.#connect;
  }

  setConnectTimeout(duration: bigint | undefined): void {
    this.#connect = duration;
  }

  firstByteTimeout(): bigint | undefined {
    return this.#firstByte;
  }

  setFirstByteTimeout(duration: bigint | undefined): void {
    this.#firstByte = duration;
  }

  betweenBytesTimeout(): bigint | undefined {
    return this.#betweenBytes;
  }

  setBetweenBytesTimeout(duration: bigint | undefined): void {
    this.#betweenBytes = duration;
  }
}
