import { FileError } from '../../../core/guest/files/file-error.ts';

/** `wasi:filesystem/types.error-code` of 0.2 by the errno's name; 0.3 has nearly the same. */
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

/** The error-code of a failure that belongs to the guest: a FileError, or a system error of Node. @throws the error itself when it is another */
export function errorCodeOf(error: unknown): string {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') throw error;
  if (!(error instanceof FileError) && !('syscall' in error)) throw error;
  return codes[error.code] ?? 'io';
}
