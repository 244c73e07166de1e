/** A node without a cluster: no API objects, pods from files only, events kept in memory. */
import { EMPTY } from 'rxjs';
import type { Observable } from 'rxjs';
import type { Clock } from '../api/clock.ts';
import { WasmletError } from '../api/errors.ts';
import type { ConfigMap, Event, ObjectReference, Pod, PodStatus, RuntimeClass, Secret, Service } from '../api/kubernetes.ts';
import { apiTime } from '../pod/status/api-time.ts';
import { EventCorrelator } from './events/event-correlator.ts';
import type { EventRecorder, EventType, ObjectReader, PodClient } from './kube.ts';

/** There is no other party whose copy could differ: what the node computes is the status. */
export class StandalonePodClient implements PodClient {
  async get(): Promise<undefined> {
    return undefined;
  }

  async patchStatus(observed: Pod, status: PodStatus): ReturnType<PodClient['patchStatus']> {
    return { outcome: 'written', pod: { ...observed, status } };
  }

  async finalize(): Promise<void> {
    // No object to delete.
  }
}

/** Every object is absent; a service account token cannot be had. */
export class StandaloneObjectReader implements ObjectReader {
  readonly changes$: Observable<string> = EMPTY;

  async configMap(): Promise<ConfigMap | undefined> {
    return undefined;
  }

  async secret(): Promise<Secret | undefined> {
    return undefined;
  }

  async runtimeClass(): Promise<RuntimeClass | undefined> {
    return undefined;
  }

  async services(): Promise<readonly Service[]> {
    return [];
  }

  async serviceAccountToken(pod: Pod): ReturnType<ObjectReader['serviceAccountToken']> {
    throw new WasmletError('STATIC_POD_REFERENCES_API', `pod ${pod.metadata.namespace}/${pod.metadata.name} asks for a service account token, and a standalone node has no API server`);
  }

  retain(): void {
    // Nothing is watched.
  }

  release(): void {
    // Nothing is watched.
  }
}

const eventsPerObject = 50;
const objects = 1000;

/** The last events of each object, counted and limited as an API server would get them. */
export class InMemoryEventRecorder implements EventRecorder {
  readonly #host: string;
  readonly #clock: Clock;
  readonly #correlator = new EventCorrelator();
  /** By UID of the object; within, by correlation key, the newest last. */
  readonly #events = new Map<string, Map<string, Event>>();
  #sequence = 0;

  constructor({ nodeName, clock }: { nodeName: string; clock: Clock }) {
    this.#host = nodeName;
    this.#clock = clock;
  }

  event(object: ObjectReference, type: EventType, reason: string, message: string): void {
    const now = this.#clock.now();
    const correlated = this.#correlator.correlate({ object, type, reason, message }, now);
    if (correlated.outcome === 'dropped') return;
    const { key, count, firstTime } = correlated;
    const uid = object.uid ?? object.name ?? '';
    const events = this.#events.get(uid) ?? new Map<string, Event>();
    const before = events.get(key);
    events.delete(key);
    events.set(key, {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: before?.metadata ?? { name: `${object.name}.${this.#sequence++}`, namespace: object.namespace ?? 'default' },
      involvedObject: object,
      type,
      reason,
      message: correlated.message,
      count,
      firstTimestamp: apiTime(firstTime),
      lastTimestamp: apiTime(now),
      source: { component: 'kubelet', host: this.#host },
    });
    if (events.size > eventsPerObject) events.delete(events.keys().next().value!);
    this.#events.delete(uid);
    this.#events.set(uid, events);
    if (this.#events.size > objects) this.#events.delete(this.#events.keys().next().value!);
  }

  /** Oldest first. */
  recent(uid: string): readonly Event[] {
    return [...(this.#events.get(uid)?.values() ?? [])];
  }
}
