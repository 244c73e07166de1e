import { Subject } from 'rxjs';
import type { ConfigMap, ObjectReference, Pod, PodStatus, RuntimeClass, Secret, Service, WatchEvent } from '../../../core/api/kubernetes.ts';
import type { EventRecorder, EventType, ObjectReader, PodClient, PodSource } from '../../../core/kube/kube.ts';

/** The API server as one kubelet sees it: pods with a watch, objects, events. Statuses are replaced whole. */
export class FakeApi implements PodClient, ObjectReader, EventRecorder {
  readonly #pods = new Map<string, Pod>();
  readonly #watch$ = new Subject<WatchEvent<Pod>>();
  readonly changes$ = new Subject<string>();
  readonly configMaps = new Map<string, ConfigMap>();
  readonly secrets = new Map<string, Secret>();
  readonly runtimeClasses = new Map<string, RuntimeClass>();
  serviceList: Service[] = [];
  readonly events: string[] = [];
  readonly statuses: PodStatus[] = [];
  readonly deletes: string[] = [];
  readonly released: string[] = [];
  /** False: every call fails. */
  up = true;
  #version = 0;

  readonly source: PodSource = { name: 'api', events$: this.#watch$ };

  /** Delivers the full list. */
  sync(): void {
    for (const object of this.#pods.values()) this.#watch$.next({ type: 'ADDED', object });
    this.#watch$.next({ type: 'SYNCED' });
  }

  apply(pod: Pod): void {
    const known = this.#pods.has(pod.metadata.uid);
    this.#store(pod, known ? 'MODIFIED' : 'ADDED');
  }

  pod(name: string): Pod | undefined {
    return [...this.#pods.values()].find(({ metadata }) => metadata.name === name);
  }

  /** A graceful DELETE: the object stays until the kubelet finalizes it; a terminal pod goes at once. */
  delete(name: string, graceSeconds?: number, at = '2026-01-01T00:00:00Z'): void {
    const pod = this.#require(name);
    const terminal = pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
    if (terminal || graceSeconds === 0) {
      this.remove(name);
      return;
    }
    const deletionGracePeriodSeconds = graceSeconds ?? pod.spec.terminationGracePeriodSeconds ?? 30;
    this.#store({ ...pod, metadata: { ...pod.metadata, deletionTimestamp: at, deletionGracePeriodSeconds } }, 'MODIFIED');
  }

  /** The object vanishes: force deleted, or missing from a relist. */
  remove(name: string): void {
    const pod = this.#require(name);
    this.#pods.delete(pod.metadata.uid);
    this.#watch$.next({ type: 'REMOVED', object: pod });
  }

  /** Anything on the watch, well-formed or not. */
  deliver(event: unknown): void {
    this.#watch$.next(event as WatchEvent<Pod>);
  }

  async get(namespace: string, name: string): Promise<Pod | undefined> {
    this.#mustBeUp();
    return [...this.#pods.values()].find(({ metadata }) => metadata.name === name && metadata.namespace === namespace);
  }

  async patchStatus(observed: Pod, status: PodStatus): ReturnType<PodClient['patchStatus']> {
    this.#mustBeUp();
    const pod = this.#pods.get(observed.metadata.uid);
    if (pod === undefined) return { outcome: 'gone' };
    this.statuses.push(structuredClone(status));
    return { outcome: 'written', pod: this.#store({ ...pod, status: structuredClone(status) }, 'MODIFIED') };
  }

  async finalize(pod: Pod): Promise<void> {
    this.#mustBeUp();
    const known = this.#pods.get(pod.metadata.uid);
    if (known === undefined) return;
    if (known.status?.phase !== 'Succeeded' && known.status?.phase !== 'Failed') throw new Error('a pod was finalized before its end was written');
    this.deletes.push(pod.metadata.name);
    this.remove(pod.metadata.name);
  }

  async configMap(namespace: string, name: string): Promise<ConfigMap | undefined> {
    this.#mustBeUp();
    return this.configMaps.get(`${namespace}/${name}`);
  }

  async secret(namespace: string, name: string): Promise<Secret | undefined> {
    this.#mustBeUp();
    return this.secrets.get(`${namespace}/${name}`);
  }

  async runtimeClass(name: string): Promise<RuntimeClass | undefined> {
    return this.runtimeClasses.get(name);
  }

  async services(): Promise<readonly Service[]> {
    return this.serviceList;
  }

  async serviceAccountToken(): Promise<{ token: string; expiresAt: number }> {
    return { token: 'token', expiresAt: 0 };
  }

  retain(): void {}

  release(podUid: string): void {
    this.released.push(podUid);
  }

  event({ fieldPath }: ObjectReference, type: EventType, reason: string, message: string): void {
    this.events.push(`${type} ${reason}${fieldPath ? ` ${fieldPath}` : ''}: ${message}`);
  }

  #store(pod: Pod, type: 'ADDED' | 'MODIFIED'): Pod {
    this.#version += 1;
    const stored = { ...pod, metadata: { ...pod.metadata, resourceVersion: String(this.#version) } };
    this.#pods.set(stored.metadata.uid, stored);
    if (this.up) this.#watch$.next({ type, object: stored });
    return stored;
  }

  #require(name: string): Pod {
    const pod = this.pod(name);
    if (pod === undefined) throw new Error(`no pod ${name} in the API`);
    return pod;
  }

  #mustBeUp(): void {
    if (!this.up) throw new Error('connect ECONNREFUSED');
  }
}
