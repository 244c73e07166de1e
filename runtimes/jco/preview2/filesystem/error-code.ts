import { errorCodeOf } from '../../filesystem/error-code.ts';
import type { GuestContext } from '../../host/guest-context.ts';
import { IoError, operationFailed } from '../streams.ts';

/** Makes `result<_, stream-error>` of what the file system says. */
export function attemptStream<Result>(context: GuestContext, action: () => Result): Result {
  try {
    return action();
  } catch (error) {
    const code = errorCodeOf(error);
    throw operationFailed(new IoError(context, `file system: ${code}`, { filesystem: code }));
  }
}

/** `wasi:filesystem/types.filesystem-error-code`. */
export function filesystemErrorCode(error: IoError): string | undefined {
  return error.source !== undefined && 'filesystem' in error.source ? error.source.filesystem : undefined;
}
