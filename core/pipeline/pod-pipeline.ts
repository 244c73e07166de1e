import { Observable } from 'rxjs';
import type { Clock } from '../api/clock.ts';
import type { PodEvent, PodSynced, PodSyncer } from '../kubelet/kubelet.ts';
import { Agenda } from './agenda.ts';
import { PodLane, type LaneOptions } from './pod-lane.ts';

export interface PodPipelineOptions {
  readonly syncer: PodSyncer;
  readonly clock: Clock;
}

/**
 * The spine: events of all pods in, one sync per pod at a time out. Each outcome says when its pod is looked at again; an
 * event in between takes the timer's place. An error here is a bug and goes to the subscriber: it ends the process.
 *
 * Lanes by UID rather than a stream for each pod (groupBy, mergeMap): thousands of idle pods would hold 4 kB of operators each.
 */
export function podPipeline(events$: Observable<PodEvent>, { syncer, clock }: PodPipelineOptions): Observable<PodSynced> {
  return new Observable((subscriber) => {
    const lanes = new Map<string, PodLane>();
    const agenda = new Agenda<PodLane>(clock, (lane) => lane.take('requeue'));
    const options: LaneOptions = {
      syncer,
      begun: (lane) => agenda.delete(lane),
      synced(lane, outcome) {
        // Nothing waits, so that forgetting the lane loses no event.
        if (outcome.kind === 'finished') lanes.delete(lane.uid);
        else if (outcome.againAfterMilliseconds !== undefined) agenda.set(lane, outcome.againAfterMilliseconds);
        subscriber.next({ uid: lane.uid, outcome });
      },
      failed: (error) => subscriber.error(error),
    };
    subscriber.add(() => {
      agenda.clear();
      for (const lane of lanes.values()) lane.close();
    });
    subscriber.add(
      events$.subscribe({
        next({ uid, cause }) {
          let lane = lanes.get(uid);
          if (lane === undefined) lanes.set(uid, (lane = new PodLane(uid, options)));
          lane.take(cause);
        },
        error: (error: unknown) => subscriber.error(error),
      }),
    );
  });
}
