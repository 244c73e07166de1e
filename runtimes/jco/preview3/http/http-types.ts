import type { GuestContext, HostInterfaces } from '../../host/guest-context.ts';
import type { HttpClient } from '../../http/client.ts';
import { FieldList } from '../../http/field-list.ts';
import type { GuestByteStream } from '../guest-streams.ts';
import { Fields } from './fields.ts';
import type { TrailersFuture } from './guest-body.ts';
import { RequestOptions } from './request-options.ts';
import { Request } from './request.ts';
import { Response } from './response.ts';
import { sendRequest } from './send-request.ts';

/** Makes the resources of `wasi:http/types` for one instance: of the classes that its glue knows. */
export interface HttpResources {
  readonly context: GuestContext;
  fields(list: FieldList): Fields;
  options(values: RequestOptions): RequestOptions;
  readonly Request: typeof Request;
  readonly Response: typeof Response;
}

/** `wasi:http/types`, `client` and `handler` 0.3 for one instance. */
export function createHttp(context: GuestContext, client: HttpClient): { readonly imports: HostInterfaces; readonly resources: HttpResources } {
  class GuestFields extends Fields {
    constructor(list: FieldList = new FieldList()) {
      super(resources, list);
    }

    static fromList(entries: readonly (readonly [string, Uint8Array])[]): Fields {
      return Fields.checked(() => new GuestFields(FieldList.from(entries)));
    }
  }
  class GuestOptions extends RequestOptions {
    constructor(values?: RequestOptions) {
      super(resources, values);
    }
  }
  class GuestRequest extends Request {
    static new(headers: Fields, contents: GuestByteStream | undefined, trailers: TrailersFuture, options: RequestOptions | undefined): ReturnType<typeof Request.create> {
      return Request.create(resources, headers, contents, trailers, options);
    }
  }
  class GuestResponse extends Response {
    static new(headers: Fields, contents: GuestByteStream | undefined, trailers: TrailersFuture): ReturnType<typeof Response.create> {
      return Response.create(resources, headers, contents, trailers);
    }
  }
  const resources: HttpResources = {
    context,
    fields: (list) => new GuestFields(list),
    options: (values) => new GuestOptions(values),
    Request: GuestRequest,
    Response: GuestResponse,
  };
  return {
    resources,
    imports: {
      'wasi:http/types@0.3': { Fields: GuestFields, Request: GuestRequest, Response: GuestResponse, RequestOptions: GuestOptions },
      'wasi:http/client@0.3': { send: (request: Request) => sendRequest(resources, client, request) },
    },
  };
}
