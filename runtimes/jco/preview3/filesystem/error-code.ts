import { errorCodeOf as olderCodeOf } from '../../filesystem/error-code.ts';

/** `wasi:filesystem/types.error-code` 0.3. */
export type ErrorCode = { readonly tag: string; readonly val?: string | undefined };

/** What 0.3 has no word for any more. */
const renamed: Readonly<Record<string, ErrorCode>> = { 'would-block': { tag: 'other', val: 'would block' } };

/** @throws the error itself when it is not the file system's */
export function errorCodeOf(error: unknown): ErrorCode {
  const code = olderCodeOf(error);
  return renamed[code] ?? { tag: code };
}
