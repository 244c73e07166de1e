import type { Status } from '../../api/kubernetes.ts';

/** An answer of the API server that is not a success: the code, and what its Status object says. */
export class ApiError extends Error {
  readonly code: number;
  /** Status.reason: `NotFound`, `AlreadyExists`, `Conflict`, `Expired`, …; empty when the answer was no Status. */
  readonly reason: string;
  /** The fields that a 422 names. */
  readonly fields: readonly string[];
  /** Milliseconds that the API server asked us to wait (429, 503). */
  readonly retryAfter: number | undefined;

  constructor(code: number, status: Status | undefined, call: string, retryAfter?: number) {
    super(`${call}: ${status?.message ?? `HTTP ${code}`}`);
    this.name = 'ApiError';
    this.code = code;
    this.reason = status?.reason ?? '';
    this.fields = (status?.details?.causes ?? []).flatMap(({ field }) => field ?? []);
    this.retryAfter = retryAfter;
  }
}

export function isNotFound(error: unknown): boolean {
  return error instanceof ApiError && error.code === 404;
}

export function isForbidden(error: unknown): boolean {
  return error instanceof ApiError && error.code === 403;
}

/** 409: the object exists already, a precondition failed, or somebody else wrote in between. */
export function isConflict(error: unknown): boolean {
  return error instanceof ApiError && error.code === 409;
}

/** The UID in a patch is another object's: kube-apiserver answers 422 (the field is immutable), where upstream's comments promise 409. */
export function isOtherUid(error: unknown): boolean {
  return isConflict(error) || (error instanceof ApiError && error.code === 422 && error.fields.includes('metadata.uid'));
}

/** 410: the resourceVersion or the continue token is too old. */
export function isExpired(error: unknown): boolean {
  return error instanceof ApiError && (error.code === 410 || error.reason === 'Expired' || error.reason === 'Gone');
}

/** The API server was reached and said no for good: the same request will not succeed later. */
export function isRefused(error: unknown): boolean {
  return error instanceof ApiError && error.code >= 400 && error.code < 500 && error.code !== 429 && error.code !== 408;
}
