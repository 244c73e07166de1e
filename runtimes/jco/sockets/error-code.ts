import { ComponentFailure } from '../host/component-failure.ts';

/** `wasi:sockets/types.error-code` 0.3. */
export type ErrorCode =
  | {
      readonly tag:
        | 'access-denied' | 'not-supported' | 'invalid-argument' | 'out-of-memory' | 'timeout' | 'invalid-state' | 'address-not-bindable' | 'address-in-use'
        | 'remote-unreachable' | 'connection-refused' | 'connection-broken' | 'connection-reset' | 'connection-aborted' | 'datagram-too-large';
    }
  | { readonly tag: 'other'; readonly val: string | undefined };

const codes: Readonly<Record<string, ErrorCode>> = {
  EACCES: { tag: 'access-denied' }, EPERM: { tag: 'access-denied' }, EINVAL: { tag: 'invalid-argument' }, ENOBUFS: { tag: 'out-of-memory' }, ENOMEM: { tag: 'out-of-memory' },
  ETIMEDOUT: { tag: 'timeout' }, EADDRNOTAVAIL: { tag: 'address-not-bindable' }, EADDRINUSE: { tag: 'address-in-use' }, EHOSTUNREACH: { tag: 'remote-unreachable' },
  ENETUNREACH: { tag: 'remote-unreachable' }, EHOSTDOWN: { tag: 'remote-unreachable' }, ENETDOWN: { tag: 'remote-unreachable' }, ECONNREFUSED: { tag: 'connection-refused' },
  EPIPE: { tag: 'connection-broken' }, ECONNRESET: { tag: 'connection-reset' }, ECONNABORTED: { tag: 'connection-aborted' }, EMSGSIZE: { tag: 'datagram-too-large' },
  EAFNOSUPPORT: { tag: 'not-supported' },
};

/** Of a system error of Node's. @throws the error itself when it is none */
export function errorCodeOf(error: unknown): ErrorCode {
  if (error instanceof ComponentFailure) return error.payload as ErrorCode;
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') throw error;
  return codes[error.code] ?? { tag: 'other', val: undefined };
}

export function refuse(tag: Exclude<ErrorCode['tag'], 'other'>): never {
  throw new ComponentFailure<ErrorCode>({ tag });
}

/** Makes `result<_, error-code>` of what a system call says. */
export function attempt<Result>(action: () => Result): Result {
  try {
    return action();
  } catch (error) {
    throw new ComponentFailure(errorCodeOf(error));
  }
}
