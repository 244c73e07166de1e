import type { HttpClient } from '../../http/client.ts';
import { HttpFailure } from '../../http/error-code.ts';
import type { ErrorCode } from '../../http/error-code.ts';
import type { OutgoingRequest } from '../../http/message.ts';
import { ComponentFailure } from '../../host/component-failure.ts';
import { done } from '../guest-streams.ts';
import { GuestBody } from './guest-body.ts';
import type { HttpResources } from './http-types.ts';
import type { Request } from './request.ts';
import type { Response } from './response.ts';

/** `wasi:http/client.send`: takes the request. */
export async function sendRequest(resources: HttpResources, client: HttpClient, request: Request): Promise<Response> {
  resources.context.called();
  const { head, body, options, sent } = request.take();
  try {
    // Without contents there is nothing to send but trailers, which decide whether there is a body at all.
    const isEmpty = body instanceof GuestBody && !body.hasContents && (await body.trailers()) === undefined;
    const outgoing: OutgoingRequest = { ...head, body: isEmpty ? undefined : body, ...(options === undefined ? {} : { timeouts: options.timeouts }) };
    const sending = client.send(outgoing);
    sending.sent.then(() => sent(done), (error: unknown) => sent({ tag: 'err', val: codeOf(error) }));
    const response = await sending.response;
    resources.context.called();
    return new resources.Response(resources, response);
  } catch (error) {
    const code = codeOf(error);
    sent({ tag: 'err', val: code });
    throw new ComponentFailure(code);
  }
}

/** @throws the error itself when it is no message's */
function codeOf(error: unknown): ErrorCode {
  if (error instanceof HttpFailure) return error.code;
  throw error;
}
