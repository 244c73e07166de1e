import { EMPTY, filter, groupBy, merge, mergeMap, Observable, of, Subject, switchMap, tap } from 'rxjs';
import type { Clock } from '../api/clock.ts';
import type { PodEvent, PodSynced, PodSyncer } from '../kubelet/kubelet.ts';
import { conflateMap } from './conflate-map.ts';

export interface PodPipelineOptions {
  readonly syncer: PodSyncer;
  readonly clock: Clock;
}

/**
 * The spine: events of all pods in, one sync per pod at a time out. Each outcome says when its pod is looked at again; an
 * event in between takes the timer's place. An error here is a bug and goes to the subscriber: it ends the process.
 */
export function podPipeline(events$: Observable<PodEvent>, { syncer, clock }: PodPipelineOptions): Observable<PodSynced> {
  return new Observable((subscriber) => {
    const requeued$ = new Subject<PodEvent>();
    const finished$ = new Subject<string>();
    const thenRequeue = (synced: PodSynced): Observable<PodSynced> =>
      merge(of(synced), requeue$(clock, synced, (event) => requeued$.next(event)));
    return merge(events$, requeued$)
      .pipe(
        // Without a duration the group of every UID that ever was would be kept.
        groupBy(({ uid }) => uid, { duration: ({ key }) => finished$.pipe(filter((uid) => uid === key)) }),
        mergeMap((pod$) =>
          pod$.pipe(
            conflateMap<PodEvent, PodSynced>({
              project: async ({ uid }, signal) => ({ uid, outcome: await syncer.sync(uid, signal) }),
              interrupts: ({ cause }) => cause === 'terminate',
            }),
            switchMap(thenRequeue),
          ),
        ),
        // conflateMap emits only when nothing waits, so closing the group now loses no event.
        tap(({ uid, outcome }) => outcome.kind === 'finished' && finished$.next(uid)),
      )
      .subscribe(subscriber);
  });
}

/** Emits nothing; calls back once when the pod is due. */
function requeue$(clock: Clock, { uid, outcome }: PodSynced, requeue: (event: PodEvent) => void): Observable<never> {
  const { againAfterMilliseconds: delay } = outcome;
  if (delay === undefined) return EMPTY;
  return new Observable(() => clock.after(delay, () => requeue({ uid, cause: 'requeue' })));
}
