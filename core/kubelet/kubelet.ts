/** What other rooms may ask the kubelet, and the words that it shares with the pipeline. */
import type { Observable } from 'rxjs';
import type { Clock } from '../api/clock.ts';
import type { EngineEvent } from '../api/engine.ts';
import type { Pod } from '../api/kubernetes.ts';

export interface PodDirectory {
  /** Desired pods (API and static) with the status that the kubelet computed last. */
  list(): readonly Pod[];
  find(namespace: string, name: string): Pod | undefined;
}

/** What the scheduler is told of the pods that this node can take. */
export interface PodOffer {
  /** They are others than `Kubelet.load` made them before: fewer, which is urgent, or more. */
  changed(how: 'fewer' | 'more'): void;
  /** Resolves when the API server has what is offered now, or has refused it. */
  told(): Promise<void>;
}

/**
 * Something about a pod may have changed. No status travels: whoever handles it looks at what is, so a lost or doubled
 * event does no harm. `terminate` alone interrupts a running sync.
 */
export interface PodEvent {
  readonly uid: string;
  readonly cause: 'desired' | 'terminate' | 'engine' | 'image' | 'job' | 'objects' | 'status' | 'requeue';
}

/** How a sync ended. Every pod is looked at again after a while, even if nothing happens. */
export interface SyncOutcome {
  /** `finished`: no trace of the pod is left, and its UID may be forgotten. */
  readonly kind: 'ok' | 'retry' | 'failed' | 'finished';
  /** From now; absent only when finished. */
  readonly againAfterMilliseconds?: number;
}

export interface PodSyncer {
  /** Brings one pod one step on. Never throws. `signal` aborts when the pod must end: return soon, without a further start. */
  sync(uid: string, signal: AbortSignal): Promise<SyncOutcome>;
}

export interface PodEventSources {
  /** Pods that came, changed or must go. */
  readonly desired$: Observable<PodEvent>;
  /** Jobs of the kubelet's own that ended: pulls, volumes, stops, status writes. */
  readonly jobs$: Observable<PodEvent>;
  readonly engine: AsyncIterable<EngineEvent>;
  /** UIDs of pods of which a configMap or secret changed. */
  readonly objectChanges$: Observable<string>;
}

/** A sync that has returned and that no newer event waited for. */
export interface PodSynced {
  readonly uid: string;
  readonly outcome: SyncOutcome;
}

/** The pipeline as the kubelet uses it (core/pipeline/pod-spine.ts). It errors only for a bug, and completes only with its sources. */
export type PodSpine = (sources: PodEventSources, options: { readonly syncer: PodSyncer; readonly clock: Clock }) => Observable<PodSynced>;
