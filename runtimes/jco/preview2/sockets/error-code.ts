import { errorCodeOf } from '../../sockets/error-code.ts';
import type { Words } from '../../sockets/ip-socket.ts';
import { ComponentFailure } from '../../host/component-failure.ts';
import type { GuestContext } from '../../host/guest-context.ts';
import { IoError, operationFailed } from '../streams.ts';

/** `wasi:sockets/network.error-code` 0.2: an enumeration. */
export type ErrorCode =
  | 'unknown' | 'access-denied' | 'not-supported' | 'invalid-argument' | 'out-of-memory' | 'timeout' | 'concurrency-conflict' | 'not-in-progress' | 'would-block'
  | 'invalid-state' | 'new-socket-limit' | 'address-not-bindable' | 'address-in-use' | 'remote-unreachable' | 'connection-refused' | 'connection-reset'
  | 'connection-aborted' | 'datagram-too-large' | 'name-unresolvable' | 'temporary-resolver-failure' | 'permanent-resolver-failure';

/** 0.2's word for one of 0.3's. */
function older(tag: string): ErrorCode {
  if (tag === 'other') return 'unknown';
  return tag === 'connection-broken' ? 'connection-reset' : (tag as ErrorCode);
}

/** Of a failure that belongs to the guest. @throws the error itself when it is none */
export function codeOf(error: unknown): ErrorCode {
  if (error instanceof ComponentFailure && typeof error.payload === 'string') return error.payload as ErrorCode;
  return older(errorCodeOf(error).tag);
}

export function refuse(code: ErrorCode): never {
  throw new ComponentFailure(code);
}

export const words: Words = { errorCodeOf: codeOf, socketLimit: 'new-socket-limit' };

/** What went wrong, as a stream's failure. */
export function streamFailure(context: GuestContext, error: unknown): ComponentFailure<unknown> {
  const code = codeOf(error);
  return operationFailed(new IoError(context, `socket: ${code}`, { sockets: code }));
}

/** `wasi:sockets/network.network-error-code`. */
export function networkErrorCode(error: IoError): string | undefined {
  return error.source !== undefined && 'sockets' in error.source ? error.source.sockets : undefined;
}
