import { FileError } from '../../../../core/guest/files/file-error.ts';
import { ComponentFailure } from '../../host/component-failure.ts';
import type { GuestContext } from '../../host/guest-context.ts';
import { IoError, operationFailed } from '../streams.ts';

/** `wasi:filesystem/types.error-code` by the errno's name. */
const codes: Readonly<Record<string, string>> = {
  EACCES: 'access', EAGAIN: 'would-block', EALREADY: 'already', EBADF: 'bad-descriptor', EBUSY: 'busy', EDEADLK: 'deadlock', EDQUOT: 'quota',
  EEXIST: 'exist', EFBIG: 'file-too-large', EILSEQ: 'illegal-byte-sequence', EINPROGRESS: 'in-progress', EINTR: 'interrupted', EINVAL: 'invalid',
  EIO: 'io', EISDIR: 'is-directory', ELOOP: 'loop', EMLINK: 'too-many-links', EMSGSIZE: 'message-size', ENAMETOOLONG: 'name-too-long',
  ENODEV: 'no-device', ENOENT: 'no-entry', ENOLCK: 'no-lock', ENOMEM: 'insufficient-memory', ENOSPC: 'insufficient-space', ENOTDIR: 'not-directory',
  ENOTEMPTY: 'not-empty', ENOTRECOVERABLE: 'not-recoverable', ENOTSUP: 'unsupported', ENOSYS: 'unsupported', ENOTTY: 'no-tty', ENXIO: 'no-such-device',
  EOVERFLOW: 'overflow', EPERM: 'not-permitted', ENOTCAPABLE: 'not-permitted', EPIPE: 'pipe', EROFS: 'read-only', ESPIPE: 'invalid-seek',
  ETXTBSY: 'text-file-busy', EXDEV: 'cross-device',
  // 0.2 has no word for too many open files.
  EMFILE: 'insufficient-memory', ENFILE: 'insufficient-memory',
};

/** The error-code of a failure that belongs to the guest: a FileError, or a system error of Node. Undefined for any other. */
export function errorCodeOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return undefined;
  return error instanceof FileError || 'syscall' in error ? (codes[error.code] ?? 'io') : undefined;
}

/** Makes `result<_, error-code>` of what the file system says. */
export function attempt<Result>(action: () => Result): Result {
  try {
    return action();
  } catch (error) {
    const code = errorCodeOf(error);
    throw code === undefined ? error : new ComponentFailure(code);
  }
}

/** Makes `result<_, stream-error>` of what the file system says. */
export function attemptStream<Result>(context: GuestContext, action: () => Result): Result {
  try {
    return action();
  } catch (error) {
    const code = errorCodeOf(error);
    throw code === undefined ? error : operationFailed(new IoError(context, `file system: ${code}`, { filesystem: code }));
  }
}

/** `wasi:filesystem/types.filesystem-error-code`. */
export function filesystemErrorCode(error: IoError): string | undefined {
  return error.source !== undefined && 'filesystem' in error.source ? error.source.filesystem : undefined;
}
