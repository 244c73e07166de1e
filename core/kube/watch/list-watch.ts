/**
 * client-go's Reflector as an Observable: a paged list, then a watch from its resourceVersion, for ever.
 * It never errors and never completes before it is unsubscribed; whatever fails is told to `onFailure` and tried again.
 */
import { EMPTY, catchError, concatMap, defer, expand, from, map, reduce, repeat, switchMap, tap } from 'rxjs';
import type { Observable, ObservableInput } from 'rxjs';
import type { Clock } from '../../api/clock.ts';
import type { WatchEvent } from '../../api/kubernetes.ts';
import { isExpired } from '../api/api-error.ts';
import type { ApiList, ApiObject } from '../api/resources.ts';
import { after } from './after.ts';
import { failAfterSilence } from './fail-after-silence.ts';
import { parseWatchLine } from './watch-line.ts';

/** Where the objects are. One subscription is one request. */
export interface ListWatchSource<T> {
  list(page: { readonly limit: number; readonly continue: string | undefined }): ObservableInput<ApiList<T>>;
  /** Lines of JSON, with bookmarks. */
  watch(request: { readonly resourceVersion: string; readonly timeoutSeconds: number }): ObservableInput<string>;
}

export interface ListWatchOptions<T> {
  readonly source: ListWatchSource<T>;
  readonly clock: Clock;
  /** 0 ≤ n < 1; jitter of back-offs and of the watch's duration. */
  readonly random: () => number;
  /** Applied to every object before it is kept: what is dropped here costs no memory. Must leave metadata's uid and resourceVersion. */
  readonly project?: (object: T) => T;
  /** Told about each failed list or watch; `malformed` counts lines that were no watch event since the start. */
  readonly onFailure?: (error: unknown, context: { readonly malformed: number; readonly retryIn: number }) => void;
}

const pageSize = 500;
const firstBackoff = 800;
const longestBackoff = 30_000;
/** kube-apiserver sends a bookmark about once a minute: two missed ones are a dead connection. */
const silence = 150_000;
/** A watch that ends sooner and brought nothing counts as a failure, or we would ask in a tight loop. */
const shortestWatch = 1_000;

export function listWatch<T extends ApiObject>(options: ListWatchOptions<T>): Observable<WatchEvent<T>> {
  return defer(() => {
    const { source, clock, random, project = (object: T) => object, onFailure } = options;
    const known = new Map<string, T>();
    let resourceVersion: string | undefined;
    let failures = 0;
    let malformed = 0;
    let pause = 0;

    const list$ = defer(() => {
      const page = (token: string | undefined): Observable<ApiList<T>> => from(source.list({ limit: pageSize, continue: token }));
      return page(undefined).pipe(
        expand((answer) => (answer.metadata?.continue ? page(answer.metadata.continue) : EMPTY)),
        reduce((all, answer) => ({ items: [...all.items, ...(answer.items ?? []).map(project)], version: answer.metadata?.resourceVersion }), { items: [] as T[], version: undefined as string | undefined }),
        switchMap(({ items, version }) => {
          if (version === undefined) throw new Error('the list carries no resourceVersion');
          resourceVersion = version;
          return from(replace(known, items));
        }),
      );
    });

    const watch$ = defer(() => {
      const opened = clock.monotonic();
      const timeoutSeconds = Math.round(300 + 300 * random());
      let delivered = false;
      return from(source.watch({ resourceVersion: resourceVersion!, timeoutSeconds })).pipe(
        failAfterSilence(clock, silence),
        map((line) => parseWatchLine<T>(line)),
        concatMap((event): readonly WatchEvent<T>[] => {
          if (event.type === 'MALFORMED') malformed++;
          if (event.type === 'MALFORMED' || event.type === 'ERROR') throw event.error;
          delivered = true;
          failures = 0;
          resourceVersion = event.object.metadata!.resourceVersion;
          return event.type === 'BOOKMARK' ? [] : follow(known, event.type, project(event.object));
        }),
        tap({
          complete: () => {
            if (!delivered && clock.monotonic() - opened < shortestWatch) throw new Error('the watch ended at once');
            failures = 0;
          },
        }),
      );
    });

    return defer(() => (resourceVersion === undefined ? list$ : watch$)).pipe(
      tap({ subscribe: () => (pause = 0) }),
      catchError((error: unknown) => {
        // 410, a line that is no event, a list that broke off: only a new list is sure to be whole.
        if (isExpired(error) || error instanceof SyntaxError) resourceVersion = undefined;
        pause = isExpired(error) && failures === 0 ? 0 : Math.min(longestBackoff, firstBackoff * 2 ** failures) * (0.5 + random() / 2);
        failures++;
        onFailure?.(error, { malformed, retryIn: Math.round(pause) });
        return EMPTY;
      }),
      repeat({ delay: () => after(clock, pause) }),
    );
  });
}

/** Makes `known` equal to a full list and tells the difference: what vanished goes first, so that a name is free for its successor. */
function replace<T extends ApiObject>(known: Map<string, T>, items: readonly T[]): WatchEvent<T>[] {
  const listed = new Map(items.map((object) => [keyOf(object), object]));
  const removed = [...known].filter(([key]) => !listed.has(key)).map(([key, object]) => {
    known.delete(key);
    return { type: 'REMOVED', object } as const;
  });
  const changed = [...listed.values()].flatMap((object) => {
    const before = known.get(keyOf(object));
    return before !== undefined && before.metadata?.resourceVersion === object.metadata?.resourceVersion ? [] : follow(known, 'MODIFIED', object);
  });
  return [...removed, ...changed, { type: 'SYNCED' }];
}

/** One event of the watch. ADDED or MODIFIED is decided by what is known here: a watch may repeat itself. */
function follow<T extends ApiObject>(known: Map<string, T>, type: 'ADDED' | 'MODIFIED' | 'DELETED', object: T): WatchEvent<T>[] {
  const key = keyOf(object);
  if (type === 'DELETED') return known.delete(key) ? [{ type: 'REMOVED', object }] : [];
  const seen = known.has(key);
  known.set(key, object);
  return [{ type: seen ? 'MODIFIED' : 'ADDED', object }];
}

/** By UID: an object made anew under an old name is another object. */
function keyOf(object: ApiObject): string {
  return object.metadata?.uid ?? `${object.metadata?.namespace ?? ''}/${object.metadata?.name ?? ''}`;
}
