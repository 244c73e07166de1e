import { errorCodeOf as preview2CodeOf } from '../../preview2/filesystem/error-code.ts';
import { ComponentFailure } from '../../host/component-failure.ts';

/** `wasi:filesystem/types.error-code` 0.3. */
export type ErrorCode = { readonly tag: string; readonly val?: string | undefined };

/** What 0.3 has no word for any more. */
const renamed: Readonly<Record<string, ErrorCode>> = { 'would-block': { tag: 'other', val: 'would block' } };

/** @throws the error itself when it is not the file system's */
export function errorCodeOf(error: unknown): ErrorCode {
  const code = preview2CodeOf(error);
  if (code === undefined) throw error;
  return renamed[code] ?? { tag: code };
}

/** Makes `result<_, error-code>` of what the file system says. */
export function attempt<Result>(action: () => Result): Result {
  try {
    return action();
  } catch (error) {
    throw new ComponentFailure(errorCodeOf(error));
  }
}
