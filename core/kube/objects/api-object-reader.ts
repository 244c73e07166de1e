import { Subject } from 'rxjs';
import type { Observable } from 'rxjs';
import type { Clock } from '../../api/clock.ts';
import { messageOf } from '../../api/errors.ts';
import type { ConfigMap, Pod, RuntimeClass, Secret, Service, WatchEvent } from '../../api/kubernetes.ts';
import type { Logger } from '../../api/logger.ts';
import type { ApiClient } from '../api/api-client.ts';
import { isNotFound } from '../api/api-error.ts';
import type { ApiObject, Resource } from '../api/resources.ts';
import { resourcePath } from '../api/resources.ts';
import type { ObjectReader } from '../kube.ts';
import { apiSource } from '../watch/api-source.ts';
import { listWatch } from '../watch/list-watch.ts';
import { referencedObjects } from './referenced-objects.ts';
import type { ObjectName } from './referenced-objects.ts';
import { TokenCache } from './token-cache.ts';
import { WatchedCollection } from './watched-collection.ts';
import { WatchedObject } from './watched-object.ts';

export interface ApiObjectReaderOptions {
  readonly api: ApiClient;
  readonly clock: Clock;
  /** 0 ≤ n < 1. */
  readonly random: () => number;
  readonly logger: Logger;
}

interface Retained {
  readonly watched: WatchedObject<ConfigMap | Secret>;
  readonly pods: Set<string>;
  /** Secrets do not: what no pod needs is not held. */
  readonly lingers: boolean;
  cancelDrop: () => void;
}

/** A ConfigMap that no pod needs any more is watched on for so long: another such pod often follows. */
const lingerMilliseconds = 60_000;

/** What retained pods refer to is watched, one object at a time; anything else is asked for each time. */
export class ApiObjectReader implements ObjectReader {
  readonly #options: ApiObjectReaderOptions;
  readonly #retained = new Map<string, Retained>();
  /** What pods refer to, by UID, and as which spec says so. */
  readonly #references = new Map<string, { readonly spec: Pod['spec']; readonly keys: readonly string[] }>();
  readonly #changes = new Subject<string>();
  readonly #tokens: TokenCache;
  readonly #services: WatchedCollection<Service>;
  readonly #runtimeClasses: WatchedCollection<RuntimeClass>;
  readonly changes$: Observable<string> = this.#changes.asObservable();

  constructor(options: ApiObjectReaderOptions) {
    this.#options = options;
    this.#tokens = new TokenCache(options);
    this.#services = new WatchedCollection((onFailure) => this.#watch(resourcePath('services'), {}, onFailure, withoutIrrelevant));
    this.#runtimeClasses = new WatchedCollection((onFailure) => this.#watch(resourcePath('runtimeclasses'), {}, onFailure, withoutManagedFields));
  }

  configMap(namespace: string, name: string): Promise<ConfigMap | undefined> {
    return this.#read<ConfigMap>({ kind: 'configmaps', namespace, name });
  }

  secret(namespace: string, name: string): Promise<Secret | undefined> {
    return this.#read<Secret>({ kind: 'secrets', namespace, name });
  }

