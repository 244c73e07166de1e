/**
 * The API-server edge as the other rooms see it. `core/kube` implements it on HTTP; a standalone node has answers
 * of its own (core/kube/standalone.ts): no API objects, events kept in memory only.
 */
import type { Observable } from 'rxjs';
import type { ConfigMap, Lease, Node, ObjectReference, Pod, PodStatus, RuntimeClass, Secret, Service, WatchEvent } from '../api/kubernetes.ts';

/** Writes to pods. Every call is bounded by a deadline and honours 429 Retry-After. */
export interface PodClient {
  /** Undefined when it does not exist. */
  get(namespace: string, name: string): Promise<Pod | undefined>;
  /**
   * Strategic-merge patch of pods/status from `observed` (as the API server has it) to `status`; the UID is a precondition.
   * Nothing is sent when nothing differs. Contract §2.10. `gone`: another UID, or no such pod.
   */
  patchStatus(observed: Pod, status: PodStatus): Promise<{ readonly outcome: 'written'; readonly pod: Pod } | { readonly outcome: 'unchanged' } | { readonly outcome: 'gone' }>;
  /** DELETE with gracePeriodSeconds 0 and the UID as precondition. An already deleted or replaced pod is success. */
  finalize(pod: Pod): Promise<void>;
}

/** Objects that pods of this node refer to; read through a cache that watches each one (contract §1.5: one object at a time). */
export interface ObjectReader {
  /** Undefined when it does not exist. Throws when the API server cannot be asked and nothing is cached. */
  configMap(namespace: string, name: string): Promise<ConfigMap | undefined>;
  secret(namespace: string, name: string): Promise<Secret | undefined>;
  /** Undefined: no such class. */
  runtimeClass(name: string): Promise<RuntimeClass | undefined>;
  /** All services, from a cluster-wide watch; resolves after the first list. */
  services(): Promise<readonly Service[]>;
  /** TokenRequest bound to the pod; cached and refreshed as contract §5.2 says. `expiresAt` in ms since the epoch. */
  serviceAccountToken(pod: Pod, audience: string | undefined, expirationSeconds: number): Promise<{ readonly token: string; readonly expiresAt: number }>;
  /** The pod is gone: stop watching what only it referred to. */
  release(podUid: string): void;
  /** Tells which objects a pod uses, so that a change of one can wake it. */
  retain(pod: Pod): void;
  /** UIDs of pods whose retained objects changed. */
  readonly changes$: Observable<string>;
}

export type EventType = 'Normal' | 'Warning';

/** Emits core/v1 Events, aggregated and rate-limited (contract §8). Never throws and never waits. */
export interface EventRecorder {
  event(object: ObjectReference, type: EventType, reason: string, message: string): void;
}

/** The reference for an event about a pod, or one of its containers by field path. */
export type { ObjectReference } from '../api/kubernetes.ts';

/** TokenReview and SubjectAccessReview (contract §6.1), cached. An unreachable API server without a cached answer denies. */
export interface ReviewClient {
  /** Undefined: not authenticated. */
  authenticate(token: string): Promise<User | undefined>;
  authorize(user: User, attributes: ResourceAttributes): Promise<{ readonly allowed: boolean; readonly reason?: string }>;
}

export interface User {
  readonly name: string;
  readonly uid?: string;
  readonly groups: readonly string[];
}

export interface ResourceAttributes {
  readonly verb: string;
  readonly resource: 'nodes';
  readonly subresource: string;
  readonly name: string;
}

/** Where desired pods come from: the API server's watch, or files. */
export interface PodSource {
  readonly name: 'api' | 'file';
  /** Never errors, never completes before it is unsubscribed; SYNCED once the first full list has been delivered. */
  readonly events$: Observable<WatchEvent<Pod>>;
}

/** This node's own object and lease. */
export interface NodeClient {
  get(): Promise<Node | undefined>;
  create(node: Node): Promise<Node>;
  patchStatus(observed: Node, status: NonNullable<Node['status']>): Promise<Node>;
  getLease(): Promise<Lease | undefined>;
}
