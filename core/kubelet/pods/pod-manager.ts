import type { Pod, WatchEvent } from '../../api/kubernetes.ts';
import type { Logger } from '../../api/logger.ts';
import { explainMalformedPod } from '../../pod/admission/well-formed-pod.ts';
import type { PodEvent } from '../kubelet.ts';

/** A desired pod. The same UID may come again after it went (a file removed and put back): that is another incarnation. */
export interface DesiredPod {
  readonly pod: Pod;
  readonly source: string;
  readonly incarnation: number;
}

export interface PodManagerOptions {
  /** Names of all sources: nothing is cleaned up before each has delivered its first full list. */
  readonly sources: readonly string[];
  readonly logger: Logger;
}

export interface AppliedEvent {
  /** The object as its source has it now. */
  readonly shown?: Pod;
  /** UID of a pod that the source does not want any more. */
  readonly gone?: string;
  readonly wake: readonly PodEvent[];
}

/** The desired pods by UID, from all sources. Written by `apply` only. */
export class PodManager {
  readonly #desired = new Map<string, DesiredPod>();
  /** Pods of sources that have not delivered their first full list: they are taken in order of creation. */
  readonly #waiting = new Map<string, Map<string, Pod>>();
  readonly #logger: Logger;
  #incarnations = 0;

  constructor({ sources, logger }: PodManagerOptions) {
    for (const source of sources) this.#waiting.set(source, new Map());
    this.#logger = logger;
  }

  /** Every source has delivered a full list: what is not desired now is an orphan. */
  get synced(): boolean {
    return this.#waiting.size === 0;
  }

  get(uid: string): DesiredPod | undefined {
    return this.#desired.get(uid);
  }

  list(): readonly Pod[] {
    return [...this.#desired.values()].map(({ pod }) => pod);
  }

  /** Takes one event of a source; answers what it shows and which pods are to be looked at, oldest first. Never throws. */
  apply(source: string, event: WatchEvent<Pod>): AppliedEvent {
    const waiting = this.#waiting.get(source);
    if (event.type === 'SYNCED') {
      this.#waiting.delete(source);
      const pods = [...(waiting?.values() ?? [])].sort(byCreation);
      return { wake: pods.flatMap((pod) => this.#put(source, pod)) };
    }
    const problem = explainMalformedPod(event.object);
    if (problem !== undefined) {
      this.#logger.warn({ source, problem }, 'malformed pod ignored');
      return { wake: [] };
    }
    const pod = event.object;
    const { uid } = pod.metadata;
    if (event.type === 'REMOVED') {
      waiting?.delete(uid);
      return this.#desired.delete(uid) ? { gone: uid, wake: [{ uid, cause: 'terminate' }] } : { wake: [] };
    }
    if (waiting === undefined) return { shown: pod, wake: this.#put(source, pod) };
    waiting.set(uid, pod);
    return { wake: [] };
  }

  #put(source: string, pod: Pod): readonly PodEvent[] {
    const { uid } = pod.metadata;
    const before = this.#desired.get(uid);
    this.#desired.set(uid, { pod, source, incarnation: before?.incarnation ?? (this.#incarnations += 1) });
    if (mustEndSooner(before?.pod, pod)) return [{ uid, cause: 'terminate' }];
    return before !== undefined && wantsTheSame(before.pod, pod) ? [] : [{ uid, cause: 'desired' }];
  }
}

/**
 * Only the status differs, which is the kubelet's own doing. Readiness gates are the one thing that a status decides. A generation
 * rises with every change of the spec (KEP-5067); servers before 1.33 have none.
 */
function wantsTheSame(before: Pod, now: Pod): boolean {
  const { generation } = now.metadata;
  const sameSpec = generation !== undefined && generation > 0 && generation === before.metadata.generation;
  const wants = ({ metadata, spec, status }: Pod) =>
    JSON.stringify([metadata.labels, metadata.annotations, metadata.deletionTimestamp, sameSpec || spec, spec.readinessGates && status?.conditions]);
  return wants(before) === wants(now);
}

function mustEndSooner(before: Pod | undefined, { metadata }: Pod): boolean {
  if (typeof metadata.deletionTimestamp !== 'string') return false;
  return typeof before?.metadata.deletionTimestamp !== 'string' || before.metadata.deletionGracePeriodSeconds !== metadata.deletionGracePeriodSeconds;
}

function byCreation(a: Pod, b: Pod): number {
  return creation(a) - creation(b);
}

function creation({ metadata }: Pod): number {
  const time = Date.parse(metadata.creationTimestamp ?? '');
  return Number.isNaN(time) ? 0 : time;
}