  async runtimeClass(name: string): Promise<RuntimeClass | undefined> {
    const known = (await this.#runtimeClasses.all()).find(({ metadata }) => metadata?.name === name);
    // Made a moment before the pod: the watch may be behind.
    return known ?? this.#get<RuntimeClass>('runtimeclasses', { name });
  }

  services(): Promise<readonly Service[]> {
    return this.#services.all();
  }

  serviceAccountToken(pod: Pod, audience: string | undefined, expirationSeconds: number): ReturnType<ObjectReader['serviceAccountToken']> {
    return this.#tokens.get(pod, audience, expirationSeconds);
  }

  retain(pod: Pod): void {
    const { metadata: { uid }, spec } = pod;
    const before = this.#references.get(uid);
    if (before?.spec === spec) return;
    const wanted = new Map(referencedObjects(pod).map((name) => [keyOf(name), name]));
    for (const key of before?.keys ?? []) if (!wanted.has(key)) this.#drop(key, uid);
    if (wanted.size > 0) this.#references.set(uid, { spec, keys: [...wanted.keys()] });
    else this.#references.delete(uid);
    for (const [key, name] of wanted) {
      let retained = this.#retained.get(key);
      if (retained === undefined) this.#retained.set(key, (retained = this.#retain(name)));
      retained.cancelDrop();
      retained.pods.add(uid);
    }
  }

  release(podUid: string): void {
    for (const key of this.#references.get(podUid)?.keys ?? []) this.#drop(key, podUid);
    this.#references.delete(podUid);
    this.#tokens.release(podUid);
  }

  close(): void {
    for (const { watched, cancelDrop } of this.#retained.values()) {
      cancelDrop();
      watched.close();
    }
    this.#retained.clear();
    this.#references.clear();
    this.#services.close();
    this.#runtimeClasses.close();
    this.#changes.complete();
  }

  #retain(name: ObjectName): Retained {
    const pods = new Set<string>();
    const watched = new WatchedObject<ConfigMap | Secret>({
      clock: this.#options.clock,
      open: (onFailure) => this.#watch(resourcePath(name.kind, { namespace: name.namespace }), { fieldSelector: `metadata.name=${name.name}` }, onFailure, withoutManagedFields),
      onChange: () => {
        for (const uid of pods) this.#changes.next(uid);
      },
    });
    return { watched, pods, lingers: name.kind === 'configmaps', cancelDrop: () => {} };
  }

  #drop(key: string, podUid: string): void {
    const retained = this.#retained.get(key);
    if (retained === undefined || !retained.pods.delete(podUid) || retained.pods.size > 0) return;
    const close = (): void => {
      retained.watched.close();
      this.#retained.delete(key);
    };
    // Every default pod of a namespace refers to kube-root-ca.crt: opening a connection for each anew would be most of its start.
    if (retained.lingers) retained.cancelDrop = this.#options.clock.after(lingerMilliseconds, close);
    else close();
  }

  async #read<T>(name: ObjectName): Promise<T | undefined> {
    const retained = this.#retained.get(keyOf(name));
    return (retained === undefined ? this.#get(name.kind, name) : retained.watched.get()) as Promise<T | undefined>;
  }

  async #get<T>(resource: Resource, at: { namespace?: string; name: string }): Promise<T | undefined> {
    try {
      return await this.#options.api.call<T>({ method: 'GET', path: resourcePath(resource, at) });
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  #watch<T extends ApiObject>(path: string, selector: { fieldSelector?: string }, onFailure: (error: unknown) => void, project: (object: T) => T): Observable<WatchEvent<T>> {
    const { api, clock, random, logger } = this.#options;
    return listWatch<T>({
      source: apiSource(api, path, selector),
      clock,
      random,
      project,
      onFailure: (error, { retryIn, malformed }) => {
        logger.warn({ error: messageOf(error), path, retryIn, malformed, ...selector }, 'Watch failed');
        onFailure(error);
      },
    });
  }
}

function keyOf({ kind, namespace, name }: ObjectName): string {
  return `${kind}/${namespace}/${name}`;
}

function withoutManagedFields<T extends ApiObject>(object: T): T {
  if (object.metadata?.managedFields === undefined) return object;
  const { managedFields: _, ...metadata } = object.metadata;
  return { ...object, metadata };
}

/** A cluster may have thousands of services, and every node holds them all: only what makes environment variables is kept. */
function withoutIrrelevant({ metadata, spec }: Service): Service {
  return {
    metadata: { name: metadata?.name, namespace: metadata?.namespace, uid: metadata?.uid, resourceVersion: metadata?.resourceVersion },
    spec: { type: spec?.type, clusterIP: spec?.clusterIP, ports: spec?.ports?.map(({ name, port, protocol }) => ({ name, port, protocol })) },
  };
}
