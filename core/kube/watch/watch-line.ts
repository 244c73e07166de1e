import type { Status } from '../../api/kubernetes.ts';
import { ApiError } from '../api/api-error.ts';
import type { ApiObject } from '../api/resources.ts';

export type WatchLine<T> =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK'; readonly object: T }
  /** metav1.Status instead of an object; the stream is over. */
  | { readonly type: 'ERROR'; readonly error: ApiError }
  | { readonly type: 'MALFORMED'; readonly error: SyntaxError };

/** One line of a watch (metav1.WatchEvent). Never throws; an object without a resourceVersion is malformed. */
export function parseWatchLine<T extends ApiObject>(line: string): WatchLine<T> {
  let event: { readonly type?: unknown; readonly object?: unknown } | null;
  try {
    event = JSON.parse(line) as typeof event;
  } catch {
    return malformed('not JSON');
  }
  if (typeof event !== 'object' || event === null || typeof event.object !== 'object' || event.object === null) return malformed('no object');
  if (event.type === 'ERROR') {
    const status = event.object as Status;
    return { type: 'ERROR', error: new ApiError(typeof status.code === 'number' ? status.code : 500, status, 'watch') };
  }
  if (event.type !== 'ADDED' && event.type !== 'MODIFIED' && event.type !== 'DELETED' && event.type !== 'BOOKMARK') return malformed('unknown type');
  const { metadata } = event.object as ApiObject;
  if (typeof metadata !== 'object' || metadata === null || typeof metadata.resourceVersion !== 'string') return malformed('no resourceVersion');
  return { type: event.type, object: event.object as T };
}

function malformed(why: string): { readonly type: 'MALFORMED'; readonly error: SyntaxError } {
  return { type: 'MALFORMED', error: new SyntaxError(`watch event: ${why}`) };
}
