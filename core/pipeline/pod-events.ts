import { from, map, merge, type Observable } from 'rxjs';
import type { PodEvent, PodEventSources } from '../kubelet/kubelet.ts';

/** All reasons to look at a pod, each reduced to `{uid, cause}`. */
export function podEvents({ desired$, jobs$, engine, objectChanges$ }: PodEventSources): Observable<PodEvent> {
  return merge(
    desired$,
    jobs$,
    from(engine).pipe(map(({ podUid }): PodEvent => ({ uid: podUid, cause: 'engine' }))),
    objectChanges$.pipe(map((uid): PodEvent => ({ uid, cause: 'objects' }))),
  );
}
