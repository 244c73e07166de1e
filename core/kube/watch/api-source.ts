import { defer } from 'rxjs';
import type { ApiClient, Query } from '../api/api-client.ts';
import type { ApiList } from '../api/resources.ts';
import type { ListWatchSource } from './list-watch.ts';

/** One resource's collection (`path`), perhaps narrowed by a selector, as list-watch wants it. */
export function apiSource<T>(api: ApiClient, path: string, selector: Query = {}): ListWatchSource<T> {
  return {
    list: (page) => defer(() => api.call<ApiList<T>>({ method: 'GET', path, query: { ...selector, limit: page.limit, continue: page.continue } })),
    watch: ({ resourceVersion, timeoutSeconds }) =>
      api.lines({ path, query: { ...selector, watch: true, allowWatchBookmarks: true, resourceVersion, timeoutSeconds } }),
  };
}
