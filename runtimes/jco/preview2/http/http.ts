import type { Network } from '../../network/network.ts';
import type { ErrorCode } from '../../http/error-code.ts';
import type { Field } from '../../http/field-list.ts';
import { FieldList } from '../../http/field-list.ts';
import type { GuestContext, HostInterfaces } from '../../host/guest-context.ts';
import type { IoError } from '../streams.ts';
import { constructible } from './constructible.ts';
import { Fields } from './fields.ts';
import { FutureTrailers, IncomingBody } from './incoming-body.ts';
import { OutgoingBody } from './outgoing-body.ts';
import { IncomingRequest, OutgoingRequest, RequestOptions } from './requests.ts';
import { FutureIncomingResponse, IncomingResponse, OutgoingResponse, ResponseOutparam } from './responses.ts';

/** `wasi:http/types` and `outgoing-handler` 0.2. */
export function createHttp(context: GuestContext, network: Network): HostInterfaces {
  return {
    'wasi:http/types': {
      Fields: constructible(Fields.prototype, () => new Fields(context, new FieldList()), { fromList: (entries: readonly Field[]) => Fields.fromList(context, entries) }),
      IncomingRequest,
      OutgoingRequest: constructible(OutgoingRequest.prototype, (headers: Fields) => new OutgoingRequest(context, headers)),
      RequestOptions: constructible(RequestOptions.prototype, () => new RequestOptions(context)),
      ResponseOutparam,
      IncomingResponse,
      IncomingBody,
      FutureTrailers,
      OutgoingResponse: constructible(OutgoingResponse.prototype, (headers: Fields) => new OutgoingResponse(context, headers)),
      OutgoingBody,
      FutureIncomingResponse,
      httpErrorCode: (error: IoError): ErrorCode | undefined =>
        error.source !== undefined && 'http' in error.source ? (error.source.http as ErrorCode) : undefined,
    },
    'wasi:http/outgoing-handler': {
      handle(request: OutgoingRequest, options: RequestOptions | undefined): FutureIncomingResponse {
        context.called();
        const sent = network.client.send(request.consume(options));
        options?.[Symbol.dispose]();
        return new FutureIncomingResponse(context, sent.response);
      },
    },
  };
}
